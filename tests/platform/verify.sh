#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What 'cpulift verify' says of guests on three real libvirtd, one of which has a QEMU that gives less, is what live migration then does with
# each. And what it says where hosts hang and guests end under its eyes. Usage: verify.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
for program in ip unshare virsh libvirtd qemu-system-x86_64 python3; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || exit 77
. "$here/hosts.sh"
trap 'hosts_end; rm -rf "$folder" /dev/shm/cpulift-$$-*' EXIT
hosts_open "$folder" || { echo "no network namespaces here"; exit 77; }
python3 "$here/poorer.py" /usr/bin/qemu-system-x86_64 "$folder/qemu" avx2 movbe || { echo "no QEMU that gives less"; exit 77; }
host_add a
host_add b
host_add poor sh "$here/poorly.sh" "$folder/qemu"
hosts_wait || fail "not all libvirtd answer: $(tail -n 3 "$folder"/*/libvirtd.log)"
for host in a b poor; do
    echo "$host $(host_get uri $host)"
done >"$folder/list"

expect 0 "$cpulift" scan --hosts "$folder/list" -o "$folder/hosts"
expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts" -o "$folder/plan.json"
expect 0 "$cpulift" plan --quiet --virt qemu "$folder/hosts/a.json" -o "$folder/plan-a.json"
planned=$("$cpulift" show --xml "$folder/plan.json")
planned_a=$("$cpulift" show --xml "$folder/plan-a.json")

. "$here/moves.sh"
guest default 1 pc ''
guest paper-4 4 pc "$(with "$nehalem" "$cores4")"
guest tuned 1 pc "$planned"
guest tuned-q35-4 4 q35 "$(with "$planned" "$cores4")"
guest tuned-a 1 pc "$planned_a"
guest host-model-2 2 q35 "<cpu mode='host-model'>$cores2</cpu>"
guest host-model 1 pc "<cpu mode='host-model' check='full'/>"
guest passthrough 1 pc "<cpu mode='host-passthrough'/>"
guest maximum 1 pc "<cpu mode='maximum'/>"
guest own-avx2 1 q35 "<cpu check='partial'><model fallback='forbid'>Westmere</model><feature policy='require' name='avx2'/></cpu>"
guest own-less 1 q35 "<cpu match='minimum' check='none'><model>Haswell</model></cpu>"
guest strict 1 pc "<cpu match='strict' check='none'><model>Westmere</model><feature policy='optional' name='movbe'/></cpu>"
guest forced 1 pc "<cpu check='none'><model>Westmere</model><feature policy='force' name='avx2'/></cpu>"
guest forbidding 1 pc "<cpu check='none'><model>Westmere</model><vendor>Intel</vendor><feature policy='forbid' name='avx'/></cpu>"
guest amd-none 2 pc "<cpu check='none'><model>EPYC</model>$cores2</cpu>"
guest no-acpi 1 q35 "$nehalem" '<apic/>'
guest narrow 1 pc "$(with "$nehalem" "<maxphysaddr mode='emulate' bits='40'/>")"
guest wide 1 pc "$(with "$nehalem" "<maxphysaddr mode='emulate' bits='42'/>")"
# What ties a guest to its host, whatever its CPU is, and what does not.
memory="<model type='ivshmem-plain'/><size unit='M'>1</size></shmem>"
guest sharing 1 pc "$planned" '<acpi/><apic/>' "<shmem name='cpulift-$$-peer'>$memory"
guest owning 1 pc "$planned" '<acpi/><apic/>' "<shmem name='cpulift-$$-master' role='master'>$memory"
starting=
start a default paper-4 tuned-a host-model passthrough own-avx2 forced wide sharing owning &
starting="$starting $!"
start b tuned host-model-2 tuned-q35-4 maximum own-less forbidding amd-none no-acpi &
starting="$starting $!"
start poor host-model-2 forced strict narrow
# shellcheck disable=SC2086 # process ids; the daemons are children, too
wait $starting

# verify STATUS OPTION…
verify() {
    wanted=$1
    shift
    expect "$wanted" "$cpulift" verify --hosts "$folder/list" "$folder/plan.json" "$@"
}
verify 1
has "$folder/out" "libvirt's own comparison says otherwise in "
verify 1 --json
cp "$folder/out" "$folder/verdict.json"
# The documents alone say the same.
expect 1 "$cpulift" verify --json --guests "$folder/guests" "$folder/plan.json" "$folder/hosts"
sed '/^      "libvirt\(_why\)\{0,1\}": /d' "$folder/verdict.json" >"$folder/unasked.json"
same "$folder/out" "$folder/unasked.json"
expect 1 "$cpulift" verify --hosts "$folder/list" --evacuate b
has "$folder/out" "'b' cannot be evacuated: b-maximum can go to no other host"
travelling=
for home in a b poor; do
    travel "$folder/verdict.json" "$home" &
    travelling="$travelling $!"
done
# shellcheck disable=SC2086
wait $travelling
judge 10 a b poor || exit 1

# A guest ends between the list and the look; the XML of another has words of a libvirt to come: told, and no other is the worse for it.
guest vanishing 1 pc "$nehalem"
guest strange 1 pc "<cpu check='none'><model>Nehalem</model><feature policy='disable' name='sse4.2'/></cpu>"
start b vanishing strange
expect 1 env LD_PRELOAD="$build/tests/platform/libshown.so" "$cpulift" verify --hosts "$folder/list" --evacuate b
has "$folder/err" "guest 'b-strange' of 'b' could not be read: 'b-strange': feature 'sse4.2' has the unknown policy 'perhaps'"
has "$folder/out" "b-strange"
lacks "$folder/out" vanishing
lacks "$folder/err" vanishing
# In a rehearsal it stays what it is.
expect 1 env LD_PRELOAD="$build/tests/platform/libshown.so" "$cpulift" verify --hosts "$folder/list" "$folder/plan.json" --without a
has "$folder/out" "b-strange"

# One that hangs is told, and costs its time once; so is one that is not there. All of them is no answer.
kill -STOP "$(cat "$folder/poor/pid")"
echo "gone qemu+unix:///system?socket=$folder/none" >>"$folder/list"
# at_once NAME ARGUMENT…: what they wait for, they wait for together
at_once() {
    (
        name=$1
        shift
        got=0
        "$cpulift" verify --hosts "$folder/list" --timeout 8 "$@" >"$folder/out-$name" 2>"$folder/err-$name" </dev/null || got=$?
        echo "$got" >"$folder/status-$name"
    ) &
    waiting="$waiting $!"
}
waiting=
at_once json "$folder/plan.json" --json --html "$folder/page.html"
at_once nagios "$folder/plan.json" --nagios
at_once without "$folder/plan.json" --without poor --without gone --json
# shellcheck disable=SC2086
wait $waiting
[ "$(cat "$folder"/status-json "$folder"/status-nagios "$folder"/status-without | tr '\n' ' ')" = "3 2 1 " ] || fail "$(cat "$folder"/err-*)"
has "$folder/err-json" "'poor' did not answer within 8 s"
has "$folder/err-json" "host 'gone': "
has "$folder/out-json" '"silent": ['
lacks "$folder/out-json" '"poor-'
has "$folder/page.html" '<li>&apos;poor&apos; did not answer'
has "$folder/out-nagios" "2 hosts silent | "
lacks "$folder/out-without" '"silent": ['
grep '^poor\|^gone' "$folder/list" >"$folder/silent"
expect 2 "$cpulift" verify --hosts "$folder/silent" --timeout 1
has "$folder/err" "none of 2 hosts answers"
expect 3 "$cpulift" verify --hosts "$folder/silent" --timeout 1 --nagios
has "$folder/out" "CPULIFT UNKNOWN - none of 2 hosts answers"
# It stays stopped: whoever ends them must end that one, too.
echo "$checks checks"
