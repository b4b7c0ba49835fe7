#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Live migration between two libvirt daemons, each in a network, mount and PID namespace of its own: migrate.sh CPULIFT. Prints TAP.
# The namespaces have no names and end with their first process, which ends with this script: nothing can be left behind.
set -u
cpulift=$1
export LC_ALL=C
for program in ip libvirtd nsenter qemu-system-x86_64 setpriv unshare; do
    command -v $program >/dev/null || { echo "1..0 # SKIP no $program"; exit 0; }
done
[ "$(id -u)" = 0 ] && unshare -n -m -p -f true 2>/dev/null || { echo "1..0 # SKIP needs root and namespaces"; exit 0; }

work=$(mktemp -d)
export TMPDIR="$work"
unshare_a='' unshare_b=''
cleanup() {
    # shellcheck disable=SC2086 # none, one or two numbers
    [ -z "$unshare_a$unshare_b" ] || kill -9 $unshare_a $unshare_b 2>/dev/null
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
count=0
report() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else
        echo "not ok $count - $2"
        cat "$work/out" "$work/err" 2>/dev/null | sed 's/^/# /'
    fi
}

# configure NAME ADDRESS: what its libvirt reads
configure() {
    mkdir -p "$work/$1/etc/qemu" "$work/$1/socket"
    cat >"$work/$1/etc/libvirtd.conf" <<END
unix_sock_dir = "$work/$1/socket"
auth_unix_rw = "none"
auth_unix_ro = "none"
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
END
    cat >"$work/$1/etc/qemu.conf" <<END
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
migration_host = "$2"
migration_address = "$2"
END
}

# The first process of a namespace collects orphans, as libvirt waits for the end of each QEMU.
cat >"$work/init" <<'END'
for folder in /run /var/lib/libvirt /var/log /var/cache/libvirt; do
    mount -t tmpfs tmpfs $folder || exit 1
done
mkdir /run/lock
# What an embedded libvirt of this machine found out about QEMU need not be found out anew.
cp -r /var/cache/cpulift/cache/. /var/cache/libvirt 2>/dev/null
mount --bind "$1/etc" /etc/libvirt || exit 1
[ "$1" = "${2%/*}/a" ] || mount -t tmpfs tmpfs "$2" || exit 1
libvirtd --listen >"$1/log" 2>&1 &
wait
END

# start NAME: sets $pid to that of unshare
start() {
    setpriv --pdeathsig KILL unshare -n -m -p -f --kill-child --mount-proc sh "$work/init" "$work/$1" "$work/here" &
    pid=$!
}

# find_child PID: its first child, the first process of the namespaces if PID is unshare's
find_child() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        children=$(cat "/proc/$1/task/$1/children")
        [ -n "$children" ] && echo "${children%% *}" && return
        sleep 0.1
    done
}

# connect INIT DEVICE ADDRESS: the end of the cable
connect() {
    nsenter -t "$1" -n sh -c "ip link set lo up && ip addr add $3/24 dev $2 && ip link set $2 up"
}

wait_for_sockets() {
    for _ in $(seq 100); do
        [ -S "$work/a/socket/libvirt-sock" ] && [ -S "$work/b/socket/libvirt-sock" ] && return
        sleep 0.1
    done
    return 1
}

mkdir "$work/here"
configure a 192.0.2.1
configure b 192.0.2.2
start a && unshare_a=$pid
start b && unshare_b=$pid
a=$(find_child "$unshare_a")
b=$(find_child "$unshare_b")
if ! nsenter -t "$a" -n ip link add veth0 type veth peer name veth0 netns "$b" 2>"$work/err"; then
    echo "1..0 # SKIP no virtual cable: $(cat "$work/err")"
    exit 0
fi
connect "$a" veth0 192.0.2.1 && connect "$b" veth0 192.0.2.2 && wait_for_sockets 2>"$work/err"
report $? "two daemons run"
uri_a="qemu+unix:///system?socket=$work/a/socket/libvirt-sock"
uri_b="qemu+unix:///system?socket=$work/b/socket/libvirt-sock"
printf 'a %s\nb %s\n' "$uri_a" "$uri_b" >"$work/hosts"

# prove ARGUMENT…: there and back; $status
prove() {
    "$cpulift" prove "$@" --migrate "$uri_a" "$uri_b" >"$work/out" 2>"$work/err"
    status=$?
}
# says PATTERN…: each is in what was printed
says() {
    for pattern in "$@"; do
        cat "$work/out" "$work/err" | grep -q -e "$pattern" || return 1
    done
}
# is_empty: no guest runs at either end
is_empty() {
    [ -z "$(find "/proc/$a/root/run/libvirt/qemu" "/proc/$b/root/run/libvirt/qemu" -name '*.xml' 2>&1)" ]
}
count_starts() {
    find "/proc/$a/root/var/log/libvirt/qemu" "/proc/$b/root/var/log/libvirt/qemu" -name '*.log' | wc -l
}

"$cpulift" scan --hosts "$work/hosts" -o "$work/pool" 2>"$work/err" &&
    "$cpulift" plan --virt qemu --pool pair -q "$work/pool" -o "$work/plan.json" 2>>"$work/err"
report $? "scan and plan of both"

prove "$work/plan.json"
[ $status = 0 ] && [ "$(grep -c '^hop  *yes, .*: nothing changed, [1-9][0-9]* sets executed' "$work/out")" = 2 ] && is_empty
report $? "the plan is proved at both ends"
prove "$work/plan.json" --json --machine q35
[ $status = 0 ] && [ "$(grep -c '"verdict": "yes"' "$work/out")" = 3 ] && says '"changed": \[\]' '"downtime_ms": [0-9]'
report $? "the same as a document, on q35"

# A guest as a cloud's agent writes it: the CPU before the rest, a topology, no check.
cat >"$work/guest.xml" <<'END'
<domain type='qemu'>
<name>i-2-10-VM</name>
<cpu mode='custom' match='exact'><model fallback='allow'>Nehalem</model><topology sockets='1' cores='1' threads='1'/></cpu>
<memory>32768</memory>
<vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><serial type='pty'/></devices>
</domain>
END
"$cpulift" rewrite --plan "$work/plan.json" "$work/guest.xml" >"$work/tuned.xml" 2>"$work/err"
prove "$work/plan.json" --domain "$work/tuned.xml"
[ $status = 0 ] && [ "$(grep -c '^hop  *yes' "$work/out")" = 2 ]
report $? "a platform's guest that was rewritten is proved"
prove "$work/plan.json" --domain "$work/guest.xml"
[ $status = 1 ] && says '^missing .*avx2' '^hop  *no'
report $? "the same guest as the platform wrote it is not"

# As from a machine to another: b is reached by its address, and has another folder at the same path.
TMPDIR=$work/here nsenter -t "$a" -n "$cpulift" prove "$work/plan.json" --migrate "$uri_a" qemu+tcp://192.0.2.2/system \
    >"$work/out" 2>"$work/err"
[ $? = 0 ] && says '^hop  *yes, .* -> qemu+tcp:' '^hop  *yes, qemu+tcp:' && is_empty &&
    [ -z "$(find "$work/here" "/proc/$b/root$work/here" -mindepth 1)" ] && [ -z "$(find "$work/b/etc/storage" -type f)" ]
report $? "another machine gets the image, and keeps nothing"

rmdir "/proc/$a/root/run/lock" && prove "$work/plan.json"
[ $status = 0 ] && [ "$(grep -c '^hop  *yes' "$work/out")" = 2 ] && is_empty
report $? "where libvirt opens no console, a file does"
mkdir "/proc/$a/root/run/lock"

# wait_until_empty SECONDS
wait_until_empty() {
    for _ in $(seq "${1}0"); do
        is_empty && return
        sleep 0.1
    done
    return 1
}
# Killed at any moment, it leaves no guest; where its child is killed too, the guest ends by itself.
# The guest's own limit (-t) is longer than the wait: it must be ended, not end by itself.
for seconds in 0.8 1.8; do
    "$cpulift" prove "$work/plan.json" -t 120 --migrate "$uri_a" "$uri_b" >"$work/out" 2>"$work/err" &
    victim=$!
    sleep $seconds
    kill -9 $victim
    wait $victim 2>/dev/null
    wait_until_empty 40
    report $? "killed after $seconds s, no guest is left"
done
"$cpulift" prove "$work/plan.json" -t 1 --migrate "$uri_a" "$uri_b" >"$work/out" 2>"$work/err" &
victim=$!
sleep 0.8
is_empty && echo "# the guest had not started yet"
kill -9 "$victim" "$(find_child "$victim")"
wait $victim 2>/dev/null
wait_until_empty 20
report $? "nobody is left to end the guest, and it ends"

# b becomes poorer: its QEMU never gives these, whoever asks.
cat >"$work/poor" <<'END'
#!/bin/sh
for argument; do
    shift
    set -- "$@" "$(printf %s "$argument" | sed 's/,\(aes\|avx2\|sse4[.-]2\)=on/,\1=off/g')"
done
for model in max Nehalem Westmere; do
    for feature in aes avx2 sse4.2; do
        set -- -global "$model-x86_64-cpu.$feature=off" "$@"
    done
done
END
for folder in /usr/lib/*/qemu; do echo "export QEMU_MODULE_DIR=$folder"; done >>"$work/poor"
echo "exec $work/qemu -L /usr/share/qemu -L /usr/share/seabios \"\$@\"" >>"$work/poor"
chmod 755 "$work" "$work/poor" && : >"$work/qemu"
emulator=$(command -v qemu-system-x86_64)
nsenter -t "$b" -m sh -c "mount --bind $emulator $work/qemu && mount --bind $work/poor $emulator" 2>"$work/err"
report $? "one becomes poorer"
before=$(count_starts)
prove "$work/plan.json"
[ $status = 1 ] && says "b/socket.*cannot give it, so no guest was started: .*aes" "avx2" && [ "$(count_starts)" = "$before" ]
report $? "the plan is refused before a guest starts, the features are named"

"$cpulift" plan --for paper --virt qemu >"$work/paper.json"
prove "$work/paper.json"
[ $status = 1 ] && says '^missing  *none' '^executed .*sse4.2' '^hop  *no' 'migration failed: .*missing features: sse4.2' \
    "^note .*lacks check='full'" && is_empty
report $? "the paper's element starts, and is refused half-way"
"$cpulift" prove "$work/paper.json" --migrate "$uri_b" "$uri_a" >"$work/out" 2>"$work/err"
[ $? = 1 ] && says '^missing  *sse4.2$' '^faulted  *sse4.2'
report $? "started at the other end, it is another CPU"

"$cpulift" scan --hosts "$work/hosts" -o "$work/poorer" 2>"$work/err" &&
    "$cpulift" plan --virt qemu --pool pair -q "$work/poorer" -o "$work/plan2.json" 2>>"$work/err"
prove "$work/plan2.json"
[ $status = 0 ] && ! says '^executed .*avx2' && [ "$(grep -c '^hop  *yes' "$work/out")" = 2 ]
report $? "a new plan of both is proved"

# No packet reaches b any more: libvirt waits for the connection, as long as the kernel tries.
nsenter -t "$a" -n sh -c "echo 1 >/proc/sys/net/ipv4/tcp_syn_retries &&
    ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:99 dev veth0 nud permanent"
prove "$work/plan2.json"
[ $status = 1 ] && says '^missing  *none' '^why .*migration failed: ' && is_empty
report $? "a target that cannot be reached is an answer"
kill -STOP "$(find_child "$b")"
begin=$(date +%s)
prove "$work/plan2.json" -t 2
[ $status = 2 ] && says 'did not answer within' && [ $(($(date +%s) - begin)) -le 8 ] && is_empty
report $? "a daemon that hangs is named at the deadline"
"$cpulift" prove "$work/plan.json" --migrate "$uri_a" 2>"$work/err"
[ $? = 64 ]
report $? "one URI is wrong usage"
prove "$work/plan.json" "qemu+ssh://nowhere.invalid/system"
[ $status = 64 ]
report $? "so are three"
echo "1..$count"
