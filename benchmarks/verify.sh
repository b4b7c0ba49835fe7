#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# verify.sh [BUILD [GUESTS [HOSTS [KINDS]]]]: `cpulift verify` of a fleet from documents, the whole process: the tables, and the document with
# every cell. Beside it a program that only reads the guests' files. Goal: 5,000 guests x 500 hosts under 2 s and 200 MiB.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH
build=$(cd "${1:-build}" && pwd)
guests=${2:-5000} hosts=${3:-500} kinds=${4:-60}
CPULIFT_SOURCE=$(cd "$(dirname "$0")/.." && pwd)
export CPULIFT_SOURCE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$build/benchmarks/fleet" "$hosts" "$kinds" "$folder"
# As a scan tells of them: 50 GiB, of which the guests of a host have 40.
sed -i 's/"versions":{/&"libvirt":"9.0.0","qemu":"7.2.0",/
    s/"name" *: *"[^"]*"/&,"node":{"cpus":32,"memory":52428800},"machines":{"kvm":{"names":["pc-i440fx-4.2","pc-i440fx-6.2"]}}/' "$folder/hosts.jsonl"
"$build/cpulift" plan -q "$folder/hosts.jsonl" -o "$folder/plan.json"
"$build/cpulift" show --xml "$folder/plan.json" >"$folder/cpu.xml"
python3 "$CPULIFT_SOURCE/benchmarks/guests.py" "$folder" "$guests"
measure() {
    echo "== $*"
    "$build/benchmarks/paired" 5 /bin/sh -c "cat $folder/guests/*/*.xml" -- /bin/sh -c "$build/cpulift verify $* --guests $folder/guests \
        $folder/plan.json $folder/hosts.jsonl || [ \$? -eq 1 ]"
}
measure
measure --json
# What changes for whom where all hosts of a kind are upgraded, and in which order.
head -n 1 "$folder/hosts.jsonl" | sed 's/"name" *: *"[^"]*"/"name":"canary"/; s/7\.2\.0/10.0.2/' >"$folder/canary.json"
upgraded=$(sed -n '2s/.*"name" *: *"\([^"]*\)".*/\1/p' "$folder/hosts.jsonl")
measure --upgrade "$upgraded=$folder/canary.json" --order
