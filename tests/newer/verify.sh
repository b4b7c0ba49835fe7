#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What 'cpulift verify' says of guests on two hosts, one with this machine's QEMU and libvirt and one with the newer ones, from their documents
# alone, is what live migration then does with each, both ways. Usage: verify.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
. "$2/tests/newer/pair.sh"
declare -A uris=([a]=$uri_a [b]=$uri_b) addresses=([a]=$address_a [b]=$address_b)

mkdir "$folder/hosts"
scan_pair "$folder/hosts"
for hosts in a b; do
    expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts/$hosts.json" -o "$folder/plan-$hosts.json"
done
expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts" -o "$folder/plan.json"
# Rewritten for the host where it starts.
planned=$("$cpulift" show --xml "$folder/plan.json")
planned_a=$("$cpulift" show --xml "$folder/plan-a.json")
planned_b=$("$cpulift" show --xml "$folder/plan-b.json")
nehalem="<cpu mode='custom' match='exact'><model fallback='allow'>Nehalem</model></cpu>"

# guest NAME VCPUS MACHINE CPU [FEATURES]: its definition, without what only starts would take time for
guest() {
    cat >"$folder/defined/$1.xml" <<XML
<domain type='qemu'><name>$1</name><memory>32768</memory><vcpu>$2</vcpu><os><type arch='x86_64' machine='$3'>hvm</type></os>
<features>${5-<acpi/><apic/>}</features>$4<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>
XML
}
# with CPU INSERTED: put before the end of the element
with() { printf '%s' "${1%</cpu>}$2</cpu>"; }
cores4="<topology sockets='1' cores='4' threads='1'/>"
cores2="<topology sockets='1' cores='2' threads='1'/>"
mkdir "$folder/defined"
guest default 1 pc ''
guest default-4 4 pc "<cpu>$cores4</cpu>"
guest paper 1 pc "$nehalem"
guest paper-4 4 pc "$(with "$nehalem" "$cores4")"
guest tuned 1 pc "$planned"
guest tuned-2s 2 pc "$(with "$planned" "<topology sockets='2' cores='1' threads='1'/>")"
guest tuned-4 4 pc "$(with "$planned" "$cores4")"
guest tuned-a 1 pc "$planned_a"
guest tuned-b 1 pc "$planned_b"
guest host-model 1 pc "<cpu mode='host-model'/>"
guest host-model-2 2 q35 "<cpu mode='host-model'>$cores2</cpu>"
guest passthrough 1 pc "<cpu mode='host-passthrough'/>"
guest maximum 1 pc "<cpu mode='maximum'/>"
guest own 1 q35 "<cpu><model>Westmere</model><feature policy='disable' name='aes'/><feature policy='require' name='avx'/></cpu>"
guest partial 1 pc "<cpu check='partial'><model>Westmere</model><feature policy='optional' name='fma'/></cpu>"
guest partial-2 2 pc "<cpu check='partial'><model>Westmere</model>$cores2</cpu>"
guest none-ht 1 pc "<cpu check='none'><model>Westmere</model><feature policy='require' name='ht'/></cpu>"
guest none-ht-2 2 pc "<cpu check='none'><model>Westmere</model>$cores2<feature policy='require' name='ht'/></cpu>"
guest forced 1 pc "<cpu check='none'><model>Westmere</model><feature policy='force' name='avx512f'/></cpu>"
guest forbidding 1 pc "<cpu check='none'><model>Westmere</model><feature policy='forbid' name='avx2'/></cpu>"
guest too-much 1 pc "<cpu check='none'><model>Haswell</model></cpu>"
guest amd 2 pc "<cpu check='none'><model>EPYC</model>$cores2</cpu>"
guest no-acpi 1 q35 "$nehalem" '<apic/>'
guest old-machine 1 pc-i440fx-2.11 "$nehalem"
guest own-version 1 pc-q35-7.2 "$nehalem"
guest new-machine 1 pc-q35-10.0 "$nehalem"
guest width 1 pc "$(with "$nehalem" "<maxphysaddr mode='emulate' bits='42'/>")"

# What starts runs on either host; its live XML is the document. Both hosts work at once.
mkdir -p "$folder/guests/a" "$folder/guests/b"
start_all() { # HOST
    for file in "$folder"/defined/*.xml; do
        name=$(basename "$file" .xml)
        if virsh --quiet --connect "${uris[$1]}" create <(sed "s,<name>,&$1-," "$file") >/dev/null 2>"$folder/refused-$1"; then
            virsh --connect "${uris[$1]}" dumpxml "$1-$name" >"$folder/guests/$1/$1-$name.xml"
        else
            echo "$1-$name does not start: $(grep -o 'error: .*' "$folder/refused-$1" | tail -n 1)"
        fi
    done
}
start_all a &
start_all b
wait $!
status=0
"$cpulift" verify --json --guests "$folder/guests" "$folder/plan.json" "$folder/hosts" >"$folder/verdict.json" || status=$?
[ "$status" -eq 1 ] || fail "verify ended with $status"

# travel NAME FROM TO: "yes" where it arrives with the CPU that it left with. A passthrough's arrives with another: never a yes.
travel() {
    if virsh --quiet --connect "${uris[$2]}" migrate --live "$1" "${uris[$3]}" "tcp://${addresses[$3]}" >"$folder/refused-$2" 2>&1; then
        grep -q "mode='\(host-passthrough\|maximum\)'" "$folder/guests/$2/$1.xml" && echo no || echo yes
    else
        echo no
    fi
}
travel_all() { # FROM: a line for each cell: whether it was said rightly, what really is, and why where not
    while read -r name from to can because; do
        [ "$from" = "$1" ] || continue
        really=$(travel "$name" "$from" "$to")
        if [ "$can" = "$really" ]; then
            echo "right $really $name $from"
        else
            echo "WRONG $really $name $from to $to: said $can ($because): $(tail -n 1 "$folder/refused-$from")"
        fi
    done <"$folder/cells"
}
python3 - "$folder/verdict.json" >"$folder/cells" <<'CELLS'
import json, sys
for cell in json.load(open(sys.argv[1]))["cells"]:
    print(cell["guest"], cell["from"], cell["to"], cell["can"], *(f"{one['what']}:{','.join(one['names'])}" for one in cell["because"]))
CELLS
travel_all a >"$folder/journeys-a" &
travel_all b >"$folder/journeys-b"
wait $!
cat "$folder"/journeys-? >"$folder/journeys"
grep WRONG "$folder/journeys" || :
cells=$(wc -l <"$folder/journeys") arrived=$(grep -c '^[^ ]* yes' "$folder/journeys") wrong=$(grep -c WRONG "$folder/journeys" || :)
echo "$cells migrations, $arrived arrived; $wrong of them said otherwise"
[ "$wrong" -eq 0 ] && [ "$arrived" -ge 10 ] && [ $((cells - arrived)) -ge 10 ]

# The rehearsal of A's upgrade to what B has, from documents: C is a host like A, and becomes like B with it. Of A's guests those that B really
# refused lose C, if they could go to it before, and those that arrived do not.
mkdir "$folder/alike" "$folder/of-a"
cp "$folder/hosts/a.json" "$folder/alike"
sed 's/"name": "a"/"name": "c"/' "$folder/hosts/a.json" >"$folder/alike/c.json"
cp -r "$folder/guests/a" "$folder/of-a"
rehearse() { # FILE OPTION…: a cpulift.verdict/1; its answer is no, since a passthrough goes nowhere
    file=$1
    shift
    expect 1 "$cpulift" verify --json --guests "$folder/of-a" "$@" "$folder/alike"
    cp "$folder/out" "$file"
}
rehearse "$folder/now.json"
rehearse "$folder/then.json" --upgrade "a=$folder/hosts/b.json"
python3 - "$folder/now.json" "$folder/then.json" "$folder/journeys" <<'REHEARSAL'
import json, sys
now, then = (json.load(open(path)) for path in sys.argv[1:3])
really = {name: said for _, said, name, start, *_ in (line.split() for line in open(sys.argv[3])) if start == "a"}
could = {cell["guest"]: cell["can"] for cell in now["cells"]}
can = {cell["guest"]: cell["can"] for cell in then["cells"]}
loses = {one["name"] for one in then["rehearsal"] if "c" in one["running"]["loses"]}
wrong = [name for name in really if can[name] != really[name]]
wrong += [name for name in really if (name in loses) != (could[name] == "yes" and really[name] == "no")]
print(f"rehearsed: {len(really)} guests, {len(loses)} lose what they could reach; {len(wrong)} otherwise than really: {wrong}")
sys.exit(bool(wrong) or set(can) != set(really) or len(loses) < 3)
REHEARSAL
