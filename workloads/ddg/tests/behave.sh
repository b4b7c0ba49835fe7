#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# How cpulift-ddg takes good and bad input. Usage: ddg=PROGRAM mpirun=MPIRUN examples=FOLDER behave.sh
ddg=${ddg:?} mpirun=${mpirun:-mpirun} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"
small="-nx 20 -ny 3 -nz 5 -nox 1"

# refuse NAME ARGUMENTS...: exit 2, one line on stderr, nothing on stdout
refuse() {
    name=$1
    shift
    "$ddg" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    if [ $status -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && [ ! -s "$scratch/out" ]; then
        result 0 "refused: $name"
    else
        echo "# exit $status: $(cat "$scratch/err")"
        result 1 "refused: $name"
    fi
}

printf 'width = -1\n' >"$scratch/negative"
printf 'widht = 5\n' >"$scratch/misspelt"
printf '$MeshFormat\n2.2 0 8\n$EndMeshFormat\n' >"$scratch/broken.msh"
cat >"$scratch/material.msh" <<'MSH'
$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
1
3 1 "germanium"
$EndPhysicalNames
MSH
cat >"$scratch/flat.msh" <<'MSH'
$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
2
3 1 "silicon"
2 2 "source"
2 3 "drain"
$EndPhysicalNames
$Nodes
4
1 0 0 0
2 1 0 0
3 0 1 0
4 1 1 0
$EndNodes
$Elements
2
1 2 2 2 2 1 2 3
2 4 2 1 1 1 2 3 4
$EndElements
MSH
refuse "negative length" "$scratch/negative"
refuse "misspelt parameter" "$scratch/misspelt"
refuse "capital letters" -Vg 1
grep -q "did you mean 'vg'" "$scratch/err"
result $? "capital letters point at the parameter's name"
refuse "gate outside the device" -gate_shift 20
refuse "unknown material" -device gmsh -mesh_file "$scratch/material.msh"
refuse "broken mesh" -device gmsh -mesh_file "$scratch/broken.msh"
refuse "flat tetrahedron" -device gmsh -mesh_file "$scratch/flat.msh"
refuse "missing mesh" -device gmsh -mesh_file "$scratch/none.msh"
refuse "zero doping" -device bar -doping uniform -doping_level 0
refuse "unknown device" -device diode
refuse "no value" -nx
refuse "not a number" -width abc
refuse "unreadable file" "$scratch/none.ddg"
refuse "folder as parameter file" "$scratch"
refuse "folder as mesh" -device gmsh -mesh_file "$scratch"
refuse "empty range" -vg 1:0.1:0
refuse "random dopants in half a fin" -dopants random
refuse "a gate voltage given twice" -vg 0.5,0.5
refuse "a gate voltage within the rounding of a range" -vg 0:0.1:0.3,0.3
refuse "drain voltages of a mos column" -device mos -vd 0,0.1
refuse "missing restart" -restart "$scratch/none"
# Many at once, none of them by mpirun.
many() {
    for seed in 1 2 3 4 5 6 7 8 9 10; do
        "$ddg" -seed $seed -nx 10 -ny 2 -nz 2 -nox 1 -vg 0 >"$scratch/many$1" 2>&1 || echo failed >>"$scratch/many"
    done
}
: >"$scratch/many"
for lane in 1 2 3 4 5 6; do many $lane & done
wait
[ ! -s "$scratch/many" ]
result $? "sixty runs, six at a time"
refuse "unwritable table" $small -iv "$scratch/none/iv.tsv"

# a full disk is no success
for out in -iv -json; do
    "$ddg" $small -vg 0.5 -progress off $out /dev/full >"$scratch/out" 2>"$scratch/err"
    near "full disk, $out" "$?$(wc -l <"$scratch/err")" 21 0
done
"$ddg" $small -vg 0.5 -progress off >/dev/full 2>"$scratch/err"
near "full disk, stdout" "$?$(wc -l <"$scratch/err")" 21 0
for out in -save -vtu; do
    "$ddg" $small -vg 0.5 -progress off $out "$scratch/none/x" >"$scratch/out" 2>"$scratch/err"
    near "unwritable $out" "$?$(wc -l <"$scratch/err")" 21 0
done

# a file that is standard output's own is not cut: the table and the result stand in it, once
for out in -iv -json; do
    "$ddg" $small -vg 0.5 -progress off $out /dev/stdout >"$scratch/both" 2>"$scratch/err"
    near "$out /dev/stdout" "$?$(grep -c '^VD' "$scratch/both")$(grep -c '^{"figures"' "$scratch/both")$(wc -l <"$scratch/both")" 0113 0
done

# a failure to converge keeps what was solved, and says what that is
"$ddg" $small -vg 0,10 -max_newton 8 -min_step 10 -iv "$scratch/iv" >"$scratch/out" 2>"$scratch/err"
near "no convergence exits 1" $? 1 0
grep -q 'no convergence at VD = 0.05 V, VG = 10 V: .*; solved up to VD = 0.05 V, VG = 0 V$' "$scratch/err"
result $? "no convergence names the bias, and what was solved"
near "which is in the table" "$(awk 'END { print NR }' "$scratch/iv")" 2 0
tail -1 "$scratch/out" | grep -q '"verified": false'
result $? "no convergence is not verified"
"$ddg" $small -vg 0.5 -max_gummel 2 -max_newton 1 -min_step 1 >"$scratch/out" 2>"$scratch/err"
near "no convergence at the first bias exits 1" $? 1 0
grep -q 'nothing was solved' "$scratch/err" && ! grep -q 'solved up to' "$scratch/err"
result $? "where nothing was solved, nothing else is said"

# a first bias far away is ramped to
for bias in "-vg 50" "-vg -50" "-vg 50 -method decoupled" "-vg 50 -vs 20 -vd 20"; do
    "$ddg" $small $bias -progress off >"$scratch/out" 2>"$scratch/err"
    near "first bias $bias" $? 0 0
done
near "and is the same by another way" "$(column "$(run 1 $small -vg 50)" 1 3)" "$(column "$(run 1 $small -vg 0,10,20,30,50)" 5 3)" 1e-7

# -h is -help
"$ddg" -help >"$scratch/a" && "$ddg" -h >"$scratch/b" && "$ddg" --help >"$scratch/c" && cmp -s "$scratch/a" "$scratch/b" && cmp -s "$scratch/a" "$scratch/c"
result $? "-h is -help"

# biases that %g would call the same have names of their own
"$ddg" $small -vg 0.50000001,0.5 -progress off -vtu "$scratch/near" >"$scratch/out" 2>"$scratch/err"
near "labels of near biases" "$(for v in 0.5 0.50000001; do
    [ -s "$scratch/near_vd0.05_vg$v.pvtu" ] && grep -o "\"id_vd0.05_vg$v\"" "$scratch/out"
done | wc -l)" 2 0
rm "$scratch"/near_*

# a MOS column has charges, no drain current
"$ddg" -device mos -length 1 -width 1 -nx 1 -ny 1 -nz 40 -doping uniform -doping_level -1e18 -vg 1 >"$scratch/out" 2>"$scratch/err"
grep -q 'VG = 1 V: N_inv = [1-9].* cm^-2, centroid .* nm' "$scratch/err" && ! grep -q 'ID = ' "$scratch/err"
result $? "progress of a MOS column"

# parameters written are parameters read
"$ddg" -help | sed '1,/^$/d' >"$scratch/defaults"
"$ddg" "$scratch/defaults" $small -vg 0.5 -progress off >"$scratch/a" 2>&1
"$ddg" $small -vg 0.5 -progress off >"$scratch/b" 2>&1
[ "$(sed -n 2p "$scratch/a" | cut -f1-4)" = "$(sed -n 2p "$scratch/b" | cut -f1-4)" ]
result $? "the documentation is a parameter file"

# options of PETSc that nothing would use are refused by name, and so is what PETSc refuses
refuse_option() {
    word=$1
    shift
    refuse "option $word" $small -vg 0.5 "$@"
    grep -qF -e "'$word'" "$scratch/err"
    result $? "which is named"
}
refuse_option -potential_ksp_typ -potential_ksp_typ gmres
refuse_option -density_sub_pc_factor_level -density_sub_pc_factor_level 1
refuse_option -full_ksp_rtoll -full_ksp_rtoll 1e-3
refuse_option -poisson_ksp_type -poisson_ksp_type gmres
refuse_option -log_vew -log_vew
refuse_option -malloc_dumpp -malloc_dumpp
refuse_option -potential_pc_type -potential_pc_type gamg
refuse_option -density_ksp_type -density_ksp_type nonsense
# what PETSc refuses while it solves, in one line, too: the factors have no transpose
"$ddg" $small -vg 0.5 -potential_ksp_type bicg >"$scratch/out" 2>"$scratch/err"
[ $? -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && grep -q 'PETSc failed: .*transpose' "$scratch/err"
result $? "a solver that wants a transpose"
plain=$(run 1 $small -vg 0.5 | cut -f3)
for option in "-potential_ksp_type gmres" "-full_ksp_type gmres" "-method decoupled -poisson_ksp_type gmres" "-potential_ksp_view" \
    "-log_view" "-malloc_dump" "-options_left"; do
    near "option $option" "$(run 1 $small -vg 0.5 $option | awk -F'\t' 'NF == 6 { print $3 }')" "$plain" 1e-6
done
for ranks in 1 2; do
    option="-density_sub_pc_factor_levels 1 -potential_ksp_converged_reason"
    near "options on $ranks ranks" "$(run $ranks $small -vg 0.5 $option | awk -F'\t' 'NF == 6 { print $3 }')" "$plain" 1e-6
    option="-density_pc_type gamg -density_mg_levels_ksp_type richardson"
    near "multigrid on $ranks ranks" "$(run $ranks $small -vg 0.5 $option | cut -f3)" "$plain" 1e-6
done

# the last line is the result
tail -1 "$scratch/b" | grep -q '^{"figures": .*"schema": "cpulift.result/1".*"workload": "ddg"}$'
result $? "result line"

# CPU time is that of all ranks: of one, no more than has passed; of two, each has computed
run 1 $small -vg 0.5 >"$scratch/iv1"
near "CPU time on one rank" "$(awk -v c="$(figure cpu_time)" -v t="$(figure time)" 'BEGIN { print (c > 0 && c <= t * 1.02 + 0.02) }')" 1 0
one=$(figure cpu_time)
run 2 $small -vg 0.5 >"$scratch/iv2"
near "CPU time on two ranks" "$(awk -v c="$(figure cpu_time)" -v o="$one" 'BEGIN { print (c > 0.5 * o) }')" 1 0

# restart on another number of ranks: at once converged
run 1 $small -vg 0.5 -save "$scratch/state" >"$scratch/iv1"
run 2 $small -vg 0.5 -restart "$scratch/state" >"$scratch/iv2"
near "restart gives the same current" "$(cut -f3 "$scratch/iv2")" "$(cut -f3 "$scratch/iv1")" 1e-7
near "restart is converged" "$(cut -f5 "$scratch/iv2" | awk '{ print ($1 <= 2) }')" 1 0

# only a regular file is replaced
ln -s later "$scratch/dangling"
ln -s dangling "$scratch/twice"
run 1 $small -vg 0.5 -save "$scratch/twice" >"$scratch/iv2"
[ -h "$scratch/twice" ] && [ -h "$scratch/dangling" ] && cmp -s "$scratch/later" "$scratch/state"
result $? "a saved point goes where dangling links lead"
mkfifo "$scratch/fifo"
cat "$scratch/fifo" >"$scratch/through" &
run 1 $small -vg 0.5 -save "$scratch/fifo" >"$scratch/iv2"
wait $!
[ -p "$scratch/fifo" ] && cmp -s "$scratch/through" "$scratch/state"
result $? "a saved point goes through a FIFO"
"$ddg" $small -vg 0.5 -save /dev/stdout >"$scratch/all" 2>"$scratch/err"
[ "$(head -c 2 "$scratch/all")" = VD ] && grep -aq 'cpulift-ddg-state/1' "$scratch/all" && tail -n 1 "$scratch/all" | grep -aq '"schema"'
result $? "a saved point goes to standard output, behind what stands there"
"$ddg" $small -vg 0.5 -progress off -save "$scratch" >"$scratch/out" 2>"$scratch/err"
near "a folder is no file for a saved point" "$?$(wc -l <"$scratch/err")" 21 0

# field files
run 2 $small -vg 0.5 -vtu "$scratch/field" >"$scratch/iv1"
if command -v python3 >"$scratch/null"; then
    python3 "$(dirname "$0")/check_vtu.py" "$scratch/field_vd0.05_vg0.5.pvtu" 0 0.05 0.5
    result $? "field files are well formed"
else
    skip "field files are well formed" "no python3"
fi

# random dopants: the sample depends on the seed only
rdd="$small -symmetry off -dopants random -vg 0.5"
one=$(run 1 $rdd -seed 7)
near "random dopants on 2 ranks" "$(column "$(run 2 $rdd -seed 7)" 1 3)" "$(column "$one" 1 3)" 1e-6
other=$(run 1 $rdd -seed 8)
[ "$(column "$one" 1 3)" != "$(column "$other" 1 3)" ]
result $? "another seed is another device"

# kernels: the same answer from every instruction set
for k in generic avx2 avx512; do
    if "$ddg" $small -vg 0.4 -kernels $k -progress off >"$scratch/k" 2>"$scratch/err"; then
        near "kernels $k" "$(awk 'NR == 2 { print $3 }' "$scratch/k")" \
            "$(column "$(run 1 $small -vg 0.4)" 1 3)" 1e-7
    else
        skip "kernels $k" "not on this CPU"
    fi
done

# PETSc's own checks: nothing leaks, nothing is overwritten
"$ddg" $small -vg 0.5 -progress off -malloc_debug -malloc_dump >"$scratch/out" 2>"$scratch/err"
near "runs under PETSc's memory checks" $? 0 0
! grep -qi 'space allocated\|corrupt' "$scratch/out" "$scratch/err"
result $? "PETSc finds no leak"

# gmsh: both formats, and meshes that are no M-matrix meshes say so
if command -v gmsh >"$scratch/null"; then
    for version in 2.2 4.1; do
        gmsh -3 -format msh"$(echo $version | tr -d .)" "$(dirname "$0")/bar.geo" \
            -o "$scratch/bar.msh" >"$scratch/log" 2>&1
        for scheme in box fe; do
            table=$(run 1 -device gmsh -mesh_file "$scratch/bar.msh" -doping uniform -vd 0.01 -vg 0 \
                -scheme $scheme)
            near "gmsh $version $scheme resistor" "$(column "$table" 1 3)" 6.969468e-7 1e-7
        done
    done
    run 1 -device gmsh -mesh_file "$scratch/bar.msh" -doping uniform -vd 0.01 -vg 0 -continuity fe \
        >"$scratch/out"
    grep -q 'negative coupling' "$scratch/err"
    result $? "negative couplings are reported"
    refuse "negative couplings on request" -device gmsh -mesh_file "$scratch/bar.msh" -doping uniform \
        -vd 0.01 -vg 0 -continuity fe -negative refuse
else
    skip "gmsh import" "no gmsh"
fi
finish
