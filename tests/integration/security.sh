#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# prove --security: a real kernel under TCG, and guests that print what no kernel of ours does: security.sh SOURCE BUILD
# shellcheck disable=SC2034 # the conditions are evaluated by check
set -eu
source=$1 build=$2
cpulift=$build/cpulift
skip() {
    echo "1..0 # SKIP $*"
    exit 0
}
command -v qemu-system-x86_64 >/dev/null || skip QEMU is not here
[ -x "$build/cpulift-kernel-init" ] || skip no first process was built
kernel=$("$source/tests/lib/kernels.sh" "$build/kernels" 6.1) || skip no kernel of Debian to be had
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C TMPDIR="$work"
number=0 bad=0

# check WHAT CONDITION
check() {
    number=$((number + 1))
    if eval "$2"; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' "$work/out" "$work/err"
        bad=1
    fi
}

# plan NAME MODEL REQUIRED FEATURES
plan() {
    words() { for word in $1; do printf '%s"%s"' "$between" "$word" && between=,; done; }
    between=
    features=$(words "$4") required=$(between='' && words "$3")
    cat >"$work/$1.json" <<END
{"schema":"cpulift.plan/1","pool":"$1","variant":"tuned","virt":"qemu","machine":"pc","features":[$features],
"definition":{"mode":"custom","match":"exact","check":"full","fallback":"forbid","model":"$2","require":[$required],"disable":[],"optional":[]}}
END
}

# host NAME FILE:TEXT…: a document of a host whose kernel says this
host() {
    name=$1 between=
    shift
    {
        printf '{"schema":"cpulift.host/1","name":"%s","arch":"x86_64","cpu":{"vendor":"Intel"},"vulnerabilities":{' "$name"
        for one; do
            printf '%s"%s":"%s"' "$between" "${one%%:*}" "${one#*:}"
            between=,
        done
        echo '},"guests":[{"virt":"qemu","machine":"pc","features":["lm"]}]}'
    } >"$work/$name.json"
}

# prove ARGUMENT…: sets $status
prove() {
    status=0
    "$cpulift" prove "$@" >"$work/out" 2>"$work/err" || status=$?
}
says() { grep -q "$1" "$work/out"; }

nehalem="apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf_lm lm mca mce mmx msr mtrr nx pae pat
    pge pni popcnt pse pse36 sep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc"
plan nehalem Nehalem hypervisor "$nehalem"
plan refused Nehalem "hypervisor avx512f" "$nehalem avx512f"
host sound "retbleed:Not affected" "mds:Not affected" "x:<script>"
host skylake "retbleed:Mitigation: IBRS" "mds:Mitigation: Clear CPU buffers; SMT vulnerable"

prove "$work/nehalem.json" "$work/sound.json" --security --direct --kernel "$kernel"
check 'a guest as safe as its host' '[ $status -eq 0 ] && says "^AS SAFE.*AS THEY SAY.*kernel 6\.1\." && says "^retbleed  *same  *Not affected  *sound: Not affected"'
check 'the guest tells every file of its kernel' '[ "$(grep -cE "^[a-z_0-9]+ +[a-z]+ +(Not affected|Mitigation|Vulnerable|Unknown|KVM)" "$work/out")" -ge 15 ]'
check 'what emulation cannot tell is said' 'says "^note .*IA32_ARCH_CAPABILITIES"'

prove "$work/nehalem.json" "$work/sound.json" "$work/skylake.json" --security --kernel "$kernel" --in default --json -c qemu:///embed --html "$work/page"
cat >"$work/read.py" <<'END'
import json, sys
document = json.load(open(sys.argv[1]))
rows = {row["name"]: row for row in document["vulnerabilities"]}
before = {row["name"]: row for row in document["before"]["vulnerabilities"]}
print(document["verdict"], rows["retbleed"]["verdict"], rows["mds"]["verdict"], before["retbleed"]["verdict"], document["before"]["cpu"], document["source"],
      *[host["verdict"] for host in rows["retbleed"]["hosts"]])
END
if command -v python3 >/dev/null; then
    check 'what a model hides, through libvirt, and what the default CPU does' \
        '[ $status -eq 1 ] && [ "$(python3 "$work/read.py" "$work/out")" = "wrong wrong worse wrong default booted wrong same" ]'
fi
check 'the page has all of it, loads nothing and runs nothing' 'grep -q "<td class=\"n\">✗ wrong</td><td>Not affected</td>" "$work/page" && grep -q "verdict, default CPU" "$work/page" &&
    grep -q "&lt;script&gt;" "$work/page" && ! grep -qE "<script|https?:|@[A-Z]+@| src=" "$work/page"'
"$cpulift" show "$work/out" >/dev/null 2>"$work/err" && shown=0 || shown=$?
check 'the document is one of ours' '[ $shown -eq 0 ]'

prove "$work/refused.json" "$work/sound.json" --security --direct --kernel "$kernel"
check 'a definition that is refused' '[ $status -eq 1 ] && says "^why .*refused: .*avx512f"'
prove "$work/nehalem.json" --security --direct --kernel "$work/none"
check 'a kernel that is not there' '[ $status -eq 2 ] && grep -q "no kernel .*--kernel" "$work/err"'
for other in "$work/nehalem.json" /dev/null "$work"; do
    prove "$work/nehalem.json" --security --direct --kernel "$other"
    check "$other is no kernel, and no CPU was refused" '[ $status -eq 2 ] && grep -q "no Linux kernel" "$work/err" && ! [ -s "$work/out" ]'
done
prove "$work/nehalem.json" --direct --kernel "$kernel"
check '--kernel is for --security' '[ $status -eq 64 ]'
prove "$work/nehalem.json" --direct --timeout 0
check 'no time at all is wrong usage, not the usual time' '[ $status -eq 64 ] && grep -q "1 to 3600" "$work/err"'

# A kernel that panics: its first process is none.
mkdir "$work/none"
echo 'no program' >"$work/none/cpulift-kernel-init"
chmod 755 "$work/none/cpulift-kernel-init"
for program in "$build"/cpulift-*; do
    [ ! -x "$program" ] || [ -d "$program" ] || [ -e "$work/none/${program##*/}" ] || ln -s "$(readlink -f "$program")" "$work/none/"
done
CPULIFT_EXEC_PATH=$work/none prove "$work/nehalem.json" "$work/sound.json" --security --direct --kernel "$kernel" --console "$work/panic"
check 'a kernel that panics' '[ $status -eq 1 ] && says "^why .*said nothing" && grep -q "Kernel panic" "$work/panic"'

# hostile WHAT SAID SCRIPT…: QEMU is a program that prints this
hostile() {
    what=$1 said=$2
    shift 2
    { echo '#!/bin/sh'; echo 'if [ "$1" = --version ]; then exec qemu-system-x86_64 --version; fi'; printf '%s\n' "$@"; } >"$work/qemu"
    chmod 755 "$work/qemu"
    rm -f "$work"/cpulift-console-*
    begun=$(date +%s)
    prove "$work/nehalem.json" "$work/sound.json" --security --direct --kernel "$kernel" --emulator "$work/qemu" --timeout 4
    took=$(($(date +%s) - begun))
    kept=$(cat "$work"/cpulift-console-* 2>/dev/null | tr -d '\n\t -~' | wc -c)
    check "a guest that $what" '[ $status -eq 1 ] && says "^NOT PROVED:" && says "^why .*$said" && [ $took -lt 30 ] && ! grep -q "$(printf "\033")" "$work/out" "$work/err" &&
        ls "$work"/cpulift-console-* >/dev/null 2>&1 && [ "$kept" -eq 0 ]'
}
statement='printf "\n@cpulift begin kernel\nrelease 6.1\nvulnerability mds: Not affected\n"'
hostile floods 'without end' 'exec yes'
hostile 'never ends' 'out of time' 'echo begun; exec sleep 600'
hostile 'prints escape sequences' 'does not' "$statement" 'printf "vulnerability x: \033]0;title\007\n@cpulift end kernel\n"; sleep 1'
hostile 'stops in the middle' 'ends in the middle' "$statement"
hostile 'says one thing twice' 'vulnerability mds' "$statement" 'printf "vulnerability mds: Mitigation: x\n@cpulift end kernel\n"; sleep 1'
hostile 'begins twice' 'does not' "$statement" "$statement" 'printf "@cpulift end kernel\n"; sleep 1'
hostile 'says half a mark' 'said nothing' 'printf "@cpulift begin kern\nrelease 6.1\n@cpulift end kernel\n"; sleep 1'

# KVM's guests read the registers. A program stands for QEMU with one.
plan immune Nehalem hypervisor "$nehalem arch-capabilities rdctl-no"
registers() {
    printf '#!/bin/sh\n%s\nprintf "msr 0000010a: %s\\n@cpulift end kernel\\n"; sleep 1\n' "$statement" "$1" >"$work/qemu"
    prove "$work/immune.json" "$work/sound.json" --security --direct --virt kvm --kernel "$kernel" --emulator "$work/qemu"
}
registers 0000000000000001
check 'a register as planned' '[ $status -eq 0 ] && ! says "^why"'
registers 0000000000000000
check 'a register that lacks what is planned' '[ $status -eq 1 ] && says "^why .*lacks rdctl-no"'
registers 0000000000000003
check 'a register that has more' '[ $status -eq 1 ] && says "^why .*has ibrs-all"'
check 'nothing is left' '[ -z "$(find "$work" -name "cpulift-probe-*")" ]'
echo "1..$number"
exit $bad
