#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The commands on hostile nodes: links, other writers, kills at random times, wrong plans.
# Usage: safety.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
plan=$here/plan.json
agent=etc/cloudstack/agent/agent.properties
apply() { "$cpulift" apply "$plan" --platform cloudstack --root "$1" --commit; }

# Killed at any time: wholly old or wholly new, and rollback works.
cloudstack_node "$folder/old" 4.22.0.0
cp -a "$folder/old" "$folder/new"
apply "$folder/new" >/dev/null
for delay in 0.001 0.002 0.003 0.004 0.006 0.008 0.012 0.02 0.03; do
    rm -rf "$folder/killed"
    cp -a "$folder/old" "$folder/killed"
    "$build/cpulift-platform" apply "$plan" --platform cloudstack --root "$folder/killed" --commit >/dev/null 2>&1 &
    killed=$!
    sleep "$delay"
    kill -KILL "$killed" 2>/dev/null || :
    wait "$killed" || : # its lock is gone only when it is
    cmp -s "$folder/killed/$agent" "$folder/old/$agent" || same "$folder/killed/$agent" "$folder/new/$agent"
    expect 0 "$cpulift" rollback --root "$folder/killed" --commit
    rm -rf "$folder/killed/var"
    same_tree "$folder/old" "$folder/killed"
done

# A link in the way leads nowhere.
echo precious >"$folder/precious"
cloudstack_node "$folder/linked" 4.22.0.0
ln -sf "$folder/precious" "$folder/linked/$agent"
expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/linked" --commit
cloudstack_node "$folder/linked2" 4.22.0.0
mkdir "$folder/elsewhere"
ln -s "$folder/elsewhere" "$folder/linked2/etc/cpulift"
expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/linked2" --commit
[ "$(cat "$folder/precious")" = precious ] && [ -z "$(ls "$folder/elsewhere")" ] || fail "a link was followed"
same "$folder/linked2/$agent" "$folder/old/$agent"

# A file of mode 0400 keeps it; a property with a newline and an odd key survive.
cloudstack_node "$folder/odd" 4.22.0.0
printf 'odd\\ key\\:=a\\nb\nlong=1\\\n   2\n' >>"$folder/odd/$agent"
chmod 400 "$folder/odd/$agent"
cp -a "$folder/odd" "$folder/odd.before"
expect 0 apply "$folder/odd"
[ "$(stat -c %a "$folder/odd/$agent")" = 400 ] || fail "the mode changed"
has "$folder/odd/$agent" 'odd\ key\:=a\nb'
expect 0 "$cpulift" rollback --root "$folder/odd" --commit
same_tree "$folder/odd.before" "$folder/odd"

# Another writer while we work: refused or done, never mixed.
cloudstack_node "$folder/busy" 4.22.0.0
cp "$folder/busy/$agent" "$folder/theirs"
(
    i=0
    while [ $i -lt 200 ]; do
        cp "$folder/theirs" "$folder/busy/$agent.new" && mv "$folder/busy/$agent.new" "$folder/busy/$agent"
        i=$((i + 1))
    done
) &
writer=$!
for _ in 1 2 3 4 5 6; do
    apply "$folder/busy" >/dev/null 2>&1 || :
    cat "$folder/busy/$agent" >"$folder/seen" # cp would mind that the file was replaced meanwhile
    cmp -s "$folder/seen" "$folder/theirs" || cmp -s "$folder/seen" "$folder/new/$agent" || fail "a mixed file"
done
wait "$writer"
checks=$((checks + 6))

# Plans that are none; names that are no names.
for bad in '{' '{"schema":"cpulift.plan/2"}' '{"schema":"cpulift.host/1"}'; do
    printf %s "$bad" >"$folder/bad.json"
    expect 2 "$cpulift" apply "$folder/bad.json" --platform cloudstack --root "$folder/old"
done
sed 's/"Nehalem"/"Neha\\nlem"/' "$plan" >"$folder/bad.json"
expect 2 "$cpulift" apply "$folder/bad.json" --platform cloudstack --root "$folder/old"
sed 's/"check": "full"/"check": "partial"/' "$plan" >"$folder/bad.json"
expect 2 "$cpulift" apply "$folder/bad.json" --platform cloudstack --root "$folder/old"
has "$folder/err" '"definition.check" is not full'
expect 64 "$cpulift" apply "$plan" --platform elsewhere
for path in '/opt/my tools/cpulift-hook' cpulift-hook "/opt/'x/cpulift-hook" '/opt/$(id)/cpulift-hook'; do
    expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/old" --hook "$path"
    expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/old" --hook "$path" --version 4.18
done
expect 64 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/old" --version lettuce
has "$folder/err" "--version 'lettuce'"
expect 64 "$cpulift" apply "$plan" --platform cloudstack --channel xsl
expect 64 "$cpulift" apply
expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/nowhere"
mkdir "$folder/empty"
expect 2 "$cpulift" apply "$plan" --platform cloudstack --version 4.22 --root "$folder/empty"
expect 1 "$cpulift" detect --root "$folder/empty"
expect 0 "$cpulift" detect --root "$folder/old" --json
has "$folder/out" '"version": "4.22.0.0"'
cp -a "$folder/old" "$folder/hidden"
ln -s nowhere "$folder/hidden/etc/libvirt"
expect 2 "$cpulift" detect --root "$folder/hidden"
has "$folder/out" "cloudstack: "
has "$folder/err" "cannot look for '$folder/hidden/etc/libvirt/qemu.conf'"
expect 0 "$cpulift" status --root "$folder/empty"
[ -z "$(ls -A "$folder/empty")" ] || fail "looking made something"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/old" --json
has "$folder/out" '"schema": "cpulift.changeset/1"'

# Nothing is changed over a journal that could not be undone, whether or not there is something to change.
cp -a "$folder/new" "$folder/torn"
for changed in no yes; do
    sed 's/"undo": "properties"/"undo": "bogus"/' "$folder/new/var/lib/cpulift/journal/000001.json" >"$folder/torn/var/lib/cpulift/journal/000001.json"
    cp -a "$folder/torn" "$folder/torn.$changed"
    expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/torn" --commit
    has "$folder/err" '"changes[0].undo" is none of'
    same_tree "$folder/torn" "$folder/torn.$changed"
    cp "$folder/theirs" "$folder/torn/$agent"
done

# What cannot be read is not "none": a plan that is cut off, a trace, a node's record.
for broken in etc/cpulift/plan.json var/lib/cpulift/hook.log etc/cpulift/node.json; do
    cp -a "$folder/new" "$folder/broken"
    rm -rf "$folder/broken/$broken"
    mkdir -p "$folder/broken/${broken%/*}"
    echo '{"schema":' >"$folder/broken/$broken"
    case $broken in
    *.log) ;; # any line may be a trace
    *)
        expect 2 "$cpulift" status --root "$folder/broken"
        has "$folder/err" "$broken"
        ;;
    esac
    rm "$folder/broken/$broken"
    mkfifo "$folder/broken/$broken"
    expect 2 "$cpulift" status --root "$folder/broken"
    case $broken in
    */node.json) has "$folder/err" "'$broken' does not say which QEMU" ;;
    *) has "$folder/err" "$broken': it is no regular file" ;;
    esac
    rm -rf "$folder/broken"
done

cp -a "$folder/new" "$folder/broken"
rm "$folder/broken/etc/cpulift/plan.json"
expect 1 "$cpulift" status --root "$folder/broken"
has "$folder/out" "no plan is installed"
ln -s nowhere "$folder/broken/etc/cpulift/plan.json"
expect 2 "$cpulift" status --root "$folder/broken"
has "$folder/out" "no plan that hooks take"

# status says when somebody took our change away.
cp "$folder/theirs" "$folder/new/$agent"
expect 1 "$cpulift" status --root "$folder/new"
has "$folder/out" "taken back"

# What others wrote moves no terminal: a hook's log is shown without it, a record of the journal and a plan that have it are refused.
escape=$(printf '\033')
printf '2026-01-01T00:00:00Z guard a%s[2Jb: why%s]0;c\007\n' "$escape" "$escape" >>"$folder/new/var/lib/cpulift/hook.log"
expect 1 "$cpulift" status --root "$folder/new"
has "$folder/out" "?[2J"
has "$folder/out" "?]0;c?"
lacks "$folder/out" "$escape"
refused() { # MEMBER COMMAND…
    member=$1
    shift
    expect 2 "$@"
    has "$folder/err" "$member"
    lacks "$folder/err" "$escape"
}
cp -a "$folder/new" "$folder/loud"
record=$folder/loud/var/lib/cpulift/journal/000001.json
sed -i 's/"platform": "cloudstack"/"platform": "\\u001b[2Jx"/' "$record"
refused '"platform" is no name' "$cpulift" status --root "$folder/loud"
# What root writes stands below the root: a record that says otherwise is not undone.
for target in ../elsewhere /elsewhere etc/../../elsewhere etc/./x ''; do
    sed "s,\"target\": \"$agent\",\"target\": \"$target\"," "$folder/new/var/lib/cpulift/journal/000001.json" >"$record"
    refused '.target" is no path below the root' "$cpulift" rollback --root "$folder/loud" --commit
done
sed 's,"folders": \[,&"../elsewhere"\,,' "$folder/new/var/lib/cpulift/journal/000001.json" >"$record"
refused '"folders[0]" is no path below the root' "$cpulift" rollback --root "$folder/loud" --commit
sed 's/"virt": "qemu",/& "warnings": [{"code": "vendor", "text": "\\u001b[2Jx"}],/' "$plan" >"$folder/loud.json"
refused '"warnings[0].text" has control characters' "$cpulift" show "$folder/loud.json"

# A plan that says "strict" and cannot be used stops the guest, and so does a hook that is late; without "strict" the guest starts.
strict=$folder/strict
mkdir -p "$strict/etc/cpulift"
torn_plan() { # STRICT
    sed 's/"virt": "qemu",/& "guests": {"strict": '"$1"'},/; s/"check": "full"/"check": "fully"/' "$plan" >"$strict/etc/cpulift/plan.json"
}
torn_plan true
expect 1 env CPULIFT_ROOT="$strict" "$hook" guard - web prepare begin -
has "$folder/err" '"definition.check" is none of'
expect 1 env CPULIFT_ROOT="$strict" "$hook" eucalyptus - euca-nc-pre-boot "$folder/empty" "$folder/nowhere"
expect 2 "$hook" opennebula "$strict/etc/cpulift/plan.json" "$folder/nowhere"
torn_plan false
expect 0 env CPULIFT_ROOT="$strict" "$hook" guard - web prepare begin -
expect 0 env CPULIFT_ROOT="$strict" "$hook" eucalyptus - euca-nc-pre-boot "$folder/empty" "$folder/nowhere"
expect 1 "$hook" opennebula "$strict/etc/cpulift/plan.json" "$folder/nowhere"
for word in true false; do
    sed 's/"virt": "qemu",/& "guests": {"strict": '$word'},/' "$plan" >"$strict/etc/cpulift/plan.json"
    late=0
    sleep 6 | CPULIFT_ROOT=$strict "$hook" guard - web prepare begin - 2>"$folder/err" || late=$?
    [ "$word $late" = "true 1" ] || [ "$word $late" = "false 0" ] || fail "late and strict: $word gives $late"
    checks=$((checks + 1))
done

# A change that is made is no failure because its report cannot be written; one that a limit of file sizes stops is made wholly or not.
changed=$folder/changed
mkdir -p "$changed/etc/libvirt"
: >"$changed/etc/libvirt/qemu.conf"
change() { "$cpulift" "$@" --root "$changed" --commit; }
if [ -w /dev/full ]; then
    for words in "apply $plan --platform libvirt --channel guard" rollback; do
        # shellcheck disable=SC2086 # words
        change $words >/dev/full 2>"$folder/err" || fail "$words: done, and told to /dev/full: $?"
        has "$folder/err" "what was asked for is done"
    done
fi
status=0
(ulimit -f 1 && change apply "$plan" --platform libvirt --channel guard) >"$folder/out" 2>"$folder/err" || status=$?
[ "$status" -eq 2 ] || fail "with a limit of file sizes: $status"
has "$folder/err" "File too large"
[ ! -e "$changed/var" ] && [ ! -e "$changed/etc/cpulift" ] || fail "something is left: $(find "$changed")"
checks=$((checks + 3))

# Where part of a node cannot be written nothing is changed, nothing is left, and the reason is one that helps.
mounted() { # WORD COMMANDS: of what the commands, in its folder, have mounted
    node=$folder/mounted
    rm -rf "$node"
    cloudstack_node "$node" 4.22.0.0
    mkdir -p "$node/var"
    cp -a "$node" "$node.before"
    # shellcheck disable=SC2016
    expect 2 unshare -m sh -ec 'cd "$1"; eval "$2"; shift 2; "$@"' - "$node" "$2" "$cpulift" apply "$plan" --platform cloudstack --root "$node" --commit
    has "$folder/err" "$1"
    lacks "$folder/err" "taken back"
    same_tree "$node.before" "$node"
    rm -rf "$node.before"
}
if unshare -m true 2>/dev/null; then
    # shellcheck disable=SC2016
    only='mount --bind $it $it && mount -o remount,ro,bind $it'
    mounted "is mounted there" "mount --bind $agent $agent"
    for it in . etc var; do
        mounted "mount it writable" "it=$it; $only"
    done
else
    echo "no mounts: this user may make no mount namespace"
fi

for cloud in nova proxmox kubevirt ovirt; do
    expect 0 "$cpulift" render "$plan" --platform "$cloud"
    same "$folder/out" "$here/render.$cloud"
done
expect 64 "$cpulift" render "$plan" --platform vmware
"$cpulift" plan --for default >"$folder/bare.json"
expect 0 "$cpulift" render "$folder/bare.json" --platform proxmox
lacks "$folder/out" flags
echo "$checks checks"
