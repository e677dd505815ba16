#!/bin/sh
# Drives the server with clients that others wrote: tools/run-clients.sh COUNTS [PROGRAM]. Adds "passed failed skipped" to COUNTS.
# toot and Mastodon.py are Debian's; masto, openai, LangChain and the AI SDK come from npm by tests/clients/package-lock.json; Python's openai
# into a virtual environment by tests/clients/requirements.txt. What is not there is skipped by name.
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
    ran "clients from npm are installed and" 1
else
    for t in masto masto_specs openai langchain ai_sdk; do
        timeout 300 node "tests/clients/$t.mjs" >"$out.one" 2>&1
        ran "$t" $?
    done
fi
python=build/clients-venv/bin/python
if ! "$python" -c 'import openai' 2>/dev/null; then
    { python3 -m venv build/clients-venv && "$python" -m pip install -q -r tests/clients/requirements.txt; } >"$out.one" 2>&1 || python=
fi
if [ -z "$python" ]; then
    echo "skipped openai_py: Python's openai cannot be installed here" >"$out.one"
    ran openai_py 0
else
    PYTHONDONTWRITEBYTECODE=1 timeout 300 "$python" tests/clients/openai_py.py >"$out.one" 2>&1
    ran openai_py $?
fi
p=$(grep -c '^ok ' "$out")
f=$(grep -c '^not ok ' "$out")
s=$(grep -c '^skipped ' "$out")
echo "$p $f $s" >>"$counts"
[ "$f" = 0 ]
