#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent does its work under its AppArmor profile, and no other: apparmor_agent.sh BUILD SOURCE.
. "$2/tests/platform/lib.sh"
. "$2/tests/security/confined.sh"
parse cpuliftd
libexec=$(sed -n 's|^ *\(/.*\)/cpulift-hook r,|\1|p' "$build/cpuliftd.apparmor")
mkdir -p "$root/etc/cpulift" "$root/usr/share/libvirt" "$root$libexec" "$root/${program%/*}"
cp "$build/cpuliftd" "$root/$program"
cp "$build/cpulift-virt" "$root$libexec"
for library in $(ldd "$build/cpuliftd" "$build/cpulift-virt" | sed -n 's|^[^/]*\(/[^ ]*\) (.*|\1|p' | sort -u); do
    mkdir -p "$root/${library%/*}"
    cp "$library" "$root/$library"
done
cp -r /usr/share/libvirt/cpu_map "$root/usr/share/libvirt/"
cp "$here/plan.json" "$root/etc/cpulift/plan.json"
printf '#!/bin/busybox sh\n: >/tmp/other-program\n' >"$root/bin/other-program"
boot <<SCRIPT
ip link set lo up
hostname node
mkdir -p /run/cpulift /var/lib
cp /etc/cpulift/plan.json /tmp/plan.json
# agent CONNECT PLAN STATE: starts it, until it answers or has ended.
agent() {
    printf '[agent]\nconnect = %s\nplan = %s\nstate = %s\n[http]\nlisten = unix:/run/cpulift/cpuliftd.sock 127.0.0.1:9178\n' "\$1" "\$2" "\$3" >/etc/cpulift/cpuliftd.conf
    $program >/tmp/log 2>&1 &
    within answers
}
within() {
    for try in \$(seq 300); do "\$@" && return; usleep 100000; done
    cat /tmp/log
}
answers() { says metrics cpulift || ! readlink /proc/\$!/exe >/dev/null; }
says() { wget -q -O - "http://127.0.0.1:9178/\$1" 2>/dev/null | grep -q "\$2"; }
logs() { grep -q "\$1" /tmp/log; }
ends() { kill %1 2>/dev/null; wait %1; echo "\$1 ends \$?"; }
work() {
    rm -rf /var/lib/cpuliftd /srv /tmp/other-program
    mkdir -p /srv
    agent test:///default /etc/cpulift/plan.json /var/lib/cpuliftd
    within says healthz ok && within says metrics 'plan_in_force{digest="' && echo "\$1 works"
    within logs "cpulift-virt scan: .*i686" && echo "\$1 scans"
    ends "\$1"
    agent test:///default /etc/cpulift/none.json /var/lib/cpuliftd
    within says metrics 'plan_in_force{digest="' && echo "\$1 keeps" \$(ls /var/lib/cpuliftd)
    ends "\$1"
    agent test:///default /tmp/plan.json /var/lib/cpuliftd
    logs "cannot open '/tmp/plan.json': Permission denied" && echo "\$1 takes no plan"
    ends "\$1"
    agent test:///default /etc/cpulift/plan.json /srv/state
    echo "\$1 state" /srv/*
    ends "\$1"
    agent 'qemu+ext:///system?command=/bin/other-program' /etc/cpulift/plan.json /var/lib/cpuliftd
    within logs "libvirt is not heard"
    echo "\$1 program" /tmp/other-*
    ends "\$1"
}
SCRIPT
# The same, but for a plan, a folder and a program that stand where none belongs. /sys/kernel is of libvirt's driver for tests.
said <<'WANTED'
free works
free scans
free ends 0
free keeps ledger.db ledger.db-shm ledger.db-wal plan.json
free ends 0
free ends 0
free state /srv/state
free ends 0
free program /tmp/other-program
free ends 0
cpuliftd (enforce)
confined works
confined scans
confined ends 0
confined keeps ledger.db ledger.db-shm ledger.db-wal plan.json
confined ends 0
confined takes no plan
confined ends 0
confined state /srv/*
confined ends 2
confined program /tmp/other-*
confined ends 0
denied "/bin/other-program"
denied "/srv/state/"
denied "/sys/kernel/iommu_groups/"
denied "/tmp/plan.json"
END
WANTED
echo "$checks checks"
