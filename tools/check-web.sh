#!/bin/sh
# The web app: installs from the lock file, type-checks, builds, and fits the budget of STYLE: 60 kB of JavaScript and 15 kB
# of CSS gzipped at first load, no chunk over 40 kB.
set -eu
make -s web
(cd web && npm run -s check)
tools/contrast.py
first=0
for f in web/dist/*.js; do
    n=$(gzip -9c "$f" | wc -c)
    [ "$n" -le 40960 ] || { echo "web: $f has $n bytes gzipped; 40,960 is the most for a chunk"; exit 1; }
    # First load: app.js and what it imports at once.
    name=$(basename "$f")
    if [ "$name" = app.js ] || grep -qE "from ?\"\./$name\"" web/dist/app.js; then first=$((first + n)); fi
done
css=$(gzip -9c src/api/pages/app.css | wc -c)
echo "web: first load $first bytes of JavaScript and $css bytes of CSS, gzipped"
[ "$first" -le 61440 ] || { echo "web: the first load is over 61,440 bytes"; exit 1; }
[ "$css" -le 15360 ] || { echo "web: the style sheet is over 15,360 bytes"; exit 1; }
