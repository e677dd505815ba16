#!/bin/sh
# What tests of several ranks share: they source this with their own arguments. Afterwards they are in a folder of their own; mynah, dir, counts,
# passed, failed and skipped are set, ok, not_ok and end tell and count, and what stands in pid.* is ended with the test.
# unless_mpi: what is skipped where there is no mpirun. tidy: a function that removes what else was made.
# shellcheck disable=SC2034,SC2154
set -u
mynah=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
counts=${2:-/dev/null}
dir=$(mktemp -d)
cd "$dir" || exit 1
passed=0 failed=0 skipped=0 done=
cleanup() {
    for f in pid.*; do [ ! -f "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done
    tidy
    rm -rf "$dir"
    [ -n "$done" ] || failed=$((failed + 1)) # it ended in the middle
    echo "$passed $failed $skipped" >>"$counts"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
ok() {
    passed=$((passed + 1))
    echo "ok $1"
}
not_ok() { # not_ok NAME WHY
    failed=$((failed + 1))
    echo "not ok $1: $2"
    [ ! -s err ] || tail -n 8 err | sed 's/^/    stderr: /'
}
end() {
    done=1
    [ "$failed" = 0 ]
    exit
}
if ! command -v mpirun >/dev/null 2>&1; then
    skipped=1
    echo "skipped $unless_mpi: no mpirun here (Debian: openmpi-bin)"
    end
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # Open MPI asks twice whether root is meant
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader
export MYNAH_DATA="$dir/data"
