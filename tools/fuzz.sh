#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fuzz.sh [SECONDS [TARGET…]]: fuzzes each target in turn, on one core, under ASan and UBSan. What it finds new stays in
# build-fuzz/found/TARGET; an input that breaks something is left in build-fuzz as crash-… and ends the run.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
[ $# -eq 0 ] || shift
[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
ninja -C build-fuzz
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
targets=${*:-$(find tests/fuzz -name 'fuzz_*.c' | sed 's:.*/fuzz_::; s:\.c$::' | sort)}
for target in $targets; do
    [ -x "build-fuzz/tests/fuzz/fuzz_$target" ] || { echo "== $target: not built here"; continue; }
    mkdir -p "build-fuzz/found/$target"
    echo "== $target"
    "build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
        -dict=tests/fuzz/xml.dict -artifact_prefix=build-fuzz/ "build-fuzz/found/$target" "tests/fuzz/corpus/$target"
done
