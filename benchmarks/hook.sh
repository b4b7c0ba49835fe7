#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# hook.sh [BUILD [RUNS]]: what cpulift-hook adds to the start of a guest, as a whole process, warm and cold, beside a
# process that does nothing. Goal: under 5 ms.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS
build=$(cd "${1:-build}" && pwd)
runs=${2:-300}
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/etc/cpulift"
cp "$source/tests/platform/plan.json" "$folder/etc/cpulift/plan.json"
document=$(cat "$source/tests/platform/cloudstack.xml")
export CPULIFT_ROOT="$folder"
echo "== warm: nothing | the hook"
"$build/benchmarks/paired" "$runs" /bin/true -- "$build/cpulift-hook" cloudstack hook transform "$document"
libraries=$(ldd "$build/cpulift-hook" 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | tr '\n' ' ')
echo "== cold: nothing | the hook"
PAIRED_EVICT="/bin/true $build/cpulift-hook $folder/etc/cpulift/plan.json $libraries" \
    "$build/benchmarks/paired" "$((runs / 4 + 1))" /bin/true -- \
    "$build/cpulift-hook" cloudstack hook transform "$document"
