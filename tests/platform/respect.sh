#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that ask for a CPU mode of their own: overridden, which apply says; with --respect left alone by every hook.
# Usage: respect.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
plan=$here/plan.json
sed "s/<cpu mode='custom'/<cpu mode='host-passthrough'/" "$here/cloudstack.xml" >"$folder/own.xml"
sed "s/<cpu>/<cpu mode='host-model'>/" "$here/eucalyptus.xml" >"$folder/own-eucalyptus.xml"
cmp -s "$folder/own.xml" "$here/cloudstack.xml" && fail "no guest of a mode of its own"
cmp -s "$folder/own-eucalyptus.xml" "$here/eucalyptus.xml" && fail "no guest of a mode of its own"

# apply_both NODE PLATFORM COMMAND…: once without --respect, once with; the command gets the words of apply, and what is to be seen.
apply_both() {
    node=$1
    platform=$2
    shift 2
    expect 0 "$cpulift" apply "$plan" --platform "$platform" --root "$node" --commit "$@"
    lacks "$node/$installed" respect
    cp "$folder/out" "$folder/said"
    has "$folder/said" "--respect leaves them alone"
    "judge_$platform" overridden
    expect 0 "$cpulift" apply "$plan" --platform "$platform" --root "$node" --commit "$@" --respect
    has "$node/$installed" '"respect": true'
    has "$folder/out" "--respect: "
    "judge_$platform" respected
}

# CloudStack: a VM's details are in the <cpu> that the agent makes.
installed=etc/cpulift/plan.json
cloudstack_node "$folder/cloudstack" 4.22.0.0
export CPULIFT_ROOT="$folder/cloudstack"
transformer=$folder/cloudstack/etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh
judge_cloudstack() {
    expect 0 "$transformer" transform "$(cat "$folder/own.xml")"
    if [ "$1" = overridden ]; then
        lacks "$folder/out" host-passthrough
        has "$folder/out" "check='full'"
        has "$folder/said" "guest.cpu.mode"
    else
        [ "$(cat "$folder/out")" = "$(cat "$folder/own.xml")" ] || fail "a guest of its own mode was changed"
        expect 0 "$transformer" transform "$(cat "$here/cloudstack.xml")"
        has "$folder/out" "check='full'"
    fi
}
apply_both "$folder/cloudstack" cloudstack
has "$folder/said" "unmanaged"
# The scripts of rolling maintenance apply the next plan with the same word; nothing of it before there are such details, or a hook.
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/cloudstack" --commit --channel rolling --respect
has "$folder/cloudstack/etc/cloudstack/agent/hooks.d/Maintenance" " --respect"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/cloudstack" --version 4.18.0
lacks "$folder/out" guest.cpu.mode,
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/cloudstack" --version 4.13.0
lacks "$folder/out" unmanaged

# Eucalyptus.
eucalyptus_node "$folder/eucalyptus" "$here/euca41.xsl"
export CPULIFT_ROOT="$folder/eucalyptus"
mkdir "$folder/instance"
judge_eucalyptus() {
    cp "$folder/own-eucalyptus.xml" "$folder/instance/instance-libvirt.xml"
    expect 0 "$folder/eucalyptus/etc/eucalyptus/nc-hooks/cpulift" euca-nc-pre-boot "$folder/eucalyptus" "$folder/instance"
    if [ "$1" = overridden ]; then
        lacks "$folder/instance/instance-libvirt.xml" host-model
    else
        same "$folder/instance/instance-libvirt.xml" "$folder/own-eucalyptus.xml"
    fi
}
apply_both "$folder/eucalyptus" eucalyptus
expect 0 "$cpulift" apply "$plan" --platform eucalyptus --root "$folder/eucalyptus" --channel xsl
has "$folder/out" "no patterns of names and no --respect"

# OpenNebula.
installed=var/lib/one/remotes/cpulift/plan.json
opennebula_front "$folder/opennebula" 7.4.0
export CPULIFT_ROOT="$folder"
judge_opennebula() {
    sed "s/<cpu[^>]*>/<cpu mode='host-passthrough'>/" "$here/opennebula.xml" >"$folder/own-opennebula.xml"
    cp "$folder/own-opennebula.xml" "$folder/deployment"
    expect 0 "$hook" opennebula "$folder/opennebula/$installed" "$folder/deployment"
    if [ "$1" = overridden ]; then
        lacks "$folder/deployment" host-passthrough
    else
        same "$folder/deployment" "$folder/own-opennebula.xml"
    fi
}
apply_both "$folder/opennebula" opennebula

# The guard stops such guests, as no other host can promise their CPU.
installed=etc/cpulift/plan.json
mkdir -p "$folder/libvirt/etc/libvirt"
: >"$folder/libvirt/etc/libvirt/qemu.conf"
export CPULIFT_ROOT="$folder/libvirt"
judge_libvirt() {
    got=0
    "$folder/libvirt/etc/libvirt/hooks/qemu.d/cpulift" i-7-21-VM prepare begin - <"$folder/own.xml" >"$folder/out" 2>"$folder/err" || got=$?
    [ "$1" = overridden ] && wanted=1 || wanted=0
    [ "$got" -eq "$wanted" ] || fail "the guard: status $got: $(cat "$folder/err")"
    checks=$((checks + 1))
}
apply_both "$folder/libvirt" libvirt --channel guard
# Definitions heed it, too. One of a guest that no plan is for is named, and stops nothing.
expect 0 "$cpulift" apply "$plan" --platform libvirt --connect test:///default --root "$folder/libvirt" --respect
has "$folder/out" "test: skipped: 'test' is a domain of type 'test'"
echo "$checks checks"
