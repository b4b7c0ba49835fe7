#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/OPERATIONS.md by doing it: its blocks, in its order, on two nodes of each platform, and on the way back. What the platforms and
# the hosts would do is skipped with a word. Usage: operations.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
page=$source/docs/OPERATIONS.md
mkdir "$folder/bin" "$folder/work" "$folder/work/hosts"
cd "$folder/work"
# Scanned hosts say more than the example.
sed 's/"arch":"x86_64"/&,"versions":{"libvirt":"9.0.0","qemu":"7.2.0"}/; s/"machine":"pc"/&,"canonical_machine":"pc-i440fx-7.2"/g; s/"name":"[a-z]*"/&,"node":{"cpus":8,"memory":33554432}/' \
    "$source/examples/pool.jsonl" >hosts/pool.jsonl
: >"$folder/skipped"

# block HEAD: what the blocks that begin so say
block() {
    awk -v head="$1" '{ line = $0; sub(/^ +/, "", line) }
        line ~ /^```/ { is_in = !is_in && line == "```" head; next }
        is_in { print head == "yaml" ? $0 : line }' "$page"
}

# Nothing on the page is forgotten: each block has words that are known here.
known='each|seal|sealed|seal anew|sealed anew|unsealed|plan|guests|drain|upgrade|join|raise|libvirt|libvirt back|cloudstack|cloudstack upgrade|cloudstack back|opennebula|opennebula back|eucalyptus|eucalyptus back'
if awk '{ line = $0; sub(/^ +/, "", line) } line ~ /^```/ { is_in = !is_in; if (is_in) print line }' "$page" | grep -vxE "\`\`\`(sh ($known)|yaml)"; then
    fail "a block of the page is not run"
fi
for words in $(echo "$known" | tr ' |' '_ '); do
    [ -n "$(block "sh $(echo "$words" | tr _ ' ')")" ] || fail "the page has no block of the words $words"
done

# Prometheus takes the page's settings, with the rules that are installed.
if command -v promtool >/dev/null; then
    block yaml | sed "s,/usr/local/share/cpulift,$2/data/prometheus,; s,: \([a-z]*\.\(pem\|key\)\),: $folder/\1,g" >"$folder/prometheus.yml"
    touch "$folder/ca.pem" "$folder/prometheus.pem" "$folder/prometheus.key"
    promtool check config "$folder/prometheus.yml" >"$folder/out" 2>&1 || fail "promtool: $(cat "$folder/out")"
    checks=$((checks + 1))
fi

# What stands in for the rest of the world. A node is a folder.
for name in su systemctl apt-get; do
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "skipped, no node runs here: %s $*" >>"%s"\n' "$name" "$folder/skipped" >"$folder/bin/$name"
done
cat >>"$folder/bin/apt-get" <<'UPGRADE'
old=$NODE/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.18.2.1.jar
case $* in *cloudstack-agent) mv "$old" "${old%4.18.2.1.jar}4.22.0.0.jar" ;; esac
UPGRADE
printf '#!/bin/sh\ncat "%s"\n' "$folder/guest.xml" >"$folder/bin/virsh"
cat >"$folder/bin/cpulift" <<CPULIFT
#!/bin/sh
case "\$1 \$*" in
scan* | prove* | *" -c "*) echo "skipped, no libvirt answers here: cpulift \$*" >>"$folder/skipped" ;;
apply* | rollback* | status*) exec "$(realpath "$cpulift")" "\$@" --root "\$NODE" ;;
*) exec "$(realpath "$cpulift")" "\$@" ;;
esac
CPULIFT
chmod +x "$folder/bin"/*

# run WORDS NODE…: these blocks as they stand, on each node
run() {
    words=$1
    shift
    block "sh $words" | sed 's,\bHOST\b,north,; s,\bWEAK\b,south,; s, /etc/cpulift, "$NODE"/etc/cpulift,' >"$folder/block"
    for node; do
        expect "${status-0}" env NODE="$node" P="$platform" PATH="$folder/bin:$PATH" sh -eu "$folder/block"
    done
}

platform=none
run plan "$folder/nowhere"
sed "s/<domain type='qemu'/<domain type='kvm'/; s/'pc'/'pc-i440fx-7.2'/; s,</os>,&<features><acpi/></features>,; s,<memory.*,<memory>65536</memory><vcpu>1</vcpu>," "$source/examples/domain.xml" >"$folder/made.xml"
"$cpulift" rewrite --quiet --plan plan.json "$folder/made.xml" >"$folder/guest.xml"
run guests "$folder/nowhere"
run drain "$folder/nowhere"
has "$folder/out" "GUESTS FROM"
lacks "$folder/out" "room elsewhere"
mkdir canary new
head -n 1 hosts/pool.jsonl | sed 's/"7.2.0"/"10.0.2"/; s/"north"/"CANARY"/' >canary/CANARY.json
head -n 1 hosts/pool.jsonl | sed 's/"north"/"NEW"/' >new/NEW.json
run upgrade "$folder/nowhere"
has "$folder/out" "update north"
# Cores of one socket do not go to the newer QEMU, and two hosts are too few to restart such a guest on the way.
sed "s,<vcpu>1<,<vcpu>2<,; s,</cpu>,<topology sockets='1' cores='2' threads='1'/></cpu>," "$folder/guest.xml" >guests/north/GUEST.xml
(status=1; run upgrade "$folder/nowhere"; has "$folder/out" "There is no order in which nobody strands; in each do: demo") || exit 1
cp "$folder/guest.xml" guests/north/GUEST.xml
run join "$folder/nowhere"
has "$folder/out" "NEW"
(status=1; run raise "$folder/nowhere"; has "$folder/out" "needs a power cycle"; has "$folder/out" "leave south") || exit 1
rm hosts/NEW.json
cp "$folder/made.xml" "$folder/guest.xml"
! (run guests "$folder/nowhere") 2>/dev/null || fail "a guest without the plan's CPU is not told"

# way PLATFORM: from two nodes as they are to two that are tuned, back, there again, to another plan and back, and away
way() {
    platform=$1
    a=$folder/$2-a b=$folder/$2-b
    cp -a "$a" "$folder/$2-before"
    run "$platform" "$a" "$b"
    run "$platform back" "$a" "$b"
    same_tree "$folder/$2-before" "$a"
    run "$platform" "$a" "$b"
    same_tree "$a" "$b"
}
leave() {
    run seal "$folder/nowhere"
    run sealed "$a" "$b"
    run "seal anew" "$folder/nowhere"
    run "sealed anew" "$a" "$b"
    (status=2; run sealed "$a") || exit 1 # with the keys of before it is refused
    cp new.pub "$a/etc/cpulift/plan.pub"
    run unsealed "$a" "$b"
    rmdir --ignore-fail-on-non-empty "$a/etc/cpulift" "$b/etc/cpulift"
    run each "$a" "$b"
    same_tree "$folder/$1-before" "$a"
    same_tree "$a" "$b"
}

for node in a b; do
    cloudstack_node "$folder/cloudstack-$node" 4.22.0.0
    cloudstack_node "$folder/older-$node" 4.18.2.1
    opennebula_front "$folder/opennebula-$node" 7.4.0
    eucalyptus_node "$folder/eucalyptus-$node" "$here/euca41.xsl"
    mkdir -p "$folder/libvirt-$node/etc/libvirt"
    : >"$folder/libvirt-$node/etc/libvirt/qemu.conf"
done
for name in cloudstack opennebula eucalyptus libvirt; do
    way "$name" "$name"
    leave "$name"
done
way cloudstack older
shim=etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer
[ -e "$a/$shim.groovy" ] || fail "no shim for 4.18"
run "cloudstack upgrade" "$a" "$b"
[ ! -e "$a/$shim.groovy" ] && [ -x "$a/$shim.sh" ] || fail "the shim did not go with the upgrade"
mv "$folder/older-before/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.18.2.1.jar" "$folder/older-before/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.22.0.0.jar"
leave older
sort "$folder/skipped" | uniq -c
echo "$checks checks"
