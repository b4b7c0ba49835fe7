#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# This machine and its newer peer, in all four combinations of QEMU and libvirt: each is scanned and says its versions; the plan of both is
# proved by all, that of the older QEMU by the newer, and that of the newer is refused by the older for just the features that `diff` tells.
# Usage: peers.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
newer=$source/tools/newer.sh
export BUILD="$build"
[ "$(id -u)" -eq 0 ] || { echo "the embedded libvirt starts guests for root only"; exit 77; }
command -v qemu-system-x86_64 >/dev/null || { echo "no qemu-system-x86_64"; exit 77; }
"$newer" fill >"$folder/packages" || exit $?
"$newer" run true || exit $?

# each COMMAND…: for every combination; $peer is its name, $qemu and $libvirt say which it has
each() {
    for peer in here run-libvirt run-qemu run; do
        qemu=old libvirt=old
        case $peer in run | run-qemu) qemu=new ;; esac
        case $peer in run | run-libvirt) libvirt=new ;; esac
        "$@"
    done
}

# at_peer STATUS ARGUMENT…: cpulift there ends so
at_peer() {
    wanted=$1
    shift
    case $peer in
    here) expect "$wanted" "$cpulift" "$@" ;;
    *) expect "$wanted" "$newer" "$peer" "$cpulift" "$@" ;;
    esac
}

# version OLD-OR-NEW PACKAGE: upstream's number, or its beginning: Debian 12 counts QEMU 7.2.22 as 7.2
version() {
    # shellcheck disable=SC2016 # dpkg's own format
    case $1 in
    old) dpkg-query -W -f '${Version}\n' "$2" ;;
    new) sed -n "s/^$2 //p" "$folder/packages" ;;
    esac | sed 's/^[0-9]*://; s/[-+].*//'
}

scan() {
    at_peer 0 scan -c qemu:///embed
    sed "s/\"name\": \"[^\"]*\"/\"name\": \"$peer\"/" "$folder/out" >"$folder/$peer.json"
    sed -n '/"versions": {/,/}/p' "$folder/$peer.json" >"$folder/versions"
    has "$folder/versions" "\"libvirt\": \"$(version $libvirt libvirt-daemon-driver-qemu)"
    has "$folder/versions" "\"qemu\": \"$(version $qemu qemu-system-x86)"
}

# plan NAME HOST…
plan() {
    name=$1
    shift
    expect 0 "$cpulift" plan --quiet --virt qemu "$@"
    cp "$folder/out" "$folder/plan-$name.json"
}

# lost PLAN BY-PLAN: what the first has beyond the second, a line each
lost() {
    "$cpulift" diff --json "$folder/plan-$1.json" "$folder/plan-$2.json" |
        sed -n '/"only_a": \[$/,/\]/s/^ *"\([^"]*\)",*$/\1/p' | sort
}

# The plan of both is for all; the older one's outlives the upgrade of its host; the newer one's fails on the older, by name.
prove() {
    at_peer 0 prove "$folder/plan-both.json" -c qemu:///embed
    has "$folder/out" "PROVED: "
    if [ $qemu = new ]; then
        at_peer 0 prove "$folder/plan-old.json" -c qemu:///embed
        return
    fi
    lost new old >"$folder/lost"
    [ -s "$folder/lost" ] || fail "the two QEMU give the same: this test proves nothing"
    at_peer 1 prove "$folder/plan-new.json" -c qemu:///embed
    # libvirt's word for features that QEMU lacks, its word for names that it does not know, QEMU's word for those.
    sed -n "/the definition was refused: /{s/.*missing features: //p; s/.*unknown CPU feature: //p; s/.*-cpu\.\([^=]*\)=on.*/\1/p;}" "$folder/out" |
        tr , '\n' | sort >"$folder/missing"
    [ -s "$folder/missing" ] || fail "what is missing is not named: $(cat "$folder/out")"
    [ -z "$(comm -13 "$folder/lost" "$folder/missing")" ] || fail "$(cat "$folder/missing") is not what only the newer QEMU gives"
}

each scan
plan old "$folder/here.json"
plan new "$folder/run.json"
plan both "$folder/here.json" "$folder/run.json" "$folder/run-qemu.json" "$folder/run-libvirt.json"
each prove
grep -E '^(libvirt0|qemu-system-x86) ' "$folder/packages"
echo "only the older QEMU gives: $(lost old new | tr '\n' ' ')"
echo "only the newer QEMU gives: $(lost new old | tr '\n' ' ')"
echo "$checks checks"
