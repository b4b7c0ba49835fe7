#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Eucalyptus: the nc-hook, called as the node controller calls it, and the stylesheet through
# xsltproc. Usage: eucalyptus.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
plan=$here/plan.json
node=$folder/node
eucalyptus_node "$node" "$here/euca41.xsl"
cp -a "$node" "$folder/before"
expect 0 "$cpulift" apply "$plan" --platform eucalyptus --root "$node" --commit
run=$node/etc/eucalyptus/nc-hooks/cpulift
instance=$node/var/lib/eucalyptus/instances/U/i-0badcafe
mkdir -p "$instance" "$node/var/log/eucalyptus"
cp "$here/eucalyptus.xml" "$instance/instance-libvirt.xml"
chmod 600 "$instance/instance-libvirt.xml"
# The controller runs every executable for every event: argv = EVENT HOME [INSTANCE_DIR].
for event in euca-nc-pre-init euca-nc-post-init euca-nc-pre-hyp-check; do
    expect 0 "$run" "$event" "$node" ""
done
for event in euca-nc-pre-adopt euca-nc-pre-clean; do
    expect 0 "$run" "$event" "$node" "$instance"
    same "$instance/instance-libvirt.xml" "$here/eucalyptus.xml"
done
expect 0 "$run" euca-nc-pre-boot "$node" "$instance"
[ ! -s "$folder/out" ] && [ ! -s "$folder/err" ] || fail "the hook talks"
has "$instance/instance-libvirt.xml" "check='full'"
has "$instance/instance-libvirt.xml" '<topology sockets="1" cores="2" threads="1"/>'
[ "$(stat -c %a "$instance/instance-libvirt.xml")" = 600 ] || fail "the mode changed"
[ "$(ls -A "$instance")" = instance-libvirt.xml ] || fail "something was left beside the file"

# Never aborts a boot unless told to; leaves a trace.
echo '<domain' >"$instance/instance-libvirt.xml"
expect 0 "$run" euca-nc-pre-boot "$node" "$instance"
expect 0 "$run" euca-nc-pre-boot "$node" "$folder/nowhere"
ln -sf "$here/eucalyptus.xml" "$instance/instance-libvirt.xml"
expect 0 "$run" euca-nc-pre-boot "$node" "$instance"
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "3 starts of guests were left untuned"
expect 0 "$cpulift" apply "$plan" --platform eucalyptus --root "$node" --commit --strict
expect 1 "$run" euca-nc-pre-boot "$node" "$folder/nowhere"
expect 0 "$cpulift" rollback --root "$node" --commit
rm -r "${node:?}/var"
same_tree "$folder/before" "$node"

# As another user, who owns the file and nothing else (the controller's is 'eucalyptus').
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --root "$node" --commit
    mkdir -p "$instance"
    cp "$here/eucalyptus.xml" "$instance/instance-libvirt.xml"
    chown -R 65534:65534 "$node/var/lib/eucalyptus"
    chmod 755 "$folder"
    if setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$hook"; then
        expect 0 setpriv --reuid 65534 --regid 65534 --clear-groups "$run" euca-nc-pre-boot "$node" "$instance"
        has "$instance/instance-libvirt.xml" "check='full'"
        [ "$(stat -c %u "$instance/instance-libvirt.xml")" = 65534 ] || fail "the owner changed"
    fi
    expect 0 "$cpulift" rollback --root "$node" --commit
fi

# The stylesheet, both shapes.
command -v xsltproc >/dev/null || { echo "$checks checks, no xsltproc"; exit 0; }
printf '<instance><name>i-1</name><cores>2</cores><cpuPassthrough>true</cpuPassthrough></instance>' >"$folder/instance.xml"
for shape in euca34 euca41; do
    eucalyptus_node "$folder/$shape" "$here/$shape.xsl"
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    has "$folder/out" "nothing to change"
    xsltproc "$folder/$shape/etc/eucalyptus/libvirt.xsl" "$folder/instance.xml" >"$folder/$shape.xml"
    has "$folder/$shape.xml" 'check="full"'
    has "$folder/$shape.xml" '<feature policy="disable" name="vme"/>'
    lacks "$folder/$shape.xml" host-passthrough
    expect 0 "$cpulift" rollback --root "$folder/$shape" --commit
    same "$folder/$shape/etc/eucalyptus/libvirt.xsl" "$here/$shape.xsl"
done
has "$folder/euca41.xml" '<topology sockets="1" cores="2" threads="1"/>'
lacks "$folder/euca41.xml" "name=\"ht\""

# A second plan over the first, and the way back through both.
sed 's/Nehalem/Westmere/' "$plan" >"$folder/second.json"
for shape in euca34 euca41; do
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    expect 0 "$cpulift" apply "$folder/second.json" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    xsltproc "$folder/$shape/etc/eucalyptus/libvirt.xsl" "$folder/instance.xml" >"$folder/$shape.xml"
    has "$folder/$shape.xml" ">Westmere<"
    lacks "$folder/$shape.xml" ">Nehalem<"
    [ "$(grep -c 'name="aes"' "$folder/$shape.xml")" -eq 1 ] || fail "the second plan stands beside the first"
    expect 0 "$cpulift" rollback --root "$folder/$shape" --commit
    same "$folder/$shape/etc/eucalyptus/libvirt.xsl" "$here/$shape.xsl"
done

# On QEMU 10 guests of several cores need a line more; not where each core is a socket.
for shape in euca34 euca41; do
    mkdir -p "$folder/$shape/usr/bin"
    echo "QEMU emulator version 10.0.2 (Debian)" >"$folder/$shape/usr/bin/qemu-system-x86_64"
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/$shape" --commit
    has "$folder/out" "nothing to change"
    for cores in 1 2; do
        sed "s/<cores>2/<cores>$cores/" "$folder/instance.xml" >"$folder/cores.xml"
        xsltproc "$folder/$shape/etc/eucalyptus/libvirt.xsl" "$folder/cores.xml" >"$folder/$shape-$cores.xml"
        has "$folder/$shape-$cores.xml" '<feature policy="disable" name="vme"/>'
    done
done
has "$folder/euca41-2.xml" '<feature policy="require" name="ht"/>'
for other in euca41-1 euca34-1 euca34-2; do
    lacks "$folder/$other.xml" "name=\"ht\""
done
# The upgrade comes after the apply: another one words the same plan anew.
eucalyptus_node "$folder/upgraded" "$here/euca41.xsl"
expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/upgraded" --commit
cp -r "$folder/euca41/usr" "$folder/upgraded/"
expect 0 "$cpulift" apply "$plan" --platform eucalyptus --channel xsl --root "$folder/upgraded" --commit
xsltproc "$folder/upgraded/etc/eucalyptus/libvirt.xsl" "$folder/instance.xml" >"$folder/upgraded.xml"
has "$folder/upgraded.xml" '<feature policy="require" name="ht"/>'
expect 0 "$cpulift" rollback --root "$folder/upgraded" --commit
same "$folder/upgraded/etc/eucalyptus/libvirt.xsl" "$here/euca41.xsl"
echo "$checks checks"
