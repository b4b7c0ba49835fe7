#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Krylov iterations of cpulift-ddg on 1, 2 and 4 ranks, on meshes of shapes drawn by chance: counts, which are exact under any load.
# The range of nodes is cut into as many equal parts as there are shapes, and each part gets one.
# Usage: ddg-shapes.sh PROGRAM [SHAPES] [SEED] [LEAST-NODES] [MOST-NODES]. Prints TSV: a line for each shape, then the worst ratios.
set -eu
program=$1 shapes=${2:-20} seed=${3:-1} least=${4:-10000} most=${5:-150000}
export OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# figure NAME: of the last result line
figure() {
    tr '{' '\n' <"$scratch/json" | awk -v n="\"$1\":" 'hit { sub(/.*"value": /, ""); sub(/[,}].*/, ""); sub(/\.0$/, ""); print; exit } index($0, n) && $0 ~ n " *$" { hit = 1 }'
}

# half a fin has (nx + 1)(ny + nox + 1)(nz + nox + 1) nodes
draw() {
    awk -v s="$seed" -v k="$shapes" -v least="$least" -v most="$most" 'BEGIN {
        srand(s)
        part = (most - least) / k
        while (drawn < k) {
            nx = 16 + int(105 * rand()); ny = 3 + int(18 * rand()); nz = 6 + int(75 * rand()); nox = 1 + int(4 * rand())
            n = (nx + 1) * (ny + nox + 1) * (nz + nox + 1)
            if (n < least + drawn * part || n > least + (drawn + 1) * part) continue
            drawn++
            printf "-nx %d -ny %d -nz %d -nox %d -vg %.1f -vd %s\n", nx, ny, nz, nox, int(11 * rand()) / 10, rand() < 0.5 ? "0.05" : "0.7"
        }
    }'
}

printf 'shape\tnodes\t1 rank\t2 ranks\t4 ranks\trescues\n'
draw >"$scratch/shapes"
while read -r shape; do
    counts='' rescues=0
    for ranks in 1 2 4; do
        rm -f "$scratch/json"
        # shellcheck disable=SC2086 # options
        mpirun -n $ranks "$program" $shape -progress off -json "$scratch/json" </dev/null >"$scratch/out" 2>"$scratch/err" || :
        [ -s "$scratch/json" ] || { echo "$shape on $ranks ranks: no result" >&2; exit 1; }
        counts="$counts$(figure krylov_iterations)	"
        rescues=$(figure direct_rescues | awk -v r="$rescues" '{ print r + $1 }')
    done
    printf '%s\t%d\t%s%d\n' "$shape" "$(figure nodes)" "$counts" "$rescues" | tee -a "$scratch/table"
done <"$scratch/shapes"
awk -F '\t' '{ two = $4 / $3; four = $5 / $3; a = two > a ? two : a; b = four > b ? four : b; r += $6 }
    END { printf "worst of 2 ranks\t%.3f\nworst of 4 ranks\t%.3f\nrescues\t%d\n", a, b, r }' "$scratch/table"
