#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hook's program by itself: what it answers, what it leaves behind, and whom it stops when it is strict (strict.sh has the installed hooks).
# Usage: hook.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
export CPULIFT_ROOT="$folder"
mkdir -p "$folder/etc/cpulift" "$folder/var/lib/cpulift" "$folder/var/lib/one"
trace=$folder/var/lib/cpulift/hook.log
cp "$here/plan.json" "$folder/etc/cpulift/plan.json"
document=$(cat "$here/cloudstack.xml")
expect 0 "$hook" --version
has "$folder/out" "cpulift-hook 0"
expect 1 "$hook"
expect 1 "$hook" nova

# Linked statically it has nothing that fetches, unpacks or validates.
if command -v readelf >/dev/null && ! readelf -lW "$hook" | grep -q INTERP; then
    readelf -sW "$hook" | awk '{ print $8 }' >"$folder/symbols"
    has "$folder/symbols" xmlParseDocument
    for part in xmlNanoHTTPFetch xmlNanoFTPGet gz_look inflate lzma_code xmlSchemaParse xmlRelaxNGParse xmlXPathEval htmlParseDocument xmlRegexpCompile; do
        ! grep -qx "$part" "$folder/symbols" || fail "the hook's program has $part"
        checks=$((checks + 1))
    done
fi

# Of what rewrite warns the hook makes notes, once for each guest.
owner="<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>own</name><os><type arch='i686' machine='q35'>hvm</type></os><qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host'/></qemu:commandline></domain>"
for _ in 1 2; do
    expect 0 "$hook" cloudstack hook transform "$owner"
done
has "$trace" "cloudstack own: note: the plan was made for another machine type"
has "$trace" "cloudstack own: note: <qemu:commandline>"
has "$trace" "cloudstack own: note: the domain is a 32-bit one"
[ "$(grep -c "note: " "$trace")" -eq 3 ] || fail "not three notes: $(cat "$trace")"

# What a tenant calls a guest turns no line of the trace around, and no number of its starts makes the trace longer than 1 MiB.
turning=$(printf '\342\200\256')
expect 0 "$hook" cloudstack hook transform "$(printf %s "$owner" | sed "s/<name>own/&$turning/")"
has "$trace" "cloudstack own???: note: the domain is a 32-bit one"
lacks "$trace" "$turning"
mv "$trace" "$folder/kept"
for room in 1 0; do
    head -c $((1048576 - room)) /dev/zero >"$trace"
    expect 0 "$hook" guard hook other prepare begin - </dev/null
    [ $(($(stat -c %s "$trace") > 1048576)) -eq "$room" ] || fail "a trace with room for $room became $(stat -c %s "$trace") bytes"
done
mv "$folder/kept" "$trace"

# The guard stops what its host widens: a model that is only the least, and a CPU on QEMU's own command line, whatever <cpu> says or does not.
guarded() { # STATUS DOMAIN
    status=0
    printf '%s' "$2" | "$hook" guard hook g prepare begin - >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" -eq "$1" ] || fail "the guard said $status, not $1, to $2: $(cat "$folder/err")"
    checks=$((checks + 1))
}
inside="<model>Nehalem</model><feature policy='disable' name='vme'/></cpu>"
begin="<domain type='qemu' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name>"
guarded 0 "$begin<cpu>$inside</domain>"
guarded 0 "$begin<cpu match='strict'>$inside</domain>"
guarded 1 "$begin<cpu mode='custom' match='minimum' check='none'>$inside</domain>"
has "$folder/err" "its CPU depends on its host (match='minimum')"
for option in -cpu --cpu; do
    guarded 1 "$begin<cpu>$inside<q:commandline><q:arg value='$option'/><q:arg value='host'/></q:commandline></domain>"
    has "$folder/err" "its <qemu:commandline> has a -cpu"
done
guarded 1 "$begin<q:commandline><q:arg value='-cpu'/><q:arg value='host'/></q:commandline></domain>"
guarded 1 "$begin<cpu>$inside<q:commandline><q:arg value='-global'/><q:arg value='Nehalem-x86_64-cpu.avx2=on'/></q:commandline></domain>"
guarded 1 "$begin<cpu>$inside<q:commandline><q:arg value='-global'/><q:arg value='driver=host-x86_64-cpu,property=avx2,value=on'/></q:commandline></domain>"
guarded 0 "$begin<cpu>$inside<q:commandline><q:arg value='-overcommit'/><q:arg value='cpu-pm=off'/></q:commandline></domain>"

# The agent reads only when the hook has ended: an answer of more than a pipe usually holds must not wait for it.
python3 - "$hook" "$document" >"$folder/large.xml" <<'READ'
import subprocess, sys
given = sys.argv[2].replace("<devices>", "<devices><!--" + "x" * 100000 + "-->", 1)
hook = subprocess.Popen([sys.argv[1], "cloudstack", "hook", "transform", given], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
status = hook.wait(20)
answer = hook.stdout.read().decode()
if status != 0 or len(answer) < 100000 or "check='full'" not in answer:
    sys.exit("status %d, %d bytes" % (status, len(answer)))
READ
lacks "$trace" "no answer"

# The Groovy object's way, which no document is too long for.
{ printf %s "${document%%<devices>*}" && printf '<devices><!--' && head -c 300000 /dev/zero | tr '\0' x && printf -- '-->' && printf %s "${document#*<devices>}"; } >"$folder/long.xml"
"$hook" cloudstack hook transform - <"$folder/long.xml" >"$folder/out" || fail "standard input is not read"
has "$folder/out" "check='full'"

# Where no file may grow, which comes as a signal, a guest's stays as it was.
file=$folder/instance-libvirt.xml
limited() { (ulimit -f 0 && exec "$hook" "$@"); }
boot="hook euca-nc-pre-boot $folder $folder" start="$folder/etc/cpulift/plan.json $file"
for words in "0 eucalyptus $boot" "1 eucalyptus strict $boot" "1 opennebula $start" "2 opennebula strict $start"; do
    cp "$here/eucalyptus.xml" "$file"
    # shellcheck disable=SC2086 # words
    expect "${words%% *}" limited ${words#* }
    cmp "$here/eucalyptus.xml" "$file" || fail "a guest's file was changed: $words"
    # shellcheck disable=SC2086 # words
    expect 0 "$hook" ${words#* }
    has "$file" "check='full'"
done

# With `strict` a guest that cannot be tuned is stopped in the platform's way, whatever became of the plan; on CloudStack, where the answer is
# what is started, by a document that is no guest.
rm "$folder/etc/cpulift/plan.json"
cp "$here/eucalyptus.xml" "$file"
expect 1 "$hook" guard strict hook g prepare begin -
has "$folder/err" "cpulift: 'g' is stopped: cannot open"
expect 1 "$hook" eucalyptus strict hook euca-nc-pre-boot "$folder" "$folder"
expect 2 "$hook" opennebula strict "$folder/etc/cpulift/plan.json" "$file"
has "$folder/err" "is stopped: cannot open"
expect 0 "$hook" cloudstack strict hook transform "$document"
has "$folder/out" "<domain type=\"cpulift: &apos;i-7-21-VM&apos; is stopped: cannot open"
has "$trace" "cloudstack i-7-21-VM: stopped: cannot open"
[ ! -s "$folder/err" ] || fail "standard error is mixed into the answer"
expect 0 "$hook" guard hook g prepare begin -
expect 0 "$hook" eucalyptus hook euca-nc-pre-boot "$folder" "$folder"
expect 1 "$hook" opennebula "$folder/etc/cpulift/plan.json" "$file"
expect 1 "$hook" cloudstack hook transform "$document"
[ ! -s "$folder/out" ] && [ ! -s "$folder/err" ] || fail "output beside a failure"
# What is no start is none of a strict hook's either.
expect 0 "$hook" guard strict hook g stopped end -
expect 0 "$hook" eucalyptus strict hook euca-nc-pre-hyp-check "$folder" ""

# Late is a failure like others, and the agent's full pipe holds up no strict one.
mkfifo "$folder/etc/cpulift/plan.json"
expect 1 "$hook" cloudstack hook transform "$document"
expect 0 "$hook" cloudstack strict hook transform "$document"
has "$folder/out" "is stopped: no answer within 2 s"
expect 1 "$hook" eucalyptus strict hook euca-nc-pre-boot "$folder" "$folder"
expect 1 "$hook" guard strict hook g prepare begin -
has "$trace" "guard ?: stopped: no answer within 5 s"
# So also where whoever starts the guest blocks the alarm.
python3 - "$hook" "$document" <<'BLOCK' || fail "a blocked SIGALRM held the hook up"
import signal, subprocess, sys
block = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
sys.exit(subprocess.run([sys.argv[1], "cloudstack", "hook", "transform", sys.argv[2]], preexec_fn=block, timeout=60).returncode != 1)
BLOCK
checks=$((checks + 1))

# libvirt before 6.5 passes qemu.d over. Its version is that of its library's name, where nobody says it.
guard() { "$cpulift" apply "$here/plan.json" --platform libvirt --channel guard --root "$folder/virt" "$@"; }
mkdir -p "$folder/virt/etc/libvirt" "$folder/virt/usr/lib64"
: >"$folder/virt/etc/libvirt/qemu.conf"
expect 0 guard
has "$folder/out" "see that libvirt is 6.5 or newer"
expect 0 guard --version 6.5.0
lacks "$folder/out" "see that libvirt"
expect 1 guard --version 6.0.0 --commit
has "$folder/err" "libvirt '6.0.0' runs no hooks in /etc/libvirt/hooks/qemu.d"
[ ! -e "$folder/virt/etc/cpulift" ] || fail "it was applied"
: >"$folder/virt/usr/lib64/libvirt.so.0"
: >"$folder/virt/usr/lib64/libvirt.so.0.6004.2"
expect 1 guard
has "$folder/err" "libvirt '6.4.2'"
expect 0 "$cpulift" apply "$here/plan.json" --platform libvirt --root "$folder/virt"
: >"$folder/virt/usr/lib64/libvirt.so.0.10000.1"
: >"$folder/virt/usr/lib64/libvirt-qemu.so.0.11000.0"
expect 0 guard
has "$folder/out" "plain libvirt 10.0.1"
expect 0 "$cpulift" detect --root "$folder/virt"
has "$folder/out" "libvirt: plain libvirt 10.0.1; channels plan, guard"
# A node controller's home may be long.
home=$folder/$(printf '%0200d/%0200d/%0200d' 1 2 3)
mkdir -p "$home/var/log/eucalyptus"
expect 0 "$hook" eucalyptus hook euca-nc-pre-boot "$home" "$home"
has "$home/var/log/eucalyptus/cpulift-hook.log" ' eucalyptus '
echo "$checks checks"
