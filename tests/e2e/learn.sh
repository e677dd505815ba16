#!/bin/sh
# The server keeps its model current: it learns at the set time, and what a crash interrupted it goes on with at once.
# tests/e2e/learn.sh PROGRAM
set -u
mynah=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; sleep 1; rm -rf "$dir"' EXIT
fail() { echo "learn: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
MYNAH_DATA=$dir/data
export MYNAH_DATA
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port

posts() { # posts FIRST N MONTH: lines of JSON
    python3 - "$1" "$2" "$3" <<'P'
import json, random, sys
first, n, month = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
r = random.Random(first)
words = "garden window morning letter paints winter quiet street listens before slowly candle river stone paper lamp".split()
if first: # what is spoken of later
    words = "heron glass tower signal copper ferry lantern orchard violin engine".split()
for i in range(first, first + n):
    print(json.dumps({"id": str(1000 + i), "created_at": "%s-%02dT10:00:00Z" % (month, 1 + i % 28), "lang": "en",
                      "author": "p%d" % (i % 30), "text": " ".join(r.choice(words) for _ in range(8))}))
P
}
start() { # start LOG
    "$mynah" serve --no-sample --listen "127.0.0.1:$port" >"$dir/$1.log" 2>&1 &
    pid=$!
}
until_true() { # until_true SECONDS WHAT COMMAND...
    limit=$(($1 * 5)) what=$2
    shift 2
    until "$@"; do
        limit=$((limit - 1))
        [ $limit -gt 0 ] || fail "$what"
        sleep 0.2
    done
}
count() { curl -fsS "$url/metrics" 2>/dev/null | grep -q "^mynah_learn_cycles_total{outcome=\"$1\"} [1-9]"; }
answers() { curl -fsS -o /dev/null "$url/healthz" 2>/dev/null; }
current() { readlink "$dir/data/models/current"; }
stop() { kill -TERM "$pid" && wait "$pid"; code=$?; pid=; [ $code = 0 ] || fail "exit $code after SIGTERM"; }

posts 0 300 2024-02 >"$dir/old.jsonl"
posts 5000 200 2025-09 >"$dir/new.jsonl"
{
    "$mynah" import "$dir/old.jsonl" --consent train_generative=allow --json &&
        "$mynah" corpus build --name base --val-share 0.1 --json &&
        "$mynah" train --corpus base --name first --preset nano --steps 40 --batch 2 --json
} >"$dir/prepare.log" 2>&1 || fail "no model to begin with"

sed -i 's/^#* *learn_at = .*/learn_at = off/' "$dir/data/mynah.conf"
start off
until_true 20 "does not answer" answers
curl -fsS "$url/metrics" | grep -q '^mynah_learn_cycles_total{outcome="nothing"} 0' || fail "a cycle ran although it is off"
stop

# at the set time: the next minute but one
"$mynah" import "$dir/new.jsonl" --consent train_generative=allow --json >>"$dir/prepare.log" 2>&1 || fail "import"
at=$(date -d '+1 minute' +%H:%M)
sed -i "s/^learn_at = .*/learn_at = $at/" "$dir/data/mynah.conf"
start timed
until_true 150 "nothing was learnt at $at" sh -c "grep -q 'learning: ' $dir/timed.log"
until_true 5 "the cycle is not counted" count promoted
case $(current) in night-*) ;; *) fail "the new model is not in use" ;; esac
grep -q "learning: promoted, night-.*not measured: .*offensive" "$dir/timed.log" || fail "the log does not say what was not measured"
stop

# interrupted: a killed server goes on at its next start, whatever the time
"$mynah" model rollback --json >/dev/null || fail "no way back"
[ "$(current)" = first ] || fail "not rolled back"
"$mynah" learn --minutes 1 >"$dir/killed.log" 2>&1 &
job=$!
until_true 60 "no plan" grep -q '"running"' "$dir/data/models/learn.json"
kill -KILL "$job"
wait "$job" 2>/dev/null
at=$(date -d '+6 hours' +%H:%M)
sed -i "s/^learn_at = .*/learn_at = $at/" "$dir/data/mynah.conf"
start again
until_true 120 "what was interrupted does not go on" sh -c "grep -q 'learning: ' $dir/again.log"
grep -q "learning: promoted" "$dir/again.log" || fail "it did not end well"
stop

# a time that is none
sed -i "s/^learn_at = .*/learn_at = noon/" "$dir/data/mynah.conf"
"$mynah" serve --no-sample --listen "127.0.0.1:$port" >"$dir/noon.log" 2>&1 && fail "it starts with a time that is none"
grep -q "learn_at" "$dir/noon.log" || fail "the wrong setting is not named"
echo "learn holds"
