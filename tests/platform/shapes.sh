#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every platform's domain, in many shapes, starts on the embedded libvirt under the plan that the hook puts into it, and a guest with its CPU
# sees exactly that on each virtual CPU. Documents: ours, and those in $CPULIFT_PLATFORM_DOCUMENTS or the shared folder's. Usage: shapes.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
for program in python3 virsh qemu-system-x86_64 xsltproc; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
embedded "$folder/v"
expect 0 "$cpulift" scan -c "$uri" -o "$folder/hosts"
expect 0 "$cpulift" plan "$folder/hosts" --virt qemu --machine pc -o "$folder/plan.json"
"$cpulift" show --xml "$folder/plan.json" | grep -o "policy='[a-z]*' name='[^']*'" | sort >"$folder/planned"

# current max sockets cores threads
shapes=("1 1 1 1 1" "2 2 2 1 1" "2 2 1 2 1" "2 2 1 1 2" "4 4 1 2 2" "1 2 1 2 1" "3 8 2 2 2")
documents=("$here"/cloudstack.xml "$here"/opennebula.xml "$here"/eucalyptus.xml)
more=${CPULIFT_PLATFORM_DOCUMENTS-${CPULIFT_SHARED-$source/../shared}/platforms}
[ -d "$more" ] && documents+=("$more"/*/*.xml)

# make GUEST DOCUMENT SHAPE: GUEST.xml is the platform's, with the plan; all of them are for TCG, which every machine has
make() {
    read -r current max sockets cores threads <<<"$3"
    sed "s/type='kvm'/type='qemu'/; s/type=\"kvm\"/type=\"qemu\"/" "$2" |
        xsltproc --stringparam guest "$1" --param current "$current" --param max "$max" --param sockets "$sockets" \
            --param cores "$cores" --param threads "$threads" "$here/shape.xsl" - >"$folder/$1.xml"
    expect 0 "$hook" opennebula "$folder/plan.json" "$folder/$1.xml"
    xsltproc "$here/bare.xsl" "$folder/$1.xml" >"$folder/$1.bare"
}

# check GUEST: it runs what was asked for, which is the plan and what its own topology brings
check() {
    awk -v guest="$1" '/^GUEST / { on = $2 == guest; next } on' "$folder/said" >"$folder/live.xml"
    grep -q "check='full'" "$folder/live.xml" || fail "$1 ($2; $3) does not start: $(cat "$folder/live.xml")"
    grep -o "policy='[a-z]*' name='[^']*'" "$folder/$1.xml" | sort >"$folder/asked"
    grep -o "policy='[a-z]*' name='[^']*'" "$folder/live.xml" | sort >"$folder/live"
    same "$folder/asked" "$folder/live"
    for side in asked planned; do
        grep -v "name='\(ht\|cmp_legacy\)'" "$folder/$side" >"$folder/$side.pool" || true
    done
    same "$folder/planned.pool" "$folder/asked.pool"
}

# prove GUEST SHAPE: once for each definition, shape and PMU
prove() {
    read -r current _ <<<"$2"
    key=$2/$(grep -o '<pmu[^>]*>' "$folder/$1.xml" || true)/$(md5sum <"$folder/asked")
    [ -z "${proved[$key]-}" ] || return 0
    proved[$key]=$1
    expect 0 "$cpulift" prove "$folder/plan.json" --domain "$folder/$1.xml" -c "$uri"
    has "$folder/out" "$current of $current read"
}

# One virsh, and with it one libvirt, starts them all.
commands=
for d in "${!documents[@]}"; do
    for s in "${!shapes[@]}"; do
        make "g$d-$s" "${documents[$d]}" "${shapes[$s]}"
        commands+="echo 'GUEST g$d-$s '; create --paused $folder/g$d-$s.bare; dumpxml g$d-$s; destroy g$d-$s; "
    done
done
python3 "$source/tests/lib/reap.py" virsh --quiet --connect "$uri" "$commands" >"$folder/said" 2>&1 || true
declare -A proved
for d in "${!documents[@]}"; do
    for s in "${!shapes[@]}"; do
        check "g$d-$s" "${documents[$d]##*/}" "${shapes[$s]}"
        prove "g$d-$s" "${shapes[$s]}"
    done
done
echo "$checks checks, ${#documents[@]} documents in ${#shapes[@]} shapes, ${#proved[@]} proofs"
