#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A library in a guest takes the code of the plan's generation, not only of its features: OpenBLAS' kernels under the plans of hosts of several
# generations, as `run` shows them on this silicon: kernels.sh BUILD. Prints TAP.
set -u
PATH=$1:$PATH
# It would choose in the plan's place.
unset OPENBLAS_CORETYPE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
count=0
say() {
    count=$((count + 1))
    echo "$1 $count - $2"
    [ "$1" = ok ] || sed 's/^/# /' err
}

# make_plan MODEL DENIED…: of one host that gives this model, and is of its vendor
make_plan() {
    case $1 in EPYC*) vendor=AMD ;; *) vendor=Intel ;; esac
    echo "<cpu mode='custom' match='exact'><model fallback='forbid'>$1</model><vendor>$vendor</vendor></cpu>" >cpu.xml
    cpulift import cpu.xml --name host -o host.json 2>err || return
    shift
    for feature; do
        set -- "$@" --deny "$feature"
        shift
    done
    cpulift plan host.json -q -o plan.json "$@" 2>err
}

# Sandboxes hide some instructions that OpenBLAS does not choose by: without those, where `run` names them.
shows() {
    make_plan "$1" && { cpulift run --cpu plan.json --check 2>err || {
        # shellcheck disable=SC2046 # a list of names
        make_plan "$1" $(sed -n 's/.*lacks (\(.*\)).*/\1/p' err | tr -d ,)
    }; }
}
takes() {
    cpulift run --vendor model --cpu plan.json -- cpulift-linpack -n 100 >out 2>err && grep -q "\"blas_core\":\"$1\"" out || {
        cat out >>err
        return 1
    }
}

while read -r model kernels needs; do
    name="a plan of $model takes the kernels $kernels"
    lacks=
    for flag in $needs; do
        grep -qw "$flag" /proc/cpuinfo || lacks="$lacks $flag"
    done
    [ -z "$lacks" ] || { say ok "$name # SKIP this machine lacks$lacks"; continue; }
    if shows "$model" && takes "$kernels"; then say ok "$name"; else say 'not ok' "$name"; fi
done <<'END'
Nehalem Nehalem sse4_2
SandyBridge Sandybridge avx
Haswell-noTSX Haswell avx2 fma
Broadwell-noTSX Haswell avx2 fma
Skylake-Server-noTSX-IBRS SkylakeX avx512vl
EPYC Zen avx2 fma
END
echo "1..$count"
