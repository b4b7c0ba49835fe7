#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# cpulift-ddg beside octave-bim on the reference device: same mesh, same gate biases, one run, interleaved.
# Usage: ddg-peer.sh PROGRAM PEER-FOLDER [ROUNDS]; the peer needs octave-bim octave-msh python3-numpy.
# PEER-FOLDER holds mesh.py and finfet.m. Prints TSV: who, ranks, round, seconds for 6 gate biases, Id at 1 V.
set -eu
ddg=$1 peer=$2 rounds=${3:-3}
bias="0 0.2 0.4 0.6 0.8 1.0"
export OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE || true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

ours() {
    if [ "$1" -eq 1 ]; then set -- 1 "$ddg"; else set -- "$1" mpirun -n "$1" "$ddg"; fi
    ranks=$1
    shift
    "$@" -grid reference -vg "$(echo "$bias" | tr ' ' ,)" -progress off >out
    seconds=$(grep -o '"time": {[^}]*' out | sed 's/.*value": //')
    current=$(awk '$2 == 1 { print $3 }' out)
    printf 'cpulift-ddg\t%s\t%s\t%s\t%s\n' "$ranks" "$round" "$seconds" "$current"
}

printf 'program\tranks\tround\tseconds\tId[A]\n'
command -v octave-cli >peer && /usr/bin/python3 "$peer/mesh.py" 40 6 12 2
for round in $(seq "$rounds"); do
    ours 1
    ours 2
    [ -s peer ] || continue
    octave-cli --no-gui "$peer/finfet.m" 1 "[$bias]" 0.05 >out 2>log || true
    awk -v r="$round" '/^RES/ { t += $(NF - 1); id = $7 } END { printf "octave-bim\t1\t%s\t%s\t%s\n", r, t, id }' out
done
