#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# QEMU is upgraded on a node under a plan in force: the hook words its guests' definitions for what is there now. The emulators are files that
# hold a version, as QEMU's own does. Usage: emulator.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
node=$folder/node
program=$node/usr/bin/qemu-system-x86_64
memory=$node/var/lib/cpulift/cpulift-emulator.json
trace=$node/var/lib/cpulift/hook.log
export CPULIFT_ROOT="$node"

# install FILE [VERSION]: an emulator in its place; without a version it does not tell.
install() {
    mkdir -p "${1%/*}"
    { head -c 300000 /dev/zero && echo "${2:+QEMU emulator version $2 (Debian 1:$2+dfsg-1)}"; } >"$1.new"
    mv "$1.new" "$1"
}

# plan MIN MAX: of hosts with these QEMUs
plan() {
    sed "s/\"min\": \"7\.2\.22\"/\"min\": \"$1\"/; s/\"max\": \"10\.0\.2\"/\"max\": \"$2\"/" "$source/tests/golden/rewrite-guest/amd.json" >"$folder/plan.json"
}

# starts LINES [PROGRAM]: a guest of two sockets of two cores gets so many of ht and cmp_legacy.
starts() {
    domain=$(sed "s,</domain>,  <devices>${2:+<emulator>$2</emulator>}</devices>\n</domain>," "$source/tests/golden/rewrite-guest/cores.xml")
    expect 0 "$hook" cloudstack hook transform "$domain"
    has "$folder/out" "<model fallback='forbid'>EPYC</model>"
    [ "$(grep -c "policy='require' name='ht'\|policy='require' name='cmp_legacy'" "$folder/out")" -eq "$1" ] ||
        fail "not $1 lines: $(cat "$folder/out")"
}

# notes COUNT: so many lines stand in the trace.
notes() {
    [ "$(cat "$trace" 2>/dev/null | wc -l)" -eq "$1" ] || fail "not $1 lines in the trace: $(cat "$trace")"
    checks=$((checks + 1))
}

# Recorded at apply; the hook need not look.
cloudstack_node "$node" 4.22.0.0
install "$program" 7.2.22
cp -a "$node" "$folder/before"
plan 7.2.22 7.2.22
expect 0 "$cpulift" apply "$folder/plan.json" --platform cloudstack --root "$node" --commit
has "$node/etc/cpulift/node.json" '"version": "7.2.22"'
starts 0
[ ! -e "$memory" ] || fail "the hook looked although nothing had changed"
notes 0

# Upgraded: worded for the new one at once, told once, and by status.
install "$program" 10.0.2
starts 2
has "$memory" '"version": "10.0.2"'
notes 1
has "$trace" "cloudstack cores: note: /usr/bin/qemu-system-x86_64 is QEMU 10.0.2, and the plan is older: it was made for 7.2.22"
starts 2
notes 1
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "/usr/bin/qemu-system-x86_64 was QEMU 7.2.22 when the plan was applied and is 10.0.2 now"
has "$folder/out" "0 starts of guests were left untuned"
has "$folder/out" "note of cores at"

# What a guest asked for and loses is told once for each guest, and what it only did not say is not.
asking=$(sed "s,<cpu>,<cpu mode='custom'><model>EPYC</model><feature name='svm'/>," "$source/tests/golden/rewrite-guest/cores.xml")
for guest in cores other cores; do
    expect 0 "$hook" cloudstack hook transform "$(echo "$asking" | sed "s/<name>cores/<name>$guest/")"
done
notes 3
has "$trace" "cloudstack other: note: the guest asks for svm, which the plan leaves out"
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "note of 2 guests, the last other at"
has "$folder/out" "0 starts of guests were left untuned"
sed -i '/asks for svm/d' "$trace"

# An update of the same series changes nothing; back to the old one neither stops a guest.
install "$program" 10.0.9
starts 2
notes 2
install "$program" 7.2.23
starts 0
notes 2

# Wherever in the program it stands; a trace beside which nothing can be written costs a look at each start, and no more notes.
for before in 1 119990 120010 262130 600000; do
    { head -c $before /dev/zero && echo "QEMU emulator version 10.0.9 (Debian)" && head -c 300000 /dev/zero; } >"$program.new"
    mv "$program.new" "$program"
    rm -f "$memory"
    mkdir "$memory"
    starts 2
    starts 2
    rmdir "$memory"
done
install "$program" 7.2.23
starts 0
notes 2

# A guest may name a program of its own.
install "$node/opt/qemu/bin/qemu" 10.1.0
starts 2 /opt/qemu/bin/qemu
starts 0

# What does not tell its version is taken for the plan's, where that has one side only.
install "$program"
starts 0
plan 10.0.2 10.1.0
expect 0 "$cpulift" apply "$folder/plan.json" --platform cloudstack --root "$node" --commit
starts 2
plan 7.2.22 10.1.0
expect 0 "$cpulift" apply "$folder/plan.json" --platform cloudstack --root "$node" --commit
starts 0
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "its hosts have QEMU 7.2.22 to 10.1.0"

# libvirt knows it, if what it knows is of this file.
sum=$(printf /usr/bin/qemu-system-x86_64 | sha256sum | cut -d ' ' -f 1)
cache=$node/var/cache/libvirt/qemu/capabilities/$sum.xml
mkdir -p "${cache%/*}"
tell() {
    printf '<qemuCaps>\n  <qemuctime>%s</qemuctime>\n  <version>10000002</version>\n</qemuCaps>\n' "$1" >"$cache"
}
tell 1
starts 0
tell "$(stat -c %Z "$program")"
chmod 666 "$cache"
starts 0
chmod 600 "$cache"
starts 2
has "$memory" '"version": "10.0.2"'

# A memory that others may have written, or that is none, is not believed.
sed 's/"10.0.2"/"7.2.0"/' "$memory" >"$folder/lie"
for mode in 666 620; do
    cp "$folder/lie" "$memory"
    chmod $mode "$memory"
    starts 2
done
cp "$folder/lie" "$memory"
chmod 644 "$memory"
starts 0 # this one is
ln -sf "$folder/lie" "$memory"
starts 2
for garbage in '' '{}' '[1]' '{"schema":"cpulift.node/1","emulator":1}' '{"schema":"cpulift.node/9"}'; do
    rm -f "$memory"
    echo "$garbage" >"$memory"
    starts 2
done
head -c 2000000 /dev/zero >"$memory"
starts 2
rm -f "$memory"
mkfifo "$memory"
starts 2
rm -f "$memory"
if chown 12345 "$folder/lie" 2>/dev/null; then
    cp -p "$folder/lie" "$memory"
    starts 2
fi

# The emulator is a folder, a FIFO, nothing: a guest starts as the plan says.
for kind in 'mkdir' 'mkfifo' 'true'; do
    rm -rf "$program"
    $kind "$program"
    starts 0
done
rm -rf "$program"

# The guard knows it too. What libvirt kept names a change by its second, in which all this may happen.
rm -f "$cache"
install "$program" 7.2.22
plan 7.2.22 10.0.2
sed -i 's/EPYC/486/; s/"features": \[/&"fpu", "pse", "vme", /' "$folder/plan.json"
expect 0 "$cpulift" apply "$folder/plan.json" --platform libvirt --channel guard --root "$node" --commit
guard=$node/etc/libvirt/hooks/qemu.d/cpulift
"$cpulift" rewrite --qemu 10.0.2 --plan "$folder/plan.json" "$source/tests/golden/rewrite-guest/cores.xml" >"$folder/new.xml"
"$cpulift" rewrite --qemu 7.2.22 --plan "$folder/plan.json" "$source/tests/golden/rewrite-guest/cores.xml" >"$folder/old.xml"
judge() {
    status=0
    "$guard" cores prepare begin - <"$2" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" -eq "$1" ] || fail "the guard said $status, not $1, to $2: $(cat "$folder/err")"
    checks=$((checks + 1))
}
judge 0 "$folder/old.xml"
judge 1 "$folder/new.xml"
has "$folder/err" "ht"
install "$program" 10.0.2
judge 0 "$folder/new.xml"

# And all of it can be undone.
rm -f "$program" "$cache"
install "$program" 7.2.22
for _ in 1 2 3 4; do
    expect 0 "$cpulift" rollback --root "$node" --commit
done
rm -rf "${node:?}/var" "${node:?}/opt" "${node:?}/usr/bin" "${folder:?}/before/usr/bin" "${node:?}/etc/libvirt"
same_tree "$folder/before" "$node"

echo "emulator: $checks checks"
