#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# examples.sh SOURCE BUILD: each `$ COMMAND` in the EXAMPLES of a man page is run as it stands, in order, in a scratch folder of the page with
# inputs made here; what the page shows of its output (`…` is for anything) is what it prints. TAP.
set -u
. "$(dirname "$0")/steps.sh"
source=$1
PATH=$2:$PATH LC_ALL=C
export PATH LC_ALL
scratch=$(mktemp -d /tmp/examples-XXXXXX) || exit 1 # a short path, as libvirt wants
trap 'rm -rf "$scratch"' EXIT
LIBVIRT_DEFAULT_URI="qemu:///embed?root=$scratch/root" XDG_CACHE_HOME=$scratch/cache
export LIBVIRT_DEFAULT_URI XDG_CACHE_HOME
# Open MPI asks for these where root starts it.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

has() { # PROGRAM…
    for program; do command -v "$program" >/dev/null || return 1; done
}
never() {
    return 1
}
# What does not run everywhere: the page, how the command begins, what tells that it runs here, what it needs.
elsewhere="ddg;mpirun ;has mpirun cpulift-ddg;mpirun and cpulift-ddg
import;scp -qr node7:;never;a remote host
import;virsh -c qemu+ssh://;never;a remote host
plan;cpulift scan ;has qemu-system-x86_64;QEMU
rewrite;virsh ;has virsh qemu-system-x86_64;virsh and QEMU
run;cpulift run --cpu Nehalem ;cpulift run --cpu Nehalem --check;a CPU that has all of Nehalem
run;cpulift run --cpu plan.json -- HandBrakeCLI ;has HandBrakeCLI cpulift-transcode;HandBrakeCLI
scan;cpulift scan -c qemu+ssh://;never;remote hosts"

# The inputs of a page's examples.
host='{"schema":"cpulift.host/1","name":"node7","arch":"x86_64","cpu":{"vendor":"Intel"},"guests":[{"virt":"kvm","machine":"pc",
 "usable_models":["486","kvm64"],"features":["apic","clflush","cmov","cx16","cx8","de","fpu","fxsr","lm","mce","mmx","msr","mtrr","nx","pae",
 "pat","pge","pni","pse","pse36","sep","sse","sse2","syscall","tsc"]}]}'
domain="<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
make_ddg() {
    mkdir examples
    printf '%s\n' 'device = finfet' 'nx = 8' 'ny = 2' 'nz = 4' >examples/finfet-10.7nm.ddg
}
make_import() {
    echo "<domainCapabilities><domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch>
<cpu><mode name='host-model' supported='yes'><model fallback='forbid'>Nehalem</model><vendor>Intel</vendor></mode>
<mode name='custom' supported='yes'><model usable='yes'>Nehalem</model></mode></cpu></domainCapabilities>" >node7.xml
    mkdir node7-kernel
    echo 'Not affected' >node7-kernel/mds
}
make_plan() {
    echo 'node7 qemu:///embed' >hosts.txt
    has qemu-system-x86_64 || make_scan
}
make_rewrite() {
    cpulift plan --for default --virt qemu -o rack-1.json
    echo "$domain" >web.xml
    ! has virsh qemu-system-x86_64 || virsh -q define web.xml
}
make_run() {
    cpulift plan --for default -o plan.json
    ! has HandBrakeCLI cpulift-transcode || mv "$(cpulift-transcode clip -s 1)" clip.mts
}
make_scan() {
    mkdir hosts
    echo "$host" >hosts/node7.json
}

# What the command of the page needs and is not here; empty where it can run.
find_missing() { # PAGE COMMAND
    while IFS=';' read -r page begins test needs; do
        case $1,$2 in "$page,$begins"*) $test >/dev/null 2>&1 || echo "$needs" ;; esac
    done <<EOF
$elsewhere
EOF
}
number=0 failed=0
check_step() { # PAGE STEP
    number=$((number + 1)) word=ok command=$(cat "$2.cmd")
    missing=$(find_missing "$1" "$command")
    if [ -n "$missing" ]; then
        echo "ok $number - $1: $command # SKIP needs $missing"
        return
    fi
    other=
    [ -s "$2.out" ] || other='; the page shows no output'
    if ! run_step "$2"; then
        word='not ok' failed=1
        echo "exit status $status" | diff -u "$2.out" "$2.got" | sed 's/^/# /'
    fi
    echo "$word $number - $1: $command$other"
}
for file in "$source"/man/*.scd; do
    page=$(basename "$file" | sed 's/^cpulift-//; s/\.[0-9]\.scd$//')
    mkdir "$scratch/$page" && cd "$scratch/$page" || exit 1
    awk '/^# / { on = /^# EXAMPLES/ } on' "$file" | split_steps steps
    [ -f steps/01.cmd ] || continue
    "make_$page" >made.log 2>&1 || sed 's/^/# /' made.log
    for step in steps/*.cmd; do check_step "$page" "${step%.cmd}"; done
done
[ "$number" -ge 12 ] || { echo "# the pages' examples were not found"; failed=1; }
echo "1..$number"
exit $failed
