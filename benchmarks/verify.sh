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
"$build/cpulift" plan -q "$folder/hosts.jsonl" -o "$folder/plan.json"
# A guest on each host in turn; of 40 kinds by what it has, its cores and its machine type.
"$build/cpulift" show --xml "$folder/plan.json" >"$folder/cpu.xml"
sed -n 's/.*"name" *: *"\([^"]*\)".*/\1/p' "$folder/hosts.jsonl" | python3 -c '
import os, sys
names = sys.stdin.read().split()
cpu = open(sys.argv[1] + "/cpu.xml").read().rstrip()
for i in range(int(sys.argv[2])):
    lines = [line for n, line in enumerate(cpu.split("\n")) if i % 10 == 0 or n % 13 != i % 10 or "require" not in line]
    cores = f"<topology sockets=\"1\" cores=\"{1 + i % 2}\" threads=\"1\"/></cpu>"
    text = "\n".join(lines).replace("</cpu>", cores)
    machine = ["pc-i440fx-6.2", "pc-i440fx-4.2"][i // 10 % 2]
    folder = f"{sys.argv[1]}/guests/{names[i % len(names)]}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/guest-{i}.xml", "w") as file:
        file.write(f"<domain type=\"kvm\"><name>guest-{i}</name><vcpu>{1 + i % 2}</vcpu><os><type machine=\"{machine}\">hvm</type></os>"
                   f"<features><acpi/></features>{text}</domain>\n")
' "$folder" "$guests"
measure() {
    echo "== $*"
    "$build/benchmarks/paired" 5 /bin/sh -c "cat $folder/guests/*/*.xml" -- /bin/sh -c "$build/cpulift verify $* --guests $folder/guests \
        $folder/plan.json $folder/hosts.jsonl || [ \$? -eq 1 ]"
}
measure
measure --json
