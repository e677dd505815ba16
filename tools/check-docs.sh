#!/bin/sh
# Do the documents say what the program does? tools/check-docs.sh PROGRAM
#
#   mynah(1)   every command, verb and long option that `--help` prints has its place, and nothing else has
#   limits     docs/limits.md is what tools/gen-limits.sh writes; docs/mastodon-api.md fits the routes there are
#   mynah(5)   is what tools/gen-conf-man.sh writes
#   routes     every line of src/api/routes.c stands in docs/design/http.md or docs/design/pages.md
#   links      relative links, and paths in `back quotes`, lead to files that are there
#   modules    every folder below src has a README.md
set -eu
program=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
say() { echo "docs: $*" | tee -a "$tmp/faults" >&2; }

# ---- mynah(1): lines "command verb<TAB>option", of the program and of the manual -------------------------------------
names() { sed -n "/^$1:/,/^\$/s/^  \([a-z]*\) .*/\1/p"; } # the first words of a list in a help text
options() { # options COMMAND [VERB]: also "command<TAB>" alone, so that one without options counts
    printf '%s\t\n' "$*"
    "$program" "$@" --help | sed -n "s/^  \(-., \|    \)--\([a-z][a-z-]*\).*/$*	\2/p"
}
"$program" help >"$tmp/help"
for c in $(names Commands <"$tmp/help"); do
    "$program" "$c" --help >"$tmp/usage"
    verbs=$(names Verbs <"$tmp/usage")
    if [ -z "$verbs" ]; then options "$c"; fi
    for v in $verbs; do options "$c" "$v"; done
done | sort -u >"$tmp/has"
awk '
    /^\.Sh / { section = ""; commands = $2 == "COMMANDS" }
    /^\.Ss / && commands { section = substr($0, 5); print section "\t" }
    /^\.It / && section != "" { for (i = 2; i < NF; i++) if ($i == "Fl" && $(i + 1) == "Fl") print section "\t" $(i + 2) }
    ' docs/man/mynah.1 | sort -u >"$tmp/says"
awk '/^\.Sh COMMANDS/ { exit } /^\.It .*Fl Fl/ { print $(NF > 3 && $NF ~ /^[A-Z]/ ? NF - 2 : NF) }' docs/man/mynah.1 | sed 's/^Ar$//' |
    grep . | sort -u >"$tmp/common"
[ "$(tr '\n' ' ' <"$tmp/common")" = "data help json " ] || say "mynah.1 should list data, help and json as common options"
awk -F '\t' 'NR == FNR { common[$1]; next } !($2 in common)' "$tmp/common" "$tmp/has" >"$tmp/own"
comm -23 "$tmp/own" "$tmp/says" | while IFS='	' read -r c o; do say "docs/man/mynah.1 lacks '$c${o:+ --$o}'"; done
comm -13 "$tmp/own" "$tmp/says" | while IFS='	' read -r c o; do say "docs/man/mynah.1 has '$c${o:+ --$o}', the program does not"; done
# What is named in the text of a section must be an option too.
awk -F '\t' -v has="$tmp/has" '
    BEGIN { while ((getline line <has) > 0) known[line] }
    /^\.Sh / { section = ""; commands = $0 == ".Sh COMMANDS" }
    /^\.Ss / && commands { section = substr($0, 5) }
    section != "" { n = split($0, w, " "); for (i = 1; i + 2 <= n; i++)
        if (w[i] == "Fl" && w[i + 1] == "Fl" && !((section "\t" w[i + 2]) in known))
            print "docs/man/mynah.1 speaks of --" w[i + 2] " in \"" section "\", which does not know it" }
    ' docs/man/mynah.1 | while read -r l; do say "$l"; done

# ---- mynah(5) ---------------------------------------------------------------------------------------------------
tools/gen-conf-man.sh "$program" >"$tmp/mynah.5"
cmp -s "$tmp/mynah.5" docs/man/mynah.5 ||
    say "docs/man/mynah.5 is not what the settings say: tools/gen-conf-man.sh $program >docs/man/mynah.5"

# ---- limits.md, mastodon-api.md --------------------------------------------------------------------------------------
tools/gen-limits.sh "$program" >"$tmp/limits.md"
cmp -s "$tmp/limits.md" docs/limits.md ||
    say "docs/limits.md is not what the tables say: tools/gen-limits.sh $program >docs/limits.md"
tools/check-mastodon-api.sh "$program" || echo "docs: docs/mastodon-api.md" >>"$tmp/faults"

# ---- routes: ":name" of the table is NAME in the documents ---------------------------------------------------------
sed -n 's/.*{MN_\([A-Z]*\), "\([^"]*\)".*/\1 \2/p' src/api/routes.c >"$tmp/routes"
[ -s "$tmp/routes" ] || say "no routes found in src/api/routes.c"
while read -r method path; do
    shown=$(echo "$path" | sed 's/:name/NAME/g; s/:id/ID/g; s/:tag/TAG/g')
    grep -qE "\`$method ${shown}[\`? ]" docs/design/http.md docs/design/pages.md ||
        say "the route '$method $shown' stands neither in docs/design/http.md nor in pages.md"
done <"$tmp/routes"

# ---- links and paths ---------------------------------------------------------------------------------------------
find README.md ARCHITECTURE.md HACKING.md docs src tests web bench tools -name node_modules -prune -o -name '*.md' -print | sort |
    while read -r f; do
        dir=$(dirname "$f")
        grep -oE '\]\([^)]+\)' "$f" | sed 's/^](//; s/)$//; s/#.*//; s/ ".*//' | grep -vE '^([a-z]+:|$)' | while read -r to; do
            [ -e "$dir/$to" ] || say "$f links to '$to', which is not there"
        done
        grep -oE '`(src|docs|tools|tests|bench|web)/[A-Za-z0-9_./-]+`' "$f" | tr -d '`' | grep -vE '[A-Z]{3,}[./]|[A-Z]{3,}$|/X[./]|web/(dist|node_modules)' |
            while read -r to; do [ -e "$to" ] || say "$f names '$to', which is not there"; done
    done

# ---- modules -----------------------------------------------------------------------------------------------------
for d in src/*/; do [ -f "${d}README.md" ] || say "$d has no README.md"; done

[ ! -s "$tmp/faults" ] || exit 1
