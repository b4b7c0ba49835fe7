#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the linear solvers promise. Usage: ddg=PROGRAM examples=FOLDER mpirun=MPIRUN solver.sh
ddg=${ddg:?} mpirun=${mpirun:-mpirun} examples=${examples:?} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"

# --- layers under the oxide a thousand times thinner than wide: more ranks need hardly more iterations
# ... nor do densities that change several times over from 0 V in one step (the last)
shapes="-nx 40 -ny 8 -nz 40 -nox 2 -vg 0.8
-nx 20 -ny 12 -nz 50 -nox 1 -vg 0.8 -vd 0.7
-nx 90 -ny 3 -nz 30 -nox 3 -vg 0.8
-nx 71 -ny 3 -nz 38 -nox 4 -vg 1.0 -vd 0.7"
echo "$shapes" >"$scratch/shapes"
while read -r shape; do
    for ranks in 1 2 4; do
        table=$(run $ranks $shape </dev/null)
        [ $ranks -gt 1 ] || alone=$table most=$(figure krylov_iterations | awk '{ print 1.25 * $1 }')
        near "$shape, $ranks ranks: current" "$(column "$table" 1 3)" "$(column "$alone" 1 3)" 1e-7
        near "$shape, $ranks ranks: no rescue" "$(figure direct_rescues | awk '{ print $1 + 1 }')" 1 0
        echo "# $(figure krylov_iterations) iterations"
        figure krylov_iterations | awk -v m="$most" '{ exit !($1 > 0 && $1 <= m) }'
        result $? "$shape, $ranks ranks: iterations"
    done
done <"$scratch/shapes"

# --- whatever the overlap, and on more ranks than a slab has neighbours
shape="-nx 12 -ny 4 -nz 8 -nox 2"
table=$(run 1 $shape)
alone=$(figure krylov_iterations)
for how in "4 -overlap 1" "4 -overlap 2" "4 -overlap 4" "9 -overlap 2"; do
    other=$(run ${how%% *} $shape ${how#* })
    near "$how: current" "$(column "$other" 6 3)" "$(column "$table" 6 3)" 1e-7
    figure krylov_iterations | awk -v a="$alone" '{ print "# " $1 " of " a; exit !($1 > 0 && $1 <= 1.25 * a) }'
    result $? "$how: iterations"
done

# --- a preconditioner that answers with nothing is noticed; MUMPS has each matrix as it is
for how in "-potential_pc_type hypre" "-potential_pc_type none" "-solver mumps"; do
    other=$(run 2 $shape $how)
    near "$how: current" "$(column "$other" 6 3)" "$(column "$table" 6 3)" 1e-7
done
figure krylov_iterations | awk '{ print "# " $1 " solves"; exit !($1 > 0 && $1 <= 300) }'
result $? "MUMPS: solves"

# --- mobility that follows the field: mostly two turns with continuity in an outer iteration, many where that is too slow
most() {
    figure "$2" | awk -v m="$3" '{ print "# " $1; exit !($1 > 0 && $1 <= m) }'
    result $? "$1: at most $3 $2"
}
run 1 "$examples/finfet-10.7nm.ddg" >"$scratch/out"
most "the calibrated fin" krylov_iterations 2000
run 1 "$examples/finfet-10.7nm.ddg" -vsat 2e6 -vd 0.7 -vg 0,0.5,1 >"$scratch/out"
near "slow carriers" "$(grep -c '"verified": true' "$scratch/json")" 1 0
run 1 "$examples/nanowire-10nm.ddg" -mobility_field on -mobility_perp on -vd 0.7 >"$scratch/out"
most "the wire" outer_iterations 300

# --- what only the set-up needs is given back
unset MALLOC_PERTURB_ # writes where the program itself does not
run 1 -nx 10 -ny 4 -nz 8 -vg 0.8 >"$scratch/out"
little="$(figure memory_rank0) $(figure nodes)"
run 1 -nx 60 -ny 12 -nz 40 -vg 0.8 >"$scratch/out"
echo "$little $(figure memory_rank0) $(figure nodes)" |
    awk '{ kib = ($3 - $1) * 1024 / ($4 - $2); print "# " kib " KiB per node"; exit !(kib > 0 && kib <= 2.1) }'
result $? "at most 2.1 KiB per node"

# --- additive Schwarz alone is an option: the same current, in more iterations
shape="-nx 40 -ny 8 -nz 40 -nox 2 -vg 0.8"
for ranks in 1 3; do
    table=$(run $ranks $shape)
    two=$(figure krylov_iterations)
    plain=$(run $ranks $shape -coarse 0)
    near "additive Schwarz alone, $ranks ranks" "$(column "$plain" 1 3)" "$(column "$table" 1 3)" 1e-7
    figure krylov_iterations | awk -v t="$two" '{ exit !(t > 0 && $1 > 1.5 * t) }'
    result $? "the second level saves iterations, $ranks ranks"
done

# --- a rescue is told
"$ddg" -nx 20 -ny 3 -nz 5 -nox 1 -vg 0.5 -max_krylov 1 -linear_rtol 1e-6 >"$scratch/out" 2>"$scratch/err"
grep -q 'ID = .*the Krylov method failed [0-9]* times, MUMPS solved instead$' "$scratch/err"
result $? "the progress line tells of rescues"
tail -1 "$scratch/out" | grep -q '"direct_rescues": {"unit": "1", "value": [1-9]'
result $? "the result tells of rescues"

# --- ranks are the parallelism: OpenBLAS's threads, which exist before main(), are ended
threads() {
    env OPENBLAS_NUM_THREADS="$1" "$ddg" -nx 40 -vg 0:0.1:1 -progress off >"$scratch/threads$1" 2>"$scratch/err" &
    while kill -0 $! && [ ! -s "$scratch/threads$1" ]; do sleep 0.01; done 2>"$scratch/null"
    awk '/^Threads/ { print $2 }' "/proc/$!/status"
    wait $!
}
near "no threads of OpenBLAS" "$(threads 4)" "$(threads 1)" 0
finish
