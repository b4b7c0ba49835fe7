#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# tuned.sh [BUILD [RUNS]]: what the tuned CPU is worth on this machine's silicon, side by side in one series. Goals, to
# default: Linpack 2.5 x with AVX-512 (2.0 x with AVX2 only), transcode CPU time 0.65 x; tuned within 2 % of host. Where
# default cannot run Linpack (AMD: docs/METHOD.md) the ratio to 2014, the paper's default guest, is the one to read.
set -eu
build=$(cd "${1:-build}" && pwd)
runs=${2:-6}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
"$build/cpulift" bench linpack transcode --cpus 1,2 --runs "$runs" -o "$folder/samples.json" || status=$?
for base in 2014 default paper host; do
    echo "== ratios to $base"
    "$build/cpulift" report --tsv --base "$base" "$folder/samples.json" | awk -F '\t' -v OFS='\t' \
        'NR == 1 || ($6 == "tuned" && ($3 == "gflops" || $3 == "cpu_time" || $3 == "time")) { print $2, $3, $5, $6, $7, $9, $14, $15, $16 }'
done
exit $status
