#!/bin/sh
# Drives the pages in Debian's Chromium: tools/run-e2e.sh COUNTS [PROGRAM]. Adds "passed failed skipped" to COUNTS.
set -u
counts=$1
program=${2:-./mynah}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
MYNAH="$program" timeout 600 node tests/e2e/browser.mjs >"$out" 2>&1
rc=$?
MYNAH="$program" timeout 600 node tests/e2e/member.mjs >>"$out" 2>&1 || rc=1
cat "$out"
p=$(grep -c '^ok ' "$out")
f=$(grep -c '^not ok ' "$out")
s=$(grep -c '^skipped ' "$out")
[ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1
echo "$p $f $s" >>"$counts"
[ "$f" = 0 ]
