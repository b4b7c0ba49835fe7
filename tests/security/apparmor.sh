#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hook does its work under its AppArmor profile, and no other: apparmor.sh BUILD SOURCE.
. "$2/tests/platform/lib.sh"
. "$2/tests/security/confined.sh"
parse cpulift-hook
mkdir -p "$root/etc/cpulift" "$root/usr/share/libvirt" "$root/tmp" "$root/${program%/*}"
cp "$build/cpulift-hook" "$root/$program"
cp -r /usr/share/libvirt/cpu_map "$root/usr/share/libvirt/"
cp "$here/plan.json" "$root/etc/cpulift/plan.json"
cp "$here/plan.json" "$root/tmp/plan.json"
xml="<domain type='qemu'><name>web-1</name><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
boot <<SCRIPT
mkdir -p /var/lib/cpulift /var/lib/one/vms/3 /srv/euca/var/log/eucalyptus /srv/euca/etc/cpulift /var/tmp/one/cpulift /srv/instances/i-1
hook=$program
work() {
    for guest in /var/lib/one/vms/3/deployment.0 /srv/instances/i-1/instance-libvirt.xml /tmp/elsewhere.xml; do
        echo "$xml" >\$guest
    done
    rm -f /var/lib/cpulift/hook.log
    \$hook cloudstack /s transform "$xml" >/tmp/out 2>/tmp/err; echo "\$1 cloudstack \$? \$(grep -c '<model' /tmp/out)"
    \$hook eucalyptus /s euca-nc-pre-boot /srv/euca /srv/instances/i-1; echo "\$1 eucalyptus \$? \$(grep -c '<model' /srv/instances/i-1/instance-libvirt.xml)"
    # Theirs need not stand in /etc: a node controller's home, and where a front-end puts what a node runs.
    mv /etc/cpulift/plan.json /srv/euca/etc/cpulift
    echo "$xml" >/srv/instances/i-1/instance-libvirt.xml
    \$hook eucalyptus /s euca-nc-pre-boot /srv/euca /srv/instances/i-1; echo "\$1 home \$? \$(grep -c '<model' /srv/instances/i-1/instance-libvirt.xml)"
    mv /srv/euca/etc/cpulift/plan.json /var/tmp/one/cpulift
    \$hook opennebula /var/tmp/one/cpulift/plan.json /var/lib/one/vms/3/deployment.0; echo "\$1 opennebula \$? \$(grep -c '<model' /var/lib/one/vms/3/deployment.0)"
    mv /var/tmp/one/cpulift/plan.json /etc/cpulift
    echo "<domain type='qemu'><name>g</name><os><type arch='x86_64'>hvm</type></os><cpu mode='host-passthrough'/></domain>" |
        \$hook guard /s g prepare begin - 2>/tmp/err; echo "\$1 guard \$? \$(grep -c passthrough /tmp/err)"
    rm -f /etc/cpulift/plan.json
    \$hook cloudstack /s transform "$xml" >/tmp/out; echo "\$1 trace \$? \$(grep -c web-1 /var/lib/cpulift/hook.log)"
    cp /tmp/plan.json /etc/cpulift/plan.json
    \$hook opennebula /tmp/plan.json /tmp/elsewhere.xml 2>/dev/null; echo "\$1 elsewhere \$? \$(grep -c '<model' /tmp/elsewhere.xml)"
}
SCRIPT
# Role, status, and whether it did its work: the same, but for a plan and a guest that stand where none belongs.
said <<'WANTED'
free cloudstack 0 1
free eucalyptus 0 1
free home 0 1
free opennebula 0 1
free guard 1 1
free trace 1 1
free elsewhere 0 1
cpulift-hook (enforce)
confined cloudstack 0 1
confined eucalyptus 0 1
confined home 0 1
confined opennebula 0 1
confined guard 1 1
confined trace 1 1
confined elsewhere 1 0
denied "/tmp/plan.json"
END
WANTED
echo "$checks checks"
