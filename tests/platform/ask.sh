# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# Sourced after lib.sh: many guests of one embedded libvirt.

# ask KIND COMMANDS GUEST…: of each guest, with its name in the place of GUEST and its file, $folder/GUEST.bare, in that of FILE, all in one
# virsh, and with it one libvirt at $uri. What it says of a guest goes to $folder/GUEST.KIND.
ask() {
    commands=
    for guest in "${@:3}"; do
        command=${2//FILE/$folder/$guest.bare}
        commands+="echo '"$'\n'"GUEST $guest"$'\n'"'; ${command//GUEST/$guest}; "
    done
    python3 "$source/tests/lib/reap.py" virsh --quiet --connect "$uri" "$commands" 2>&1 |
        awk -v kind="$1" -v folder="$folder" '/^GUEST / { close(file); file = folder "/" $2 "." kind; printf "" >file; next } file { print >file }'
}
