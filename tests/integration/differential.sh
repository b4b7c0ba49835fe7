#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# differential.sh [--repeat N] [--load N] [--jobs N] BUILD: programs of Debian under `cpulift run --cpu host`, with each trap in turn, print the
# same bytes and end with the same status as without it. TAP. N from $CPULIFT_REPEAT, $CPULIFT_LOAD (busy loops beside), $CPULIFT_JOBS (programs at
# once) where it is not given: 3, 0 and 2. What is not installed is skipped.
set -u
repeat=${CPULIFT_REPEAT:-3} load=${CPULIFT_LOAD:-0} lanes=${CPULIFT_JOBS:-2}
while [ $# -gt 1 ]; do
    case $1 in
    --repeat) repeat=$2 ;;
    --load) load=$2 ;;
    --jobs) lanes=$2 ;;
    *) echo "differential.sh: unknown option '$1'" >&2; exit 64 ;;
    esac
    shift 2
done
run=$(cd "$1" && pwd)/cpulift-run || exit 1
tmp=$(mktemp -d) || exit 1
busy=()
finish() {
    [ ${#busy[@]} = 0 ] || kill "${busy[@]}"
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 1' INT TERM
export LC_ALL=C PYTHONHASHSEED=0 XDG_CACHE_HOME=$tmp/cache HOME=$tmp TZ=UTC

traps=(auto ud2)
"$run" --trap int80 --cpu host -- true 2>/dev/null && traps+=(int80)

seq 1 20000 >"$tmp/text"
printf '<a><b c="1">x</b><b/></a>' >"$tmp/a.xml"
printf '<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/"><x:value-of select="count(//b)"/></x:template></x:stylesheet>' \
    >"$tmp/a.xsl"
printf 'double f(double *a, int n) { double s = 0; for (int i = 0; i < n; i++) s += a[i] * a[i]; return s; }\n' >"$tmp/f.c"
printf 'int main(void) { return *(volatile int *)0; }\n' >"$tmp/fault.c"
printf 'scale = 60\n4 * a(1)\n' >"$tmp/pi.bc"
printf 'set s 0\nfor {set i 0} {$i < 5000} {incr i} {set s [expr {($s * 31 + $i) %% 65521}]}\nputs $s\nexit 5\n' >"$tmp/sum.tcl"
printf 'all: a b\n\t@echo all\nb: a\na b:\n\t@echo $@; exit 0\n' >"$tmp/Makefile"

# What a command prints, to both of its outputs, and how it ends (OUTPUT.status). Its input is the text.
observe() { # OUTPUT COMMAND…
    local output=$1
    shift
    (cd "$tmp" && exec "$@") <"$tmp/text" >"$output" 2>&1
    echo $? >"$output.status"
}
is_same() { cmp -s "$1" "$2" && cmp -s "$1.status" "$2.status"; }

# One program. Its line of TAP, without a number, is $tmp/ID.tap.
compare() { # ID STATUS NAME COMMAND…
    local out=$tmp/$1 status=$2 name=$3 bad='' i with
    shift 3
    observe "$out.bare" "$@"
    observe "$out.run" "$@"
    [ "$(cat "$out.bare.status")" = "$status" ] || bad="ends with $(cat "$out.bare.status") without run, not with $status"
    is_same "$out.bare" "$out.run" || bad='differs from itself without run'
    for ((i = 0; i < repeat && ${#bad} == 0; i++)); do
        with=${traps[i % ${#traps[@]}]}
        observe "$out.run" "$run" --trap "$with" --cpu host -- "$@"
        is_same "$out.bare" "$out.run" || bad="differs, time $((i + 1)), trap $with"
    done
    if [ -z "$bad" ]; then
        echo "ok - $name ($status), $repeat times" >"$out.tap"
    else
        echo "not ok - $name: $bad" >"$out.tap"
        diff -a -U 1 "$out.bare" "$out.run" | head -n 12 | cut -c 1-200 | tr -c '[:print:]\n' '?' | sed 's/^/# /' >>"$out.tap"
        diff "$out.bare.status" "$out.run.status" | sed 's/^/# status: /' >>"$out.tap"
    fi
}

id=100
try() { # PACKAGE STATUS NAME COMMAND…
    id=$((id + 1))
    if ! command -v "$4" >/dev/null; then
        echo "ok - $3 # SKIP package $1 is not installed" >"$tmp/$id.tap"
        return
    fi
    while [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; do wait -n; done
    compare $id "${@:2}" 2>/dev/null & # where the shell says who was killed
}

for ((i = 0; i < load; i++)); do
    (while :; do :; done) 2>/dev/null &
    busy+=($!)
    disown
done
started=$SECONDS

try bash 37 bash bash -c 'for i in {1..2000}; do x=$(((x * 31 + i) & 65535)); done; echo $x; exit 37'
try dash 143 "dash, which a signal ends" dash -c 'echo before; kill -TERM $$'
try coreutils 0 sha512sum sha512sum
try coreutils 0 b2sum b2sum
try coreutils 0 cksum cksum
try coreutils 0 wc wc
try coreutils 0 sort sort -r --parallel=2
try mawk 0 awk awk '{ s += $1 * $1 } END { printf "%.17g\n", s / 7 }'
try sed 0 sed sed -n 's/1\(.\)1/<\1>/p'
try grep 0 grep grep -cE '(7.*7|33)$'
try gzip 0 gzip gzip -n -c
try bzip2 0 bzip2 bzip2 -c
try xz-utils 0 xz xz -1 -T2 -c
try zstd 0 zstd zstd -q -3 -c
try tar 0 tar tar --mtime=@0 --owner=0 --group=0 --mode=644 -cf - text a.xml
try openssl 0 "openssl dgst" openssl dgst -sha3-256
try openssl 0 "openssl enc" openssl enc -aes-256-ctr -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 00112233445566778899aabbccddeeff
try python3 3 python3 python3 -c 'import hashlib, json, math, sys, zlib
data = sys.stdin.buffer.read()
print(hashlib.sha256(data).hexdigest(), hashlib.blake2b(data).hexdigest(), zlib.crc32(data), json.dumps([math.exp(i / 7) for i in range(50)]))
sys.exit(3)'
try perl 9 perl perl -MDigest::MD5=md5_hex -e 'local $/; $_ = <STDIN>; print md5_hex($_), " ", join(",", sort { $b <=> $a } (split)[0 .. 99]), "\n"; exit 9'
try git 0 "git hash-object" git hash-object --stdin
try jq 0 jq jq -s 'map(. * . / 3) | add'
try sqlite3 0 sqlite3 sqlite3 :memory: 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) select sum(i * i), avg(i) from n'
try gcc 0 gcc gcc -O3 -march=native -S -o - f.c
try gcc 139 "a program that dies of a fault" sh -c 'gcc -O0 -o fault fault.c && ./fault'
try clang 0 clang clang -O2 -S -o - f.c
try binutils 0 objdump objdump -d --no-show-raw-insn /bin/true
try libc-bin 0 "ld.so" /lib64/ld-linux-x86-64.so.2 --help
try nodejs 4 node node -e 'let s = 0; for (let i = 0; i < 3e6; i++) s = (s * 31 + i) % 65521; console.log(s, Math.sin(1)); process.exit(4)'
try default-jre-headless 0 java java -version
try ffmpeg 0 ffmpeg ffmpeg -nostdin -v error -f lavfi -i testsrc=d=1:s=160x120:r=10 -c:v libx264 -threads 2 -f md5 -
try tcl 5 tclsh tclsh sum.tcl
try xsltproc 0 xsltproc xsltproc a.xsl a.xml
try libxml2-utils 0 xmllint xmllint --format a.xml
try bc 0 bc bc -ql pi.bc
try make 0 make make -j2 --no-print-directory -s -O

while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done
number=0 failed=0
for tap in "$tmp"/*.tap; do
    number=$((number + 1))
    sed "1s/^\(not \)\?ok /&$number /" "$tap"
    ! grep -q '^not ok' "$tap" || failed=1
done
echo "# $repeat times each, $load busy loops beside, traps ${traps[*]}: $((SECONDS - started)) s"
echo "1..$number"
exit $failed
