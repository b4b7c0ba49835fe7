#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# tour.sh SOURCE BUILD: the README's tour as it stands: each line `$ COMMAND` of its section is run in order in a scratch folder, and what it
# prints is what stands below it, where `…` is for anything (features of the machine, warnings, lines that are left out). TAP.
set -u
. "$(dirname "$0")/steps.sh"
source=$1
command -v qemu-system-x86_64 >/dev/null || { echo '1..0 # SKIP qemu-system-x86_64 is missing'; exit 0; }
PATH=$2:$PATH LC_ALL=C
export PATH LC_ALL
unset LIBVIRT_DEFAULT_URI
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
ln -s "$source/examples" examples
# What is printed is that of this QEMU; another has other features, and only the exit status counts.
other=
qemu-system-x86_64 --version | grep -q 'version 7\.2\.' || other='; not compared: the README shows QEMU 7.2'
awk '/^## / { on = /^## A tour/ } on' "$source/README.md" | split_steps steps
number=0 failed=0
for step in steps/*.cmd; do
    step=${step%.cmd} number=$((number + 1)) word=ok
    if ! run_step "$step"; then
        word='not ok' failed=1
        echo "exit status $status" | diff -u "$step.out" "$step.got" | sed 's/^/# /'
    fi
    echo "$word $number - $(cat "$step.cmd")$other"
done
[ "$number" -ge 10 ] || { echo "# the README's tour was not found"; failed=1; }
echo "1..$number"
exit $failed
