#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A pool amid an upgrade: A has this machine's QEMU and libvirt, B the newer ones. A guest of the pool's plan is migrated live there and back and
# reads the same CPU at each stop; a plan of B alone goes nowhere. Usage: upgrade.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
for program in ip unshare virsh libvirtd qemu-system-x86_64; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] && unshare -n true 2>/dev/null || { echo "needs root and network namespaces"; exit 77; }
newer=$source/tools/newer.sh
export BUILD="$build"
"$newer" run true || exit $?
uri_a='' uri_b='' address_a='' address_b=''
. "$source/tests/platform/two-hosts.sh"
trap 'two_hosts_end; rm -rf "$folder"' EXIT
two_hosts "$folder" "$newer" run || fail "the two libvirtd do not answer: $(tail -n 3 "$folder"/?/libvirtd.log)"

# scan NAME COMMAND…
scan() {
    name=$1
    shift
    expect 0 "$@"
    sed "s/\"name\": \"[^\"]*\"/\"name\": \"$name\"/" "$folder/out" >"$folder/$name.json"
}

# journey STATUS PLAN: from A to B and back
journey() {
    expect "$1" "$cpulift" prove "$2" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 120
}

# B with the CPU map of its own release, which knows what its answers name.
scan a "$cpulift" scan -c "$uri_a"
scan b "$newer" run "$cpulift" scan -c "$uri_b"
[ "$(grep '"qemu": "[0-9]' "$folder/a.json")" != "$(grep '"qemu": "[0-9]' "$folder/b.json")" ] || fail "the two hosts have the same QEMU"
expect 0 "$cpulift" plan --quiet --virt qemu --machine pc "$folder/a.json" "$folder/b.json" -o "$folder/plan.json"
expect 0 "$cpulift" plan --quiet --virt qemu --machine pc "$folder/b.json" -o "$folder/plan-b.json"
journey 0 "$folder/plan.json"
has "$folder/out" "PROVED: "
[ "$(grep -c "^hop  *yes, .*: nothing changed" "$folder/out")" -eq 2 ] || fail "two hops: $(cat "$folder/out")"
cat "$folder/out"
journey 1 "$folder/plan-b.json"
has "$folder/out" "cannot give it, so no guest was started"
echo "$checks checks"
