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
build() {
    { [ -f build/build.ninja ] || meson setup build; } >build.log 2>&1 && ninja -C build >>build.log 2>&1 || { cat build.log; return 1; }
}
# Clang's warnings on every file are clang-tidy's; of the sanitizers' tree meson test builds what its tests need.
clang_lane() {
    status=0
    step tools/gate.sh tidy
    CPULIFT_EFFORT=20 step tools/sanitizers.sh meson test -t 4 -C build-asan --print-errorlogs --suite unit --suite fuzz --suite golden \
        --suite property --no-suite sources --no-suite scripts
    return $status
}
for gate in layout scripts cases spelling sizes; do
    step tools/gate.sh $gate
done
step tests/layers.sh
step build
clang_lane >build-asan.lane 2>&1 &
# A busy machine is slow, not wrong: four times the limits of a quiet one. Most tests of the longest wait, for guests, daemons and clocks.
step meson test -t 4 --num-processes $(($(nproc) * 2)) -C build --print-errorlogs --no-suite ddg-long --no-suite faults-long --no-suite security-long \
    --no-suite newer
wait $! || status=1
cat build-asan.lane >&2
./tools/count.sh build/meson-logs/testlog.json build-asan/meson-logs/testlog.json
exit $status
