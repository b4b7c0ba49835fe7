#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A pool amid an upgrade: A has this machine's QEMU and libvirt, B the newer ones. A guest of the pool's plan is migrated live there and back and
# reads the same CPU at each stop; a plan of B alone goes nowhere. Usage: upgrade.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
. "$2/tests/newer/pair.sh"

# journey STATUS PLAN: from A to B and back
journey() {
    expect "$1" "$cpulift" prove "$2" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 120
}

scan_pair "$folder"
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
