# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Sourced: two real libvirtd on this machine, each in a network and a mount namespace of its own, joined by a veth pair.
# two_hosts FOLDER [COMMAND…] starts them, B through the command, and sets uri_a, uri_b, address_a, address_b; two_hosts_end stops them.
# Needs root.
two_hosts_pids=

one_host() {
    mkdir -p "$1/$2/etc" "$1/$2/socket"
    cat >"$1/$2/etc/libvirtd.conf" <<CONF
unix_sock_dir = "$1/$2/socket"
auth_unix_rw = "none"
auth_unix_ro = "none"
host_uuid = "$3"
log_outputs = "3:file:$1/$2/libvirtd.log"
CONF
    cat >"$1/$2/etc/qemu.conf" <<'CONF'
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
CONF
    # The daemon is the child itself, so that its process id is known and ends it.
    at=$1/$2 net=$4
    shift 4
    ip netns exec "$net" "$@" unshare -m sh -c '
        mount --make-rprivate /
        mount -t tmpfs none /run && mount -t tmpfs none /var/lib/libvirt && mount -t tmpfs none /var/cache/libvirt
        cp -r /var/cache/cpulift/cache/. /var/cache/libvirt 2>/dev/null
        mkdir -p /run/libvirt /etc/libvirt && mount --bind "$1/etc" /etc/libvirt
        exec libvirtd --config "$1/etc/libvirtd.conf" --pid-file "$1/pid"' - "$at" >/dev/null 2>&1 &
    two_hosts_pids="$two_hosts_pids $!"
}

two_hosts() {
    net_a=cpulift-a-$$
    net_b=cpulift-b-$$
    address_a=10.213.77.1
    address_b=10.213.77.2
    ip netns add "$net_a" && ip netns add "$net_b"
    ip link add va netns "$net_a" type veth peer name vb netns "$net_b"
    ip -n "$net_a" addr add "$address_a/24" dev va
    ip -n "$net_b" addr add "$address_b/24" dev vb
    for net in "$net_a:va" "$net_b:vb"; do
        ip -n "${net%:*}" link set lo up
        ip -n "${net%:*}" link set "${net#*:}" up
    done
    uri_a="qemu+unix:///system?socket=$1/a/socket/libvirt-sock"
    uri_b="qemu+unix:///system?socket=$1/b/socket/libvirt-sock"
    one_host "$1" a 11111111-7a1e-4d1c-9a66-000000000001 "$net_a"
    hosts=$1
    shift
    one_host "$hosts" b 22222222-7a1e-4d1c-9a66-000000000002 "$net_b" "$@"
    for uri in "$uri_a" "$uri_b"; do
        tries=0
        until virsh --quiet --connect "$uri" version >/dev/null 2>&1; do
            tries=$((tries + 1))
            [ $tries -le 300 ] || return 1
            sleep 0.1
        done
    done
}

two_hosts_end() {
    for uri in ${uri_a-} ${uri_b-}; do
        # Eight at once: libvirt waits seconds for the end of each.
        virsh --quiet --connect "$uri" list --name 2>/dev/null | xargs -r -P 8 -n 1 virsh --quiet --connect "$uri" destroy >/dev/null 2>&1 || :
    done
    for pid in $two_hosts_pids; do
        kill "$pid" 2>/dev/null || :
    done
    wait
    for net in ${net_a-} ${net_b-}; do
        ip netns del "$net" 2>/dev/null || :
    done
}
