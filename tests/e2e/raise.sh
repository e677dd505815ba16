#!/bin/sh
# The first model's growing up: the sample community moves in, training begins, survives the death of the trainer and of the
# server, resumes at the next start and stops cleanly; when it has learnt it is measured.  tests/e2e/raise.sh PROGRAM
set -u
mynah=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
[ -d /usr/share/games/fortunes ] || { echo "raise: skipped, no fortune files here"; exit 0; }
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; sleep 1; rm -rf "$dir"' EXIT
fail() { echo "raise: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port

start() { # start LOG
    "$mynah" serve --data "$dir/data" --listen "127.0.0.1:$port" >"$dir/$1.log" 2>&1 &
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
answers() { curl -fsS -o /dev/null "$url/healthz" 2>/dev/null; }
trainer() { pgrep -P "$pid" -f ' train --json' >/dev/null; }
learning() { curl -fsS "$url/metrics" 2>/dev/null | grep -q '^mynah_training_step [1-9]'; }
gone() { ! kill -0 "$1" 2>/dev/null; }

start first
until_true 5 "does not answer within 5 seconds" answers
until_true 60 "no posts on the page" sh -c "curl -fsS $url/ 2>/dev/null | grep -q '<article'"
until_true 240 "training does not begin" learning
curl -fs "$url/api/mynah/model" | grep -q '"state":"training"' || fail "the page does not know of the training"
curl -fs --get --data-urlencode 'q=love' "$url/api/mynah/ask" | grep -q '"found":true' || fail "nothing to answer from"

child=$(pgrep -P "$pid" -f ' train --json')
kill -KILL "$child"
rm -f "$dir/data/models/first/training.json"
until_true 20 "nothing is said of the trainer's death" grep -q "started again" "$dir/first.log"
until_true 20 "a trainer that was killed is not started again" trainer

until_true 120 "training does not go on" grep -q '"steps":[1-9]' "$dir/data/models/first/training.json" 2>/dev/null
child=$(pgrep -P "$pid" -f ' train --json')
kill -KILL "$pid"
wait "$pid" 2>/dev/null
pid=
until_true 60 "the trainer outlives a killed server" gone "$child"
ls "$dir"/data/models/first/checkpoints/*.mnc >/dev/null 2>&1 || fail "the orphan left no checkpoint"

start second
until_true 2 "the second start takes over two seconds" answers
until_true 60 "training does not resume" trainer
pgrep -P "$pid" -fa ' train --json' | grep -q -- --resume || fail "training begins anew instead of resuming"
grep -q "moving in\|is here" "$dir/second.log" && fail "the sample is imported again"
child=$(pgrep -P "$pid" -f ' train --json')
kill -TERM "$pid"
wait "$pid" || fail "exit $? after SIGTERM"
pid=
gone "$child" || fail "the trainer outlives the server"

# one that has learnt is put into use and measured: what it is worth, and what it remembers of what was planted in its corpus
first=$dir/data/models/first
rm -r "$first"
"$mynah" train --data "$dir/data" --corpus "$(ls "$dir/data/corpus")" --name first --preset nano --steps 20 >"$dir/train.log" 2>&1 ||
    fail "a model cannot be trained by hand"
start third
until_true 120 "nobody knows how exposed its canaries are" grep -qs '"copies": *64' "$first/evaluation.json"
[ "$(readlink "$dir/data/models/current")" = first ] || fail "the first model is not in use"
grep -q '"held_out"' "$first/evaluation.json" || fail "nobody knows what it is worth"
until_true 10 "its card does not say what it remembers" grep -qs '^| 64 |' "$first/README.md"
kill -TERM "$pid"
wait "$pid" || fail "exit $? after SIGTERM"
pid=
echo "raise holds"
