#!/bin/sh
# Writes docs/limits.md from the tables of limits (src/social/limits_table.c), with every setting at its default, by way of the
# program itself: tools/gen-limits.sh PROGRAM
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" show limits --data "$dir/data"
cat <<'TAIL'

These are the defaults. An operator changes them in mynah.conf (`rate_limit_account`, `reading_limit_member`,
`post_characters_subscriber` …, see mynah(5)); the page `/about/limits` of an instance shows its own, and
`mynah show limits` prints them. The tables are `src/social/limits_table.c`: enforcement, headers and this page are made from them.
TAIL
