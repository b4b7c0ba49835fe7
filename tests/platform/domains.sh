#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Persistent definitions of a real libvirt, and the guard. Usage: domains.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
command -v virsh >/dev/null || exit 77
[ "$(id -u)" -eq 0 ] || exit 77
plan=$here/plan.json
root=$folder/root
mkdir "$root"
embedded "$folder/v"
shell() { virsh --quiet --connect "$uri" "$@" >/dev/null; }
number=0
for name in web-1 web-2 db-1; do
    number=$((number + 1))
    sed "s/i-0badcafe/$name/; s|</name>|&<uuid>0badcafe-0000-4000-8000-00000000000$number</uuid>|; s|<cpu>|<cpu><model>Nehalem</model><feature policy='require' name='vmx'/>|" "$here/eucalyptus.xml" >"$folder/$name.xml"
done
shell "define $folder/web-1.xml; define $folder/web-2.xml; define $folder/db-1.xml"
dump() { virsh --quiet --connect "$uri" "dumpxml --inactive web-1; dumpxml --inactive web-2; dumpxml --inactive db-1" >"$1"; }
apply() { # STATUS OPTION…
    wanted_of_apply=$1
    shift
    expect "$wanted_of_apply" "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --root "$root" "$@"
}
tuned() { # NAME… are tuned, and no other
    dump "$folder/tuned"
    awk '/<name>/ { gsub(/<[^>]*>| /, ""); name = $0 } /check=.full/ { print name }' "$folder/tuned" | tr '\n' ' ' >"$folder/names"
    [ "$(cat "$folder/names")" = "$*${*:+ }" ] || fail "tuned are '$(cat "$folder/names")', not '$*'"
    checks=$((checks + 1))
}
dump "$folder/before"
apply 0 --domains 'web-*'
has "$folder/out" "2 definitions"
has "$folder/err" "warning: web-1, web-2: the guest asks for vmx, which the plan leaves out"
has "$folder/out" "+    <model fallback='forbid'>Nehalem</model>"
lacks "$folder/out" "at '$root/'"
dump "$folder/dry"
same "$folder/before" "$folder/dry"
[ -z "$(ls -A "$root")" ] || fail "a dry run left something"
apply 0 --domains 'web-*' --commit
tuned web-1 web-2
dump "$folder/after"
[ ! -e "$root/etc" ] || fail "files were changed, though no channel was named"
expect 0 "$cpulift" status --root "$root"
has "$folder/out" "definition of web-2 at $uri: in force"
# No plan is installed then, and the definitions' own is held against the one in git.
expect 0 "$cpulift" status --root "$root" --plan "$plan"
sed 's/"avx", *//' "$plan" >"$folder/other.json"
expect 1 "$cpulift" status --root "$root" --plan "$folder/other.json"
has "$folder/out" avx
apply 0 --domains 'web-*' --commit
has "$folder/out" "0 definitions"
expect 0 "$cpulift" rollback --connect "$uri" --root "$root"
has "$folder/out" "-    <model fallback='forbid'>Nehalem</model>"
has "$folder/out" "Nothing was changed"
# However the root is spelled.
ln -s . "$folder/here"
for spelled in "${uri%/*}/./${uri##*/}" "${uri%/*}/here//${uri##*/}/"; do
    expect 0 "$cpulift" rollback --connect "$spelled" --root "$root"
    has "$folder/out" "-    <model fallback='forbid'>Nehalem</model>"
done
expect 0 "$cpulift" rollback --connect "$uri" --root "$root" --json
has "$folder/out" '"done": false'
dump "$folder/shown"
same "$folder/after" "$folder/shown"
expect 0 "$cpulift" rollback --root "$root" --commit
has "$folder/out" "web-1: restored"
dump "$folder/undone"
same "$folder/before" "$folder/undone"
[ -z "$(ls -A "$root")" ] || fail "rollback left something"

# Files and definitions in one apply, the operator's words heeded in both, and what one does not mean left by the other's rollback.
apply 0 --skip web-2 --only 'web-*' --only 'db-*' --channel guard --strict --commit --json
tuned web-1 db-1
has "$folder/out" '"committed": true'
has "$folder/out" '"name": "db-1"'
[ "$(find "$root/var/lib/cpulift/journal" -name '*.json' | wc -l)" -eq 1 ] || fail "one apply is not one record"
guard=$root/etc/libvirt/hooks/qemu.d/cpulift
has "$root/etc/cpulift/plan.json" web-2
[ -x "$guard" ] || fail "no guard"
expect 0 "$cpulift" status --root "$root"
has "$folder/out" "/etc/libvirt/hooks/qemu.d/cpulift: in force"
has "$folder/out" "definition of db-1 at $uri: in force"
expect 0 "$cpulift" rollback --connect "$uri" --root "$root" --commit
tuned
[ -x "$guard" ] || fail "the guard went with the definitions"
expect 0 "$cpulift" rollback --root "$root" --commit
[ ! -e "$guard" ] || fail "the guard stayed"

# What its owner made of a definition meanwhile stays; what is gone is forgotten; a <cpu> of his own is left, and the rest goes on.
apply 0 --commit
shell "setmem web-1 32768 --config; undefine web-2"
virsh --quiet --connect "$uri" "dumpxml --inactive db-1" | sed 's/Nehalem/Penryn/' >"$folder/edited.xml"
shell "define $folder/edited.xml"
expect 1 "$cpulift" status --root "$root"
has "$folder/out" "definition of web-1 at $uri: in force"
has "$folder/out" "definition of web-2 at $uri: no longer there"
has "$folder/out" "definition of db-1 at $uri: changed by others"
expect 2 "$cpulift" rollback --root "$root" --commit
has "$folder/out" "web-1: <cpu> restored (others had changed the rest)"
has "$folder/out" "web-2: no longer there"
has "$folder/err" "the <cpu> of 'db-1' was changed after cpulift changed it"
virsh --quiet --connect "$uri" "dumpxml --inactive web-1" >"$folder/web-1.now"
has "$folder/web-1.now" "<currentMemory unit='KiB'>32768</currentMemory>"
has "$folder/web-1.now" "name='vmx'"
# It is put back by hand, as it was told: then there is nothing more to undo.
shell "define $folder/db-1.xml"
expect 0 "$cpulift" rollback --root "$root" --commit
has "$folder/out" "db-1: unchanged"
[ -z "$(ls -A "$root")" ] || fail "rollback left something"
shell "define $folder/web-1.xml; define $folder/web-2.xml"

# One that asks for a mode of its own is left alone, where that is wished.
sed "s|<cpu>|<cpu mode='maximum'>|; s|<model>.*vmx'/>||" "$folder/db-1.xml" >"$folder/own.xml"
shell "define $folder/own.xml"
apply 0 --respect --domains 'db-*'
has "$folder/out" "0 definitions"
has "$folder/out" "db-1: skipped: it asks for a CPU mode of its own"
shell "define $folder/db-1.xml"

# A guest that cannot take the plan is said, and stops no other; nor does what libvirt has of the old CPU beside the definition.
dump "$folder/before"
sed 's/"virt": "qemu"/"virt": "kvm"/' "$plan" >"$folder/kvm.json"
expect 0 "$cpulift" apply "$folder/kvm.json" --platform libvirt --connect "$uri" --root "$root" --commit
has "$folder/out" "0 definitions"
has "$folder/out" "web-1: skipped: 'web-1' is a domain of type 'qemu'"
{
    echo '<domainsnapshot><name>one</name><state>shutoff</state><creationTime>1</creationTime>'
    virsh --quiet --connect "$uri" "dumpxml --inactive db-1"
    echo '</domainsnapshot>'
} >"$folder/snapshot.xml"
shell "snapshot-create db-1 $folder/snapshot.xml --redefine"
virsh --quiet --connect "$uri" "start web-2; managedsave web-2" >/dev/null
apply 0 --json
has "$folder/out" "it has 1 snapshot: reverting to one brings the old CPU back"
has "$folder/out" "it is saved, and its next start goes on from that image with the old CPU"
apply 0 --commit
has "$folder/out" "db-1: gets it when it is started; it has 1 snapshot"
has "$folder/out" "web-2: gets it when it is started; it is saved"

# A libvirt that cannot answer is not one that has nothing: nothing is forgotten, and nobody is told that all is well.
record=$(find "$root/var/lib/cpulift/journal" -name '*.json')
cp "$record" "$folder/kept.json"
sed -i "s,\"uri\": \"[^\"]*\",\"uri\": \"bogus:///x\"," "$record"
cp "$record" "$folder/asked.json"
expect 2 "$cpulift" status --root "$root"
has "$folder/out" "definition of web-1 at bogus:///x: not known"
has "$folder/err" "cannot open 'bogus:///x'"
expect 2 "$cpulift" rollback --root "$root" --commit
has "$folder/err" "cannot open 'bogus:///x'"
same "$record" "$folder/asked.json"
# Named otherwise it is the same libvirt.
expect 0 "$cpulift" rollback --connect "$uri" --root "$root"
has "$folder/out" "web-1: restored"
sed -i 's/"target": "[0-9a-f-]*"/"target": "unanswerable"/' "$record"
cp "$record" "$folder/asked.json"
expect 2 "$cpulift" rollback --connect "$uri" --root "$root" --commit
same "$record" "$folder/asked.json"
cp "$folder/kept.json" "$record"
expect 0 "$cpulift" rollback --root "$root" --commit
dump "$folder/undone"
same "$folder/before" "$folder/undone"

# What libvirt does not take of one guest stops no other: here it cannot put the file in its place.
file=$(find "$folder/v" -path '*/qemu/web-1.xml')
if unshare -m mount --bind "$file" "$file" 2>/dev/null; then
    # shellcheck disable=SC2016
    expect 3 unshare -m sh -c 'mount --bind "$0" "$0" && exec "$@"' "$file" \
        "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --root "$root" --commit
    has "$folder/out" "2 definitions of $uri changed"
    has "$folder/out" "web-1: skipped: libvirt does not take the new definition of 'web-1'"
    tuned web-2 db-1
    expect 0 "$cpulift" status --root "$root"
    lacks "$folder/out" web-1
    expect 0 "$cpulift" rollback --root "$root" --commit
    tuned
fi

# What an older version kept of its changes is taken back, too.
apply 0 --domains web-1 --commit
python3 - "$root/var/lib/cpulift" <<'EOF'
import glob, json, os, shutil, sys
record, = glob.glob(sys.argv[1] + "/journal/*.json")
change, = json.load(open(record))["changes"]
kept = {"uri": change["store"]["uri"], "name": change["guest"], "uuid": change["target"], "before": change["before"]["text"]}
shutil.rmtree(sys.argv[1] + "/journal")
json.dump({"schema": "cpulift.domains/1", "domains": [kept]}, open(sys.argv[1] + "/domains.json", "w"))
EOF
expect 0 "$cpulift" status --root "$root"
has "$folder/out" "definition of web-1 at $uri: in force"
expect 0 "$cpulift" rollback --root "$root" --commit
has "$folder/out" "web-1: restored"
tuned
[ ! -e "$root/var/lib/cpulift" ] || fail "rollback left something"

expect 64 "$cpulift" apply "$plan" --platform libvirt --domains 'web-*'
expect 64 "$cpulift" apply "$plan" --platform libvirt --connect "$uri" --strict
expect 64 "$cpulift" apply "$plan" --platform cloudstack --connect "$uri"
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
