#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Persistent definitions of a real libvirt, and the guard. Usage: domains.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
command -v virsh >/dev/null || exit 77
[ "$(id -u)" -eq 0 ] || exit 77
plan=$here/plan.json
mkdir "$folder/root"
embedded "$folder/v"
for name in web-1 web-2 db-1; do
    sed "s/i-0badcafe/$name/; s|<cpu>|<cpu><model>Nehalem</model><feature policy='require' name='vmx'/>|" "$here/eucalyptus.xml" >"$folder/$name.xml"
done
virsh --quiet --connect "$uri" "define $folder/web-1.xml; define $folder/web-2.xml; define $folder/db-1.xml" >/dev/null
dump() { virsh --quiet --connect "$uri" "dumpxml --inactive web-1; dumpxml --inactive web-2; dumpxml --inactive db-1" >"$1"; }
dump "$folder/before"
expect 0 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --domains 'web-*' --root "$folder/root"
has "$folder/out" "2 definitions"
has "$folder/err" "warning: web-1, web-2: the guest asks for vmx, which the plan leaves out"
has "$folder/out" "+    <model fallback='forbid'>Nehalem</model>"
dump "$folder/dry"
same "$folder/before" "$folder/dry"
[ -z "$(ls -A "$folder/root")" ] || fail "a dry run left something"
expect 0 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --domains 'web-*' --root "$folder/root" --commit
dump "$folder/after"
[ "$(grep -c "check='full'" "$folder/after")" -eq 2 ] || fail "two definitions should be tuned"
expect 0 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --domains 'web-*' --root "$folder/root" --commit
has "$folder/out" "0 definitions"
expect 0 "$cpulift" rollback --connect "$uri" --root "$folder/root"
has "$folder/out" "-    <model fallback='forbid'>Nehalem</model>"
has "$folder/out" "Nothing was changed"
expect 0 "$cpulift" rollback --connect "$uri" --root "$folder/root" --json
has "$folder/out" '"done": false'
dump "$folder/shown"
same "$folder/after" "$folder/shown"
expect 0 "$cpulift" rollback --connect "$uri" --root "$folder/root" --commit
has "$folder/out" "web-1: restored"
dump "$folder/undone"
same "$folder/before" "$folder/undone"
# A libvirt that cannot answer for a guest is not one that has none: nothing is forgotten.
expect 0 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --domains web-1 --root "$folder/root" --commit
state=$(find "$folder/root/var/lib/cpulift" -name '*.json')
cp "$state" "$folder/kept.json"
sed -i 's/"uuid": "[^"]*"/"uuid": "unanswerable"/' "$state"
cp "$state" "$folder/asked.json"
expect 2 "$cpulift" rollback --connect "$uri" --root "$folder/root" --commit
same "$state" "$folder/asked.json"
cp "$folder/kept.json" "$state"
expect 0 "$cpulift" rollback --connect "$uri" --root "$folder/root" --commit
expect 64 "$cpulift" apply "$plan" --platform libvirt --domains 'web-*'
expect 64 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --strict
expect 64 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --skip 'web-*'
expect 2 "$cpulift" apply "$plan" --platform libvirt --connect "bogus:///x"

# The guard, called as libvirt calls it: GUEST prepare begin -, the domain on standard input.
expect 0 "$cpulift" apply "$plan" --platform libvirt --channel guard --skip 'free-*' --root "$folder/root" --commit
guard=$folder/root/etc/libvirt/hooks/qemu.d/cpulift
export CPULIFT_ROOT="$folder/root"
judge() {
    status=0
    printf "<domain type='qemu'><name>%s</name><cpu %s</cpu></domain>" "$2" "$3" |
        "$guard" "$2" prepare begin - >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" -eq "$1" ] || fail "guard said $status, not $1, to $3: $(cat "$folder/err")"
    checks=$((checks + 1))
}
judge 0 inside "mode='custom'><model>Nehalem</model><feature policy='disable' name='vme'/>"
judge 1 outside "mode='custom'><model>Haswell</model>"
has "$folder/err" "avx2"
judge 1 passed "mode='host-passthrough'>"
judge 0 free-1 "mode='host-passthrough'>"
# Another's element of that name is not the domain's CPU, as libvirt reads it.
xml="<domain type='kvm'><name>foreign</name><x:cpu xmlns:x='urn:x'/><cpu mode='host-passthrough'/></domain>"
status=0
echo "$xml" | "$guard" foreign prepare begin - >"$folder/out" 2>"$folder/err" || status=$?
[ "$status" -eq 1 ] || fail "guard said $status, not 1, to a domain with a foreign <cpu>"
checks=$((checks + 1))
expect 0 "$guard" outside started begin -
# A guest with wider addresses than the pool's narrowest host panics there.
sed -i 's/"pool"/"phys_bits": 39, "pool"/' "$folder/root/etc/cpulift/plan.json"
judge 0 narrow "mode='custom'><model>Nehalem</model><maxphysaddr mode='emulate' bits='39'/><feature policy='disable' name='vme'/>"
judge 1 wide "mode='custom'><model>Nehalem</model><maxphysaddr mode='emulate' bits='46'/><feature policy='disable' name='vme'/>"
has "$folder/err" "46 bits"
# One of another vendor's CPU starts on none of the pool's hosts; a name that this map lacks is outside like any other.
sed -i 's/"model": "Nehalem"/&, "vendor": "Intel"/' "$folder/root/etc/cpulift/plan.json"
judge 0 same "mode='custom'><model>Nehalem</model><vendor>Intel</vendor><feature policy='disable' name='vme'/>"
judge 1 other "mode='custom'><model>Nehalem</model><vendor>AMD</vendor><feature policy='disable' name='vme'/>"
has "$folder/err" "its vendor is AMD, and the pool's Intel"
judge 1 newer "mode='custom'><model>Nehalem</model><feature policy='disable' name='vme'/><feature name='warp-drive'/>"
has "$folder/err" "outside the pool's plan: warp-drive"
# What QEMU adds to a model unasked counts where nothing binds it.
judge 1 unasked "mode='custom'><model>Haswell-noTSX</model>"
has "$folder/err" "abm"
judge 0 bound "mode='custom' check='full'><model>Nehalem</model><feature policy='disable' name='vme'/><feature name='hypervisor'/>"
# The plan's own definition needs no CPU map; another one is judged by it.
planned="mode='custom' match='exact' check='full'><model>Nehalem</model><vendor>Intel</vendor><feature name='aes'/><feature name='avx'/>
<feature name='hypervisor'/><feature name='xsave'/><feature policy='disable' name='vme'/>"
export CPULIFT_CPU_MAP=/nonexistent
judge 0 planned "$planned"
judge 0 other "$planned<feature name='bmi1'/>"
has "$folder/root/var/lib/cpulift/hook.log" "guard other: "
lacks "$folder/root/var/lib/cpulift/hook.log" "guard planned: "
unset CPULIFT_CPU_MAP
judge 0 planned "$planned"
judge 1 more "$planned<feature name='bmi1'/>"
judge 1 less "$(echo "$planned" | sed "s/disable/require/")"
# What cannot be judged passes with a trace, and with --strict does not pass.
judge 0 torn "mode='custom'><mo"
has "$folder/root/var/lib/cpulift/hook.log" "guard torn: "
expect 0 "$cpulift" apply "$plan" --platform libvirt --channel guard --strict --root "$folder/root" --commit
judge 1 torn "mode='custom'><mo"
echo "$checks checks"
