#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `status` makes of hooks whose program is not there or does not answer, and of the lines that hooks left. Usage: status.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
node=$folder/node
program=$folder/bin/cpulift-hook
cloudstack_node "$node" 4.22.0.0
mkdir -p "$folder/bin"
cp "$hook" "$program"
chmod 755 "$program"
expect 0 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$node" --hook "$program" --commit
lacks "$folder/out" "install cpulift and apply again"
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "transformer.sh: in force"

# A plan that others may write is none that a hook goes by, and apply, which keeps the mode, does not say that it is done.
chmod 666 "$node/etc/cpulift/plan.json"
expect 2 "$cpulift" status --root "$node"
has "$folder/err" "plan.json' is not trusted: its owner is user"
expect 1 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$node" --hook "$program" --commit
has "$folder/err" "plan.json' is not trusted: its owner is user"
chmod 644 "$node/etc/cpulift/plan.json"

# refused WHY: by status, which says so of the hook and of no other file.
refused() {
    expect 1 "$cpulift" status --root "$node"
    has "$folder/out" "transformer.sh: its program $program $1"
    [ "$(grep -c "its program" "$folder/out")" -eq 1 ] || fail "more than the hook is wrong: $(cat "$folder/out")"
    expect 1 "$cpulift" status --root "$node" --json
    has "$folder/out" "\"state\": \"its program $program $1\""
}
answering() { # MODE TEXT: a program of another kind
    rm -f "$program"
    printf '#!/bin/sh\n%s\n' "$2" >"$program"
    chmod "$1" "$program"
}
chmod 644 "$program"
refused "cannot be executed"
rm "$program"
refused "is gone"
mkfifo "$program"
refused "cannot be executed"
rm "$program"
# One of an earlier version does not know what it is called with now; one that hangs is not waited for, nor is what it started left.
answering 755 'exit 1'
refused "does not answer"
answering 755 'echo cpulift-hook; exit 1'
refused "does not answer"
answering 755 'exit 0'
refused "does not answer"
answering 755 "sleep 977 & echo \$! >$folder/pid; wait"
refused "does not answer"
is_running() { grep -qs '^State:.[^ZX]' "/proc/$(cat "$folder/pid")/status"; }
for _ in 1 2 3 4 5 6 7 8 9 10; do ! is_running || sleep 0.2; done # one that is killed dies when it next has a processor
is_running && fail "what the program started was left"
# What others may have written is not run.
answering 775 "echo 'cpulift-hook 1'; : >$folder/ran"
refused "may be changed by others"
chmod 755 "$program"
if chown 12345 "$program" 2>/dev/null; then
    refused "may be changed by others"
    [ ! -e "$folder/ran" ] || fail "a stranger's program was run"
    chown 0 "$program"
fi
# Nor is what calls it in force.
script=$node/etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh
chmod 775 "$script"
expect 1 "$cpulift" status --root "$node"
has "$folder/out" "libvirt-vm-xml-transformer.sh: may be changed by others"
chmod 755 "$script"
expect 0 "$cpulift" status --root "$node"
[ -e "$folder/ran" ] || fail "the program was not asked"
# A node that is a folder has its own; what stands there is not run here.
mkdir -p "$node${program%/*}"
cp "$program" "$node$program"
rm "$folder/ran" "$program"
expect 0 "$cpulift" status --root "$node"
[ ! -e "$folder/ran" ] || fail "a program of another system was run"
rm "$node$program"
refused "is gone"

# What goes to other nodes runs there.
opennebula_front "$folder/front" 7.0.1
expect 0 "$cpulift" apply "$here/plan.json" --platform opennebula --root "$folder/front" --hook "$program" --commit
expect 0 "$cpulift" status --root "$folder/front"

# From a build tree apply says so, unless the program was named.
cloudstack_node "$folder/built" 4.22.0.0
expect 0 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$folder/built"
has "$folder/out" "install cpulift and apply again: guests start through $(realpath "$hook")"
expect 0 "$cpulift" apply "$here/plan.json" --platform libvirt --root "$folder/built"
lacks "$folder/out" "install cpulift and apply again"

# Lines are counted by what they say.
log=$node/var/lib/cpulift/hook.log
{
    echo '2026-11-26T21:00:00Z cloudstack i-2-3-VM: cannot open it'
    echo '2026-11-26T21:00:01Z guard web-1: cannot open it'
    echo '2026-11-26T21:00:02Z guard web-2: cannot open it'
    echo '2026-11-26T21:00:03Z guard web-3: stopped: cannot open it'
    echo '2026-11-26T21:00:04Z cloudstack i-2-4-VM: stopped: no answer within 2 s'
    echo '2026-11-26T21:00:05Z cloudstack i-2-5-VM: note: it is so'
    echo 'no line of ours'
} >"$log"
expect 1 "$cpulift" status --root "$node"
has "$folder/out" "1 starts of guests were left untuned"
has "$folder/out" "2 guests passed the guard, which could not judge them"
has "$folder/out" "2 starts of guests were stopped: hooks are strict and failed"
has "$folder/out" "  the last: i-2-4-VM at 2026-11-26T21:00:04Z"
has "$folder/out" "note of i-2-5-VM at 2026-11-26T21:00:05Z: it is so"

# What removes the package is told of hooks that are in force.
removal() { CPULIFT=$cpulift "$source/data/removal.sh" "$1"; }
expect 1 removal "$node"
has "$folder/err" "run 'cpulift rollback --commit' first"
expect 1 removal "$folder/nowhere"
has "$folder/err" "is not known"
# On a node that has the hook's program alone.
alone() { CPULIFT=$folder/none "$source/data/removal.sh" "$1"; }
expect 1 alone "$node"
has "$folder/err" "cpulift is not there to say what is in force"
expect 0 "$cpulift" rollback --root "$node" --commit
expect 0 removal "$node"
expect 0 alone "$node"

# The platform went before its plan: the rollback ends, says where the old files are, and the package may go.
cloudstack_node "$folder/late" 4.22.0.0
cp "$folder/late/etc/cloudstack/agent/agent.properties" "$folder/properties"
expect 0 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$folder/late" --commit
rm -r "$folder/late/etc/cloudstack"
expect 1 "$cpulift" status --root "$folder/late"
has "$folder/out" "agent.properties: no longer there"
expect 1 removal "$folder/late"
expect 0 "$cpulift" rollback --root "$folder/late"
has "$folder/out" "agent.properties: no longer there (what it was is kept as /var/lib/cpulift/gone/etc/cloudstack/agent/agent.properties)"
[ ! -e "$folder/late/var/lib/cpulift/gone" ] || fail "it was only to be shown"
expect 0 "$cpulift" rollback --root "$folder/late" --commit
same "$folder/properties" "$folder/late/var/lib/cpulift/gone/etc/cloudstack/agent/agent.properties"
[ ! -e "$folder/late/etc/cpulift" ] || fail "the rest was left"
expect 0 removal "$folder/late"
expect 0 "$cpulift" rollback --root "$folder/late" --commit

# A journal that cannot be read is said, by a dry run too.
cloudstack_node "$folder/torn" 4.22.0.0
mkdir -p "$folder/torn/var/lib/cpulift/journal"
echo '{' >"$folder/torn/var/lib/cpulift/journal/000001.json"
for how in --dry-run --commit; do
    expect 2 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$folder/torn" "$how"
    has "$folder/err" "000001.json"
    [ ! -s "$folder/out" ] || fail "a change was shown: $(cat "$folder/out")"
done

# A libvirt that is gone for good does not keep a rollback from its end.
uri=qemu+bogus://gone.invalid/system
cat >"$folder/torn/var/lib/cpulift/journal/000001.json" <<JOURNAL
{"schema": "cpulift.changeset/1", "platform": "libvirt", "folders": ["var", "var/lib", "var/lib/cpulift", "var/lib/cpulift/journal"], "changes": [
 {"target": "6c9b1e2e-0000-4000-8000-000000000001", "guest": "db-1", "store": {"uri": "$uri", "id": "x/system"}, "undo": "cpu", "keys": {},
  "before": {"mode": 0, "uid": 0, "gid": 0, "text": "<domain/>"}, "after": null}]}
JOURNAL
expect 2 "$cpulift" rollback --root "$folder/torn" --commit
expect 64 "$cpulift" rollback --root "$folder/torn" --forget
expect 0 "$cpulift" rollback --root "$folder/torn" --forget -c "qemu+bogus://other.invalid/system" --commit
[ -e "$folder/torn/var/lib/cpulift/journal/000001.json" ] || fail "another's was forgotten"
expect 0 "$cpulift" rollback --root "$folder/torn" --forget -c "$uri"
has "$folder/out" "db-1: no longer there"
expect 0 "$cpulift" rollback --root "$folder/torn" --forget -c "$uri" --commit
[ ! -e "$folder/torn/var" ] || fail "rollback left something"

# What means nothing is wrong usage.
for pattern in '[' 'a[b' 'x\'; do
    expect 64 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$node" --only 'web-*' --only "$pattern"
    has "$folder/err" "--only '$pattern' is no pattern"
    expect 64 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$node" --skip "$pattern"
done
expect 0 "$cpulift" apply "$here/plan.json" --platform cloudstack --root "$node" --only '[!a-z]*' --skip '\['
for platform in cloudstack eucalyptus libvirt; do
    expect 64 "$cpulift" apply "$here/plan.json" --platform "$platform" --root "$node" --inventory "$here/plan.json"
    has "$folder/err" "--inventory needs --platform opennebula"
done

# Of the channels only the platform's own are offered, however it was named.
for named in '-P libvirt' '--platform libvirt' '--platform=libvirt'; do
    # shellcheck disable=SC2086
    expect 0 "$cpulift" --complete apply plan.json $named --channel ''
    [ "$(cat "$folder/out")" = guard ] || fail "offered: $(cat "$folder/out")"
done
expect 0 "$cpulift" --complete apply --channel ''
[ "$(wc -l <"$folder/out")" -gt 2 ] || fail "offered: $(cat "$folder/out")"
echo "$checks checks"
