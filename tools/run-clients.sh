#!/bin/sh
# Drives the server with clients that others wrote: tools/run-clients.sh COUNTS [PROGRAM]. Adds "passed failed skipped" to COUNTS.
# toot and Mastodon.py are Debian's, masto comes from npm by tests/clients/package-lock.json; what is not there is skipped by name.
set -u
counts=$1
MYNAH=${2:-./mynah}
export MYNAH
out=$(mktemp)
trap 'rm -f "$out" "$out.one"' EXIT
ran() { # ran NAME STATUS: shows what a test said; one that ended badly without saying why failed
    cat "$out.one"
    [ "$2" = 0 ] || grep -q '^not ok ' "$out.one" || echo "not ok $1 ends (status $2)" | tee -a "$out.one"
    cat "$out.one" >>"$out"
}
for t in openapi mastodon_py toot; do
    PYTHONDONTWRITEBYTECODE=1 timeout 300 /usr/bin/python3 "tests/clients/$t.py" >"$out.one" 2>&1
    ran "$t" $?
done
if ! command -v npm >/dev/null 2>&1; then
    echo "skipped masto: no npm here" >"$out.one"
    ran masto 0
elif ! (cd tests/clients && npm ci --silent --no-audit --no-fund --ignore-scripts) >"$out.one" 2>&1; then
    ran "masto is installed and" 1
else
    for t in masto masto_specs; do
        timeout 300 node "tests/clients/$t.mjs" >"$out.one" 2>&1
        ran "$t" $?
    done
fi
p=$(grep -c '^ok ' "$out")
f=$(grep -c '^not ok ' "$out")
s=$(grep -c '^skipped ' "$out")
echo "$p $f $s" >>"$counts"
[ "$f" = 0 ]
