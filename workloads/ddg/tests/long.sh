#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# All examples on 1 to 4 ranks with both Gummel variants, and larger meshes.
ddg=${ddg:?} mpirun=${mpirun:-mpirun} examples=${examples:?} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"

for file in "$examples"/*.ddg; do
    name=$(basename "$file" .ddg)
    for method in coupled decoupled; do
        run 1 "$file" -method $method >"$scratch/one"
        result $((1 - $(grep -c '"verified": true' "$scratch/json"))) "$name $method on 1 rank"
    done
    for ranks in 2 3 4; do
        run $ranks "$file" >"$scratch/many"
        result $((1 - $(grep -c '"verified": true' "$scratch/json"))) "$name on $ranks ranks"
    done
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
