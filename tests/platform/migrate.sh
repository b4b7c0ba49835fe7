#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The paper's condition, on two real libvirtd: a guest tuned through the hooks' rewriter is migrated live there and back and
# reads the same CPU at each stop. Usage: migrate.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
for program in ip unshare virsh libvirtd qemu-system-x86_64; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || exit 77
uri_a='' uri_b='' address_a='' address_b=''
. "$here/hosts.sh"
trap 'hosts_end; rm -rf "$folder"' EXIT
hosts_open "$folder" || { echo "no network namespaces here"; exit 77; }
# B has the guard, as apply installs it, from its start; without a plan it lets all pass. libvirt gives hooks a clean environment.
guard=$folder/b/etc/hooks/qemu.d/cpulift
mkdir -p "${guard%/*}" "$folder/guarded" "$folder/bin"
ln -s "$(realpath "$hook")" "$folder/bin/cpulift-hook"
expect 0 "$cpulift" apply "$here/plan.json" --platform libvirt --channel guard --root "$folder/guarded" --hook "$folder/bin/cpulift-hook" --commit
rm "$folder/guarded/etc/cpulift/plan.json"
sed "1a export CPULIFT_ROOT='$folder/guarded'" "$folder/guarded/etc/libvirt/hooks/qemu.d/cpulift" >"$guard"
chmod +x "$guard"
host_add a
host_add b
hosts_wait || fail "the two libvirtd do not answer: $(tail -n 3 "$folder"/?/libvirtd.log)"

expect 0 "$cpulift" scan -c "$uri_a" -o "$folder/hosts/a"
expect 0 "$cpulift" scan -c "$uri_b" -o "$folder/hosts/b"
sed 's/"name": "[^"]*"/"name": "host-a"/' "$folder"/hosts/a/*.json >"$folder/host-a.json"
sed 's/"name": "[^"]*"/"name": "host-b"/' "$folder"/hosts/b/*.json >"$folder/host-b.json"
expect 0 "$cpulift" plan "$folder/host-a.json" "$folder/host-b.json" --virt qemu --machine pc
cp "$folder/out" "$folder/plan.json"
expect 0 "$cpulift" prove "$folder/plan.json" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 90
cp "$folder/out" "$folder/journey"
has "$folder/out" "PROVED: "
[ "$(grep -c "^hop  *yes, .*: nothing changed" "$folder/out")" -eq 2 ] || fail "two hops: $(cat "$folder/out")"
cat "$folder/journey"

# The guard at B, once it has a plan that the guest is outside of: the guest stays where it is.
has "$folder/guarded/var/lib/cpulift/hook.log" guard
cp "$folder/plan.json" "$folder/guarded/etc/cpulift/plan.json"
expect 0 "$cpulift" prove "$folder/plan.json" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 90
sed '/"avx2"/d' "$folder/plan.json" >"$folder/guarded/etc/cpulift/plan.json"
expect 1 "$cpulift" prove "$folder/plan.json" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 90
has "$folder/out" "the migration failed"
has "$folder/out" "features outside the pool's plan: avx2"
rm "$folder/guarded/etc/cpulift/plan.json"

# The program goes away: guests start, with a line, and none does where the guard is strict.
rm "$folder/bin/cpulift-hook"
echo "<domain type='qemu'><name>lone</name><memory>8192</memory><os><type machine='pc'>hvm</type></os></domain>" >"$folder/lone.xml"
expect 0 virsh --quiet --connect "$uri_b" create --paused "$folder/lone.xml"
expect 0 virsh --quiet --connect "$uri_b" destroy lone
has "$folder/guarded/var/lib/cpulift/hook.log" "guard lone: $folder/bin/cpulift-hook gave no answer (status 127)"
sed -i 's/strict=$/strict=strict/' "$guard"
expect 1 virsh --quiet --connect "$uri_b" create --paused "$folder/lone.xml"
has "$folder/err" "cpulift: 'lone' is stopped: $folder/bin/cpulift-hook gave no answer (status 127)"
has "$folder/guarded/var/lib/cpulift/hook.log" "guard lone: stopped: "
sed -i 's/strict=strict$/strict=/' "$guard"
ln -s "$(realpath "$hook")" "$folder/bin/cpulift-hook"

# A plan that no host here can give is refused before a guest exists, naming the features.
sed 's/"features": \[/"features": ["avx512f", /; s/"require": \[/"require": ["avx512f", /' "$folder/plan.json" >"$folder/rich.json"
expect 1 "$cpulift" prove "$folder/rich.json" --migrate "$uri_a" "$uri_b" --timeout 60
has "$folder/out" "cannot give it, so no guest was started"
has "$folder/out" "avx512f"
[ -z "$(virsh --quiet --connect "$uri_a" list --all --name | tr -d '\n')" ] || fail "a guest was left at A"
[ -z "$(virsh --quiet --connect "$uri_b" list --all --name | tr -d '\n')" ] || fail "a guest was left at B"

# The paper's own element, for what it is.
expect 0 "$cpulift" plan --for paper --virt qemu --machine pc
cp "$folder/out" "$folder/paper.json"
got=0
"$cpulift" prove "$folder/paper.json" --migrate "$uri_a" "$uri_b" --addresses "$address_a,$address_b" --timeout 90 >"$folder/out" 2>&1 || got=$?
[ "$got" -le 1 ] || fail "the paper's element: $(cat "$folder/out")"
has "$folder/out" "definition: it promises nothing"
lacks "$folder/journey" "promises nothing"
echo "the paper's element: status $got"
cat "$folder/out"
echo "$checks checks"
