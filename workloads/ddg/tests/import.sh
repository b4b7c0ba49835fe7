#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Imported meshes: what makes no device is refused by name, what does not fit together is warned of. Usage: ddg=PROGRAM examples=FOLDER import.sh
ddg=${ddg:?} mpirun=${mpirun:-mpirun} examples=${examples:?} here=$(dirname "$0") scratch=$(mktemp -d)
export ddg mpirun scratch
. "$here/common.sh"

# mesh VARIABLE=VALUE...: $scratch/fin.msh, 40 nm long with a gate from 14 to 26 nm, but for what the variables say
mesh() {
    set -- length_x=40 gate_from=14 gate_to=26 shift=0 scale=1 source=source drain=drain gate=gate body= silicon=silicon oxide=oxide "$@"
    for variable; do printf '%s\n%s\n' -v "$variable"; done | xargs awk -f "$here/fin_msh.awk" >"$scratch/fin.msh"
}
fits="-source_length 14 -gate_length 12 -drain_length 14"
solve() {
    # shellcheck disable=SC2086 # words
    "$ddg" -device gmsh -mesh_file "$scratch/fin.msh" -vg 0.5 -progress off "$@" >"$scratch/out" 2>"$scratch/err"
}
# refused NAME WORDS VARIABLE=VALUE...: exit 2, one line that has the words
refused() {
    name=$1 words=$2
    shift 2
    mesh "$@"
    solve $fits
    status=$?
    [ $status -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && grep -qF -e "$words" "$scratch/err"
    good=$?
    [ $good -eq 0 ] || echo "# exit $status: $(cat "$scratch/err")"
    result $good "refused: $name"
}
refused "no source" "no surface 'source'" source=
refused "no drain" "no surface 'drain'" drain=
refused "no gate on the oxide" "no surface 'gate'" gate=
refused "a gate of no extent" "no surface 'gate'" gate_to=14
refused "a misspelt gate" "unknown surface 'gatte'" gate=gatte
refused "a misspelt source" "unknown surface 'src'" source=src
refused "a surface more, that means nothing" "unknown surface 'bulk'" body=bulk
refused "a surface without a name" "physical surface 7 has no name" unnamed=1
refused "a misspelt material" "unknown material 'oxid'" oxide=oxid
refused "second order" "-order 1" type=11
refused "a second-order surface" "-order 1" type=9
refused "a hexahedron" "hexahedra" type=5

# said WORDS...: on stderr of the last run
said() {
    grep -qF -e "$1" "$scratch/err" || { sed 's/^/# /' "$scratch/err"; false; }
}
current() {
    awk 'NR == 2 { print $3 }' "$scratch/out"
}
mesh
solve $fits
near "a mesh that fits is solved" $? 0 0
right=$(current)
said "in nm: x 0 ... 40, y 0 ... 3.5, z 0 ... 15; 420 nodes, 1440 tetrahedra; silicon 1740 nm^3, oxide 360 nm^3"
result $? "bounding box, unit and counts are said"
said "contacts source (20 nodes) drain (20 nodes) gate (28 nodes)"
result $? "contacts are said"
near "one that fits is not warned of" "$(grep -c warning "$scratch/err")" 0 0
near "nor in the result" "$(grep -c '"warnings"' "$scratch/out")" 0 0

mesh source=Source drain=DRAIN gate=Gate silicon=Silicon oxide=OXIDE
solve $fits
near "names in either case" "$(current)" "$right" 1e-12
mesh body=none
solve $fits
near "a surface called none is no contact" "$(current)" "$right" 1e-12
mesh body=body
solve $fits
near "a body contact" $? 0 0

# warned NAME WORDS ARGUMENTS...: the mesh as it stands is solved, with a warning on stderr and in the result
warned() {
    name=$1 words=$2
    shift 2
    solve "$@"
    said "warning: mesh: $words" && grep -qF "\"warnings\": [\"mesh: $words" "$scratch/out"
    result $? "warned of: $name"
}
mesh
warned "lengths that are not the mesh's" "40 nm long, but source_length + gate_length + drain_length is 40.7 nm"
said "its gate reaches from x = 14 to 26 nm, but source_length, gate_length and gate_shift say 15 to 25.7 nm"
result $? "and a gate elsewhere"
warned "a gate elsewhere alone" "its gate reaches from x = 14 to 26 nm" -source_length 12 -gate_length 12 -drain_length 16
solve -doping uniform
near "uniform doping needs no lengths" "$(grep -c warning "$scratch/err")" 0 0
mesh shift=-20
warned "a mesh that begins elsewhere" "it begins at x = -20 nm" $fits
mesh scale=0.001
warned "a mesh in um" "0.04 nm at its longest: it looks to be in um" $fits
near "which is one warning" "$(grep -c warning "$scratch/err")" 1 0
mesh scale=1e-9
warned "a mesh in m" "4e-08 nm at its longest: it looks to be in m;" $fits
# the example, as Gmsh makes it
if command -v gmsh >"$scratch/null"; then
    gmsh -3 -order 1 -format msh41 "$examples/fin.geo" -o "$scratch/fin.msh" >"$scratch/log" 2>&1
    solve -multiplicity 2
    near "the example is solved" $? 0 0
    near "near the own mesh" "$(current)" 5.4e-6 0.1
    near "and fits the parameters' defaults" "$(grep -c warning "$scratch/err")" 0 0
    gmsh -3 -order 2 -format msh22 "$here/bar.geo" -o "$scratch/fin.msh" >"$scratch/log" 2>&1
    solve -doping uniform
    said "it has elements of second order; write it with gmsh -order 1"
    result $? "second order, as Gmsh writes it"
else
    skip "the example" "no gmsh"
fi
finish
