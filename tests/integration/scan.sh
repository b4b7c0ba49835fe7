#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# scan.sh PROGRAM…: scans QEMU inside the process, and hosts that do not answer. The program is the front, beside which the others stand.
# shellcheck disable=SC2034 # the conditions are evaluated by check
set -u
cpulift=$1
export LC_ALL=C
dir=$(mktemp -d)
trap 'kill "${silent:-$$}" 2>/dev/null; rm -rf "$dir"' EXIT
bad=0
check() {
    if ! eval "$2"; then
        echo "not so: $1" >&2
        sed 's/^/  /' "$dir/err" >&2
        bad=1
    fi
}
scan() {
    timeout 60 "$cpulift" scan "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
}

command -v qemu-system-x86_64 >/dev/null || exit 77

scan -c qemu:///embed
check 'this machine is scanned' '[ $status -eq 0 ]'
check 'the document is a host' 'grep -q "\"schema\": \"cpulift.host/1\"" "$dir/out"'
check 'emulated guests are there' 'grep -q "\"virt\": \"qemu\"" "$dir/out"'
check 'the canonical machine is named' 'grep -q "\"canonical_machine\": \"pc-q35-" "$dir/out"'
check 'its machine types are listed' 'grep -q "\"pc\": \"pc-i440fx-" "$dir/out" && grep -q "^        \"pc-i440fx-" "$dir/out"'
check 'its size is told' 'grep -q "\"cpus\": $(nproc --all)," "$dir/out" && grep -q "^    \"memory\": [1-9]" "$dir/out"'
check 'nothing is said' '[ ! -s "$dir/err" ]'
cp "$dir/out" "$dir/first"
scan -c qemu:///embed
undated() { sed '/^  "scanned": "[0-9TZ:-]*",$/d; s/^    "memory": [0-9]*$/    "memory": 1/' "$1"; } # a virtual machine's memory changes, too
undated "$dir/first" >"$dir/first.undated"
check 'it says when it was scanned' '! cmp -s "$dir/first" "$dir/first.undated"'
check 'the same host gives the same bytes otherwise' 'undated "$dir/out" | cmp -s - "$dir/first.undated"'
for document in first first.undated; do
    "$cpulift" plan -q --virt qemu - <"$dir/$document" >"$dir/plan.$document"
done
check 'a plan does not depend on when' '[ -s "$dir/plan.first" ] && cmp -s "$dir/plan.first" "$dir/plan.first.undated"'

scan -c "qemu+unix:///system?socket=$dir/none"
check 'nobody answers: 2' '[ $status -eq 2 ]'
check 'the host is named' 'grep -q "$dir/none" "$dir/err"'
check 'one line' '[ "$(wc -l <"$dir/err")" -eq 1 ]'
check 'nothing on standard output' '[ ! -s "$dir/out" ]'

printf 'a qemu:///embed\nb qemu+unix:///system?socket=%s/none # gone\n' "$dir" >"$dir/hosts"
scan --hosts "$dir/hosts" -o "$dir/documents"
check 'some answer: 3' '[ $status -eq 3 ]'
check 'each has a document' '[ "$(echo $(ls "$dir/documents"))" = "a.json b.json" ]'
check 'who did not answer says so there' 'grep -q "\"error\": " "$dir/documents/b.json"'
check 'and is not planned' '! "$cpulift" plan -q --virt qemu "$dir/documents" >"$dir/out" 2>"$dir/err2" && [ ! -s "$dir/out" ]'
check 'who did not is named' 'grep -q "host .b." "$dir/err"'

if command -v python3 >/dev/null; then
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); time.sleep(60)' "$dir/silent" &
    silent=$!
    while [ ! -S "$dir/silent" ]; do sleep 0.1; done
    begin=$(date +%s)
    scan --timeout 1 -c "qemu+unix:///system?socket=$dir/silent"
    check 'a silent host ends at its deadline' '[ $status -eq 2 ] && [ $(($(date +%s) - begin)) -le 4 ]'
    check 'and is named' 'grep -q "$dir/silent" "$dir/err"'
fi

scan -o /proc/cpulift -c qemu:///embed
check 'a folder that cannot be made: 2' '[ $status -eq 2 ] && [ ! -s "$dir/out" ]'
scan -c qemu:///embed -c qemu:///embed
check 'two hosts of a name: 2' '[ $status -eq 2 ] && [ ! -s "$dir/out" ]'
scan host
check 'wrong usage: 64' '[ $status -eq 64 ]'
exit $bad
