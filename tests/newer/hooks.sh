#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# QEMU is upgraded on nodes under a plan in force. Guests of two cores, which the newer QEMU refuses as they were worded, start through each
# platform's hook at once, exactly as worded, and the nodes say that the plan is older; what no hook words starts after another apply.
# Usage: hooks.sh BUILD SOURCE [NODES: the upgrade is done, the nodes stand there]
. "$2/tests/platform/lib.sh"
. "$2/tests/platform/ask.sh"
newer=$source/tools/newer.sh
export BUILD="$build"
for program in python3 virsh qemu-system-x86_64 xsltproc; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
nodes=${3-$folder/nodes}

# guest NAME DOCUMENT: the platform's, with two cores in one socket
guest() {
    sed "s/type='kvm'/type='qemu'/; s/type=\"kvm\"/type=\"qemu\"/" "$2" | xsltproc --stringparam guest "$1" --param current 2 --param max 2 \
        --param sockets 1 --param cores 2 --param threads 1 "$here/shape.xsl" - >"$folder/$1.xml"
}

# at NODE COMMAND…: as root of a node
at() {
    CPULIFT_ROOT=$nodes/$1 "${@:2}"
}

# apply NODE ARGUMENT…
apply() {
    expect 0 "$cpulift" apply "$nodes/plan.json" --root "$nodes/$1" --commit "${@:2}"
}

prepare() {
    cloudstack_node "$nodes/cloudstack" 4.22.0.0
    opennebula_front "$nodes/opennebula" 7.0.1
    eucalyptus_node "$nodes/eucalyptus" "$here/euca41.xsl"
    eucalyptus_node "$nodes/xsl" "$here/euca41.xsl"
    mkdir -p "$nodes/libvirt" "$nodes/opennebula/var/lib/one"
    for node in cloudstack opennebula eucalyptus xsl libvirt; do
        # Through the link it is the machine's own emulator, whichever that is.
        mkdir -p "$nodes/$node/usr/bin"
        ln -s /usr/bin/qemu-system-x86_64 "$nodes/$node/usr/bin/qemu-system-x86_64"
    done
    expect 0 "$cpulift" scan -c "$uri" -o "$folder/hosts"
    expect 0 "$cpulift" plan "$folder/hosts" --virt qemu --machine pc -o "$nodes/plan.json"
    for node in cloudstack opennebula eucalyptus; do
        apply $node --platform $node
    done
    apply xsl --platform eucalyptus --channel xsl
    apply libvirt --platform libvirt --channel guard
    guest plain "$here/cloudstack.xml"
    xsltproc "$here/bare.xsl" "$folder/plain.xml" >"$folder/plain.bare"
    expect 0 virsh --quiet --connect "$uri" define "$folder/plain.bare"
    apply libvirt --platform libvirt --connect "$uri"
}

# Each platform's own way to the hook: the guest's file is worded for the node.
word_cloudstack() {
    at cloudstack "$nodes/cloudstack/etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh" transform "$(cat "$folder/cloudstack.xml")" >"$folder/worded"
    mv "$folder/worded" "$folder/cloudstack.xml"
}
word_opennebula() {
    mkdir -p "$folder/bin"
    ln -sf /bin/true "$folder/bin/virsh"
    # shellcheck disable=SC2016 # the driver's own words
    PATH=$folder/bin:$PATH at opennebula bash -c '. "$1"; virsh --connect "$LIBVIRT_URI" create "$2"' - \
        "$nodes/opennebula/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$folder/opennebula.xml"
}
word_eucalyptus() {
    mkdir -p "$folder/instance" "$nodes/eucalyptus/var/log/eucalyptus"
    mv "$folder/eucalyptus.xml" "$folder/instance/instance-libvirt.xml"
    at eucalyptus "$nodes/eucalyptus/etc/eucalyptus/nc-hooks/cpulift" euca-nc-pre-boot "$nodes/eucalyptus" "$folder/instance"
    mv "$folder/instance/instance-libvirt.xml" "$folder/eucalyptus.xml"
}
word_xsl() {
    printf '<instance><name>xsl</name><cores>2</cores><cpuPassthrough>true</cpuPassthrough></instance>' >"$folder/instance.xml"
    xsltproc "$nodes/xsl/etc/eucalyptus/libvirt.xsl" "$folder/instance.xml" | sed 's,<memory>,<features><acpi/></features>&,' >"$folder/xsl.xml"
}

word() {
    [ "$1" = xsl ] || guest "$1" "$here/$1.xml"
    "word_$1"
}

# lines FILE: what it says of features
lines() {
    tr '"' "'" <"$1" | grep -o "policy='[a-z]*' name='[^']*'" | sort
}

# start GUEST…: as their platforms word them here; the live definition, or libvirt's refusal, is in GUEST.live
start() {
    for name; do
        if [ "$name" = plain ]; then
            virsh --quiet --connect "$uri" dumpxml --inactive plain >"$folder/plain.xml" 2>/dev/null
            cp "$folder/plain.xml" "$folder/plain.bare"
        else
            word "$name"
            xsltproc "$here/bare.xsl" "$folder/$name.xml" >"$folder/$name.bare"
        fi
    done
    ask live 'create --paused FILE; dumpxml GUEST; destroy GUEST' "$@"
}

# runs LINES GUEST…: started with what was asked for, so many lines of it `ht`
runs() {
    for name in "${@:2}"; do
        grep -q "check='full'" "$folder/$name.live" || fail "$name does not start: $(cat "$folder/$name.live")"
        lines "$folder/$name.xml" >"$folder/asked"
        lines "$folder/$name.live" >"$folder/live"
        same "$folder/asked" "$folder/live"
        [ "$(grep -c "'ht'" "$folder/live")" -eq "$1" ] || fail "$name: not $1 lines of ht: $(cat "$folder/live")"
    done
}

# told COUNT: so often has each hook said that the plan is older
told() {
    for trace in cloudstack/var/lib/cpulift opennebula/var/lib/one eucalyptus/var/log/eucalyptus; do
        count=$(cat "$nodes/$trace"/*hook.log 2>/dev/null | grep -c "is QEMU .*, and the plan is older") || true
        [ "$count" -eq "$1" ] || fail "told $count times, not $1: $(cat "$nodes/$trace"/*hook.log)"
    done
}

hooked='cloudstack opennebula eucalyptus'
uri=
if [ $# -gt 2 ]; then
    embedded "$nodes/libvirt/v"
    # shellcheck disable=SC2086 # names
    start $hooked plain xsl
    # shellcheck disable=SC2086 # names
    runs 1 $hooked
    told 1
    for name in plain xsl; do
        has "$folder/$name.live" "extra features: ht"
    done
    expect 0 "$cpulift" status --root "$nodes/cloudstack"
    has "$folder/out" "when the plan was applied and is $(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p') now"
    expect 0 "$cpulift" rollback --root "$nodes/xsl" --commit
    apply xsl --platform eucalyptus --channel xsl
    apply libvirt --platform libvirt --connect "$uri"
    start plain xsl
    runs 1 plain xsl
    for name in $hooked; do
        word $name
    done
    told 1
    at libvirt "$nodes/libvirt/etc/libvirt/hooks/qemu.d/cpulift" plain prepare begin - <"$folder/plain.xml" || fail "the guard stops a guest"
    sed "s/'ht'/'avx512f'/" "$folder/plain.xml" >"$folder/richer"
    ! at libvirt "$nodes/libvirt/etc/libvirt/hooks/qemu.d/cpulift" plain prepare begin - <"$folder/richer" 2>/dev/null || fail "the guard stops none"
else
    "$newer" run-qemu true || exit $?
    mkdir "$nodes"
    embedded "$nodes/libvirt/v"
    prepare
    # shellcheck disable=SC2086 # names
    start $hooked plain xsl
    # shellcheck disable=SC2086 # names
    runs 0 $hooked plain xsl
    told 0
    expect 0 "$newer" run-qemu "$0" "$build" "$source" "$nodes"
    cat "$folder/out"
fi
echo "$checks checks"
