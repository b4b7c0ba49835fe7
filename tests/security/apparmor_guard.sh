#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirtd, under Debian's AppArmor profile of it, can start the guard that `apply` puts among its hooks: apparmor_guard.sh BUILD SOURCE.
. "$2/tests/platform/lib.sh"
. "$2/tests/security/confined.sh"
libvirt=$(package libvirt-daemon-system) && [ -e "$libvirt/etc/apparmor.d/usr.sbin.libvirtd" ] ||
    { echo "not tested, that needs Debian's package libvirt-daemon-system"; exit 77; }
# The program as a package has it, and as `make install`, for which an administrator adds what the page says.
usual=/usr/sbin/cpulift-hook local=/usr/local/sbin/cpulift-hook
sed 's|/[^ ]*/cpulift-hook \([{m]\)|/usr/{,local/}sbin/cpulift-hook \1|' "$build/cpulift-hook.apparmor" >"$folder/hook"
compile "$folder/hook" cpulift-hook --Werror
mkdir -p "$folder/include/local"
grep -o "$local PUx," "$source/docs/OPERATIONS.md" >"$folder/include/local/usr.sbin.libvirtd" || fail "the page does not say what to add"
compile "$libvirt/etc/apparmor.d/usr.sbin.libvirtd" libvirtd "--Include=$folder/include"
mkdir -p "$root/etc/libvirt" "$root/usr/share/libvirt" "$root${usual%/*}" "$root${local%/*}"
cp "$build/cpulift-hook" "$root$usual"
cp "$build/cpulift-hook" "$root$local"
cp -r /usr/share/libvirt/cpu_map "$root/usr/share/libvirt/"
: >"$root/etc/libvirt/qemu.conf"
expect 0 "$cpulift" apply "$here/plan.json" --platform libvirt --channel guard --root "$root" --hook "$usual" --commit
sed "s,$usual,$local," "$root/etc/libvirt/hooks/qemu.d/cpulift" >"$root/etc/libvirt/hooks/qemu.d/local"
# Of libvirtd it has the path, by which the profile is chosen, and that it starts hooks.
printf '#!/bin/busybox sh\nexec /etc/libvirt/hooks/qemu.d/$1 g prepare begin -\n' >"$root/usr/sbin/libvirtd"
xml="<domain type='qemu'><name>g</name><os><type arch='x86_64'>hvm</type></os>"
boot <<SCRIPT
mkdir -p /var/lib/cpulift
start() { echo "$xml\$3</domain>" | /usr/sbin/libvirtd \$2 2>/tmp/err; echo "\$1 \$2 \$? \$(grep -c passthrough /tmp/err)"; }
work() {
    for hook in cpulift local; do
        start "\$1" \$hook ""
        start "\$1" \$hook "<cpu mode='host-passthrough'/>"
    done
    cat /var/lib/cpulift/hook.log 2>/dev/null
}
SCRIPT
sed -i '/ (enforce)$/d' "$folder/out"
said <<'WANTED'
free cpulift 0 0
free cpulift 1 1
free local 0 0
free local 1 1
confined cpulift 0 0
confined cpulift 1 1
confined local 0 0
confined local 1 1
END
WANTED
echo "$checks checks"
