#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fuzz.sh [SECONDS [TARGET…]]: fuzzes each target so long, on every processor, under ASan and UBSan. What it finds new stays in
# build-asan/found/TARGET; an input that breaks something is left in build-asan as crash-… or timeout-….
set -eu
cd "$(dirname "$0")"
seconds=${1:-600}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046 # names
set -- $(printf 'fuzz_%s\n' "$@")
[ "$1" != fuzz_ ] || set -- --suite fuzz
exec ./sanitizers.sh meson test -t 0 -C build-asan --print-errorlogs --test-args="-max_total_time=$seconds" "$@"
