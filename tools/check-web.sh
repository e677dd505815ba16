#!/bin/sh
# The web app: installs from the lock file, type-checks, builds, and fits the budget of STYLE: 60 kB of JavaScript and 15 kB
# of CSS gzipped at first load, no chunk over 40 kB.
set -eu
make -s web
(cd web && npm run -s check)
tools/contrast.py
for f in web/dist/*.js; do
    n=$(gzip -9c "$f" | wc -c)
    [ "$n" -le 40960 ] || { echo "web: $f has $n bytes gzipped; 40,960 is the most for a chunk"; exit 1; }
done
# First load: app.js and what it imports at once; for members also their app with all that it imports at once.
closure() { # the files named, and what they import statically, one a line
    todo=$* seen=
    while [ -n "$todo" ]; do
        next=
        for f in $todo; do
            case " $seen " in *" $f "*) continue ;; esac
            seen="$seen $f"
            next="$next $(grep -oE '(from|import) ?"\./[^"]+"' "web/dist/$f" | sed 's,.*"\./,,; s,"$,,' | tr '\n' ' ')"
        done
        todo=$(echo "$next" | tr -s ' ' | sed 's/^ *//; s/ *$//')
    done
    echo "$seen" | tr ' ' '\n' | sort -u | sed '/^$/d'
}
weigh() { for f in $(closure "$@"); do gzip -9c "web/dist/$f" | wc -c; done | awk '{ n += $1 } END { print n + 0 }'; }
reader=$(weigh app.js)
first=$(weigh app.js "$(cd web/dist && ls main-*.js)" "$(cd web/dist && ls pages-*.js)")
css=$(cat src/api/pages/app.css src/api/pages/member.css | gzip -9c | wc -c)
echo "web: first load $reader bytes of JavaScript for readers, $first for members; $css bytes of CSS, all gzipped"
[ "$first" -le 61440 ] || { echo "web: the first load is over 61,440 bytes"; exit 1; }
[ "$css" -le 15360 ] || { echo "web: the style sheet is over 15,360 bytes"; exit 1; }
