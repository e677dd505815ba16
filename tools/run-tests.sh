#!/bin/sh
# Runs test programs, one for each processor at a time, and counts: tools/run-tests.sh COUNTS PROGRAM...
# Prints what fails and what is skipped, in the order in which the programs end, and at last which took longest; adds
# "passed failed skipped" to the file COUNTS. A program that ends without finishing its list (a crash, a time-out) counts
# as one failure more. TEST_TIMEOUT: seconds for each program (300). TEST_JOBS: programs at a time.
if [ "$1" = --one ]; then # DIR PROGRAM: what it said to stdout at once, its counts and time to files in DIR
    dir=$2 t=$3
    name=${t##*/tests/}
    out=$(mktemp "$dir/out.XXXXXX")
    began=$(date +%s)
    CMOCKA_MESSAGE_OUTPUT=TAP timeout "${TEST_TIMEOUT:-300}" "$t" >"$out" 2>&1 </dev/null
    rc=$?
    took=$(($(date +%s) - began))
    p=$(grep -cE '^ok ' "$out")
    s=$(grep -cE '^(not )?ok .*# SKIP' "$out")
    ps=$(grep -cE '^ok .*# SKIP' "$out")
    f=$(grep -E '^not ok ' "$out" | grep -cv '# SKIP')
    p=$((p - ps))
    plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$out" | awk '{ n += $1 } END { print n + 0 }')
    said=$out.said
    : >"$said"
    if [ "$f" -gt 0 ] || [ $((p + f + s)) -lt "$plan" ] || { [ "$rc" != 0 ] && [ "$f" = 0 ]; } || [ "$plan" = 0 ]; then
        [ "$f" -gt 0 ] || f=1
        echo "FAILED $name (exit $rc after $took s)" >>"$said"
        grep -vE '^ok ' "$out" | tail -n 40 | sed 's/^/    /' >>"$said"
    fi
    grep -E '^SKIP ' "$out" | sed "s|^SKIP|skipped $name:|" >>"$said"
    cat "$said"
    echo "$p $f $s $took $name" >"$out.counts"
    exit 0
fi
counts=$1
shift
[ $# -gt 0 ] || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '%s\0' "$@" | xargs -0 -n 1 -P "${TEST_JOBS:-$(nproc)}" "$0" --one "$dir"
cat "$dir"/*.counts >"$dir/all"
[ $# = 1 ] || sort -k4,4nr "$dir/all" | awk 'NR <= 5 && $4 > 9 {
    printf("%s%s %d s", n++ ? ", " : "took longest: ", $5, $4) } END { if (n) print "" }'
awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$dir/all" >>"$counts"
[ "$(wc -l <"$dir/all")" = $# ] && awk '$2 > 0 { exit 1 }' "$dir/all"
