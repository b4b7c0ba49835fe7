#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# As verify.sh, with guests by chance (many.py) on six hosts: each QEMU under each libvirt, and of each QEMU one that gives less. By hand with
# another seed and more of them, when a QEMU or a libvirt is new or a rule of src/fleet changes. Usage: many.sh BUILD SOURCE [SEED [COUNT]]
. "$2/tests/platform/lib.sh"
seed=${3-1} count=${4-6}
. "$2/tests/newer/pair.sh"
python3 "$here/poorer.py" /usr/bin/qemu-system-x86_64 "$folder/qemu-old" avx2 fma || fail "no QEMU that gives less"
python3 "$here/poorer.py" "$build/newer/qemu/usr/bin/qemu-system-x86_64" "$folder/qemu-new" aes movbe || fail "no newer QEMU that gives less"
host_add c "$newer" run-qemu
host_add d "$newer" run-libvirt
host_add e sh "$here/poorly.sh" "$folder/qemu-old"
host_add f "$newer" run sh "$here/poorly.sh" "$folder/qemu-new"
hosts_wait || fail "not all libvirtd answer: $(tail -n 3 "$folder"/?/libvirtd.log)"
hosts='a b c d e f'

mkdir "$folder/hosts"
scan_pair "$folder/hosts"
scan_one "$folder/hosts/c.json" "$cpulift" scan -c "$(host_get uri c)"
scan_one "$folder/hosts/d.json" "$newer" run "$cpulift" scan -c "$(host_get uri d)"
scan_one "$folder/hosts/e.json" "$cpulift" scan -c "$(host_get uri e)"
scan_one "$folder/hosts/f.json" "$newer" run "$cpulift" scan -c "$(host_get uri f)"

. "$here/moves.sh"
# shellcheck disable=SC2034 # for judge
unsure=unsure # it may not be known, and then it must not be told as a yes or a no
python3 "$here/../newer/many.py" "$folder/defined" "$seed" "$count"
# Each guest has two homes.
working=
turn=0
for home in $hosts; do
    names=$(seq 0 $((count - 1)) | awk -v turn=$turn '$1 % 6 == turn || ($1 * 5 + 2) % 6 == turn')
    # shellcheck disable=SC2086 # a list of names
    start $home $names >"$folder/started-$home" &
    working="$working $!"
    turn=$((turn + 1))
done
# shellcheck disable=SC2086 # process ids; the daemons are children, too
wait $working
echo "seed $seed: $(cat "$folder"/started-? | wc -l) do not start, $(find "$folder/guests" -name '*.xml' | wc -l) do"
status=0
"$cpulift" verify --json --guests "$folder/guests" "$folder/hosts" >"$folder/verdict.json" || status=$?
[ "$status" -le 1 ] || fail "verify ended with $status"
working=
for home in $hosts; do
    travel "$folder/verdict.json" $home &
    working="$working $!"
done
# shellcheck disable=SC2086
wait $working
judge 1 $hosts
