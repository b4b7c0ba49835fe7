# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Sourced by the platform tests: BUILD and SOURCE folders, a temporary folder, and small checks.
set -eu
build=$1
source=$2
here=$source/tests/platform
cpulift=$build/cpulift
hook=$build/cpulift-hook
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
checks=0

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect STATUS COMMAND…: runs it, output to $folder/out and $folder/err
expect() {
    wanted=$1
    shift
    got=0
    "$@" >"$folder/out" 2>"$folder/err" </dev/null || got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got, not $wanted: $*: $(cat "$folder/out" "$folder/err")"
    checks=$((checks + 1))
}

# has FILE TEXT: the file holds the text
has() {
    grep -qF -e "$2" "$1" || fail "'$2' is not in $1: $(cat "$1")"
    checks=$((checks + 1))
}

lacks() {
    ! grep -qF -e "$2" "$1" || fail "'$2' is in $1"
    checks=$((checks + 1))
}

same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
    checks=$((checks + 1))
}

same_tree() {
    diff -r "$1" "$2" || fail "$1 and $2 differ"
    checks=$((checks + 1))
}

# What a libvirt of a test has in its qemu.conf: guests are root's, and nothing of the machine keeps them from starting.
qemu_conf() {
    cat <<'CONF'
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
CONF
}

# embedded FOLDER: a libvirt in this process, with its state there; $uri is its URI. What it found out about QEMU, which takes it seconds, stays
# where cpulift's own embedded libvirt keeps it.
embedded() {
    mkdir -p "$1/etc"
    (umask 077 && mkdir -p /var/cache/cpulift/cache)
    [ -e "$1/cache" ] || ln -s /var/cache/cpulift/cache "$1/cache"
    qemu_conf >"$1/etc/qemu.conf"
    uri="qemu:///embed?root=$1"
}

# cloudstack_node ROOT VERSION
cloudstack_node() {
    mkdir -p "$1/etc/cloudstack/agent" "$1/usr/share/cloudstack-agent/lib"
    : >"$1/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-$2.jar"
    printf '#Storage\nguid=0b1c\nhost=192.0.2.1\\:8250\nname=caf\351\nworkers=5' >"$1/etc/cloudstack/agent/agent.properties"
    chmod 640 "$1/etc/cloudstack/agent/agent.properties"
}

# opennebula_front ROOT VERSION
opennebula_front() {
    mkdir -p "$1/var/lib/one/remotes/etc/vmm/kvm" "$1/var/lib/one/remotes/vmm/kvm" "$1/etc/one/vmm_exec"
    echo "$2" >"$1/var/lib/one/remotes/VERSION"
    printf 'export LANG=C\nexport LIBVIRT_URI=qemu:///system\n' >"$1/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    printf 'OS = [ ARCH = "x86_64" ]\n#CPU_MODEL = [ MODEL = "host-passthrough"]\n' >"$1/etc/one/vmm_exec/vmm_exec_kvm.conf"
}

# eucalyptus_node ROOT STYLESHEET
eucalyptus_node() {
    mkdir -p "$1/etc/eucalyptus/nc-hooks"
    : >"$1/etc/eucalyptus/eucalyptus.conf"
    cp "$2" "$1/etc/eucalyptus/libvirt.xsl"
}
