#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# All checks: the gates (tools/gate.sh), layers, both compilers without a warning, every test, the tests again under the sanitizers. Ends with the line
# `N passed, N failed, N skipped`, counted from Meson's logs; the exit status says whether all is well. Clang's part, with the sanitizers, runs
# beside the tests, which wait for guests half of their time.
set -u
cd "$(dirname "$0")/.." || exit 1
unset LIBRARY_PATH CPATH LD_LIBRARY_PATH
status=0
step() {
    echo "== $*" >&2
    "$@" || { status=1; echo "FAILED: $*" >&2; }
}
setup() {
    dir=$1
    shift
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
}
build() {
    ninja -C "$1" >"$1.log" 2>&1 || { cat "$1.log"; return 1; }
}
# Clang's warnings on every file are clang-tidy's; of the sanitizers' tree meson test builds what its tests need.
clang_lane() {
    status=0
    step tools/gate.sh tidy
    CC=clang step setup build-asan -Dddg=disabled -Db_sanitize=address,undefined -Db_lundef=false -Ddebug=false \
        -Dc_args=-gline-tables-only
    export G_SLICE=always-malloc # else what GLib lost looks as if it had it
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 CPULIFT_EFFORT=20
    step meson test -t 4 -C build-asan --print-errorlogs --suite unit --suite fuzz --suite golden --suite property --no-suite sources \
        --no-suite scripts
    return $status
}
for gate in layout scripts cases spelling sizes; do
    step tools/gate.sh $gate
done
step tests/layers.sh
step setup build
step build build
clang_lane >build-asan.lane 2>&1 &
# A busy machine is slow, not wrong: four times the limits of a quiet one. Most tests of the longest wait, for guests, daemons and clocks.
step meson test -t 4 --num-processes $(($(nproc) * 2)) -C build --print-errorlogs --no-suite ddg-long --no-suite security-long --no-suite newer
wait $! || status=1
cat build-asan.lane >&2
./tools/count.sh build/meson-logs/testlog.json build-asan/meson-logs/testlog.json
exit $status
