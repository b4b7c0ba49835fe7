#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What cpulift-hook adds to the start of a guest, as a whole process, warm and cold, paired with a
# program that does nothing. Usage: hook.sh BUILD [ROUNDS]
set -eu
unset OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS OMP_NUM_THREADS MALLOC_PERTURB_ 2>/dev/null || :
build=$(cd "$1" && pwd)
rounds=${2:-200}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/etc/cpulift"
cp "$here/../tests/platform/plan.json" "$folder/etc/cpulift/plan.json"
document=$(cat "$here/../tests/platform/cloudstack.xml")
export CPULIFT_ROOT="$folder"
libraries=$(ldd "$build/cpulift-hook" | awk '$3 ~ /^\// {print $3}')
echo "warm, $rounds rounds:"
"$build/bench-spawn" "$rounds" -- "$build/cpulift-hook" cloudstack hook transform "$document" -- /bin/true
echo "cold, $((rounds / 4)) rounds:"
# shellcheck disable=SC2086
"$build/bench-spawn" "$((rounds / 4))" --cold "$build/cpulift-hook" $libraries /bin/true \
    "$folder/etc/cpulift/plan.json" -- \
    "$build/cpulift-hook" cloudstack hook transform "$document" -- /bin/true
