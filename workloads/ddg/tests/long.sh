#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# All examples on 1 to 4 ranks with both Gummel variants, 20 samples of random dopants, and larger meshes.
ddg=${ddg:?} mpirun=${mpirun:-mpirun} examples=${examples:?} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"

# verified NAME: the last result says so
verified() {
    result $((1 - $(grep -c '"verified": true' "$scratch/json"))) "$1"
}

# agree NAME TABLE OTHER ON: drain currents equal to ON, under 1 nA to 1e-5, under 1 fA not at all; of a mos column (5 columns) the
# inversion charge from 1e8 cm^-2 on
agree() {
    printf '%s\n' "$2" >"$scratch/a"
    printf '%s\n' "$3" >"$scratch/b"
    paste "$scratch/a" "$scratch/b" | awk -v on="$4" '
        { mos = NF == 10; a = mos ? $2 : $3; d = a - (mos ? $7 : $9); d = d < 0 ? -d : d; a = a < 0 ? -a : a }
        a <= (mos ? 1e8 : 1e-15) { next }
        { r = d / a; if (r > worst) worst = r; if (r > (a < 1e-9 ? 1e-5 : on)) bad = 1 }
        NF != 12 && !mos { bad = 1 }
        END { print "# " worst + 0; exit !(NR && !bad) }'
    result $? "$1"
}

for file in "$examples"/*.ddg; do
    name=$(basename "$file" .ddg)
    alone=$(run 1 "$file")
    verified "$name on 1 rank"
    other=$(run 1 "$file" -method decoupled)
    verified "$name decoupled"
    agree "$name decoupled: currents" "$alone" "$other" 1e-6
    for ranks in 2 3 4; do
        other=$(run $ranks "$file")
        verified "$name on $ranks ranks"
        agree "$name on $ranks ranks: currents" "$alone" "$other" 1e-7
    done
done

for seed in $(seq 20); do
    ranks=$((2 + seed % 3))
    alone=$(run 1 "$examples/finfet-random-dopants.ddg" -seed "$seed")
    verified "dopants, sample $seed"
    other=$(run $ranks "$examples/finfet-random-dopants.ddg" -seed "$seed")
    verified "dopants, sample $seed on $ranks ranks"
    agree "dopants, sample $seed on $ranks ranks: currents" "$alone" "$other" 1e-7
done

# a free mesh of the reference fin: coarse at the surface, so only near the reference
if command -v gmsh >"$scratch/null"; then
    gmsh -3 -format msh41 "$examples/fin.geo" -o "$scratch/fin.msh" >"$scratch/log" 2>&1
    for scheme in fe box; do
        table=$(run 2 -device gmsh -mesh_file "$scratch/fin.msh" -multiplicity 2 -scheme $scheme -vg 0,1 \
            -vd 0.05,0.7)
        near "gmsh fin $scheme on" "$(column "$table" 2 3)" 2.114e-5 0.15
        near "gmsh fin $scheme off" "$(column "$table" 1 3)" 5.86e-11 0.2
    done
else
    skip "gmsh fin" "no gmsh"
fi

# refinement: the current about threshold approaches its limit with order near 1, as the gate's edges let it
for scale in 1 2 4; do
    run 2 -nx $((20 * scale)) -ny $((3 * scale)) -nz $((6 * scale)) -nox $scale -vg 0.4 \
        -ratio_y "$(awk -v s=$scale 'BEGIN { print 1.25 ^ (2 / s) }')" \
        -ratio_z "$(awk -v s=$scale 'BEGIN { print 1.15 ^ (2 / s) }')" | cut -f3
done >"$scratch/refined"
near "refinement converges" "$(awk 'NR == 1 { a = $1 } NR == 2 { b = $1 } NR == 3 { d = (b - $1) / (a - b)
    print (d < 0.6 && d > -0.6) }' "$scratch/refined")" 1 0
finish
