#!/bin/sh
# Installs what is missing from Debian: tools/setup.sh GROUP... (groups of tools/packages.txt).
# Says what it does, uses sudo when not root, and ends with 1 only when a package of `build` or `check` could not be had;
# what is missing of the other groups is named and left out.
set -eu
list=$(dirname "$0")/packages.txt

missing() { # the packages of group $1 that are neither installed nor satisfied by a command
    sed 's/#.*//' "$list" | while read -r name group command; do
        [ "$group" = "$1" ] || continue
        [ -n "$command" ] && command -v "$command" >/dev/null 2>&1 && continue
        case "$installed" in *" $name "*) ;; *) echo "$name" ;; esac
    done
}
have() {
    installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package} ' 2>/dev/null |
        sed 's/not-installed [^ ]* //g; s/config-files [^ ]* //g; s/installed //g')"
}
have
want=
for g in "$@"; do want="$want $(missing "$g" | tr '\n' ' ')"; done
want=$(echo "$want" | tr -s ' ' | sed 's/^ //; s/ $//')
[ -n "$want" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "setup: these Debian packages are missing: $want" >&2
        echo "setup: there is no sudo here; as root, run: apt-get install $want" >&2
        exit 1
    }
    root=sudo
fi
echo "setup: installing from Debian: $want" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
$root apt-get update -qq >"$log" 2>&1 || echo "setup: apt-get update failed: $(tail -n 1 "$log")" >&2
# All at once is fast; when one of them cannot be had, one by one finds out which.
# shellcheck disable=SC2086
if ! $root apt-get install -y -qq --no-install-recommends $want >"$log" 2>&1; then
    for p in $want; do
        $root apt-get install -y -qq --no-install-recommends "$p" >"$log" 2>&1 || true
    done
fi
have
rc=0
for g in "$@"; do
    left=$(missing "$g" | tr '\n' ' ')
    [ -n "$left" ] || continue
    echo "setup: could not be had from Debian ($g): $left" >&2
    case "$g" in
    build | check) rc=1 ;;
    web) echo "setup: the web app is left out; the pages work without it" >&2 ;;
    sample) echo "setup: the sample community will be smaller" >&2 ;;
    esac
done
exit $rc
