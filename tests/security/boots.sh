#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is told of kernels' beliefs without a boot is what booted kernels say: boots.sh BUILD SOURCE sample|all [VERSION…]. Prints TAP.
# Debian's cloud kernels (6.1 and 6.12) under this machine's QEMU without KVM, on each long-mode model that QEMU names, or on a sample of them with
# features, threads and signatures varied. What a model lacks under TCG, QEMU leaves out without a word: the features compared by are those that
# the guest itself reads by CPUID. Consoles are kept in BUILD/security-boots.
set -u
build=$1
source=$2
which=$3
shift 3
[ $# -gt 0 ] || set -- 6.1 6.12
work=$build/security-boots
init=$build/cpulift-kernel-init
command -v qemu-system-x86_64 >/dev/null || { echo "# skipped: qemu-system-x86_64 is not installed"; exit 77; }
[ -x "$init" ] || { echo "# skipped: this build has no static programs"; exit 77; }
mkdir -p "$work"

# A line for each boot: the name of its console, the model with what is changed, QEMU's options.
list_sample() {
    cat <<END
nehalem Nehalem
skylake Skylake-Server,-avx
skylake-threads Skylake-Server -smp 2,threads=2
skylake-ep Haswell,model=63,stepping=2
icelake Icelake-Server
zen EPYC-Rome
zen3 EPYC-Milan
bare Cascadelake-Server,-hypervisor
END
}

# QEMU 7.2's Opterons G4 and G5 hang these kernels where they set OSXSAVE.
list_all() {
    qemu-system-x86_64 -cpu help | awk '/^Recognized/ { exit } /^x86/ { print $2 }' |
        grep -vE '^(486|pentium.*|athlon|coreduo|n270|kvm32|qemu32|base|host)(-v[0-9]+)?$' |
        sed -E 's/.*/& &/; s/(Opteron_G[45].*)/\1,-xsave/'
}

# A busy machine's timer is late, which kernels that look for it take for broken.
# boot KERNEL FOLDER NAME CPU [OPTION…]
cat >"$work/boot" <<'END'
#!/bin/sh
kernel=$1 folder=$2 name=$3 cpu=$4
shift 4
timeout 120 qemu-system-x86_64 -accel tcg -machine q35 -m 256 -cpu "$cpu" -kernel "$kernel" -initrd "$folder/../initramfs" \
    -append 'console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check' -nodefaults -no-reboot -display none -serial "file:$folder/$name" "$@" \
    </dev/null 2>"$folder.log"
END
chmod +x "$work/boot"
"$build/tests/lib/test-initramfs" "$work/initramfs" "/init=$init" || exit 1

echo "1..$#"
number=0
for version; do
    number=$((number + 1))
    kernel=$("$source/tests/lib/kernels.sh" "$build/kernels" "$version") || {
        echo "ok $number - $version # SKIP Debian's cloud kernel $version is not to be had here"
        continue
    }
    folder=$work/$version
    rm -rf "$folder"
    mkdir -p "$folder"
    "list_$which" | xargs -P "$(nproc)" -L1 "$work/boot" "$kernel" "$folder"
    result=ok
    "$build/tests/security/test-belief" tcg "$folder"/* >"$folder.said" || result='not ok'
    sed '$d; s/^/# /' "$folder.said"
    echo "$result $number - $version, $which: $(tail -n 1 "$folder.said")"
done
