#!/bin/sh
# `mynah serve` as an operator meets it: first start, second server refused, busy port, clean stop, quick second start.
# tests/e2e/serve.sh PROGRAM
set -u
mynah=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
fail() { echo "serve: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port

start() { # start LOG: waits until the server answers
    # HUP as it is by default: a check that was begun with nohup must not hang at the end
    env --default-signal=HUP "$mynah" serve --data "$dir/data" --listen "127.0.0.1:$port" --no-sample >"$dir/$1.log" 2>&1 &
    pid=$!
    i=0
    until curl -fsS -o /dev/null "$url/healthz" 2>/dev/null; do
        i=$((i + 1))
        [ $i -lt 100 ] && kill -0 $pid 2>/dev/null || fail "does not answer"
        sleep 0.1
    done
}
stop() { # stop [SIGNAL]
    kill "-${1:-TERM}" $pid
    wait $pid || fail "exit $? after SIGTERM"
    pid=
}

start first
i=0
until grep -q "one-time password" "$dir/first.log"; do # the banner follows the first answer by an instant
    i=$((i + 1))
    [ $i -lt 50 ] || fail "no one-time password on the first start"
    sleep 0.1
done
rss=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
[ "$rss" -lt 40960 ] || fail "$rss kB of memory before a model is loaded; 40,960 is the most"
for path in / /ask /model /about /metrics /robots.txt; do
    curl -fsS -o /dev/null "$url$path" || fail "$path"
done
if "$mynah" serve --data "$dir/data" --listen 127.0.0.1:0 >"$dir/second.log" 2>&1; then fail "a second server on the same folder"; fi
[ "$(grep -c . "$dir/second.log")" = 1 ] || fail "the second server should say one line"
if "$mynah" serve --data "$dir/other" --listen "127.0.0.1:$port" --no-sample >"$dir/busy.log" 2>&1; then fail "a busy port"; fi
grep -q -- --listen "$dir/busy.log" || fail "the busy port is not explained"
stop
start again
grep -q "one-time password" "$dir/again.log" && fail "a second password"
stop HUP # as a closed terminal does
echo "serve holds; $rss kB resident"
