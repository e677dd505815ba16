#!/bin/sh
# Sizes: functions over 100 lines need a line "FILE FUNCTION reason" in tools/long-functions.txt, files stay below 1,500
# lines, the Makefile below 300.
set -eu
bad=0
say() { echo "sizes: $*" >&2; bad=1; }
touch tools/long-functions.txt
files=$(find src -name '*.c' -o -name '*.h' -o -name '*.cc' | grep -v '_table\.[ch]$' | sort)
# shellcheck disable=SC2086
ctags -x --c-kinds=f --fields=+ne --_xformat='%{name} %{line} %{end} %{input}' $files 2>/dev/null |
    awk '$3 - $2 + 1 > 100 { print $4, $1, $3 - $2 + 1 }' >/tmp/sizes.$$
while read -r file fn lines; do
    grep -q "^$file $fn " tools/long-functions.txt || say "$file: $fn has $lines lines; split it, or give its reason in tools/long-functions.txt"
done </tmp/sizes.$$
while read -r file fn _; do
    case "$file" in '' | '#'*) continue ;; esac
    grep -q "^$file $fn " /tmp/sizes.$$ || say "tools/long-functions.txt names $fn in $file, which is not long any more"
done <tools/long-functions.txt
rm -f /tmp/sizes.$$
for f in $files; do
    n=$(wc -l <"$f")
    [ "$n" -le 1500 ] || say "$f has $n lines; 1500 is the most"
done
n=$(wc -l <Makefile)
[ "$n" -lt 300 ] || say "Makefile has $n lines; it stays under 300"
exit $bad
