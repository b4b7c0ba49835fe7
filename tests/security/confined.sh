# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034,SC2154
# Sourced by tests of AppArmor profiles, after lib.sh: a guest whose kernel enforces one. Debian's parser, kernel and busybox are fetched and not installed. $root
# becomes the guest's root.
package() { "$source/tests/lib/package.sh" "$build/kernels" "$1" </dev/null; }
apparmor=$(package apparmor) || apparmor=
[ -x "$apparmor/sbin/apparmor_parser" ] || { echo "not tested, that needs Debian's package apparmor"; exit 77; }
root=$folder/root

# compile FILE NAME [OPTION]: the profile, for the guest's kernel and not for this machine's.
compile() {
    features=$apparmor/etc/apparmor.d/abi/3.0
    mkdir -p "$root/bin" "$root/profiles"
    "$apparmor/sbin/apparmor_parser" --base "$apparmor/etc/apparmor.d" --skip-kernel-load --skip-cache --policy-features "$features" \
        --kernel-features "$features" ${3-} --ofile "$root/profiles/$2" "$1" || fail "the profile $2 cannot be parsed"
}

# parse NAME: that of ours; $program is whose it is.
parse() {
    compile "$(realpath "$build")/$1.apparmor" "$1" --Werror
    program=$(sed -n "s/^profile $1 \([^ ]*\) .*/\1/p" "$build/$1.apparmor")
}

# boot: the guest runs what standard input defines as work(), free and then confined; $folder/out is what both said, and what was denied.
boot() {
    kernel=$("$source/tests/lib/kernels.sh" "$build/kernels" 6.1 </dev/null) && busybox=$(package busybox-static) && command -v qemu-system-x86_64 >/dev/null ||
        { echo "parsed, and not enforced: that needs QEMU and Debian's kernel and busybox"; exit 77; }
    cp "$busybox/bin/busybox" "$root/bin/busybox"
    {
        cat <<'SCRIPT'
#!/bin/busybox sh
/bin/busybox --install /bin
mkdir -p /proc /sys /dev /tmp
mount -t proc none /proc
echo 0 >/proc/sys/kernel/printk_ratelimit # each denial is told
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t securityfs none /sys/kernel/security
SCRIPT
        cat
        cat <<'SCRIPT'
echo "BEGIN"
work free
for profile in /profiles/*; do dd if=$profile of=/sys/kernel/security/apparmor/.load bs=1M 2>/dev/null; done
cat /sys/kernel/security/apparmor/profiles
work confined
dmesg | grep DENIED | sed 's/.* name="/denied "/; s/ pid=.*//' | sort -u
echo "END"
poweroff -f
SCRIPT
    } >"$root/init"
    chmod +x "$root/init"
    # shellcheck disable=SC2046 # names of ours, without blanks
    "$build/tests/lib/test-initramfs" "$folder/initrd" $(cd "$root" && find . -type f | sed "s|^\.\(.*\)|\1=$root\1|")
    timeout 210 qemu-system-x86_64 -accel tcg -m 512 -display none -no-reboot -nodefaults -serial stdio -cpu max -kernel "$kernel" \
        -initrd "$folder/initrd" -append "console=ttyS0 quiet panic=-1 no_timer_check lsm=apparmor" </dev/null 2>"$folder/err" | tr -d "\\r" |
        sed -n '/BEGIN$/,/END/p' | sed 1d >"$folder/out"
}

# said: what standard input has, and nothing else, was said.
said() {
    diff - "$folder/out" >&2 || fail "it does not do its work, or more"
    checks=$((checks + $(wc -l <"$folder/out")))
}
