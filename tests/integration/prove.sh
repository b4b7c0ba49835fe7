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
for variant in default paper; do
    "$cpulift" plan --for $variant --virt qemu --machine pc >"$work/$variant.json"
done

try_all() {
    for name in default paper nehalem westmere bits32; do
        expect 0 '^PROVED' "$work/$name.json" "$@"
    done
    expect 0 '"verdict": "yes"' "$work/westmere.json" --json --machine q35 "$@"
    expect 1 '^missing  *aes$' "$work/lie.json" "$@"
    expect 1 '^extra  *sse4.2$' "$work/lie.json" "$@"
    expect 1 'definition was refused: .*avx512f' "$work/refused.json" "$@"
}
try_all --direct
expect 2 "cannot run '/nonexistent'" "$work/default.json" --direct --emulator /nonexistent
expect 64 'one PLAN' --direct

if [ "$(id -u)" -eq 0 ] && "$cpulift" prove "$work/default.json" -c qemu:///embed >/dev/null 2>&1; then
    try_all -c qemu:///embed
else
    echo "the embedded libvirt does not start a guest here: only --direct was tried"
fi
exit $bad
