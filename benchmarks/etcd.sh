#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# etcd.sh [BUILD [HOSTS [KINDS [GUESTS]]]]: a fleet whose agents publish their hosts in one etcd: how long until all are there, until a change of the
# plan has reached each, until a command has read them all and planned, and said where each guest can go; what etcd needs for them; and how long
# until all are back after etcd was gone. Agents, etcd and the commands share this machine. $CPULIFT_SCAN is a host document to take for all.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH
build=$(cd "${1:-build}" && pwd)
hosts=${2:-1000} kinds=${3:-60} guests=${4:-5000}
CPULIFT_SOURCE=$(cd "$(dirname "$0")/.." && pwd)
export CPULIFT_SOURCE
. "$CPULIFT_SOURCE/tests/lib/etcd.sh"
folder=$(mktemp -d)
etcd_pid='' agents=''
trap 'for pid in $agents $etcd_pid; do kill "$pid" || true; done; wait; rm -rf "$folder"' EXIT
if [ -n "${CPULIFT_SCAN:-}" ]; then # a host document: as many hosts of this kind
    python3 -c 'import json, sys
document = json.load(sys.stdin)
for number in range(int(sys.argv[1])):
    print(json.dumps({**document, "name": f"node{number:05}"}, sort_keys=True, separators=(",", ":")))' "$hosts" <"$CPULIFT_SCAN" >"$folder/hosts.jsonl"
else
    "$build/benchmarks/fleet" "$hosts" "$kinds" "$folder"
fi
wc -c "$folder/hosts.jsonl" | awk -v hosts="$hosts" '{ printf "%d hosts, %.1f KiB a document\n", hosts, $1 / hosts / 1024 }'
etcd_start "$folder/etcd"
fleet=etcd://127.0.0.1:$etcd_port/fleet
memory() { # PID NAME
    awk -v name="$2" '/^VmRSS/ { printf "memory of %s: %.0f MiB\n", name, $2 / 1024 }' "/proc/$1/status"
}
size() {
    ctl endpoint status -w json | sed 's/.*"dbSize":\([0-9]*\).*/\1/' | awk -v when="$1" '{ printf "etcd on the disk, %s: %.1f MiB\n", when, $1 / 1048576 }'
}
wait_for() { # PATTERN
    until grep -q -e "$1" "$folder/said"; do
        kill -0 "$agents" || { cat "$folder/said"; exit 1; }
        sleep 0.05
    done
}
mkfifo "$folder/orders"
"$build/benchmarks/agents" "$fleet/plan/blue" "$folder/hosts.jsonl" <"$folder/orders" >"$folder/said" &
agents=$!
exec 3>"$folder/orders"
wait_for ready
cat "$folder/said"
memory "$etcd_pid" etcd
memory "$agents" 'all agents together'
size 'all hosts'
"$build/cpulift" plan -q "$fleet" -o "$folder/plan.json"
echo "== plan from etcd; beside it from the same documents in a file"
"$build/benchmarks/paired" 5 "$build/cpulift" plan -q "$folder/hosts.jsonl" -o "$folder/near.json" -- "$build/cpulift" plan -q "$fleet" -o "$folder/plan.json"
cmp "$folder/near.json" "$folder/plan.json"
"$build/cpulift" show --xml "$folder/plan.json" >"$folder/cpu.xml"
python3 "$CPULIFT_SOURCE/benchmarks/guests.py" "$folder" "$guests"
echo "== verify of $guests guests on the hosts of etcd; beside it from the file"
"$build/benchmarks/paired" 5 /bin/sh -c "$build/cpulift verify --json --guests $folder/guests $folder/plan.json $folder/hosts.jsonl >/dev/null || [ \$? -eq 1 ]" -- \
    /bin/sh -c "$build/cpulift verify --json --guests $folder/guests $folder/plan.json $fleet >/dev/null || [ \$? -eq 1 ]"
kill "$etcd_pid"
wait "$etcd_pid" || true
sleep 2
begin=$(date +%s%N)
etcd_start "$folder/etcd"
echo back >&3
wait_for back
echo "all are back $((($(date +%s%N) - begin) / 1000000)) ms after etcd was started again"
size 'after it was gone and came back'
exec 3>&-
