#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# CloudStack: every version's channels, the agent that rewrites its file, and the hook under its
# contract. Usage: cloudstack.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
plan=$here/plan.json
agent=etc/cloudstack/agent/agent.properties
transformer=etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer

# What each version can say.
for version in 4.2.1 4.4.0 4.5.1 4.12.0 4.13.0 4.18.2.1 4.21.0 4.22.0.0; do
    cloudstack_node "$folder/$version" "$version"
done
expect 1 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/4.2.1"
has "$folder/err" "4.3 is the first"
for version in 4.4.0 4.5.1 4.12.0 4.13.0 4.18.2.1 4.21.0 4.22.0.0; do
    cp -a "$folder/$version" "$folder/before"
    expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/$version"
    cp "$folder/out" "$folder/$version.dry"
    same_tree "$folder/before" "$folder/$version"
    expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/$version" --commit
    has "$folder/$version.dry" "Before --commit:"
    lacks "$folder/out" "--commit"
    expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/$version" --commit
    has "$folder/out" "nothing to change"
    expect 0 "$cpulift" status --root "$folder/$version"
    rm -rf "$folder/before"
done
lacks "$folder/4.4.0/$agent" guest.cpu.features
has "$folder/4.4.0.dry" "no features before 4.5.1"
has "$folder/4.5.1/$agent" "guest.cpu.features=aes avx hypervisor xsave"
lacks "$folder/4.5.1/$agent" -vme
has "$folder/4.12.0.dry" "no disabled features before 4.13; missing: vme"
has "$folder/4.13.0/$agent" "guest.cpu.features=aes avx hypervisor xsave -vme"
[ ! -e "$folder/4.13.0/$transformer.groovy" ] || fail "Groovy before 4.14"
has "$folder/4.18.2.1/$transformer.groovy" "'groovy', 'transform', '-'"
[ -x "$folder/4.22.0.0/$transformer.sh" ] || fail "no executable hook"
[ "$(stat -c %a "$folder/4.22.0.0/$agent")" = 640 ] || fail "the mode of agent.properties changed"

# What the properties asked for is said, once; a width only where no hook states it.
cloudstack_node "$folder/asks" 4.18.2.1
printf '\nguest.cpu.mode=custom\nguest.cpu.model=SandyBridge\nguest.cpu.features=vmx avx -xsave\n' >>"$folder/asks/$agent"
sed 's/"check"/"phys_bits": 42, "check"/' "$plan" >"$folder/wide.json"
expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/asks"
has "$folder/err" "agent.properties asks for model SandyBridge, and gets Nehalem"
has "$folder/err" "agent.properties asks for vmx, which the plan leaves out"
has "$folder/err" "agent.properties disables xsave, which the plan gives"
has "$folder/err" "agent.properties asks by its model for pclmuldq, "
[ "$(wc -l <"$folder/err")" -eq 4 ] || fail "more was said: $(cat "$folder/err")"
expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/asks" --json
has "$folder/out" '"agent.properties asks for vmx, which the plan leaves out"'

# What is printed goes to terminals, logs and tickets: it has no secret.
cp -a "$folder/asks" "$folder/secret"
printf 'guest.cpu.mode=custom\nkeystore.passphrase=xyzzy\n' >"$folder/secret/$agent"
for form in '' --json; do
    # shellcheck disable=SC2086 # a word or none
    expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/secret" $form
    has "$folder/out" 'keystore.passphrase=***'
    lacks "$folder/out" xyzzy
done
expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/asks" --version 4.13
has "$folder/err" "agent.properties cannot say the width of physical addresses (42 bits)"
expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/asks" --commit
expect 0 "$cpulift" apply "$folder/wide.json" --platform cloudstack --root "$folder/asks" --commit
[ ! -s "$folder/err" ] || fail "what is in force asks for nothing else: $(cat "$folder/err")"

# A hook that is not executable is passed over by the agent: status must not call it in force.
chmod -x "$folder/4.22.0.0/$transformer.sh"
expect 1 "$cpulift" status --root "$folder/4.22.0.0"
has "$folder/out" "no longer executable"
chmod +x "$folder/4.22.0.0/$transformer.sh"

# The agent rewrites its file: rollback brings the old bytes, or resets our keys.
node=$folder/4.22.0.0
printf '#Mon Nov 23\nworkers=5\nguest.cpu.features=aes avx hypervisor xsave -vme\nname=caf\\u00E9\nguest.cpu.model=Nehalem\nguid=0b1c\nguest.cpu.mode=custom\nhost=192.0.2.1\\:8250\n' >"$node/$agent"
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "rewritten by the platform"
# Without --commit it is shown, and nothing is changed.
cp -a "$node" "$folder/shown"
expect 0 "$cpulift" rollback --root "$node"
has "$folder/out" "-guest.cpu.mode=custom"
has "$folder/out" "/$agent: restored"
has "$folder/out" "Nothing was changed; --commit does it."
expect 0 "$cpulift" rollback --dry-run --root "$node" --json
has "$folder/out" '"done": false'
expect 64 "$cpulift" rollback -n --commit --root "$node"
expect 64 "$cpulift" rollback --one --to "$plan" --root "$node"
expect 64 "$cpulift" apply "$plan" --platform cloudstack -n --commit --root "$node"
# To the plan that is in force: nothing is taken back. To one that never was: it is said what was.
expect 0 "$cpulift" rollback --to "$plan" --root "$node"
has "$folder/out" "nothing to undo"
sed 's/Nehalem/Westmere/' "$plan" >"$folder/other.json"
expect 1 "$cpulift" rollback --to "$folder/other.json" --commit --root "$node"
has "$folder/err" "no apply that is left here put this plan in force; newest first there is 000001: pool '"
same_tree "$folder/shown" "$node"
expect 0 "$cpulift" rollback --root "$node" --commit
lacks "$folder/out" guest.cpu
cloudstack_node "$folder/fresh" 4.22.0.0
same "$node/$agent" "$folder/fresh/$agent"
[ ! -e "$node/$transformer.sh" ] && [ ! -e "$node/var" ] || fail "rollback left something"
expect 0 "$cpulift" rollback --root "$node" --commit
has "$folder/out" "nothing to undo"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$node" --commit
printf 'workers=9\nguest.cpu.features=aes avx hypervisor xsave -vme\nguest.cpu.model=Nehalem\nguest.cpu.mode=custom\n' >"$node/$agent"
expect 0 "$cpulift" rollback --root "$node" --commit
has "$node/$agent" workers=9
grep -qx guest.cpu.mode= "$node/$agent" || fail "a key that was not there must become empty"

# An operator's own transformer is not replaced, and nothing else happens then.
mkdir -p "$folder/own"
cloudstack_node "$folder/own" 4.22.0.0
mkdir -p "$folder/own/etc/cloudstack/agent/hooks"
echo '#!/bin/sh' >"$folder/own/$transformer.sh"
cp -a "$folder/own" "$folder/own.before"
expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/own" --commit
has "$folder/err" "not cpulift's"
same_tree "$folder/own.before" "$folder/own"
printf '#!/bin/sh\n# not yet: cpulift rewrite --plan /etc/cpulift/plan.json\n# Written by hand, not by cpulift apply\n' >"$folder/own/$transformer.sh"
expect 2 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/own" --commit
has "$folder/err" "not cpulift's"
# One that does what the refusal asks for stays as it is; the rest is applied.
printf '#!/bin/sh\nprintf %%s "$2" | cpulift rewrite --plan /etc/cpulift/plan.json\n' >"$folder/own/$transformer.sh"
cp "$folder/own/$transformer.sh" "$folder/kept"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/own" --commit
same "$folder/kept" "$folder/own/$transformer.sh"
[ -e "$folder/own/etc/cpulift/plan.json" ] || fail "no plan for the operator's own transformer"

# What an earlier version wrote is ours, and comes back.
cloudstack_node "$folder/former" 4.22.0.0
mkdir -p "$folder/former/etc/cloudstack/agent/hooks"
printf '#!/usr/libexec/cpulift/cpulift-hook cloudstack\n' >"$folder/former/$transformer.sh"
chmod +x "$folder/former/$transformer.sh"
cp -a "$folder/former" "$folder/former.before"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/former" --commit --strict
has "$folder/former/$transformer.sh" "strict=strict"
expect 0 "$cpulift" rollback --root "$folder/former" --commit
rm -rf "${folder:?}/former/var"
same_tree "$folder/former.before" "$folder/former"

# The folder that the properties name, as Java reads it: slashes and dots too many are none, and what the journal could not name is refused.
for place in /etc/cloudstack//agent/hooks /etc/./hooks /etc/hooks/. . // 'etc/hooks/'; do
    rm -rf "$folder/placed" "$folder/placed.before"
    cloudstack_node "$folder/placed" 4.22.0.0
    printf '\nagent.hooks.basedir=%s\n' "$place" >>"$folder/placed/$agent"
    cp -a "$folder/placed" "$folder/placed.before"
    expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/placed" --commit
    [ -x "$folder/placed/$place/libvirt-vm-xml-transformer.sh" ] || fail "no hook in '$place'"
    expect 0 "$cpulift" status --root "$folder/placed"
    expect 0 "$cpulift" rollback --root "$folder/placed" --commit
    same_tree "$folder/placed.before" "$folder/placed"
done
for place in '/etc/\u0001' '/etc/h\u202e'; do
    cp "$folder/placed.before/$agent" "$folder/placed/$agent"
    printf 'agent.hooks.basedir=%s\n' "$place" >>"$folder/placed/$agent"
    cp "$folder/placed/$agent" "$folder/kept"
    expect 1 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/placed"
    expect 1 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/placed" --commit
    has "$folder/err" "is no place for a file of ours"
    same "$folder/kept" "$folder/placed/$agent"
    [ ! -e "$folder/placed/var" ] || fail "'$place' left a journal"
done

# Nor may it be the place of another file of ours.
for place in 'etc/cpulift plan.json' 'var/lib/cpulift/journal 000001.json' 'var/lib/cpulift journal'; do
    cp "$folder/placed.before/$agent" "$folder/placed/$agent"
    printf 'agent.hooks.basedir=/%s\nagent.hooks.libvirt_vm_xml_transformer.shell_script=%s\n' "${place% *}" "${place#* }" >>"$folder/placed/$agent"
    expect 1 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/placed" --commit
    has "$folder/err" "another of them belongs there"
    [ ! -e "$folder/placed/var" ] && [ ! -e "$folder/placed/etc/cpulift" ] || fail "'$place' left a file"
done

# The hook under its contract. Standard input is a pipe that stays open.
cloudstack_node "$folder/hooked" 4.22.0.0
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$folder/hooked" --commit --skip 'r-*'
export CPULIFT_ROOT="$folder/hooked"
run=$folder/hooked/$transformer.sh
document=$(cat "$here/cloudstack.xml")
mkfifo "$folder/open"
sleep 20 >"$folder/open" &
sleeper=$!
"$run" transform "$document" <"$folder/open" >"$folder/new.xml" 2>"$folder/err" || fail "the hook failed"
kill "$sleeper"
[ ! -s "$folder/err" ] || fail "the hook wrote on standard error"
has "$folder/new.xml" "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Nehalem</model>"
has "$folder/new.xml" "<topology sockets='1' cores='2' threads='1' />"
has "$folder/new.xml" "<cpu> <numa>"
printf %s "$document" >"$folder/given.xml"
grep -v '<cpu mode' "$folder/given.xml" >"$folder/a"
grep -v '<cpu mode' "$folder/new.xml" >"$folder/b"
same "$folder/a" "$folder/b"
expect 0 "$run" transform "$(cat "$folder/new.xml")"
same "$folder/out" "$folder/new.xml"

# A guest that the patterns leave alone comes back as it was.
router=$(printf %s "$document" | sed 's/i-7-21-VM/r-4-VM/')
expect 0 "$run" transform "$router"
[ "$(cat "$folder/out")" = "$router" ] || fail "a guest that is skipped was changed"

# Hostile documents: exit 1, nothing on either stream, a trace.
big=$(head -c 130000 /dev/zero | tr '\0' x)
quiet() {
    expect 1 "$@"
    [ ! -s "$folder/out" ] && [ ! -s "$folder/err" ] || fail "output beside a failure"
}
quiet "$run" transform '<domain'
quiet "$run" transform ''
quiet "$run" transform '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]><domain type="qemu"><name>&e;</name></domain>'
quiet "$run" transform "<domain type='kvm'><name>\$(touch $folder/pwned);\`id\`</name></domain>"
quiet "$run" transform "<domain type='qemu'><name>big</name><!--$big--></domain"
quiet "$run" other
quiet "$run"
[ ! -e "$folder/pwned" ] || fail "a guest's name was executed"
expect 0 "$cpulift" status --root "$folder/hooked"
has "$folder/out" "7 starts of guests were left untuned"

# No answer within two seconds: its own watchdog ends it. Here the plan is a pipe without a writer.
mv "$folder/hooked/etc/cpulift/plan.json" "$folder/plan.kept"
quiet "$run" transform "$document"
mkfifo "$folder/hooked/etc/cpulift/plan.json"
start=$(date +%s)
got=0
"$run" transform "$document" >"$folder/out" 2>"$folder/err" || got=$?
[ "$got" -eq 1 ] && [ ! -s "$folder/out" ] || fail "watchdog: status $got"
[ $(($(date +%s) - start)) -le 8 ] || fail "the watchdog came late"
has "$folder/hooked/var/lib/cpulift/hook.log" "no answer within 2 s"

# The Groovy shim, called as the agent calls it.
java=$(readlink -f "$(command -v java || echo /nowhere)")
export JAVA_HOME="${JAVA_HOME:-${java%/bin/java}}"
if command -v groovy >/dev/null && groovy -version >/dev/null 2>&1; then
    cp -a "$folder/4.18.2.1" "$folder/shim"
    export CPULIFT_ROOT="$folder/shim"
    groovy "$here/agent.groovy" "$folder/shim/etc/cloudstack/agent/hooks" libvirt-vm-xml-transformer.groovy "$folder/given.xml" >"$folder/groovy.xml"
    same "$folder/groovy.xml" "$folder/new.xml"
    printf '<domain' >"$folder/bad"
    groovy "$here/agent.groovy" "$folder/shim/etc/cloudstack/agent/hooks" libvirt-vm-xml-transformer.groovy "$folder/bad" >"$folder/groovy.xml"
    same "$folder/groovy.xml" "$folder/bad"
fi

# The agent is upgraded, and runs executables: with the next apply our shim goes, and comes back with it. One that is not ours stays.
node=$folder/upgraded
cloudstack_node "$node" 4.18.2.1
cp -a "$node" "$folder/upgraded.old"
mv "$folder/upgraded.old/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.18.2.1.jar" "$folder/upgraded.old/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.22.0.0.jar"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$node" --commit
cp "$node/$transformer.groovy" "$folder/shim.groovy"
mv "$node/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.18.2.1.jar" "$node/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.22.0.0.jar"
sed 's/Nehalem/Westmere/' "$plan" >"$folder/westmere.json"
expect 0 "$cpulift" apply "$folder/westmere.json" --platform cloudstack --root "$node"
has "$folder/out" "+++ /dev/null"
expect 0 "$cpulift" apply "$folder/westmere.json" --platform cloudstack --root "$node" --commit
[ ! -e "$node/$transformer.groovy" ] && [ -x "$node/$transformer.sh" ] || fail "the shim stays beside the hook"
expect 0 "$cpulift" status --root "$node"
has "$folder/out" "$transformer.groovy: in force (removed)"
expect 0 "$cpulift" apply "$folder/westmere.json" --platform cloudstack --root "$node" --commit
has "$folder/out" "nothing to change"
expect 0 "$cpulift" rollback --one --root "$node" --commit
same "$node/$transformer.groovy" "$folder/shim.groovy"
[ ! -e "$node/$transformer.sh" ] || fail "the hook stays where the shim is back"
expect 0 "$cpulift" rollback --root "$node" --commit
same_tree "$node" "$folder/upgraded.old"
mkdir -p "$node/etc/cloudstack/agent/hooks"
echo 'new Object()' >"$node/$transformer.groovy"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --root "$node" --commit
has "$node/$transformer.groovy" "new Object()"

# Rolling maintenance.
cloudstack_node "$folder/rolling" 4.22.0.0
expect 0 "$cpulift" apply "$plan" --platform cloudstack --channel rolling --root "$folder/rolling" --commit
[ -x "$folder/rolling/etc/cloudstack/agent/hooks.d/PreFlight" ] || fail "no PreFlight"
has "$folder/rolling/$agent" rolling.maintenance.hooks.dir=/etc/cloudstack/agent/hooks.d
# The stages, as the agent calls them; what they run is a stand-in, but for cpulift itself.
stage() { PATH="$folder/stand-in:$PATH" CPULIFT_ROOT="$folder/rolling" "$folder/rolling/etc/cloudstack/agent/hooks.d/$1"; }
mkdir "$folder/stand-in"
printf '#!/bin/sh\ncase $1 in apply) set -- "$@" --root "%s" ;; esac\nexec "%s" "$@"\n' "$folder/rolling" "$(realpath "$cpulift")" >"$folder/stand-in/cpulift"
printf '#!/bin/sh\n[ ! -e "%s" ] || { echo "does not provide required features: avx512f" >&2; exit 1; }\n' "$folder/poor" >"$folder/stand-in/virsh"
printf '#!/bin/sh\necho "$@" >>"%s"\n' "$folder/agent.log" >"$folder/stand-in/systemctl"
printf '#!/bin/sh\n[ "$1" != --help ] || { echo "  --wait  waits"; exit; }\nshift 2\nexec "$@"\n' >"$folder/stand-in/systemd-run"
chmod +x "$folder/stand-in"/*
expect 0 "$cpulift" apply "$plan" --platform cloudstack --channel rolling --root "$folder/rolling" --commit --skip "it's \$(touch $folder/pwned)" --strict
expect 70 stage PreFlight
expect 70 stage Maintenance
cp "$plan" "$folder/rolling/etc/cpulift/plan-next.json"
expect 70 stage PreFlight
expect 70 stage Maintenance
echo '{' >"$folder/rolling/etc/cpulift/plan-next.json"
expect 2 stage Maintenance
[ ! -e "$folder/agent.log" ] || fail "the agent was stopped for a plan that cannot be applied"
sed 's/Nehalem/Westmere/' "$plan" >"$folder/rolling/etc/cpulift/plan-next.json"
# A round that is forced goes on after a PreFlight that says no: Maintenance must say it too.
: >"$folder/poor"
expect 1 stage PreFlight
expect 1 stage Maintenance
has "$folder/err" avx512f
has "$folder/rolling/$agent" guest.cpu.model=Nehalem
[ ! -e "$folder/agent.log" ] || fail "the agent was stopped for a plan that the host cannot give"
rm "$folder/poor"
expect 0 stage PreFlight
has "$folder/rolling/$agent" guest.cpu.model=Nehalem
expect 0 stage Maintenance
has "$folder/rolling/$agent" guest.cpu.model=Westmere
has "$folder/rolling/etc/cpulift/plan.json" "it's "
[ "$(tr '\n' ' ' <"$folder/agent.log")" = "stop cloudstack-agent start cloudstack-agent " ] || fail "the agent was not restarted"
[ ! -e "$folder/pwned" ] || fail "a pattern was executed"
cloudstack_node "$folder/again" 4.22.0.0
printf '\nrolling.maintenance.hooks.dir=\n' >>"$folder/again/$agent"
expect 0 "$cpulift" apply "$plan" --platform cloudstack --channel rolling --root "$folder/again" --commit
has "$folder/again/$agent" rolling.maintenance.hooks.dir=/etc/cloudstack/agent/hooks.d
echo "$checks checks"
