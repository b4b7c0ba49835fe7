#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job on this machine: scan, plan in several ways, and prove each plan in a real guest: plans.sh CPULIFT. Prints TAP.
set -u
cpulift=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
report() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; sed 's/^/# /' "$work/err"; fi
}

"$cpulift" scan -o "$work/hosts" 2>"$work/err"
report $? "scan"

# prove NAME OPTION…: the plan with these options is made, and a guest of it sees and executes exactly that.
prove() {
    name=$1
    shift
    "$cpulift" plan --virt qemu "$@" "$work/hosts" -q -o "$work/$name.json" 2>"$work/err" &&
        "$cpulift" prove "$work/$name.json" >"$work/out" 2>>"$work/err" &&
        grep -q '^missing *none$' "$work/out" && grep -q '^extra *none$' "$work/out" && ! grep -q '^faulted' "$work/out"
    status=$?
    [ $status = 0 ] || cat "$work/out" >>"$work/err"
    report $status "plan $name is proved"
}
prove tuned
prove q35 --machine q35
prove without-avx2 --deny avx2
prove without-xsave --deny xsave
prove nested --allow nested
prove poor --deny sse4.1 --deny popcnt --deny lahf_lm
"$cpulift" explain --json "$work/without-xsave.json" avx2 2>"$work/err" | grep -q '"reason": "dependency"'
report $? "avx2 does not hang in the air without xsave"
echo "1..$count"
