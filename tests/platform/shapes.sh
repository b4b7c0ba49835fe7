#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every platform's domain, in many shapes, starts on the embedded libvirt under the plan that the hook puts into it, and a guest with its CPU
# sees exactly that on each virtual CPU. What is the same QEMU to libvirt, name aside, is started once. Documents: ours, and those in
# $CPULIFT_PLATFORM_DOCUMENTS or the shared folder's. Usage: shapes.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
. "$2/tests/platform/ask.sh"
for program in python3 virsh qemu-system-x86_64 xsltproc; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
embedded "$folder/v"
expect 0 "$cpulift" scan -c "$uri" -o "$folder/hosts"
expect 0 "$cpulift" plan "$folder/hosts" --virt qemu --machine pc -o "$folder/plan.json"
"$cpulift" show --xml "$folder/plan.json" >"$folder/plan.xml"

# current max sockets cores threads
shapes=("1 1 1 1 1" "2 2 2 1 1" "2 2 1 2 1" "2 2 1 1 2" "4 4 1 2 2" "1 2 1 2 1" "3 8 2 2 2")
documents=("$here"/cloudstack.xml "$here"/opennebula.xml "$here"/eucalyptus.xml)
more=${CPULIFT_PLATFORM_DOCUMENTS-${CPULIFT_SHARED-$source/../shared}/platforms}
[ -d "$more" ] && documents+=("$more"/*/*.xml)

# make: SHAPE/DOCUMENT.xml is the platform's in that shape, with the plan, SHAPE/DOCUMENT.bare what starts here; for TCG, which every machine has
make() {
    for d in "${!documents[@]}"; do
        sed "s/type='kvm'/type='qemu'/; s/type=\"kvm\"/type=\"qemu\"/" "${documents[$d]}" >"$folder/$d.given"
    done
    for s in "${!shapes[@]}"; do
        read -r current max sockets cores threads <<<"${shapes[$s]}"
        mkdir "$folder/$s"
        for d in "${!documents[@]}"; do
            xsltproc --stringparam guest guest --param current "$current" --param max "$max" --param sockets "$sockets" \
                --param cores "$cores" --param threads "$threads" "$here/shape.xsl" "$folder/$d.given" >"$folder/$s/$d.xml"
            expect 0 "$hook" opennebula "$folder/plan.json" "$folder/$s/$d.xml"
            xsltproc "$here/bare.xsl" "$folder/$s/$d.xml" >"$folder/$s/$d.bare"
            guests+=("$s/$d")
        done
    done
}

# choose: the first of those guests that are the same QEMU
choose() {
    ask argv 'domxml-to-native qemu-argv --xml FILE' "${guests[@]}"
    for guest in "${guests[@]}"; do
        read -r -d '' key <"$folder/$guest.argv" || true
        key=${key/ -uuid ????????-????-????-????-????????????}
        [ -n "${first[$key]-}" ] || chosen+=("$guest")
        first[$key]=${first[$key]-$guest}
        twin[$guest]=${first[$key]}
    done
}

# list FILE…: what each says of features goes to FILE.all, and what of that is the pool's to FILE.pool
list() {
    grep -o "policy='[a-z]*' name='[^']*'" "$@" /dev/null | sort |
        awk -F: '{ print $2 >($1 ".all") } !/ name=.(ht|cmp_legacy).$/ { print $2 >($1 ".pool") }'
}

# check GUEST: it runs what was asked for, which is the plan and what its own topology brings
check() {
    live=$folder/${twin[$1]}.live
    [[ $(<"$live") = *"check='full'"* ]] || fail "${documents[${1#*/}]} in ${shapes[${1%/*}]} does not start: $(cat "$live")"
    [ "$(<"$folder/$1.xml.all")" = "$(<"$live.all")" ] || same "$folder/$1.xml.all" "$live.all"
    [ "$(<"$folder/$1.xml.pool")" = "$(<"$folder/plan.xml.pool")" ] || same "$folder/$1.xml.pool" "$folder/plan.xml.pool"
    checks=$((checks + 3))
}

# prove GUEST: once for each definition, shape and PMU
prove() {
    shape=${shapes[${1%/*}]}
    [[ $(<"$folder/$1.xml") =~ (\<pmu[^>]*>)? ]]
    key=$shape/${BASH_REMATCH[0]}/$(<"$folder/$1.xml.all")
    [ -z "${proved[$key]-}" ] || return 0
    proved[$key]=$1
    expect 0 "$cpulift" prove "$folder/plan.json" --domain "$folder/$1.xml" -c "$uri"
    has "$folder/out" "${shape%% *} of ${shape%% *} read"
}

guests=() chosen=()
declare -A first twin proved
make
choose
ask live 'create --paused FILE; dumpxml guest; destroy guest' "${chosen[@]}"
list "$folder/plan.xml" "$folder"/?/*.xml "$folder"/?/*.live
for guest in "${guests[@]}"; do
    check "$guest"
    prove "$guest"
done
echo "$checks checks, ${#documents[@]} documents in ${#shapes[@]} shapes, ${#chosen[@]} starts, ${#proved[@]} proofs"
