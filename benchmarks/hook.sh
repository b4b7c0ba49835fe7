#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# hook.sh [BUILD [RUNS]]: what cpulift-hook adds to the start of a guest, as a whole process, warm and cold, beside a
# process that does nothing; and with a QEMU that is known from the apply, and one that is new at every start, since nothing can be
# remembered here: its version is looked for in the program. Goal: under 5 ms. Then what a seal adds to it, and libvirt's guard.
set -eu
unset LD_LIBRARY_PATH LIBRARY_PATH OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS
build=$(cd "${1:-build}" && pwd)
runs=${2:-300}
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# As 'make install' leaves them.
mkdir "$folder/programs"
for program in cpulift cpulift-hook cpulift-plan cpulift-platform; do
    strip -o "$folder/programs/$program" "$build/$program"
done
programs=$folder/programs hook=$folder/programs/cpulift-hook
mkdir -p "$folder/etc/cpulift"
cp "$source/tests/platform/plan.json" "$folder/etc/cpulift/plan.json"
document=$(cat "$source/tests/platform/cloudstack.xml")
export CPULIFT_ROOT="$folder"
echo "== warm: nothing | the hook"
"$build/benchmarks/paired" "$runs" /bin/true -- "$hook" cloudstack hook transform "$document"
if command -v openssl >/dev/null; then
    sealed=$folder/sealed/etc/cpulift
    mkdir -p "$sealed"
    openssl genpkey -algorithm ed25519 -out "$folder/key.pem" 2>/dev/null
    openssl pkey -in "$folder/key.pem" -pubout -out "$sealed/plan.pub"
    "$programs/cpulift" plan --quiet --for paper --virt qemu --sign "$folder/key.pem" -o "$sealed/plan.json"
    mkdir -p "$folder/open/etc/cpulift"
    cp "$sealed/plan.json" "$folder/open/etc/cpulift"
    tuned() { CPULIFT_ROOT=$folder/$1 "$hook" cloudstack hook transform "$document"; }
    if [ "$(tuned open)" != "$(tuned sealed)" ] || [ "$(tuned sealed)" = "$document" ]; then
        echo "the sealed plan is not taken" >&2
        exit 1
    fi
    echo "== warm: the hook, a plan that nobody holds to its seal | one that must have it"
    "$build/benchmarks/paired" "$runs" "CPULIFT_ROOT=$folder/open" "$hook" cloudstack hook transform "$document" -- \
        "CPULIFT_ROOT=$folder/sealed" "$hook" cloudstack hook transform "$document"
fi
program=/usr/bin/qemu-system-x86_64
if [ -x "$program" ]; then
    mkdir -p "$folder/usr/bin" "$folder/etc/libvirt"
    cp "$program" "$folder$program"
    : >"$folder/etc/libvirt/qemu.conf"
    echo "== a new QEMU: nothing | the hook"
    "$build/benchmarks/paired" "$runs" /bin/true -- "$hook" cloudstack hook transform "$document"
    "$programs/cpulift" apply "$folder/etc/cpulift/plan.json" --platform libvirt --root "$folder" --commit >"$folder/applied"
    echo "== a known QEMU: nothing | the hook"
    "$build/benchmarks/paired" "$runs" /bin/true -- "$hook" cloudstack hook transform "$document"
    rm -rf "${folder:?}/var"
fi
guard() { # CPU: a guest of this <cpu> at the guard
    printf "<domain type='qemu'><name>g</name>%s</domain>" "$1" >"$folder/domain.xml"
    "$build/benchmarks/paired" "$runs" /bin/sh -c "exec /bin/true <$folder/domain.xml" -- \
        /bin/sh -c "exec $hook guard hook g prepare begin - <$folder/domain.xml"
}
echo "== nothing | the guard, a planned guest"
guard "$("$programs/cpulift" show --xml "$folder/etc/cpulift/plan.json")"
echo "== nothing | the guard, a guest of another definition, for which the CPU map is read"
guard "<cpu><model>Nehalem</model><feature policy='disable' name='vme'/></cpu>"
mkdir -p "$folder/etc/cloudstack/agent"
: >"$folder/etc/cloudstack/agent/agent.properties"
"$programs/cpulift" apply "$folder/etc/cpulift/plan.json" --platform cloudstack --version 4.22 --root "$folder" --commit >"$folder/applied"
script=$folder/etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh
echo "== warm, as installed: nothing | the script that calls the hook"
"$build/benchmarks/paired" "$runs" /bin/true -- "$script" transform "$document"
libraries=$(ldd "$hook" 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | tr '\n' ' ')
cold() { # COMMAND: beside nothing; what only it reads is not in memory
    PAIRED_EVICT="/bin/true $hook $script $folder/etc/cpulift/plan.json $libraries" "$build/benchmarks/paired" "$runs" /bin/true -- "$@"
}
# What was just written would stay in memory.
sync
echo "== cold: nothing | the hook"
cold "$hook" cloudstack hook transform "$document"
echo "== cold, as installed: nothing | the script that calls the hook"
cold "$script" transform "$document"
