#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# cpulift-ddg's linear solvers against those of an earlier build, or against plain additive Schwarz by options: both sides in one
# run, interleaved. Two meshes on which additive Schwarz alone degrades, and the calibrated fin.
# Usage: ddg-solver.sh PROGRAM EXAMPLES [EARLIER-PROGRAM] [ROUNDS]. Prints TSV: first what two copies side by side cost each other (1: they
# run at full speed, and only then can two ranks gain what the solver allows), then a line for each case, then ratios of medians.
set -eu
new=$1 examples=$2 old=${3:-} rounds=${4:-3}
export OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
first="-vg 0.8 -vd 0.05 -nx 80 -ny 12 -nz 60 -nox 3"
second="-vg 0.8 -vd 0.05 -nx 100 -ny 14 -nz 72 -nox 4"
fin="$examples/finfet-10.7nm.ddg"
plain="-linear_rtol 1e-3 -fill 0 -coarse 0"
grid=''
[ -z "$old" ] || grid="-grid reference" # earlier programs have no other

# the seconds that the user waits, of the CPU, Krylov iterations, rescues and MiB of rank 0 in one result line
numbers() {
    for name in time time_setup krylov_iterations direct_rescues memory_rank0; do
        tr '{' '\n' <"$1" | awk -v n="\"$name\":" 'hit { sub(/.*"value": /, ""); sub(/[,}].*/, ""); print; exit } index($0, n) && $0 ~ n " *$" { hit = 1 }'
    done | tr '\n' ' '
}

# one SIDE RANKS CASE OPTIONS...: a line of the table
one() {
    side=$1 ranks=$2 case=$3
    shift 3
    program=$new
    if [ "$side" = earlier ] && [ -n "$old" ]; then
        program=$old
    elif [ "$side" = earlier ]; then
        set -- "$@" $plain
    else
        set -- "$@" $grid
    fi
    [ "$ranks" -eq 1 ] || program="mpirun -n $ranks $program"
    before=$(cut -d ' ' -f 1 /proc/loadavg)
    # shellcheck disable=SC2086 # a command line
    $program "$@" -progress off -json "$scratch/json" >"$scratch/out" 2>"$scratch/err" || :
    # shellcheck disable=SC2046 # five words
    set -- $(numbers "$scratch/json")
    awk -v s="$side" -v c="$case" -v r="$ranks" -v a="$1" -v b="$2" -v k="$3" -v d="$4" -v m="$5" -v l="$before" \
        'BEGIN { printf "%s\t%s\t%d\t%.2f\t%d\t%d\t%d\t%s\n", c, s, r, a + b, k, d, m * r, l }' | tee -a "$scratch/table"
}

# seconds of N copies of the second mesh side by side
copies() {
    start=$(date +%s.%N)
    for i in $(seq "$1"); do
        # shellcheck disable=SC2086 # options
        "$new" $second -progress off >"$scratch/copy$i" 2>&1 &
    done
    wait
    date +%s.%N | awk -v s="$start" '{ print $1 - s }'
}

# median SIDE RANKS CASE COLUMN
median() {
    awk -F '\t' -v s="$1" -v r="$2" -v c="$3" -v k="$4" '$1 == c && $2 == s && $3 == r { print $k }' "$scratch/table" |
        sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

ratio() {
    awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%s\t%.3f\n", n, a / b }'
}

alone=$(copies 1)
ratio "one copy / each of two copies" "$alone" "$(copies 2)"
printf 'case\tside\tranks\tseconds\tkrylov\trescues\tMiB\tload\n'
for round in $(seq "$rounds"); do
    for side in earlier now; do
        # shellcheck disable=SC2086 # options
        for ranks in 1 2; do
            one $side $ranks 82944 $first
            one $side $ranks 147763 $second
        done
        one $side 1 fin "$fin"
    done
    [ "$round" -gt 1 ] || for side in earlier now; do
        # shellcheck disable=SC2086 # options
        one $side 4 82944 $first
        # shellcheck disable=SC2086 # options
        one $side 4 147763 $second
    done
done
for case in 82944 147763 fin; do
    ratio "$case: seconds on 1 rank, now / earlier" "$(median now 1 $case 4)" "$(median earlier 1 $case 4)"
done
for case in 82944 147763; do
    for side in earlier now; do
        ratio "$case: seconds on 1 rank / on 2, $side" "$(median $side 1 $case 4)" "$(median $side 2 $case 4)"
        for ranks in 2 4; do
            ratio "$case: krylov on $ranks ranks / on 1, $side" "$(median $side $ranks $case 5)" "$(median $side 1 $case 5)"
        done
    done
done
