#!/bin/sh
# Who may include whom: every #include "MODULE/…" under src/MODULE must be allowed by tools/layers.mk, x_int.h headers stay
# in their folder, malloc & co. in base, SQL in store, and each .c file includes its own header first.
set -eu
bad=0
say() { echo "layers: $*" >&2; bad=1; }
allowed() { sed -n "s/^LAYER_$1 *:= *//p" tools/layers.mk; }

for dir in src/*/; do
    m=$(basename "$dir")
    ok=" $m $(allowed "$m") "
    for line in $(grep -rnoE '^ *# *include "[a-z_]+/[a-zA-Z0-9_/.-]+"' "$dir" | sed 's/ *# *include */ /; s/ //g'); do
        file=${line%%:*}
        inc=$(echo "$line" | sed 's/.*"\(.*\)"/\1/')
        case "$ok" in *" ${inc%%/*} "*) ;; *) say "$file includes \"$inc\", but $m may only see:$ok" ;; esac
        case "$inc" in *_int.h) [ "${inc%%/*}" = "$m" ] || say "$file includes \"$inc\", which is private to ${inc%%/*}" ;; esac
    done
done
# Memory comes from base; words in comments do not count.
grep -rnE '(^|[^_a-zA-Z>.])(malloc|calloc|realloc|free|strdup|strndup)\(' src --include='*.c' --include='*.h' |
    grep -vE '^src/base/|^[^:]*:[0-9]+: *(/?\*|//)' | grep -vE '/\*[^*]*(malloc|free)\(' >/tmp/layers.$$ || true
while read -r l; do say "memory outside base: $l"; done </tmp/layers.$$
grep -rnE '"(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE) ' src --include='*.c' | grep -v '^src/store/' >/tmp/layers.$$ || true
while read -r l; do say "SQL outside store: $l"; done </tmp/layers.$$
rm -f /tmp/layers.$$
find src -name '*.c' >/tmp/layers.$$
while read -r c; do
    h=${c%.c}.h
    [ -f "$h" ] || continue
    first=$(grep -m1 -oE '^# *include .*' "$c" | sed 's/.*["<]\(.*\)[">].*/\1/')
    [ "src/$first" = "$h" ] || say "$c includes \"$first\" before its own header"
done </tmp/layers.$$
rm -f /tmp/layers.$$
exit $bad
