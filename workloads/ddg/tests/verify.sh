#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The physics that cpulift-ddg must get right, on small meshes. Usage: ddg=PROGRAM mpirun=MPIRUN verify.sh
ddg=${ddg:?} mpirun=${mpirun:-mpirun} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"

# --- the reference device: stored figures are part of the program's own verification
for case in "box dg 5.83586024e-11 1.72812876e-06 2.11424753e-05" \
    "box off 2.53827836e-11 2.34481415e-06 2.37199813e-05" \
    "fe dg 5.88759817e-11 1.72860161e-06 2.11401372e-05"; do
    set -- $case
    table=$(run 1 -grid reference -scheme "$1" -quantum "$2" -vg 0,0.4,1)
    near "reference $1 $2 off" "$(column "$table" 1 3)" "$3" 1e-6
    near "reference $1 $2 threshold" "$(column "$table" 2 3)" "$4" 1e-6
    near "reference $1 $2 on" "$(column "$table" 3 3)" "$5" 1e-6
    for row in 1 2 3; do
        tolerance=1e-10
        [ $row -eq 1 ] && tolerance=1e-5
        near "reference $1 $2 source = drain, row $row" "$(column "$table" $row 4 | sed "s/^-//")" \
            "$(column "$table" $row 3)" $tolerance
    done
done

near "the stored figures are part of its verification" "$(grep -c '"stored_points": 3' "$scratch/json")" 1 0
run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vg 0.5 >"$scratch/iv"
near "and are not asked of another mesh" "$(grep -c '"stored_points": 0' "$scratch/json")" 1 0

# --- the off current is smooth in nx, and near its limit (nx = 240: 4.9148e-11 A) from the default nx on
for nx in 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 60 80; do
    run 1 -scheme box -nx $nx -ny 4 -nz 6 -nox 1 -vg 0 | cut -f3
done >"$scratch/smooth"
near "off current smooth in nx" "$(awk 'NR > 1 && ($1 / l - 1) ^ 2 > 0.015 ^ 2 { print NR, l, $1 } { l = $1 }
    END { print NR }' "$scratch/smooth")" 19 0
near "off current near its limit" "$(awk '($1 / 4.9148e-11 - 1) ^ 2 > 0.015 ^ 2 { print NR, $1 } END { print NR }' "$scratch/smooth")" 19 0
for moved in "" "-gate_shift 15" "-gate_shift -15" "-nx 3" "-gate_length 0.01" "-gate_length 300 -nx 10" "-source_length 0.01"; do
    run 1 -nx 12 -ny 2 -nz 3 -nox 1 -vg 0.5 $moved >"$scratch/iv"
    near "lines of ${moved:-the defaults}" "$(awk 'END { print NR }' "$scratch/iv")" 1 0
done

# --- density gradient with vanishing b is the classical device
classical=$(run 1 -quantum off -vg 0.4,1 -tolerance 1e-11)
dg=$(run 1 -quantum dg -mass_x 1e15 -mass_y 1e15 -mass_z 1e15 -interface noflux -vg 0.4,1 -tolerance 1e-11)
for row in 1 2; do
    near "DG without b is the classical case, row $row" "$(column "$dg" $row 3)" \
        "$(column "$classical" $row 3)" 1e-10
done

# --- the three methods
for method in decoupled newton; do
    table=$(run 1 -grid reference -method $method -vg 0,1)
    near "method $method off" "$(column "$table" 1 3)" 5.88759817e-11 1e-6
    near "method $method on" "$(column "$table" 2 3)" 2.11401372e-05 1e-6
done

# --- the derivatives of full Newton against PETSc's differences, row by row
tangent() {
    name=$1
    shift
    "$ddg" "$@" -method newton -full_snes_test_jacobian -full_snes_test_jacobian_view -progress off 2>"$scratch/err" |
        python3 "$(dirname "$0")/check_jacobian.py" 2e-5
    result $? "derivatives of Newton, $name"
}
if command -v python3 >"$scratch/null"; then
    tangent "off" -nx 4 -ny 1 -nz 1 -nox 1 -vg 0 -vd 0.5
    tangent "on" -nx 4 -ny 1 -nz 1 -nox 1 -vg 1
    tangent "classical, boxes" -nx 4 -ny 1 -nz 1 -nox 1 -vg 0.5 -quantum off -scheme box
    tangent "recombination" -device bar -nx 10 -ny 1 -nz 1 -length 100 -doping step -vg 0 -vd -0.7 -srh on -tau_n 1e-14 -tau_p 1e-13
else
    skip "derivatives of Newton" "no python3"
fi

# --- ranks
for ranks in 2 3 4; do
    table=$(run $ranks -nx 20 -ny 3 -nz 5 -nox 1 -vg 0,1)
    alone=$(run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vg 0,1)
    near "$ranks ranks off" "$(column "$table" 1 3)" "$(column "$alone" 1 3)" 1e-5
    near "$ranks ranks on" "$(column "$table" 2 3)" "$(column "$alone" 2 3)" 1e-7
done

# --- resistor: the same current on any mesh
for mesh in "-nx 7 -ny 1 -nz 2" "-nx 20 -ny 3 -nz 4 -ratio_x 1.3"; do
    for scheme in box fe; do
        table=$(run 1 -device bar -doping uniform -vd 0.01 -vg 0 -scheme $scheme $mesh)
        near "resistor $scheme $mesh" "$(column "$table" 1 3)" 6.969468e-7 1e-7
    done
done

# --- pn junction
run 1 -device bar -length 1000 -width 10 -height 10 -nx 200 -ny 1 -nz 1 -ratio_x 1.03 -doping step \
    -vd 0 -vg 0 >"$scratch/pn"
near "pn depletion width" "$(figure depletion_vd0)" 146.81 0.03
near "pn equilibrium carries nothing" "$(awk '{ print $3 + 1 }' "$scratch/pn")" 1 1e-30
table=$(run 1 -vd 0 -vg 0.5)
near "fin in equilibrium carries nothing" "$(echo "$table" | awk '{ print $3 + 1 }')" 1 1e-30

# --- MOS capacitor
mos="-device mos -length 1 -width 1 -nx 1 -ny 1 -nz 240 -ratio_z 1.03 -doping uniform"
mos="$mos -vg_reference flatband -doping_level -1e18 -height 60 -oxide_thickness 1.5"
threshold() {
    awk 'l && $2 > 1e11 && ln < 1e11 { print l + ($1 - l) * log(1e11 / ln) / log($2 / ln); exit }
        { l = $1; ln = $2 }'
}
for case in "off 9.116e12 0.300" "dg 7.023e12 1.238"; do
    set -- $case
    table=$(run 1 $mos -quantum "$1" -vg 2)
    near "mos $1 inversion charge" "$(column "$table" 1 2)" "$2" 0.01
    near "mos $1 centroid" "$(column "$table" 1 3)" "$3" 0.01
done
shift_mv=$(for q in off dg; do run 1 $mos -quantum $q -vg 1.16:0.02:1.36 | threshold; done |
    awk 'NR == 1 { a = $1 } END { print 1000 * ($1 - a) }')
near "mos threshold shift 1e18 (mV)" "$shift_mv" 76.9 0.01
# an independent one-dimensional finite-volume program gives 25.15 here (and 76.95 above)
mos="$mos -doping_level -1e17 -height 150 -oxide_thickness 2 -quantum"
shift_mv=$(for q in off dg; do run 1 $mos $q -vg 0.96:0.02:1.04 | threshold; done |
    awk 'NR == 1 { a = $1 } END { print 1000 * ($1 - a) }')
near "mos threshold shift 1e17 (mV)" "$shift_mv" 25.15 0.01

# --- a body contact within the depletion layer (104 nm) is warned of
deep="-device mos -length 1 -width 1 -nx 1 -ny 1 -nz 80 -ratio_z 1.05 -doping uniform -vg_reference flatband -doping_level -1e17 -oxide_thickness 2"
for case in "60 1" "90 1" "150 0"; do
    set -- $case
    run 1 $deep -vg 0:0.5:2 -height "$1" >"$scratch/iv"
    near "a body contact at $1 nm: warnings" "$(grep -c 'warning: mos: .*reaches the body contact' "$scratch/err")" "$2" 0
    near "and in the result" "$(grep -c 'reaches the body contact' "$scratch/json")" "$2" 0
done

# --- subthreshold slope never under the thermal limit
run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vg 0:0.1:0.4 >"$scratch/iv"
near "slope above 59.5 mV/dec" "$(figure ss_vd0.05 | awk '{ print ($1 > 59.5) }')" 1 0

# --- the tangent's threshold, only where the channel is a resistor
run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vd 0.05,0.7 -vg 0:0.1:1 >"$scratch/iv"
near "tangent's threshold at low VD" "$(figure vth_gm_vd0.05)" "$(figure vth_vd0.05)" 0.25
near "no tangent's threshold at high VD" "$(grep -c vth_gm_vd0.7 "$scratch/json")" 0 0
near "though the other one" "$(grep -c vth_vd0.7 "$scratch/json")" 1 0

# --- the figures of a curve do not depend on the direction of the sweep
for range in 0:0.2:1 1:-0.2:0; do
    run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vg $range >"$scratch/iv"
    for name in ss vth ion ioff; do figure ${name}_vd0.05; done | tr '\n' ' ' >"$scratch/$range"
done
for column in 1 2 3 4; do
    near "figure $column of a sweep downwards" "$(column "$(cat "$scratch/1:-0.2:0")" 1 $column)" \
        "$(column "$(cat "$scratch/0:0.2:1")" 1 $column)" 1e-5
done

# --- gauge: all potentials shifted by the same voltage
table=$(run 1 -nx 20 -ny 3 -nz 5 -nox 1 -vd 0.05,0.7 -vg 0.5 -srh on -mobility caughey -mobility_field on \
    -mobility_perp on)
near "all mobility models converge" "$(echo "$table" | awk 'END { print NR }')" 2 0
finish
