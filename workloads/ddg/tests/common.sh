# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# TAP helpers for the tests of cpulift-ddg; sourced, with $ddg, $mpirun and $scratch (a new folder) set.
ddg=${ddg:?} mpirun=${mpirun:?} scratch=${scratch:?}
export OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
trap 'rm -rf "$scratch"' EXIT
count=0 failures=0

# result STATUS NAME: one TAP line
result() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failures=$((failures + 1))
    fi
}

# skip NAME WHY
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

finish() {
    echo "1..$count"
    exit 0
}

# near NAME GOT WANTED RELATIVE: |got - wanted| <= relative |wanted|
near() {
    awk -v g="$2" -v w="$3" -v r="$4" 'BEGIN {
        d = g - w; if (d < 0) d = -d; a = w < 0 ? -w : w
        exit !(g != "" && d <= r * a) }'
    status=$?
    [ $status -eq 0 ] || echo "# $1: got '$2', wanted $3 within $4"
    result $status "$1"
}

# run RANKS ARGUMENTS...: I-V rows without header on stdout, the result line in $scratch/json
run() {
    ranks=$1
    shift
    if [ "$ranks" -eq 1 ]; then
        "$ddg" "$@" -progress off -json "$scratch/json" 2>"$scratch/err"
    else
        "$mpirun" -n "$ranks" "$ddg" "$@" -progress off -json "$scratch/json" 2>"$scratch/err"
    fi | awk '/^[-0-9]/'
}

# column TABLE ROW COLUMN
column() {
    echo "$1" | awk -v r="$2" -v c="$3" 'NR == r { print $c }'
}

# figure NAME: value from the last result line
figure() {
    tr '{' '\n' <"$scratch/json" | awk -v n="\"$1\":" '
        hit { sub(/.*"value": /, ""); sub(/[,}].*/, ""); print; exit } index($0, n) && $0 ~ n " *$" { hit = 1 }'
}
