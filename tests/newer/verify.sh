#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What 'cpulift verify' says of guests on three hosts, one with this machine's QEMU and libvirt, one with the newer ones, and one with the newer
# QEMU under this machine's libvirt that gives less, from their documents alone, is what live migration then does with each, all ways.
# Usage: verify.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
. "$2/tests/newer/pair.sh"
python3 "$here/poorer.py" "$build/newer/qemu/usr/bin/qemu-system-x86_64" "$folder/qemu" avx2 movbe || fail "no newer QEMU that gives less"
host_add poor "$newer" run-qemu sh "$here/poorly.sh" "$folder/qemu"
hosts_wait || fail "the third libvirtd does not answer: $(tail -n 3 "$folder/poor/libvirtd.log")"

mkdir "$folder/hosts"
scan_pair "$folder/hosts"
scan_one "$folder/hosts/poor.json" "$cpulift" scan -c "$(host_get uri poor)"
for hosts in a b; do
    expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts/$hosts.json" -o "$folder/plan-$hosts.json"
done
expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts" -o "$folder/plan.json"
# Rewritten for the host where it starts.
planned=$("$cpulift" show --xml "$folder/plan.json")
planned_a=$("$cpulift" show --xml "$folder/plan-a.json")
planned_b=$("$cpulift" show --xml "$folder/plan-b.json")

. "$here/moves.sh"
old=pc-i440fx-7.2 # which all have; "pc" is another on each
guest default 1 pc ''
guest default-4 4 $old "<cpu>$cores4</cpu>"
guest paper 1 $old "$nehalem"
guest paper-4 4 $old "$(with "$nehalem" "$cores4")"
guest tuned 1 $old "$planned"
guest tuned-2s 2 pc "$(with "$planned" "<topology sockets='2' cores='1' threads='1'/>")"
guest tuned-4 4 $old "$(with "$planned" "$cores4")"
guest tuned-a 1 $old "$planned_a"
guest tuned-b 1 $old "$planned_b"
guest host-model 1 $old "<cpu mode='host-model'/>"
guest host-model-2 2 q35 "<cpu mode='host-model'>$cores2</cpu>"
guest passthrough 1 pc "<cpu mode='host-passthrough'/>"
guest maximum 1 $old "<cpu mode='maximum'/>"
guest own 1 q35 "<cpu><model>Westmere</model><feature policy='disable' name='aes'/><feature policy='require' name='avx'/></cpu>"
guest partial 1 $old "<cpu check='partial'><model>Westmere</model><feature policy='optional' name='fma'/></cpu>"
guest partial-2 2 $old "<cpu check='partial'><model>Westmere</model>$cores2</cpu>"
guest none-ht 1 $old "<cpu check='none'><model>Westmere</model><feature policy='require' name='ht'/></cpu>"
guest none-ht-2 2 $old "<cpu check='none'><model>Westmere</model>$cores2<feature policy='require' name='ht'/></cpu>"
guest forced 1 $old "<cpu check='none'><model>Westmere</model><feature policy='force' name='avx512f'/></cpu>"
guest forbidding 1 $old "<cpu check='none'><model>Westmere</model><feature policy='forbid' name='avx'/></cpu>"
guest forbidding-more 1 $old "<cpu check='none'><model>Westmere</model><feature policy='forbid' name='erms'/></cpu>"
guest newer-word 1 $old "<cpu check='none'><model>Westmere</model><feature policy='disable' name='cmpccxadd'/></cpu>"
guest first-version 1 $old "<cpu check='none'><model>Westmere-v1</model></cpu>"
guest amd-word 1 $old "<cpu check='none'><model>Nehalem</model><feature policy='require' name='cmp_legacy'/></cpu>"
guest too-much 1 $old "<cpu check='none'><model>Haswell</model></cpu>"
guest amd 2 $old "<cpu check='none'><model>EPYC</model>$cores2</cpu>"
guest no-acpi 1 pc-q35-7.2 "$nehalem" '<apic/>'
guest old-machine 1 pc-i440fx-2.11 "$nehalem"
guest gone-machine 1 pc-i440fx-2.3 "$nehalem"
guest new-machine 1 pc-q35-10.0 "$nehalem"
guest width 1 $old "$(with "$nehalem" "<maxphysaddr mode='emulate' bits='42'/>")"
guest host-width 1 $old "$(with "$nehalem" "<maxphysaddr mode='passthrough'/>")"

# What starts runs on any host; its live XML is the document. All hosts work at once.
names=$(cd "$folder/defined" && ls | sed 's/\.xml$//')
working=
for home in a b poor; do
    # shellcheck disable=SC2086 # a list of names
    start $home $names &
    working="$working $!"
done
# shellcheck disable=SC2086 # process ids; the daemons are children, too
wait $working
expect 1 "$cpulift" verify --json --guests "$folder/guests" "$folder/plan.json" "$folder/hosts"
cp "$folder/out" "$folder/verdict.json"
working=
for home in a b poor; do
    travel "$folder/verdict.json" $home &
    working="$working $!"
done
# shellcheck disable=SC2086
wait $working
judge 30 a b poor
