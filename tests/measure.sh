#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317 # the functions are called by check
# measure.sh BUILD: bench and report as a whole, with stand-ins for the programs that they run: what is kept, what is
# refused, what a killed run leaves. TAP.
set -u
build=$(cd "$1" && pwd) || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
mkdir programs
PATH="$build:$PATH" CPULIFT_EXEC_PATH="$scratch/programs" XDG_CACHE_HOME="$scratch/cache" LC_ALL=C
export PATH CPULIFT_EXEC_PATH XDG_CACHE_HOME LC_ALL

program() { # NAME: standard input is a shell script; whether it could run, it is asked with --check
    { printf '%s\n' '#!/bin/sh' '[ "$1" = --check ] && exit'; cat; } >"programs/$1"
    chmod +x "programs/$1"
}
result() { # VERIFIED
    echo "echo '{\"schema\":\"cpulift.result/1\",\"workload\":\"linpack\",\"figures\":{\"gflops\":{\"value\":2,\"unit\":\"GFLOP/s\"}},\"verified\":$1,\"verification\":{}}'"
}
count() { # PATTERN FILE
    grep -c "$1" "$2"
}
number=0 failed=0
check() { # NAME COMMAND…
    name=$1 number=$((number + 1))
    shift
    if "$@" >>"$scratch/log" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        failed=1
        sed 's/^/# /' "$scratch/log"
    fi
    : >"$scratch/log"
}
echo 1..42

# the run program gets the definition; its environment is clean
program cpulift-run <<'END'
cpu=$2
[ "$3" != --drop-missing ] || {
    echo dropping >>used
    shift 3
    [ "$1" != --check ] || echo "cpulift: warning: the CPU '$cpu' is shown without what this machine lacks: f" >&2
    set -- --cpu "$cpu" "$@"
}
[ "$3" = --check ] && { [ "$2" != nosuch ] || { echo "cpulift: unknown CPU 'nosuch'" >&2; exit 2; }; } && exit
[ "$1" = --cpu ] && [ "$3" = -- ] || exit 99
echo "$2 ${OPENBLAS_CORETYPE-clean}" >>used
shift 3
exec "$@"
END
result true | program cpulift-linpack
bench() {
    OPENBLAS_CORETYPE=Haswell cpulift bench --runs 2 --cpus 1,64 --cpu default --cpu host "$@" 2>err
}
good() {
    bench linpack -o good.json && [ "$(count '"status": "ok"' good.json)" = 12 ] &&
        [ "$(count '"oversubscribed": true' good.json)" = 6 ] && [ "$(count '^default clean$' used)" = 6 ] &&
        [ "$(count '^host clean$' used)" = 6 ] && grep -q '"OPENBLAS_CORETYPE"' good.json && [ "$(count '"load"' good.json)" = 12 ]
}
check 'every sample is kept, the environment clean and listed, oversubscription marked' good
check 'the report is made' cpulift report good.json -o report
check 'the page stands alone' sh -c '! grep -Eq "(src|href)=\"(http|/|[a-z]*\.)" report/index.html && grep -q "data:image/svg" report/index.html'
again() {
    cpulift report good.json -o again && diff -r report again
}
check 'the same samples give the same bytes' again

# an answer that is wrong
{ result false; echo 'exit 1'; } | program cpulift-linpack
wrong() {
    bench linpack -o wrong.json
    [ $? = 2 ] && [ "$(count 'it failed verification' wrong.json)" = 12 ] &&
        cpulift report --tsv wrong.json | awk -F '\t' 'NR > 1 && ($9 != "" || $14 != "") { exit 1 }'
}
check 'failed verification is kept as failed and in no figure' wrong
strangers_figure() {
    mkdir -m 1777 shared && chmod 1777 shared && echo old >victim && ln -s ../victim shared/figure-4-linpack.svg || return
    [ "$(id -u)" = 0 ] && chown -h 65534 shared/figure-4-linpack.svg || return 0 # only root can give a link away
    ! cpulift report good.json -o shared 2>err && grep -q 'another user' err && grep -q old victim
}
check 'a figure does not go where a stranger points' strangers_figure
check 'a report of nothing but failures is made' cpulift report wrong.json -o report-wrong

# killed, and resumed
{ echo 'echo x >>calls; [ "$(wc -l <calls)" -ge 5 ] && [ ! -e resumed ] && kill -KILL $(cat pid)'; result true; } |
    program cpulift-linpack
killed() {
    TMPDIR=$PWD OPENBLAS_CORETYPE=Haswell sh -c 'echo $$ >pid; exec cpulift-measure bench --runs 2 --cpus 1,64 --cpu default --cpu host linpack -o killed.json'
    [ $? = 137 ] && [ "$(count '"status": "ok"' killed.json)" = 4 ]
}
check 'a killed run leaves the samples so far' killed
resumed() {
    : >resumed
    cpulift bench --resume -o killed.json && [ "$(count '"status": "ok"' killed.json)" = 12 ] && [ "$(wc -l <calls)" = 13 ]
}
check 'and is resumed without making them again' resumed
check 'a file that is there is not overwritten' sh -c '! cpulift bench linpack --cpu host -o good.json'

second() {
    echo 'until [ -e go ]; do sleep 0.1; done' | program cpulift-linpack
    cpulift bench linpack --runs 1 --cpus 1 --cpu bare -o one.json 2>first-err & pid=$!
    until [ -e one.json.lock ]; do sleep 0.1; done
    cpulift bench linpack --runs 1 --cpus 1 --cpu bare -o ./one.json 2>err
    status=$?
    : >go
    wait $pid
    [ "$status" = 2 ] && grep -q "another bench writes './one.json'" err && [ "$(count '"run"' one.json)" = 2 ] && [ ! -e one.json.lock ]
}
check 'a second bench on one file is refused, and no lock stays' second
full() { # a limit on the size of files is a disk that is full
    result true | program cpulift-linpack
    sh -c 'trap "" XFSZ; ulimit -f 8; exec cpulift bench linpack --runs 50 --cpus 1 --cpu bare -o full.json' 2>err
    [ $? = 2 ] && kept=$(count '"run"' full.json) && [ "$kept" -ge 2 ] && grep -q " $kept samples are kept in 'full.json'" err
}
check 'on a full disk as many samples are said to be kept as are kept' full
unknown() {
    cpulift bench linpack --runs 1 --cpus 1 --cpu host --cpu nosuch -o unknown.json 2>err
    [ $? = 2 ] && grep -q "under 'nosuch': cpulift: unknown CPU 'nosuch'" err && [ ! -e unknown.json ]
}
check 'a definition that run refuses is refused before the first sample' unknown
dropping() {
    result true | program cpulift-linpack
    : >used
    cpulift bench linpack --runs 1 --cpus 1 --cpu host --cpu Haswell --drop-missing -o dropped.json 2>err || return
    [ "$(count dropping used)" = 6 ] && [ "$(count "warning: the CPU 'Haswell' is shown without .*: f$" err)" = 1 ] &&
        [ "$(count '"dropped": "the CPU .Haswell. is shown without .*: f"' dropped.json)" = 1 ] &&
        cpulift report dropped.json -o dropped && grep -q 'Haswell.* is shown without .*: f' dropped/index.html
}
check 'what --drop-missing leaves out is told, kept and reported' dropping
dropping_guests() {
    cpulift bench linpack --in guest --cpu Haswell --drop-missing -o dropped-guests.json 2>err
    [ $? = 64 ] && grep -q -- '--drop-missing' err
}
check '--drop-missing is not for guests' dropping_guests

# deadlines, missing programs
program cpulift-linpack <<'END'
sleep 60
END
late() {
    cpulift bench linpack --runs 1 --cpus 1 --cpu host --timeout 1 -o late.json
    [ $? = 2 ] && grep -q 'not done after 1 s' late.json
}
check 'a workload that hangs is stopped and kept as failed' late
reason() {
    printf '%s\n' 'echo "cpulift-linpack: it could not solve (status 2); it said:" >&2' 'printf "  no title\n  it has exited.\n" >&2' 'exit 2' |
        program cpulift-linpack
    cpulift bench linpack --runs 1 --cpus 1 --cpu host -o reason.json 2>err
    [ $? = 2 ] && grep -q '"reason": "ended with 2: cpulift-linpack: it could not solve (status 2); it said: it has exited."' reason.json
}
check "the reason of a failure is the workload's own line" reason
deadline() { # the first sample is made in no time, the second would take a minute
    echo '[ ! -e long ] || sleep 60; : >long' | program sleeper
    start=$(date +%s)
    cpulift bench --command "$scratch/programs/sleeper" --runs 1 --cpus 1 --cpu bare --deadline 3 -o deadline.json 2>err || return
    [ $(($(date +%s) - start)) -lt 30 ] && [ "$(count '"run"' deadline.json)" = 1 ] && grep -q '1 samples are made, 1 are not; --resume' err &&
        cpulift bench --resume --deadline 1 -o deadline.json 2>err && [ "$(count '"run"' deadline.json)" = 1 ] || return
    cpulift bench --command "$scratch/programs/sleeper" --cpus 1 --cpu bare --deadline 1 -o never.json 2>err
    [ $? = 2 ] && grep -q 'before the first sample' err && [ ! -e never.json ]
}
check 'a bench with a deadline ends in time with what it has' deadline
elsewhere() { # the one sample that the series above lacks
    sed 's/"processor": ".*"/"processor": "Another CPU"/' deadline.json >elsewhere.json
    cpulift bench --resume -o elsewhere.json 2>err
    [ $? = 2 ] && grep -q "'elsewhere.json' was begun on another machine.*processor" err && [ "$(count '"run"' elsewhere.json)" = 1 ]
}
check 'a series does not go on on another machine' elsewhere
known() { # SIGILL under qemu64 is OpenBLAS's on AMD's processors alone; under another CPU it has no known cause
    echo 'kill -ILL $$' | program cpulift-linpack
    cpulift bench linpack --runs 1 --cpus 1 --cpu default --cpu host -o known.json 2>err
    [ $? = 2 ] && [ "$(count FAILED err)" -ge 2 ] && grep -q '"vendor"' known.json || return
    sed 's/"vendor": ".*"/"vendor": "GenuineIntel"/' known.json >intel.json
    cpulift bench --resume -o intel.json 2>err
    [ $? = 2 ] && ! grep -q finding err || return
    sed 's/"vendor": ".*"/"vendor": "AuthenticAMD"/' known.json >amd.json
    cpulift bench --resume -o amd.json 2>err
    [ $? = 2 ] && [ "$(count 'finding: linpack dies under default: OpenBLAS' err)" = 1 ] && grep -q '2 of 4 samples failed' err
}
check 'a failure of a known cause is told once, as a finding' known
only_known() {
    cpulift bench linpack --runs 1 --cpus 1 --cpu default -o alone.json 2>err
    sed -i 's/"vendor": ".*"/"vendor": "AuthenticAMD"/' alone.json
    cpulift bench --resume -o alone.json 2>err && ! grep -q 'samples failed' err && cpulift report alone.json -o alone &&
        grep -q 'Finding: linpack dies' alone/index.html && ! grep -q 'Failed' alone/index.html
}
check 'findings alone are no failure of a series' only_known
own() {
    cpulift bench --command 'sh -c "exit 3"' --runs 1 --cpus 1 --cpu bare -o own.json
    [ $? = 2 ] && grep -q 'ended with 3' own.json
}
check 'a command that fails is kept as failed' own
missing() {
    mkdir -p empty
    PATH="$scratch/empty" "$build/cpulift-transcode" encode -i /etc/passwd -o out.mp4 2>err
    [ $? = 2 ] && grep -q 'handbrake-cli' err
}
check 'missing HandBrake is named with its package' missing
refused_blas() { # before the first sample
    rm programs/cpulift-linpack
    cpulift bench linpack --args 'linpack=--blas /nowhere/libblas.so' --runs 1 --cpus 1 --cpu bare -o blas.json 2>err
    [ $? = 2 ] && grep -q "cannot prepare 'linpack': cpulift-linpack: --blas: /nowhere/libblas.so: " err && [ ! -e blas.json ]
}
check 'a library that is not there is refused before the first sample' refused_blas
lu() { # the LU over a BLAS, by the residual
    library=$(ldd "$build/cpulift-linpack" | awk '/libopenblas/ { print $3 }')
    [ -n "$library" ] || { echo 'cpulift-linpack is not linked with a shared OpenBLAS'; return; }
    for n in 1 2 3 64 333; do
        "$build/cpulift-linpack" -n $n -t 1 --blas "$library" >out && grep -q '"blas":"OpenBLAS.*"verified":true' out || return
    done
    ! "$build/cpulift-linpack" --blas blas 2>err && grep -q "'blas' is neither" err
}
if [ -x "$build/cpulift-linpack" ]; then
    check 'another BLAS gives the right answer' lu
else
    number=$((number + 1)) && echo "ok $number - another BLAS gives the right answer # SKIP cpulift-linpack is not built"
fi
unreadable() {
    "$build/cpulift-transcode" encode -i "$scratch/no.mts" -o out.mp4 2>err
    [ $? = 2 ] && grep -q "no.mts" err
}
check 'an unreadable clip is named' unreadable
absent() { # is not made in the place of what was meant
    ! "$build/cpulift-transcode" -i absent.mts 2>err && grep -q "absent.mts" err && [ ! -e absent.mts ] &&
        ! "$build/cpulift-transcode" clip -i absent.mts 2>err && [ ! -e absent.mts ]
}
check 'a clip that was named and is not there is not made' absent
another() { # of another length than ours, its sound first
    printf '%s\n' 'for file; do :; done; grep . "$file"' | program ffprobe
    printf '%s\n' 'echo "PSNR y:40 average:41.5 min:1" >&2' | program ffmpeg
    printf 'echo\n' | program HandBrakeCLI
    printf '%s\n' codec_name=aac codec_type=audio nb_read_packets=99 codec_name=h264 codec_type=video width=1440 height=816 nb_read_packets=17 >another.mts
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" check -i another.mts -o another.mts >out 2>err && grep -q '"frames_expected":17' out &&
        ! grep -q '"seconds"' out || return
    sed 's/=17/=16/' another.mts >short.mp4
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" check -i another.mts -o short.mp4 >out 2>err
    [ $? = 1 ] && grep -q '"frames":16,"frames_expected":17' out
}
check 'a clip of another length is compared with itself' another
closed() { # what the first child says must not end in the place of its standard input
    printf '%s\n' 'echo "Enter command" >&2; exit 3' | program ffmpeg
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" check -i another.mts -o another.mts 2>err <&-
    [ $? = 2 ] && grep -q 'Enter command' err
}
check 'without a standard input it works as with one' closed
# The programs below a workload take keys from their standard input: none may reach them, whatever /dev/null is.
deaf() {
    printf '%s\n' 'dd bs=64 count=1 2>/dev/null | wc -c >keys' 'readlink /proc/self/fd/0 >>keys' 'echo "no title" >&2' 'echo "HandBrake has exited." >&2' 'exit 2' |
        program HandBrakeCLI
    echo clip >deaf.mts && yes q | head -c 100 >qs || return
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" encode -i deaf.mts -o out.mp4 <qs 2>err
    [ $? = 2 ] && grep -qx 0 keys && grep -q '^pipe:' keys
}
check 'HandBrake has nothing to read' deaf
uncompared() { # ffmpeg ends well without having compared anything, as 'q' on its standard input makes it
    printf '%s\n' 'echo "$@" >ffmpeg-words' 'echo "Enter command: <target>|all" >&2' | program ffmpeg
    printf 'echo %s\n' codec_name=h264 codec_type=video width=1440 height=816 bit_rate=4000000 nb_read_packets=30 codec_name=aac codec_type=audio |
        program ffprobe
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" check -s 1 -i deaf.mts -o deaf.mts >out 2>err
    [ $? = 2 ] && [ ! -s out ] && grep -q "ffmpeg could not compare 'deaf.mts' (status 0)" err && grep -q -e -nostdin ffmpeg-words
}
check 'what could not be compared is no wrong answer' uncompared
kept() { # what a failed sample wrote and said, and nothing of those that are well
    printf '%s\n' 'for last; do :; done' '[ "$1" != clip ] || exit 0' 'echo "says $1"; echo "complains $1" >&2' \
        '[ "$1" = encode ] && { for o; do [ "$p" = --output ] && echo picture >"$o"; p=$o; done; }' \
        'n=$(cat n 2>/dev/null); [ "$1" != check ] || echo $((n + 1)) >n' \
        "$(result true)" '[ "$1" != check ] || [ "${n:-0}" != 1 ] || exit 2' | program cpulift-transcode
    cpulift bench transcode --runs 1 --cpus 1 --cpu bare --keep-failed -o kept.json 2>err
    [ $? = 2 ] && [ "$(find kept.json.failed -type f | sort | tr '\n' ' ')" = "$(for f in check.stderr check.stdout output.mp4 run.stderr run.stdout; do
        printf 'kept.json.failed/transcode-bare-1-1/%s ' $f; done)" ] || return
    grep -q picture kept.json.failed/*/output.mp4 && grep -q 'complains check' kept.json.failed/*/check.stderr &&
        grep -q 'FAILED: ended with 2: complains check; kept in kept.json.failed/transcode-bare-1-1$' err || return
    cpulift bench transcode --runs 1 --cpus 1 --cpu bare --keep-failed -o well.json 2>err && [ ! -e well.json.failed ] || return
    mkdir elsewhere && echo old >elsewhere/file && ln -s elsewhere led.json.failed
    ! cpulift bench transcode --runs 1 --cpus 1 --cpu bare --keep-failed -o led.json 2>err && grep -q 'no folder of yours' err && [ -e elsewhere/file ]
}
check 'what failed samples leave is kept where asked for' kept
rm programs/cpulift-transcode
device() {
    mkfifo fifo && ! "$build/cpulift-transcode" encode -i deaf.mts -o fifo 2>err && [ -p fifo ] && grep -q "cannot write 'fifo'" err || return
    { mknod nul c 1 3 && : >nul; } 2>/dev/null || return 0 # only root can make one, and use it only where the folder allows
    ! "$build/cpulift-transcode" encode -i deaf.mts -o nul 2>err && [ -c nul ]
}
check 'an output that is a FIFO or a device stays one' device
rm -f programs/ffmpeg programs/ffprobe programs/HandBrakeCLI
clip() {
    printf '%s\n' 'cat >/dev/null' 'for last; do :; done' 'echo clip >"$last"' | program ffmpeg
    ln -s later.mts dangling.mts
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" clip -s 1 -o dangling.mts && [ -h dangling.mts ] && grep -q clip later.mts &&
        ! "$build/cpulift-transcode" clip -s 1 -o programs 2>err && grep -q "'programs'" err && ln -s round.mts round.mts &&
        ! "$build/cpulift-transcode" clip -s 1 -o round.mts 2>err && grep -q "'round.mts'" err
}
other() {
    PATH="$scratch/programs:$PATH" "$build/cpulift-transcode" clip -s 1 -o /etc/passwd 2>err
    [ $? = 2 ] && grep -q "'/etc/passwd' is there and is no clip" err &&
        printf 'xxxxG%187s' '' '' '' '' >stream.mts &&
        "$build/cpulift-transcode" clip -s 1 -o stream.mts
}
check 'a file that is no clip is not taken for one' other
check 'a clip is made where a dangling link leads; a folder and a circle of links are refused' clip
rm -f programs/cpulift-run
norun() {
    CPULIFT_EXEC_PATH="$scratch/empty" PATH="$scratch/empty" "$build/cpulift-measure" bench --command /bin/true --cpu /nowhere/plan.json -o norun.json 2>err
    [ $? = 2 ] && grep -q '/nowhere/plan.json' err && [ ! -e norun.json ]
}
check 'a definition that cannot be read is named, and nothing is made' norun

# what would be ignored, counted twice or lost is refused before anything runs
refused() { # WORD OPTION…
    word=$1
    shift
    ! cpulift bench --command true --cpu bare -o refused.json "$@" 2>err && grep -q -e "$word" err && [ ! -e refused.json ]
}
bad_settings() {
    refused "no-such-program' is not there" --command ./no-such-program && refused 'at least 1' --cpus 1 --runs 0 &&
        refused '1 to 1024' --cpus 9999 && refused 'list of CPU counts' --cpus 0 && refused 1,x --cpus 1,x &&
        refused twice --cpus 1,1 && refused timeout --cpus 1 --timeout 999999 && refused runs --cpus 1 --runs 99999 &&
        refused /nowhere --cpus 1 --runs 1 -o /nowhere/at/all.json && ! grep -q 'are kept' err
}
check 'settings that could not be kept or would count twice are refused' bad_settings
settled() {
    ! cpulift bench --resume --timeout 5 -o good.json 2>err && grep -q 'give no others' err &&
        ! cpulift bench --resume --quick -o good.json 2>err && grep -q 'give no others' err
}
check '--resume refuses every setting' settled
alike() {
    cpulift bench --command 'sleep 0.01' --command 'sleep 0.02' --runs 1 --cpus 1 --cpu bare -o alike.json 2>err &&
        cpulift report --tsv alike.json | awk -F '\t' '$3 == "time" { print $2, $7 }' >got &&
        [ "$(cat got)" = "command-sleep 1
command-sleep-2 1" ]
}
check 'two commands of one program are two workloads' alike
doctored() { # EXPRESSION WORD
    sed "$1" good.json >doctored.json
    ! cpulift report --tsv doctored.json 2>err && grep -q "$2" err
}
check 'a sample that is there twice is refused' doctored 's/"run": 2/"run": 1/' twice
check 'no tabs or lines from samples into the table' doctored 's/"accelerator": "none"/"accelerator": "a\\tb"/' accelerator
unmeasured() {
    ! cpulift report --tsv --base nobody good.json 2>err && grep -q "'nobody'" err && cpulift report --tsv --base host good.json
}
check 'a base that was not measured is named' unmeasured
exit $failed
