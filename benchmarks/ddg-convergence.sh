#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# How the reference device's currents depend on the mesh: docs/ddg.md has the tables. Usage: ddg-convergence.sh PROGRAM [MOST]; MOST is the
# finest of all axes against 20 x 3 x 6 + 1 (default 4; 8 takes long). Prints TSV: grid, nx, ny, nz, nox, scheme, Id at VG = 0, 0.4, 1 V.
set -eu
ddg=$1 most=${2:-4}
export OPENBLAS_NUM_THREADS=1

# row GRID SCHEME NX NY NZ NOX ARGUMENTS...
row() {
    printf '%s\t%s\t%s\t%s\t%s\t%s' "$1" "$3" "$4" "$5" "$6" "$2"
    grid=$1 scheme=$2 nx=$3 ny=$4 nz=$5 nox=$6
    shift 6
    "$ddg" -grid "$grid" -scheme "$scheme" -nx "$nx" -ny "$ny" -nz "$nz" -nox "$nox" -vg 0,0.4,1 -progress off "$@" |
        awk '/^[0-9]/ { printf "\t%.4e", $3 } END { print "" }'
}
# root RATIO SCALE: the ratio of neighbouring cells when each is cut into SCALE/2
root() {
    awk -v r="$1" -v s="$2" 'BEGIN { print r ^ (2 / s) }'
}

printf 'grid\tnx\tny\tnz\tnox\tscheme\tId[A] VG=0\tVG=0.4\tVG=1\n'
for grid in fitted reference; do
    for nx in 30 38 39 40 41 42 50 80 160; do row $grid box $nx 4 6 1; done
    for scheme in box fe; do
        for scale in 1 2 4 6 8; do
            [ $scale -gt "$most" ] || row $grid $scheme $((20 * scale)) $((3 * scale)) $((6 * scale)) $scale \
                -ratio_y "$(root 1.25 $scale)" -ratio_z "$(root 1.15 $scale)"
        done
    done
done
