#!/bin/sh
# Does docs/mastodon-api.md say what the program answers? tools/check-mastodon-api.sh PROGRAM
#
#   a row that says yes has a route, a row that says no has none
#   every route below /api/v1, /api/v2 and /oauth has a row
#   every operation of Mastodon's API description has a row, where the description lies beside the checkout
set -eu
doc=docs/mastodon-api.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$1" show routes | cut -f1 | sed 's/{[^}]*}/:/g' >"$tmp/routes"
# shellcheck disable=SC2016
sed -n 's/^| `\([A-Z]* [^`]*\)` | \(yes\|no: ..*\) |$/\1\t\2/p' $doc >"$tmp/rows"
[ -s "$tmp/rows" ] || { echo "$doc has no rows" >&2; exit 1; }

# fits(a, b): METHOD PATH a is taken by route b, whose ":name" segments take any segment.
awk -F '\t' '
    function fits(a, b,    x, y, n, i) {
        n = split(a, x, "/")
        if (split(b, y, "/") != n || x[1] != y[1]) return 0
        for (i = 2; i <= n; i++) if (x[i] != y[i] && y[i] !~ /^:/) return 0
        return 1
    }
    NR == FNR { route[++n_routes] = $1; next }
    {
        op = $1; found = 0
        gsub(/\{[^}]*\}/, "{}", op)
        if (seen[op]++) { print "'$doc' has '\''" $1 "'\'' twice"; bad = 1 }
        for (i = 1; i <= n_routes; i++) if (fits(op, route[i])) { found = 1; used[i] = 1 }
        if (found && $2 != "yes") { print "'$doc' says that " $1 " is not offered, but it is"; bad = 1 }
        if (!found && $2 == "yes") { print "'$doc' says that " $1 " is offered, but there is no such route"; bad = 1 }
    }
    END {
        for (i = 1; i <= n_routes; i++)
            if (!used[i] && route[i] ~ / \/(api\/v[0-9]|oauth)/) { print "'$doc' lacks the route " route[i]; bad = 1 }
        exit bad
    }' "$tmp/routes" "$tmp/rows" >&2

spec=${MYNAH_TEST_DATA:-../shared/data}/specs/mastodon-openapi.json
[ -r "$spec" ] || exit 0
sed 's/{[^}]*}/{}/g' "$tmp/rows" | cut -f1 | sort >"$tmp/known"
python3 - "$spec" <<'P' | sort >"$tmp/described"
import json, re, sys
for path, methods in json.load(open(sys.argv[1]))["paths"].items():
    for m in methods:
        if m != "parameters":
            print(m.upper(), re.sub(r"\{[^}]*\}", "{}", path))
P
comm -13 "$tmp/known" "$tmp/described" | sed "s,^,$doc lacks Mastodon's ," >"$tmp/lacks"
[ ! -s "$tmp/lacks" ] || { cat "$tmp/lacks" >&2; exit 1; }
