#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# plan.sh [BUILD [HOSTS [KINDS [RUNS]]]]: `cpulift plan` of a large pool from one file of host documents, the whole process,
# beside libvirt's baseline call on the same hosts. Goals: 10 times faster, under 300 MiB. $TMPDIR needs 1 GiB.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH
build=$(cd "${1:-build}" && pwd)
CPULIFT_SOURCE=$(cd "$(dirname "$0")/.." && pwd)
export CPULIFT_SOURCE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$build/benchmarks/fleet" "${2:-100000}" "${3:-200}" "$folder"
ls -l "$folder" | awk 'NF > 8 { printf "%s %.0f MiB\n", $9, $5 / 1048576 }'
"$build/benchmarks/paired" "${4:-3}" "$build/cpulift" plan -q "$folder/hosts.jsonl" -- \
    "$build/benchmarks/baseline" "$folder/cpus.xml"
