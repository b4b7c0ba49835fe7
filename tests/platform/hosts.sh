# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Sourced, after lib.sh: real libvirtd on this machine, each in a network and a mount namespace of its own, all on one bridge. Needs root.
#   hosts_open FOLDER         their bridge; false where there can be none
#   host_add NAME [COMMAND…]  starts one, through the command, with its files in FOLDER/NAME; sets uri_NAME and address_NAME
#   hosts_wait                until all answer
#   hosts_end                 stops them
hosts_folder='' hosts_names='' hosts_pids='' hosts_nets=''

hosts_open() {
    hosts_folder=$1
    hosts_bridge=cpulift-$$
    ip netns add "$hosts_bridge" 2>/dev/null || return 1
    hosts_nets=$hosts_bridge
    ip netns exec "$hosts_bridge" ip link add bridge type bridge 2>/dev/null || return 1
    ip -n "$hosts_bridge" link set bridge up
}

# host_join NAME NUMBER: its network
host_join() {
    ip netns add "$hosts_bridge-$1"
    hosts_nets="$hosts_nets $hosts_bridge-$1"
    ip link add out netns "$hosts_bridge-$1" type veth peer name "to-$1" netns "$hosts_bridge"
    ip -n "$hosts_bridge" link set "to-$1" master bridge up
    ip -n "$hosts_bridge-$1" addr add "10.213.77.$2/24" dev out
    ip -n "$hosts_bridge-$1" link set lo up
    ip -n "$hosts_bridge-$1" link set out up
}

# host_configure FOLDER UUID
host_configure() {
    mkdir -p "$1/etc" "$1/socket"
    cat >"$1/etc/libvirtd.conf" <<CONF
unix_sock_dir = "$1/socket"
auth_unix_rw = "none"
auth_unix_ro = "none"
host_uuid = "$2"
log_outputs = "3:file:$1/libvirtd.log"
CONF
    qemu_conf >"$1/etc/qemu.conf"
}

host_add() {
    host=$1
    shift
    hosts_names="$hosts_names $host"
    # shellcheck disable=SC2086 # a list of names
    number=$(echo $hosts_names | wc -w)
    eval "address_$host=10.213.77.$number"
    eval "uri_$host='qemu+unix:///system?socket=$hosts_folder/$host/socket/libvirt-sock'"
    host_join "$host" "$number"
    host_configure "$hosts_folder/$host" "11111111-7a1e-4d1c-9a66-00000000000$number"
    # The daemon is the child itself, so that its process id is known and ends it.
    ip netns exec "$hosts_bridge-$host" "$@" unshare -m sh -c '
        mount --make-rprivate /
        mount -t tmpfs none /run && mount -t tmpfs none /var/lib/libvirt && mount -t tmpfs none /var/cache/libvirt
        cp -r /var/cache/cpulift/cache/. /var/cache/libvirt 2>/dev/null
        mkdir -p /run/libvirt /etc/libvirt && mount --bind "$1/etc" /etc/libvirt
        exec libvirtd --config "$1/etc/libvirtd.conf" --pid-file "$1/pid"' - "$hosts_folder/$host" >/dev/null 2>&1 &
    hosts_pids="$hosts_pids $!"
}

# host_get WHAT NAME: its uri or its address
host_get() {
    eval "echo \"\$$1_$2\""
}

hosts_wait() {
    for host in $hosts_names; do
        tries=0
        until virsh --quiet --connect "$(host_get uri "$host")" version >/dev/null 2>&1; do
            tries=$((tries + 1))
            [ $tries -le 300 ] || return 1
            sleep 0.1
        done
    done
}

hosts_end() {
    # One that a test has stopped answers nobody, and takes no signal.
    for pid in $hosts_pids; do
        kill -CONT "$pid" 2>/dev/null || :
    done
    for host in $hosts_names; do
        uri=$(host_get uri "$host")
        # Eight at once: libvirt waits seconds for the end of each.
        virsh --quiet --connect "$uri" list --name 2>/dev/null | xargs -r -P 8 -n 1 virsh --quiet --connect "$uri" destroy >/dev/null 2>&1 || :
    done
    for pid in $hosts_pids; do
        kill "$pid" 2>/dev/null || :
    done
    wait
    for net in $hosts_nets; do
        ip netns del "$net" 2>/dev/null || :
    done
}
