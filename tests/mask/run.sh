#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# [--trap auto|int80|ud2] `cpulift run` on real programs. TAP. Arguments: cpulift-run and the helpers that Meson built.
set -u
trap_asked=auto
if [ "$1" = --trap ]; then
    trap_asked=$2
    shift 2
fi
program=$1 run=("$1" --trap "$trap_asked") victim=$2 static=$3 plug=$4 stepcount=$5 expect=$6 i386=${7:-} i386_signals=${8:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export XDG_CACHE_HOME=$tmp/cache LC_ALL=C
count=0

ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() { count=$((count + 1)); echo "not ok $count - $1"; sed 's/^/# /' "$tmp/err" 2>/dev/null; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
check() { # NAME COMMAND…
    local name=$1
    shift
    if timeout 60 "$@" >"$tmp/out" 2>"$tmp/err"; then ok "$name"; else not_ok "$name"; fi
}
same() { # NAME EXPECTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else
        printf 'expected: %s\ngot: %s\n' "$2" "$3" >"$tmp/err"
        not_ok "$1"
    fi
}
shows() { # whether this machine can show the CPU
    "${run[@]}" --cpu "$1" --check 2>/dev/null
}

"${run[@]}" --cpu host -- true 2>"$tmp/err"
if [ "$? $trap_asked $(wc -l <"$tmp/err")" = "2 int80 1" ] && grep -q "trap 'int80'" "$tmp/err"; then
    echo "1..0 # SKIP $(cat "$tmp/err")"
    exit
fi

# --- what programs see -----------------------------------------------------------------------
level() {
    "${run[@]}" --cpu "$1" -- /lib64/ld-linux-x86-64.so.2 --help | grep -o 'x86-64-v[2-4] (supported' |
        sort | tail -n 1 | grep -o 'v[2-4]'
}
for pair in qemu64: Nehalem:v2 Haswell-noTSX:v3; do
    cpu=${pair%%:*}
    if shows "$cpu"; then same "the loader's level on $cpu" "${pair##*:}" "$(level "$cpu")"; else
        skip "the loader's level on $cpu" "this machine lacks its instructions"
    fi
done

# All registers of which libvirt's map knows a bit, as Debian's cpuid prints them, hold exactly the
# definition's. osxsave and ospke follow the kernel; AMD repeats leaf 1 edx in 0x80000001.
cpuid_differences() {
    "${run[@]}" --cpu "$1" -- cpuid -1 -r >"$tmp/cpuid" || return
    "$expect" "$1" >"$tmp/expect" || return
    while read -r leaf sub reg all wanted; do
        line=$(grep -E "0x$leaf 0x$sub:" "$tmp/cpuid")
        got=$(echo "$line" | grep -o "e${reg}x=0x[0-9a-f]*" | cut -d= -f2)
        all=$((16#$all))
        case $leaf$reg in
        00000001c) all=$((all & ~(1 << 27))) ;;
        00000007c) all=$((all & ~(1 << 4))) ;;
        esac
        [ $((${got:-0} & all)) = $((16#$wanted & all)) ] ||
            echo "$leaf $sub $reg: got ${got:-nothing} wanted $wanted"
    done <"$tmp/expect"
}
for cpu in qemu64 Nehalem Haswell-noTSX; do
    name="Debian's cpuid shows exactly the features of $cpu"
    if ! command -v cpuid >/dev/null; then skip "$name" "package cpuid is not installed"
    elif ! shows "$cpu"; then skip "$name" "this machine lacks its instructions"
    else same "$name" "" "$(cpuid_differences "$cpu")"; fi
done

same "nothing is hidden with host" "$("$victim" dump)" "$("${run[@]}" --cpu host -- "$victim" dump)"
same "a static program sees the same as a dynamic one" \
    "$("${run[@]}" --cpu Nehalem -- "$victim" dump)" "$("${run[@]}" --cpu Nehalem -- "$static" dump)"
same "family, model and stepping are QEMU's" "000106a3" \
    "$("${run[@]}" --cpu Nehalem -- "$victim" dump | awk '$1 == "00000001" {print $2}')"
same "--vendor model" "756e6547 6c65746e 49656e69" \
    "$("${run[@]}" --cpu Nehalem --vendor model -- "$victim" dump | awk '$1 == "00000000" {print $3, $4, $5}')"
same "/proc/cpuinfo follows" "26" \
    "$("${run[@]}" --cpu Nehalem -- awk '$1 == "model" && $2 == ":" {print $3; exit}' /proc/cpuinfo)"
same "/proc/cpuinfo names no hidden flag" "" \
    "$("${run[@]}" --cpu Nehalem -- grep -m1 -owE 'avx2?|fma|avx512f|fsgsbase' /proc/cpuinfo)"
same "/proc/cpuinfo follows by a relative name" "26" \
    "$("${run[@]}" --cpu Nehalem -- sh -c "cd /proc && awk '\$1 == \"model\" && \$2 == \":\" {print \$3; exit}' cpuinfo")"
same "AT_HWCAP2 hides fsgsbase" "0" \
    "$("${run[@]}" --cpu Nehalem -- "$victim" dump | awk '/hwcap2/ {print $4}')"

# What `--cpu help` says of a CPU is what becomes of it.
"${run[@]}" --cpu help | tail -n +2 >"$tmp/list"
while read -r name can _; do
    shows "$name" && is=yes || is=no:
    [ "$can" = $is ] || echo "$name: $can but $is"
done <"$tmp/list" >"$tmp/differences"
same "--cpu help is true" "" "$(cat "$tmp/differences")"
same "--cpu help has levels and models" "4 1" "$(grep -c '^x86-64-v[1-4] ' "$tmp/list") $(grep -c '^Nehalem ' "$tmp/list")"
for level in 2 3 4; do
    if shows x86-64-v$level; then same "x86-64-v$level" v$level "$(level x86-64-v$level)"
    else skip "x86-64-v$level" "this machine lacks its instructions"; fi
done

# --drop-missing says what it drops, and nothing of that is shown.
extended() { awk '$1 == "80000001" {print $5}'; }
if shows phenom; then skip "--drop-missing" "this machine has all that a Phenom has"; else
    "${run[@]}" --cpu Phenom --drop-missing -- "$victim" dump >"$tmp/out" 2>"$tmp/err"
    lacks_3dnow=$((~16#$("$victim" dump | extended) >> 31 & 1))
    same "--drop-missing" "0 1 $lacks_3dnow $((1 - lacks_3dnow))" \
        "$? $(grep -c "'Phenom' is shown without" "$tmp/err") $(grep -c 3dnow "$tmp/err") $((16#$(extended <"$tmp/out") >> 31))"
fi
same "--drop-missing has nothing to say of what is all there" "" "$("${run[@]}" --cpu host --drop-missing -- true 2>&1)"

# --- every CPUID instruction is answered -----------------------------------------------------
answered() { "${run[@]}" --cpu host -v -- "$@" 2>&1 >/dev/null | grep -o '[0-9]* CPUID' | cut -d' ' -f1; }
for command in "$static count 5" "$victim gap" "/bin/true"; do
    # shellcheck disable=SC2086 # words
    same "single steps count as many CPUID as are answered: ${command##*/}" \
        "$("$stepcount" $command 2>/dev/null)" "$(answered $command)"
done

# --- programs as they are --------------------------------------------------------------------
cpu=Nehalem
for mode in gap prefixed threads signals blocked kept once waiting children untraced switch exec-thread jit jit-rwx jit-anew unmapped copy written filled sandbox seccomp; do
    check "victim: $mode" "${run[@]}" --cpu $cpu -- "$victim" $mode
    same "victim: $mode says nothing" "" "$(cat "$tmp/err")"
done
check "a program in a sandbox: code made at run time" "${run[@]}" --cpu $cpu -- "$victim" sandboxed jit-rwx
"${run[@]}" --cpu $cpu -- "$victim" sandboxed filled 2>"$tmp/err"
got="$? $(grep -c EFAULT "$tmp/err")"
case $got in "0 0" | "1 1") got=told ;; esac
same "a program in a sandbox: what the kernel cannot write is told of" told "$got"
if "$victim" legacy 2>/dev/null; then check "victim: legacy" "${run[@]}" --cpu $cpu -- "$victim" legacy
else skip "victim: legacy" "this kernel has no 32-bit system calls"; fi
# A mapped file is looked at, and nothing that the program puts in its place: whoever opens the FIFO lets the writer go on.
lure='import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
bait, lure = sys.argv[1:]
fd = os.open(bait, os.O_CREAT | os.O_RDWR)
os.truncate(fd, 4096)
memory = libc.mmap(None, 4096, 1, 2, fd, 0)
os.unlink(bait)
os.symlink(lure, bait + " (deleted)")
sys.exit(libc.mprotect(ctypes.c_void_p(memory), 4096, 5) != 0)'
if command -v python3 >/dev/null; then
    mkfifo "$tmp/fifo"
    (: >"$tmp/fifo" && : >"$tmp/opened") &
    writer=$!
    check "a link in the place of a mapped file" "${run[@]}" --cpu $cpu -- python3 -c "$lure" "$tmp/bait" "$tmp/fifo"
    sleep 0.1
    same "nothing is opened through it" "$tmp/bait (deleted)" "$(ls -d "$tmp"/bait* "$tmp/opened" 2>/dev/null)"
    kill $writer 2>/dev/null
else skip "a link in the place of a mapped file" "package python3 is not installed"; fi
# what is ignored when `run` is called is so in the program, also where the trial of int 0x80 is a SIGSEGV
inherit="import os, signal, sys; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGILL, signal.SIGSEGV)]; os.execv(sys.argv[1], sys.argv[1:])"
if command -v python3 >/dev/null; then
    same "ignored signals are inherited" "$(python3 -c "$inherit" "$(command -v grep)" SigIgn /proc/self/status)" \
        "$(python3 -c "$inherit" "${run[@]}" --cpu $cpu -- grep SigIgn /proc/self/status)"
else skip "ignored signals are inherited" "package python3 is not installed"; fi
check "a static program: threads" "${run[@]}" --cpu $cpu -- "$static" threads
check "a static program: children" "${run[@]}" --cpu $cpu -- "$static" children
if [ -n "$i386" ] && "$i386" 2>/dev/null; [ $? = 41 ]; then
    "${run[@]}" --cpu $cpu -- "$i386"
    same "a 32-bit program" 40 $?
else skip "a 32-bit program" "not made here, or no AVX to hide"; fi
if [ -n "$i386_signals" ] && "$i386_signals" 2>/dev/null; then
    check "actions and masks of a 32-bit program" "${run[@]}" --cpu $cpu -- "$i386_signals"
else skip "actions and masks of a 32-bit program" "not made here, or this kernel has no 32-bit programs"; fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    cp "$program" "$tmp/run-program" && chmod 755 "$tmp" "$tmp/run-program"
    same "without privileges" "65534 v2" "$(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent \
        XDG_CACHE_HOME=/nonexistent "$tmp/run-program" --trap "$trap_asked" --cpu Nehalem -- sh -c \
        'echo $(id -u) $(/lib64/ld-linux-x86-64.so.2 --help | grep -o "v2 (supp" | cut -c1-2)')"
    "${run[@]}" --cpu Nehalem -- setpriv --reuid=65534 --regid=65534 --clear-groups cat /proc/cpuinfo 2>"$tmp/err" | grep -q vendor_id
    same "a program that becomes another user still reads /proc/cpuinfo, and it is said" "0 1" \
        "${PIPESTATUS[1]} $(grep -c 'another user' "$tmp/err")"
    cp "$victim" "$tmp/closed" && chmod 755 "$tmp/closed"
    setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_CACHE_HOME=/nonexistent \
        "$tmp/run-program" --trap "$trap_asked" --cpu Nehalem -- "$tmp/closed" closed >/dev/null 2>"$tmp/err"
    same "a program that nobody may look into any more goes on, and is told of" "0 1" "$? $(grep -c 'PR_SET_DUMPABLE' "$tmp/err")"
    setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_CACHE_HOME=/nonexistent "$tmp/run-program" --trap "$trap_asked" \
        --cpu Nehalem -- sh -c "sleep 0.3; $tmp/closed closed; exit 7" 2> >(exit)
    same "a program whose messages nobody reads goes on" 7 $?
    cp "$static" "$tmp/unreadable" && chmod 711 "$tmp/unreadable"
    setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_CACHE_HOME=/nonexistent \
        "$tmp/run-program" --trap "$trap_asked" --cpu Nehalem -- "$tmp/unreadable" dump >/dev/null 2>"$tmp/err"
    same "a program that cannot be read is told of, and goes on" "0 1" "$? $(grep -c 'not read' "$tmp/err")"
else skip "without privileges" "needs root to give them up"; fi
plugs=()
for i in $(seq 100); do
    cp "$plug" "$tmp/plug$i.so"
    plugs+=("$tmp/plug$i.so")
done
check "100 libraries by dlopen" "${run[@]}" --cpu $cpu -- "$victim" dlopen "${plugs[@]}"
printf 'int main(void) { return 0; }\n' >"$tmp/one.c"
check "gcc compiles a file" "${run[@]}" --cpu $cpu -- gcc -O2 "$tmp/one.c" -o "$tmp/one"
check "the shell runs programs" "${run[@]}" --cpu $cpu -- bash -c 'set -e; x=$(echo a | tr a b); [ $x = b ]; (exit 0)'
tool() { # PACKAGE COMMAND…
    if command -v "$2" >/dev/null; then check "${*:2:2}" "${run[@]}" --cpu $cpu -- "${@:2}"; else
        skip "${*:2:2}" "package $1 is not installed"
    fi
}
tool python3 python3 -c 'import json, ssl, hashlib; hashlib.sha256(b"x" * 1000000)'
tool git git --version
tool openssl openssl dgst -sha256 "$tmp/one.c"
tool default-jre-headless java -version
tool handbrake-cli HandBrakeCLI --version
if command -v java >/dev/null; then
    same "Java sees no AVX" "0" "$("${run[@]}" --cpu $cpu -- java -XX:+PrintFlagsFinal -version 2>/dev/null |
        awk '$2 == "UseAVX" {print $4}')"
else skip "Java sees no AVX" "no Java"; fi

# --- the trap --------------------------------------------------------------------------------
case $trap_asked in
int80) same "CPUID is replaced by what is asked for" cd80 "$("${run[@]}" --cpu $cpu -- "$victim" trap)" ;;
ud2) same "CPUID is replaced by what is asked for" 0f0b "$("${run[@]}" --cpu $cpu -- "$victim" trap)" ;;
esac
check "what this machine does by itself" "$program" --cpu $cpu -- "$victim" children
"$program" --trap int80 --cpu $cpu -- "$victim" gap 2>"$tmp/err"
got="$? $(grep -c "trap 'int80'" "$tmp/err") $(wc -l <"$tmp/err")"
if "$victim" legacy 2>/dev/null; then same "a trap that this kernel has is not refused" "0 0 0" "$got"
else same "a trap that this kernel has not is refused by name" "2 1 1" "$got"; fi
"$program" --trap int3 --cpu $cpu -- true 2>"$tmp/err"
same "an unknown trap" "64 1" "$? $(grep -c int3 "$tmp/err")"

# --- transparency ----------------------------------------------------------------------------
"${run[@]}" --cpu $cpu -- sh -c 'exit 42'
same "exit status" 42 $?
"${run[@]}" --cpu $cpu -- sh -c 'kill -TERM $$' 2>/dev/null
same "death by a signal" 143 $?
"${run[@]}" --cpu $cpu -- /nonexistent 2>/dev/null
same "no such program" 127 $?
"${run[@]}" --cpu $cpu -- / 2>/dev/null
same "not a program" 126 $?
"${run[@]}" --cpu no-such-cpu -- true 2>"$tmp/err"
same "unknown CPU" "2 1" "$? $(wc -l <"$tmp/err")"
"${run[@]}" --cpu phenom -- true 2>"$tmp/err"
same "instructions that are not here are named" "2 1" "$? $(grep -c 3dnow "$tmp/err")"
"${run[@]}" --cpu 2>/dev/null
same "wrong usage" 64 $?
same "parent, session and group are the caller's" "$("$victim" environment)" \
    "$("${run[@]}" --cpu $cpu -- "$victim" environment)"
mkfifo "$tmp/full"
# shellcheck disable=SC2217 # it is there to read nothing
sleep 30 <"$tmp/full" &
reader=$!
timeout -k 1 20 "${run[@]}" --cpu $cpu -- "$victim" doubtful 2>"$tmp/full"
same "messages that nobody reads do not hold the program up" 0 $?
kill $reader
same "the program's limits are not the tracer's" "5 5" "$( (ulimit -Sf 0; "${run[@]}" --cpu $cpu -- bash -c 'exit 5'; echo $?) 2>&1 | cat) $(
    (ulimit -Sn 6; "${run[@]}" --cpu $cpu -- bash -c 'exit 5'; echo $?) 2>&1 | cat)"
same "standard input and output" "abc" "$(echo abc | "${run[@]}" --cpu $cpu -- cat)"
same "a reader is not kept waiting for a daemon's tracer" "x" \
    "$(timeout 5 "${run[@]}" --cpu $cpu -- sh -c 'sleep 20 </dev/null >/dev/null 2>&1 & echo $! >'"$tmp"'/daemon; echo x' 2>&1)"
kill "$(cat "$tmp/daemon")" 2>/dev/null

state() { awk '{print $3}' "/proc/$1/stat"; }
await() { for _ in $(seq 50); do [[ $(state "$1") == [$2] ]] && return; sleep 0.1; done; }
"${run[@]}" --cpu $cpu -- sleep 30 &
pid=$!
sleep 0.5
kill -STOP $pid
await $pid tT
stopped=$(state $pid)
kill -CONT $pid
await $pid S
running=$(state $pid)
kill -TERM $pid
wait $pid
same "stop, continue, terminate" "S 143" "${running} $?"
[[ $stopped == [tT] ]] && ok "stopped" || not_ok "stopped"

# --- other files under the same name ---------------------------------------------------------
if [ "$("${run[@]}" --cpu $cpu -- "$victim" trap)" = 0fa2 ]; then run=("$program" --trap ud2); fi # else none is searched
# What was found in a file is not believed of another, nor of what replaces it: as large, as old, with the same build id.
perl -e 'local $/; print substr <> . "\0" x 4000000, 0, 4000000' "$static" >"$tmp/whole"
perl -pe 's/\x0f\xa2/\x90\x90/g' "$tmp/whole" >"$tmp/bare"
anew='old=$1 new=$2 whole=$3; shift 3
touch -d @0 "$old"; "$@" "$old" dump >/dev/null 2>&1; cat "$whole" >"$new"; touch -d @0 "$new"; "$@" "$new" dump'
for name in one two three; do cp "$tmp/bare" "$tmp/$name" && chmod +x "$tmp/$name"; done
shows=("${run[@]}" --cpu Nehalem --)
dump=$("${shows[@]}" "$static" dump)
same "a file with the build id of another is searched" "$dump" "$(sh -c "$anew" - "$tmp/one" "$tmp/two" "$tmp/whole" "${shows[@]}")"
same "what replaces a file is searched" "$dump" "$(sh -c "$anew" - "$tmp/one" "$tmp/one" "$tmp/whole" "${shows[@]}")"
same "and so within one run" "$dump" "$("${shows[@]}" sh -c "$anew" - "$tmp/three" "$tmp/three" "$tmp/whole")"
# Nor of one that had the same inode, size and times, as in the next image of a file system whose times are fixed: earlier versions kept it here.
mkdir -p "$XDG_CACHE_HOME/cpulift" && chmod 700 "$XDG_CACHE_HOME/cpulift" && chmod 755 "$tmp/whole"
stat -c '%d %i %s %.Z' "$tmp/whole" | tr . ' ' | while read -r device inode size seconds fraction; do
    printf 'cpulift-sites/3 %s %s %s %s %s 0\nend\n' "$device" "$inode" "$size" "$seconds" $((10#$fraction)) >"$XDG_CACHE_HOME/cpulift/$(printf '%x-%x.sites' "$device" "$inode")"
done
same "what is kept of a file is not believed" "$dump" "$("${shows[@]}" "$tmp/whole" dump)"

echo "1..$count"
