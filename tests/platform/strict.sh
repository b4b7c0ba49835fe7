#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The table of cpulift-hook(8), cell by cell: each fault on each platform, without and with --strict, through what `apply` installs, called as
# the platform calls it. Usage: strict.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
page=$source/man/cpulift-hook.8.scd
java=$(readlink -f "$(command -v java || echo /nowhere)")
export JAVA_HOME="${JAVA_HOME:-${java%/bin/java}}"
platforms='cloudstack eucalyptus guard opennebula'
if command -v groovy >/dev/null && groovy -version >/dev/null 2>&1; then platforms+=' groovy'; fi
sed 's/<name>i-7-21-VM/<name>skipped/' "$here/cloudstack.xml" >"$folder/skipped.xml"
sed "s/<domain type='[a-z]*'/<domain type='kvm'/; s/type='qemu'/type='kvm'/" "$here/cloudstack.xml" >"$folder/other.xml"
# The guard's guest is richer than the plan; it is stopped when the guard can judge.
rich='<cpu mode="host-passthrough"/>'

# Of each platform: how its node is made, its trace and what it calls; `start FILE` in its folder gives guest FILE and says how it ended, by the
# platform's own rule.
make_cloudstack() { cloudstack_node . 4.22.0.0; }
make_groovy() { cloudstack_node . 4.18.2.1; }
make_eucalyptus() { eucalyptus_node . "$here/euca41.xsl" && mkdir -p var/log/eucalyptus instance; }
make_guard() { mkdir -p etc/libvirt && : >etc/libvirt/qemu.conf; }
make_opennebula() {
    opennebula_front . 7.0.1
    mkdir fake
    printf '#!/bin/sh\ncp "$4" started\n' >fake/virsh
    chmod +x fake/virsh
}
declare -A apply=([guard]='libvirt --channel guard' [groovy]=cloudstack) called=(
    [cloudstack]=etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh [groovy]=etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.groovy
    [eucalyptus]=etc/eucalyptus/nc-hooks/cpulift [guard]=etc/libvirt/hooks/qemu.d/cpulift [opennebula]=var/lib/one/remotes/cpulift/kvmrc.bash)
declare -A log=([eucalyptus]=var/log/eucalyptus/cpulift-hook.log [opennebula]=var/lib/one/cpulift-hook.log)

tuned() { if grep -q "check='full'" "$1"; then echo tuned; else echo untuned; fi; }
# The agent starts what was printed where the hook ends well, else what it had.
agent() {
    if ! "$@" >answer 2>/dev/null </dev/null; then
        echo untuned
    elif grep -q '^<domain type="cpulift: ' answer; then
        echo stopped
    else
        tuned answer
    fi
}
start_cloudstack() { agent "./${called[cloudstack]}" transform "$(cat "$1")"; }
groovy_agent() { [ ! -e "$1" ] && cat "$2" || groovy "$here/agent.groovy" "${1%/*}" "${1##*/}" "$2"; }
start_groovy() { agent groovy_agent "$PWD/${called[groovy]}" "$1"; }
start_eucalyptus() {
    cp "$1" instance/instance-libvirt.xml
    if [ ! -x "${called[eucalyptus]}" ] || "./${called[eucalyptus]}" euca-nc-pre-boot "$PWD" "$PWD/instance"; then
        tuned instance/instance-libvirt.xml
    else
        echo stopped
    fi
}
start_guard() {
    sed "s,<cpu[ >].*</cpu>,,; s,</domain>,$rich&," "$1" >rich.xml
    if [ ! -x "${called[guard]}" ] || "./${called[guard]}" "$(sed -n 's,.*<name>\([^<]*\)</name>.*,\1,p' "$1")" prepare begin - <rich.xml; then
        echo untuned
    else
        echo stopped
    fi
}
start_opennebula() {
    cp "$1" deployment
    if PATH=$PWD/fake:$PATH bash -c '. "$1"; virsh --connect "$LIBVIRT_URI" create "$2"' - var/lib/one/remotes/etc/vmm/kvm/kvmrc deployment; then
        tuned started
    else
        echo stopped
    fi
}

# The faults. Each spoils a node that is as `apply` left it, or names the guest.
plan() { if [ "$platform" = opennebula ]; then echo var/lib/one/remotes/cpulift/plan.json; else echo etc/cpulift/plan.json; fi; }
instead() { # COMMANDS: a program that does this in the place of ours
    rm bin/cpulift-hook
    printf '#!/bin/sh\n%s\nexec "%s" "$@"\n' "$1" "$(realpath "$hook")" >bin/cpulift-hook
    chmod +x bin/cpulift-hook
}
late() { rm "$(plan)" && mkfifo "$(plan)"; }
fault() {
    given=$here/cloudstack.xml
    case $1 in
    nothing) ;;
    plan-gone) rm "$(plan)" ;;
    plan-cut) truncate -s 100 "$(plan)" ;;
    plan-newer) sed -i 's,cpulift.plan/1,cpulift.plan/2,' "$(plan)" ;;
    plan-open) chmod 666 "$(plan)" ;;
    plan-late) late ;;
    plan-unsealed) mkdir -p etc/cpulift && printf '%s\n' '-----BEGIN PUBLIC KEY-----' MCowBQYDK2VwAyEAvryWFAmJnS4J8SWtO4Kk7nhdKlOv4xrh3VNYVbYORNc= \
        '-----END PUBLIC KEY-----' >etc/cpulift/plan.pub
        # A node controller's home need not be the root.
        [ "$platform" != eucalyptus ] || CPULIFT_ROOT=$PWD/instance ;;
    program-gone) rm bin/cpulift-hook ;;
    program-no-program) rm bin/cpulift-hook && echo text >bin/cpulift-hook ;;
    program-killed) late && instead '(sleep 0.3; kill -KILL $$) &' ;;
    guest-broken) printf "<domain type='qemu'><name>broken</name>" >broken.xml && given=broken.xml ;;
    guest-other-virt) given=$folder/other.xml ;;
    guest-skipped) given=$folder/skipped.xml ;;
    document-128k) { sed 's,</domain>,,' "$given" && printf '<!--' && head -c 140000 /dev/zero | tr '\0' x && echo '--></domain>'; } >large.xml && given=large.xml ;;
    hook-gone) rm "${called[$platform]}" ;;
    hook-killed) instead 'kill -KILL $PPID' ;;
    *) fail "the table has a row '$1' that this test does not know" ;;
    esac
}

# cell PLATFORM ROW STRICT: what becomes of a guest there, in a word of the table
cell() {
    platform=$1
    cp -a "$folder/$1$3" "$folder/$1$3.$2"
    cd "$folder/$1$3.$2" || exit
    # What apply wrote names the program of the node that was copied.
    sed -i "s,$folder/$1$3/bin,$PWD/bin,g" "${called[$1]}"
    export CPULIFT_ROOT="$PWD"
    fault "$2"
    trace=${log[$1]:-var/lib/cpulift/hook.log}
    : >"$trace"
    ended=$("start_$1" "$given" 2>said)
    case $ended$(grep -v ': note: ' "$trace" | sed 's/^[-0-9]*T[0-9:]*Z [a-z]* [^ ]*: stopped: ..*/+stop/; t; s/^[-0-9]*T[0-9:]*Z [a-z]* [^ ]*: ..*/+line/; t; s/^/?/') in
    tuned) echo tuned ;;
    untuned+line) echo untuned ;;
    untuned) echo unseen ;;
    stopped+stop) echo stopped ;;
    stopped) echo refused ;;
    *) echo "$ended:$(cat "$trace" said)" ;;
    esac
}

for platform in $platforms; do
    for strict in '' --strict; do
        node=$folder/$platform$strict
        mkdir -p "$node/bin" "$node/var/lib/cpulift" "$node/var/lib/one"
        ln -s "$(realpath "$hook")" "$node/bin/cpulift-hook"
        (cd "$node" && "make_$platform")
        # shellcheck disable=SC2086 # words
        expect 0 "$cpulift" apply "$here/plan.json" --platform ${apply[$platform]:-$platform} --root "$node" --hook "$node/bin/cpulift-hook" --skip 'skipped' $strict --commit
    done
done
sed -n '/^fault  *cloudstack/,/^```/p' "$page" | grep -v '^```' >"$folder/table"
read -r -a heads <"$folder/table"
[ "${heads[*]}" = "fault cloudstack groovy eucalyptus guard opennebula" ] || fail "the table of $page has other columns: ${heads[*]}"
mkdir "$folder/got" "$folder/wanted"
while read -r row cells; do
    index=0
    for pair in $cells; do
        index=$((index + 1))
        platform=${heads[index]}
        if [ "$pair" = - ] || [[ " $platforms " != *" $platform "* ]]; then continue; fi
        for strict in '' --strict; do
            want=${pair%/*}
            [ -z "$strict" ] || want=${pair#*/}
            echo "$want" >"$folder/wanted/$row.$platform$strict"
            (cell "$platform" "$row" "$strict" >"$folder/got/$row.$platform$strict") &
        done
    done
    wait
done < <(tail -n +2 "$folder/table")
count=$(find "$folder/wanted" -type f | wc -l)
[ "$count" -ge 104 ] || fail "only $count cells"
checks=$((checks + count))
diff -r "$folder/wanted" "$folder/got" || fail "the table says otherwise (<)"
echo "$checks checks, $count cells"
