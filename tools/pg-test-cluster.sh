#!/usr/bin/env bash
# A PostgreSQL server of one's own for tests: no TCP, one Unix socket, one folder, nothing kept.
#
#   tools/pg-test-cluster.sh start DIR      makes and starts it below DIR, prints the URL of the database `mynah`
#   tools/pg-test-cluster.sh restart DIR    stops it at once, as a crash does, and starts it again
#   tools/pg-test-cluster.sh stop DIR       stops it and removes what it made
#
# Ends with 3 and says why when PostgreSQL is not installed. The server never runs as root: root hands it to the user
# `postgres`, or to `nobody`. fsync is off, so nothing here says how fast commits are. The role `locked` needs a password
# (`secret`), for tests of what is said when it is wrong.
set -eu
verb=${1:?start, restart or stop} dir=${2:?a folder}

bin=$(find /usr/lib/postgresql -maxdepth 3 -name initdb -path '*/bin/*' 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(command -v initdb || true)
if [ -z "$bin" ]; then
    echo "PostgreSQL is not installed (no initdb)" >&2
    exit 3
fi
bin=$(dirname "$(readlink -f "$bin")")

as() { # runs a command as the user who owns the server
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    if id postgres >/dev/null 2>&1; then runuser -u postgres -- "$@"; else runuser -u nobody -- "$@"; fi
}
ctl() { as "$bin/pg_ctl" -D "$dir/pg/data" -s -w -t 60 "$@" >/dev/null; }

start() {
    mkdir -p "$dir/pg"
    chmod 755 "$dir" "$dir/pg"
    if [ "$(id -u)" = 0 ]; then chown "$(as id -u)" "$dir/pg"; fi
    as "$bin/initdb" -D "$dir/pg/data" -U mynah -A trust -E UTF8 --locale=C --no-sync >/dev/null
    as tee -a "$dir/pg/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir/pg'
fsync = off
full_page_writes = off
max_connections = 100
shared_buffers = 64MB
autovacuum_naptime = 10min
log_min_messages = warning
CONF
    as tee "$dir/pg/data/pg_hba.conf" >/dev/null <<CONF
local all locked scram-sha-256
local all all trust
CONF
    ctl -l "$dir/pg/log" start
    as "$bin/psql" -q -h "$dir/pg" -U mynah -d postgres -c 'CREATE DATABASE mynah' -c "CREATE ROLE locked LOGIN PASSWORD 'secret'"
    echo "postgresql:///mynah?host=$dir/pg&user=mynah"
}

case $verb in
start) start ;;
restart) ctl -m immediate -l "$dir/pg/log" restart ;;
stop)
    ctl -m immediate stop || true
    rm -rf "$dir/pg"
    ;;
*)
    echo "start, restart or stop" >&2
    exit 2
    ;;
esac
