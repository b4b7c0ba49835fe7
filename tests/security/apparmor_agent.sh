#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent does its work under its AppArmor profile, and no other: apparmor_agent.sh BUILD SOURCE.
. "$2/tests/platform/lib.sh"
. "$2/tests/security/confined.sh"
parse cpuliftd
libexec=$(sed -n 's|^ *\(/.*\)/cpulift-{.*|\1|p' "$build/cpuliftd.apparmor")
mkdir -p "$root/etc/cpulift" "$root/usr/share/libvirt" "$root$libexec" "$root/${program%/*}"
cp "$build/cpuliftd" "$root/$program"
cp "$build/cpulift-virt" "$root$libexec"
for library in $(ldd "$build/cpuliftd" "$build/cpulift-virt" | sed -n 's|^[^/]*\(/[^ ]*\) (.*|\1|p' | sort -u); do
    mkdir -p "$root/${library%/*}"
    cp "$library" "$root/$library"
done
cp -r /usr/share/libvirt/cpu_map "$root/usr/share/libvirt/"
cp "$here/plan.json" "$root/etc/cpulift/plan.json"
# A plan in etcd, by TLS, where etcd is: certificates and keys where an administrator puts them.
if command -v etcd >/dev/null && command -v openssl >/dev/null; then
    cp "$(command -v etcd)" "$root/bin/etcd"
    mkdir -p "$root/etc/ssl/certs" "$root/etc/ssl/private"
    sign() { # NAME
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$folder/$1.key" -out "$folder/$1.csr" 2>/dev/null
        echo "subjectAltName=IP:127.0.0.1" >"$folder/ext"
        openssl x509 -req -days 2 -in "$folder/$1.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -extfile "$folder/ext" -out "$folder/$1.pem" 2>/dev/null
    }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
    sign server && sign client
    cp "$folder/ca.pem" "$root/etc/ssl/certs/"
    cp "$folder"/server.* "$folder"/client.* "$root/etc/cpulift/"
    cp "$folder/client.key" "$root/etc/ssl/private/"
fi
printf '#!/bin/busybox sh\n: >/tmp/other-program\n' >"$root/bin/other-program"
boot <<SCRIPT
ip link set lo up
hostname node
mkdir -p /run/cpulift /var/lib
cp /etc/cpulift/plan.json /tmp/plan.json
# agent CONNECT PLAN STATE [KEY]: starts it, until it answers or has ended. KEY is that of its certificate for etcd.
agent() {
    printf '[agent]\nconnect = %s\nplan = %s\nstate = %s\n' "\$1" "\$2" "\$3" >/etc/cpulift/cpuliftd.conf
    [ -z "\$4" ] || printf '[etcd]\nauthority = /etc/ssl/certs/ca.pem\ncertificate = /etc/cpulift/client.pem\nkey = %s\n' "\$4" >>/etc/cpulift/cpuliftd.conf
    printf '[http]\nlisten = unix:/run/cpulift/cpuliftd.sock 127.0.0.1:9178\n' >>/etc/cpulift/cpuliftd.conf
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
# An etcd that takes the plan in the clear, and gives it by TLS to whom it knows.
if [ -x /bin/etcd ]; then
    secure=https://127.0.0.1:2379 clear=http://127.0.0.1:2381
    (etcd --data-dir /tmp/etcd --log-outputs stderr --logger zap --listen-client-urls \$secure,\$clear --advertise-client-urls \$secure \
        --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380 \
        --cert-file /etc/cpulift/server.pem --key-file /etc/cpulift/server.key --client-cert-auth --trusted-ca-file /etc/ssl/certs/ca.pem >/tmp/etcd.log 2>&1 &)
    printf '{"key":"%s","value":"%s"}' "\$(printf fleet/plan/blue | base64)" "\$(base64 /tmp/plan.json | tr -d '\n')" >/tmp/put
    puts() { wget -q -O /dev/null --post-file /tmp/put \$clear/v3/kv/put 2>/dev/null; }
    within puts
fi
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
    if [ -x /bin/etcd ]; then
        rm -rf /var/lib/cpuliftd
        agent test:///default etcds://127.0.0.1:2379/fleet/plan/blue /var/lib/cpuliftd /etc/cpulift/client.key
        within logs "is in force" && echo "\$1 follows etcd"
        ends "\$1"
    fi
    if [ -x /bin/etcd ] && [ "\$1" = confined ]; then
        agent test:///default etcds://127.0.0.1:2379/fleet/plan/blue /var/lib/cpuliftd /etc/ssl/private/client.key
        within logs "cannot read the TLS file '/etc/ssl/private/client.key'" && echo "\$1 has no such key"
        ends "\$1"
    fi
    agent 'qemu+ext:///system?command=/bin/other-program' /etc/cpulift/plan.json /var/lib/cpuliftd
    within logs "libvirt is not heard"
    echo "\$1 program" /tmp/other-*
    ends "\$1"
}
SCRIPT
# The same, but for a plan, a folder and a program that stand where none belongs. /sys/kernel is of libvirt's driver for tests.
wanted() { if [ -x "$root/bin/etcd" ]; then cat; else sed '/follows etcd\|no such key/,+1d; /private/d'; fi; }
wanted >"$folder/wanted" <<'WANTED'
free works
free scans
free ends 0
free keeps ledger.db ledger.db-shm ledger.db-wal plan.json
free ends 0
free ends 0
free state /srv/state
free ends 0
free follows etcd
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
confined follows etcd
confined ends 0
confined has no such key
confined ends 0
confined program /tmp/other-*
confined ends 0
denied "/bin/other-program"
denied "/etc/ssl/private/client.key"
denied "/srv/state/"
denied "/sys/kernel/iommu_groups/"
denied "/tmp/plan.json"
END
WANTED
said <"$folder/wanted"
echo "$checks checks"
