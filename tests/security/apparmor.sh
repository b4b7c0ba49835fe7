#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hook does its work under its AppArmor profile, and no other: in a guest whose kernel enforces it. apparmor.sh BUILD SOURCE; $CPULIFT_KERNEL is its kernel.
. "$2/tests/platform/lib.sh"
for program in apparmor_parser busybox cpio qemu-system-x86_64; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
# For the guest's kernel, not for this machine's.
features=/etc/apparmor.d/abi/3.0
apparmor_parser --skip-kernel-load --skip-cache --policy-features $features --kernel-features $features --Werror --ofile "$folder/profile" \
    "$build/cpulift-hook.apparmor" || fail "the profile cannot be parsed"
[ -r "${CPULIFT_KERNEL:-}" ] || { echo "parsed, and not enforced: \$CPULIFT_KERNEL is no kernel of a guest"; exit 0; }

root=$folder/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/tmp" "$root/etc/cpulift" "$root/var/lib/cpulift" "$root/usr/share/libvirt"
mkdir -p "$root/var/lib/one/vms/3" "$root/srv/euca/var/log/eucalyptus" "$root/srv/instances/i-1"
cp "$(command -v busybox)" "$root/bin/busybox"
program=$(sed -n 's/^profile cpulift-hook \([^ ]*\) .*/\1/p' "$build/cpulift-hook.apparmor")
mkdir -p "$root/${program%/*}"
cp "$build/cpulift-hook" "$root/$program"
cp -r /usr/share/libvirt/cpu_map "$root/usr/share/libvirt/"
mv "$folder/profile" "$root/profile"
cp "$here/plan.json" "$root/etc/cpulift/plan.json"
cp "$here/plan.json" "$root/tmp/plan.json"
xml="<domain type='qemu'><name>web-1</name><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
cat >"$root/init" <<SCRIPT
#!/bin/busybox sh
/bin/busybox --install /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t securityfs none /sys/kernel/security
mkdir -p /dev
mount -t devtmpfs none /dev
hook=$program
work() {
    for guest in /var/lib/one/vms/3/deployment.0 /srv/instances/i-1/instance-libvirt.xml /tmp/elsewhere.xml; do
        echo "$xml" >\$guest
    done
    rm -f /var/lib/cpulift/hook.log
    \$hook cloudstack /s transform "$xml" >/tmp/out 2>/tmp/err; echo "\$1 cloudstack \$? \$(grep -c '<model' /tmp/out)"
    \$hook eucalyptus /s euca-nc-pre-boot /srv/euca /srv/instances/i-1; echo "\$1 eucalyptus \$? \$(grep -c '<model' /srv/instances/i-1/instance-libvirt.xml)"
    \$hook opennebula /etc/cpulift/plan.json /var/lib/one/vms/3/deployment.0; echo "\$1 opennebula \$? \$(grep -c '<model' /var/lib/one/vms/3/deployment.0)"
    echo "<domain type='qemu'><name>g</name><os><type arch='x86_64'>hvm</type></os><cpu mode='host-passthrough'/></domain>" |
        \$hook guard /s g prepare begin - 2>/tmp/err; echo "\$1 guard \$? \$(grep -c passthrough /tmp/err)"
    rm -f /etc/cpulift/plan.json
    \$hook cloudstack /s transform "$xml" >/tmp/out; echo "\$1 trace \$? \$(grep -c web-1 /var/lib/cpulift/hook.log)"
    cp /tmp/plan.json /etc/cpulift/plan.json
    \$hook opennebula /tmp/plan.json /tmp/elsewhere.xml 2>/dev/null; echo "\$1 elsewhere \$? \$(grep -c '<model' /tmp/elsewhere.xml)"
}
echo "BEGIN"
work free
cat /profile >/sys/kernel/security/apparmor/.load && cat /sys/kernel/security/apparmor/profiles
work confined
dmesg | grep DENIED | sed 's/.* name="/denied "/; s/ pid=.*//'
echo "END"
poweroff -f
SCRIPT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$folder/initrd"
timeout 120 qemu-system-x86_64 -accel tcg -m 512 -nographic -no-reboot -nodefaults -serial stdio -cpu max -kernel "$CPULIFT_KERNEL" \
    -initrd "$folder/initrd" -append "console=ttyS0 quiet panic=-1 lsm=apparmor" </dev/null 2>"$folder/err" | tr -d "\\r" |
    sed -n '/BEGIN$/,/END/p' | sed 1d >"$folder/out"
# Role, status, and whether it did its work: the same, but for a plan and a guest that stand where none belongs.
cat >"$folder/wanted" <<'WANTED'
free cloudstack 0 1
free eucalyptus 0 1
free opennebula 0 1
free guard 1 1
free trace 1 1
free elsewhere 0 1
cpulift-hook (enforce)
confined cloudstack 0 1
confined eucalyptus 0 1
confined opennebula 0 1
confined guard 1 1
confined trace 1 1
confined elsewhere 1 0
denied "/tmp/plan.json"
END
WANTED
diff "$folder/wanted" "$folder/out" >&2 || fail "it does not do its work, or more"
checks=$((checks + 14))
echo "$checks checks"
