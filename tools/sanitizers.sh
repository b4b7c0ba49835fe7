#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sanitizers.sh COMMAND…: runs it with what the sanitizers' build (build-asan: clang, ASan, UBSan, libFuzzer) needs, which it sets up first.
set -eu
cd "$(dirname "$0")/.."
[ -f build-asan/build.ninja ] ||
    CC=clang meson setup build-asan -Dfuzz=true -Dddg=disabled -Db_sanitize=address,undefined -Db_lundef=false -Ddebug=false \
        -Dc_args=-gline-tables-only >build-asan.log 2>&1 || { cat build-asan.log; exit 1; }
export G_SLICE=always-malloc # else what GLib lost looks as if it had it
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec "$@"
