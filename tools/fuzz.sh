#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzzes every parser under ASan and UBSan: fuzz.sh [SECONDS-EACH] [TARGET…]. New inputs that cover more go to build-fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
[ $# -eq 0 ] || shift
[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
ninja -C build-fuzz
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # names of targets
    set -- $(find build-fuzz/tests/fuzz -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x -exec basename {} \;)
fi
for target in "$@"; do
    found=build-fuzz/corpus/$target
    mkdir -p "$found"
    "build-fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        "$found" "tests/fuzz/corpus/${target#fuzz_}"
done
