#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# rewrite.sh [BUILD [RUNS]]: what `cpulift rewrite` adds to the start of a guest, as a whole process, beside a process
# that does nothing and beside one that only loads libvirt. Goal: a median under 5 ms.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH
build=$(cd "${1:-build}" && pwd)
runs=${2:-300}
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$build/cpulift" plan --for paper --virt kvm --machine pc -o "$folder/paper.json"
common=$source/tests/golden/common/plan.json
small=$source/tests/golden/rewrite-cloudstack-two-cpus/in.xml
{
    echo "<domain type='kvm'><name>large</name><devices>"
    i=0
    while [ $i -lt 1000 ]; do
        echo "<disk type='file' device='disk'><source file='/var/images/$i.qcow2'/><target dev='vd$i' bus='virtio'/></disk>"
        i=$((i + 1))
    done
    echo "</devices></domain>"
} >"$folder/large.xml"

pair() {
    echo "== $1"
    shift
    "$build/benchmarks/paired" "$runs" "$@"
}
pair "nothing | a domain of $(wc -c <"$small") bytes" /bin/true -- \
    "$build/cpulift" rewrite -q --plan "$common" "$small"
pair "nothing | the paper's plan" /bin/true -- \
    "$build/cpulift" rewrite -q --plan "$folder/paper.json" "$small"
pair "nothing | a domain of $(wc -c <"$folder/large.xml") bytes" /bin/true -- \
    "$build/cpulift" rewrite -q --plan "$common" "$folder/large.xml"
if command -v virsh >/dev/null; then
    pair "loading libvirt | a domain" virsh --version -- \
        "$build/cpulift" rewrite -q --plan "$common" "$small"
fi
echo "== libraries: $(ldd "$build/cpulift" 2>&1 | awk '{ print $1 }' | grep -c '\.so'); libvirt among them: $(ldd "$build/cpulift" 2>&1 | grep -c libvirt || true)"
