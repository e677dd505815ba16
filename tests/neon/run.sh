#!/bin/sh
# The tests of packed matrices and of attention on aarch64, in an emulator: with and without its dot product, and how the fast
# kernels of attention and products agree with the plain ones there.
#
#   tests/neon/run.sh [COUNTS]    adds "passed failed skipped" to the file COUNTS; exit 0 when nothing failed
# Needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; skips by name where they are not.
set -u
cd "$(dirname "$0")/../.." || exit 1
counts=${1:-/dev/null}
cc=aarch64-linux-gnu-gcc
for tool in $cc qemu-aarch64; do
    command -v "$tool" >/dev/null 2>&1 && continue
    echo "skipped tests on aarch64: no $tool here"
    echo "0 0 1" >>"$counts"
    exit 0
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
for test in packed attend; do
    if ! $cc -std=c17 -O2 -ffunction-sections -Wl,--gc-sections -Wall -Wextra -Werror -ffp-contract=off -fno-math-errno -D_GNU_SOURCE -pthread -static \
        -Isrc -Itests/neon -Itests -o "$dir/test_$test" tests/unit/tensor/test_$test.c tests/neon/random.c \
        src/tensor/packed*.c src/tensor/attend*.c src/tensor/quant.c \
        src/base/mem.c src/base/err.c src/base/thread.c src/base/clock.c src/base/fs.c src/base/str.c -lm; then
        echo "FAILED test_$test does not build for aarch64"
        echo "0 1 0" >>"$counts"
        failed=1
        continue
    fi
    for cpu in cortex-a53 cortex-a76; do # without and with the dot product
        printf '#!/bin/sh\nexec qemu-aarch64 -cpu %s %s\n' $cpu "$dir/test_$test" >"$dir/$test-on-$cpu"
        chmod +x "$dir/$test-on-$cpu"
        tools/run-tests.sh "$counts" "$dir/$test-on-$cpu" || failed=1
    done
done
exit $failed
