#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real guests under TCG, in QEMU itself and through the embedded libvirt: prove.sh BUILD-FOLDER
set -eu
cpulift=$1/cpulift
command -v qemu-system-x86_64 >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# plan NAME MODEL REQUIRED FEATURES: a plan of an explicit definition, libvirt's names between blanks
plan() {
    python3 - "$@" >"$work/$1.json" <<'PY'
import json, sys
name, model, require, features = sys.argv[1:5]
print(json.dumps({
    "schema": "cpulift.plan/1", "pool": name, "variant": "tuned", "virt": "qemu", "machine": "pc",
    "features": sorted(features.split()), "definition": {
        "mode": "custom", "match": "exact", "check": "full", "fallback": "forbid", "model": model,
        "require": require.split(), "disable": [], "optional": []}}))
PY
}

# expect STATUS PATTERN ARGUMENT…: `cpulift prove ARGUMENT…` ends so, and prints a line like this
expect() {
    want=$1 pattern=$2
    shift 2
    status=0
    "$cpulift" prove "$@" >"$work/out" 2>"$work/err" || status=$?
    if [ "$status" -ne "$want" ] || ! cat "$work/out" "$work/err" | grep -q "$pattern"; then
        echo "prove $*: exit $status, not $want, or no line like '$pattern':" >&2
        cat "$work/out" "$work/err" >&2
        bad=1
    fi
}

nehalem="apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf_lm lm mca mce mmx msr mtrr nx pae pat
    pge pni popcnt pse pse36 sep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc"
plan nehalem Nehalem hypervisor "$nehalem"
plan westmere Westmere "hypervisor arat pclmuldq" "$nehalem aes arat pclmuldq"
plan lie Nehalem hypervisor "$(echo "$nehalem" | sed 's/sse4.2/aes/')"
plan refused Nehalem "hypervisor avx512f" "$nehalem avx512f"
plan bits32 qemu32 hypervisor "apic cmov cx8 de fpu fxsr hypervisor mce mmx msr pae pat pge pni pse sep sse sse2 tsc"
for variant in default paper paper-default; do
    "$cpulift" plan --for $variant --virt qemu --machine pc >"$work/$variant.json"
done

# domain NAME VCPU TOPOLOGY FEATURES: a guest of a platform with the plan "westmere" put into it, worded for this QEMU
qemu=$(qemu-system-x86_64 --version | sed -n 's/.* version \([0-9.]*\).*/\1/p')
domain() {
    cat >"$work/domain" <<END
<domain type='qemu'><name>$1</name><memory>32768</memory>$2<os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><acpi/>$4</features><cpu>$3</cpu><devices/></domain>
END
    "$cpulift" rewrite --qemu "$qemu" --plan "$work/westmere.json" "$work/domain" >"$work/$1.xml"
}

# starts NAME VCPUS TOPOLOGY NOTES OPTION…: exactly the planned CPU on every vCPU; what follows from the topology is a note
starts() {
    name=$1 vcpus=$2 topology=$3 notes=$4
    shift 4
    expect 0 "^vcpus  *$vcpus of $vcpus read, $topology$" "$work/westmere.json" --domain "$work/$name.xml" "$@"
    if [ "$(grep -c '^note ' "$work/out")" -ne "$notes" ] || ! grep -q '^executed .*pclmuldq' "$work/out"; then
        echo "$name $*: not $notes notes, or not executed:" >&2
        cat "$work/out" >&2
        bad=1
    fi
}

domain one '<vcpu>1</vcpu>' '' ''
domain sockets '<vcpu>2</vcpu>' '' ''
domain cores '<vcpu>4</vcpu>' "<topology sockets='2' cores='2' threads='1'/>" "<pmu state='off'/>"
domain threads '<vcpu>4</vcpu>' "<topology sockets='1' cores='2' threads='2'/>" '<pmu/>'
domain room "<vcpu current='1'>4</vcpu>" "<topology sockets='1' cores='4' threads='1'/>" ''
domain odd '<vcpu>6</vcpu>' "<topology sockets='2' dies='1' cores='3' threads='1'/>" ''
domain none '<vcpu>3</vcpu>' "<topology sockets='1' cores='2' threads='1'/>" ''
domain many '<vcpu>256</vcpu>' '' ''

# QEMU is told of the host's power states where the domain tells it, and only there.
cat >"$work/power" <<END
#!/bin/sh
echo "\$*" >>"$work/argv"
exec qemu-system-x86_64 "\$@"
END
chmod 755 "$work/power"
sed "s|<devices/>|&<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg value='-overcommit'/><q:arg value='cpu-pm=on'/></q:commandline>|" \
    "$work/one.xml" >"$work/idle.xml"

try_power() {
    for name in one idle; do
        wanted=0
        [ $name = one ] || wanted=1
        : >"$work/argv"
        starts $name 1 'sockets 1, cores 1, threads 1' 0 --emulator "$work/power" "$@"
        if [ "$(grep -c 'cpu-pm=on' "$work/argv")" -ne $wanted ]; then
            echo "$name $*: not started as the domain has it:" >&2
            cat "$work/argv" >&2
            bad=1
        fi
    done
}

try_shapes() {
    try_power "$@"
    starts one 1 'sockets 1, cores 1, threads 1' 0 "$@"
    starts sockets 2 'sockets 2, cores 1, threads 1' 0 "$@"
    starts cores 4 'sockets 2, cores 2, threads 1' 1 "$@"
    starts threads 4 'sockets 1, cores 2, threads 2' 1 "$@"
    starts room 1 'sockets 1, cores 4, threads 1' 1 "$@"
    starts odd 6 'sockets 2, cores 3, threads 1' 1 "$@"
    expect 1 'definition was refused: .*topology' "$work/westmere.json" --domain "$work/none.xml" "$@"
}

try_all() {
    for name in default paper nehalem westmere bits32; do
        expect 0 '^vcpus  *2 of 2 read, sockets 1, cores 2, threads 1$' "$work/$name.json" "$@"
    done
    expect 0 '"verdict": "yes"' "$work/westmere.json" --json --machine q35 "$@"
    expect 1 '^missing  *aes$' "$work/lie.json" "$@"
    expect 1 '^extra  *sse4.2$' "$work/lie.json" "$@"
    expect 1 'definition was refused: .*avx512f' "$work/refused.json" "$@"
}
# A QEMU whose second CPU is not there, or is a device of its own that lacks popcnt.
for name in short unlike; do
    cat >"$work/$name" <<'END'
#!/bin/sh
for argument; do
    shift
    case $argument in
    2,maxcpus=2,*) argument=1,${argument#*,} ;;
    esac
    set -- "$@" "$argument"
done
END
done
echo 'exec qemu-system-x86_64 "$@"' >>"$work/short"
echo 'exec qemu-system-x86_64 "$@" -device Westmere-x86_64-cpu,socket-id=0,core-id=1,thread-id=0,popcnt=off' >>"$work/unlike"
chmod 755 "$work/short" "$work/unlike"

try_all --direct
try_shapes --direct
# Only Red Hat's QEMU has this model. libvirt takes the nearest of those that there are.
expect 1 "definition was refused: .*'cpu64-rhel6'" "$work/paper-default.json" --direct
expect 2 'number of virtual CPUs .256. is no number from 1 to 255' "$work/westmere.json" --domain "$work/many.xml" --direct
expect 1 '^why  *1 of 2 vCPUs did not come up$' "$work/westmere.json" --direct --emulator "$work/short"
expect 1 '^vCPU 1  *missing popcnt$' "$work/westmere.json" --direct --emulator "$work/unlike"
expect 1 '^vCPU 1  *cpuid 00000001 0 ecx: ' "$work/westmere.json" --direct --emulator "$work/unlike"
expect 1 '"vcpus": "1"' "$work/westmere.json" --direct --emulator "$work/unlike" --json
expect 2 "cannot run '/nonexistent'" "$work/default.json" --direct --emulator /nonexistent
expect 64 'one PLAN' --direct

if [ "$(id -u)" -eq 0 ] && "$cpulift" prove "$work/default.json" -c qemu:///embed >/dev/null 2>&1; then
    try_all -c qemu:///embed
    expect 0 '^vcpus  *2 of 2 read' "$work/paper-default.json" -c qemu:///embed
    try_shapes -c qemu:///embed
else
    echo "the embedded libvirt does not start a guest here: only --direct was tried"
fi
exit $bad
