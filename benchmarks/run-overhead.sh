#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run-overhead.sh [BUILD [RUNS]]: what `cpulift run` costs on a mask that hides nothing: Linpack and the transcode under
# `host` and bare, in pairs. Goal: within 1 %. Prints the ratios to bare with their intervals.
set -eu
build=$(cd "${1:-build}" && pwd)
runs=${2:-9}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$build/cpulift" bench linpack transcode --cpus 1 --runs "$runs" --args 'transcode=--seconds 4' --cpu bare --cpu host \
    -o "$folder/samples.json"
"$build/cpulift" report --tsv --base bare "$folder/samples.json" | cut -f 2,3,5,6,7,9,14-16
