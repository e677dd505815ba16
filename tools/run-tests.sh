#!/bin/sh
# Runs test programs one after the other and counts: tools/run-tests.sh COUNTS PROGRAM...
# Prints what fails and what is skipped; adds "passed failed skipped" to the file COUNTS. A program that ends without
# finishing its list (a crash, a time-out) counts as one failure more.
counts=$1
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0 skipped=0
for t in "$@"; do
    CMOCKA_MESSAGE_OUTPUT=TAP timeout "${TEST_TIMEOUT:-300}" "$t" >"$out" 2>&1 </dev/null
    rc=$?
    name=${t##*/tests/}
    p=$(grep -cE '^ok ' "$out")
    s=$(grep -cE '^(not )?ok .*# SKIP' "$out")
    ps=$(grep -cE '^ok .*# SKIP' "$out")
    f=$(grep -E '^not ok ' "$out" | grep -cv '# SKIP')
    p=$((p - ps))
    plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$out" | awk '{ n += $1 } END { print n + 0 }')
    if [ "$f" -gt 0 ] || [ $((p + f + s)) -lt "$plan" ] || { [ "$rc" != 0 ] && [ "$f" = 0 ]; } || [ "$plan" = 0 ]; then
        [ "$f" -gt 0 ] || f=1
        echo "FAILED $name (exit $rc)"
        grep -vE '^ok ' "$out" | tail -n 40 | sed 's/^/    /'
    fi
    grep -E '^SKIP ' "$out" | sed "s|^SKIP|skipped $name:|"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed $failed $skipped" >>"$counts"
[ "$failed" = 0 ]
