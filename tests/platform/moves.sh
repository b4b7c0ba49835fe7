# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# Sourced behind lib.sh and hosts.sh: guests on real hosts, and whether what 'verify' says of each is what live migration then does.
#   guest NAME VCPUS MACHINE CPU [FEATURES [DEVICES]]  a definition
#   with CPU INSERTED                        an element with that at its end
#   start HOST NAME…                         they run there, as HOST-NAME; their live XML is FOLDER/guests/HOST/HOST-NAME.xml
#   travel VERDICT FROM [CELLS]              each cell of that document from there, a line each into FOLDER/journeys-FROM
#   judge LEAST HOST…                        what came of those
# $unsure is what a verdict of unknown is called: WRONG where all is to be known.
unsure=WRONG
cores4="<topology sockets='1' cores='4' threads='1'/>"
cores2="<topology sockets='1' cores='2' threads='1'/>"
nehalem="<cpu mode='custom' match='exact'><model fallback='allow'>Nehalem</model></cpu>"
mkdir "$folder/defined" "$folder/guests"

# Without what only starts would take time for.
guest() {
    cat >"$folder/defined/$1.xml" <<XML
<domain type='qemu'><name>$1</name><memory>32768</memory><vcpu>$2</vcpu><os><type arch='x86_64' machine='$3'>hvm</type></os>
<features>${5-<acpi/><apic/>}</features>$4<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
<memballoon model='none'/>${6-}</devices></domain>
XML
}

with() {
    printf '%s' "${1%</cpu>}$2</cpu>"
}

# create HOST NAME: QEMU judges a CPU whether it runs or waits
create() {
    sed "s,<name>,&$1-," "$folder/defined/$2.xml" >"$folder/create-$1.xml"
    virsh --quiet --connect "$(host_get uri "$1")" create --paused "$folder/create-$1.xml" >/dev/null 2>"$folder/refused-$1"
}

start() {
    home=$1
    mkdir -p "$folder/guests/$home"
    shift
    for name in "$@"; do
        if create "$home" "$name"; then
            virsh --connect "$(host_get uri "$home")" dumpxml "$home-$name" >"$folder/guests/$home/$home-$name.xml"
        else
            echo "$home-$name does not start: $(grep -o 'error: .*' "$folder/refused-$home" | tail -n 1)"
        fi
    done
}

# try_move NAME FROM TO: "yes" where it arrives with the CPU that it left with; one that went there is started anew at home. A passthrough's
# arrives with another: never a yes.
try_move() {
    here=$(host_get uri "$2") there=$(host_get uri "$3")
    if virsh --quiet --connect "$here" migrate --live "$1" "$there" "tcp://$(host_get address "$3")" >"$folder/refused-$2" 2>&1; then
        virsh --quiet --connect "$there" destroy "$1" >/dev/null 2>&1 & # which takes libvirt seconds
        create "$2" "${1#*-}"
        grep -q "mode='\(host-passthrough\|maximum\)'" "$folder/guests/$2/$1.xml" && echo no || echo yes
    else
        echo no
    fi
}

travel() {
    python3 - "$1" "$2" >"$folder/cells-$2" <<'CELLS'
import json, sys
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["from"] == sys.argv[2]:
        because = [f"{one['what']}:{','.join(one['names'])}" for one in cell["because"]]
        print(cell["guest"], cell["to"], cell["can"], cell.get("libvirt", "-"), *because)
CELLS
    while read -r name to can libvirt because; do
        really=$(try_move "$name" "$2" "$to")
        word=right
        [ "$can" = "$really" ] || word=WRONG
        [ "$can" != unknown ] || word=$unsure
        echo "$word $really $libvirt: $name from $2 to $to: said $can ($because): $(tail -n 1 "$folder/refused-$2")"
    done <"$folder/cells-$2" >"$folder/journeys-$2"
}

# judge LEAST HOST…: all are right, and at least so many arrived, and so many did not
judge() {
    least=$1
    shift
    for home in "$@"; do
        cat "$folder/journeys-$home"
    done >"$folder/journeys"
    grep -v ^right "$folder/journeys" || :
    cells=$(wc -l <"$folder/journeys") arrived=$(grep -c '^[^ ]* yes' "$folder/journeys" || :) wrong=$(grep -c ^WRONG "$folder/journeys" || :)
    echo "$cells migrations, $arrived arrived; of $wrong verify said otherwise, of $(grep -c '^[^ ]* \(yes no\|no yes\):' "$folder/journeys" || :) libvirt"
    [ "$wrong" -eq 0 ] && [ "$arrived" -ge "$least" ] && [ $((cells - arrived)) -ge "$least" ]
}
