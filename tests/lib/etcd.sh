# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2034 # what it sets is for who sources it
# A real etcd for scripts: `. etcd.sh`, then etcd_start FOLDER [OPTION…] sets $etcd_port and $etcd_pid. Who sources it ends what it started.
# $etcd_scheme is http or https; etcdctl goes by its own variables (ETCDCTL_CACERT …).

command -v etcd >/dev/null && command -v etcdctl >/dev/null || { echo "# skipped: etcd is not installed (etcd-server, etcd-client)"; exit 77; }
command -v python3 >/dev/null || { echo "# skipped: python3 is not installed"; exit 77; }
export ETCDCTL_API=3

etcd_free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# FOLDER [OPTION…]: waits until it answers. A second call with the same folder and port goes on with what is there.
etcd_start() {
    etcd_folder=$1
    shift
    etcd_port=${etcd_port:-$(etcd_free_port)}
    etcd_peer=${etcd_peer:-$(etcd_free_port)}
    export ETCDCTL_ENDPOINTS="${etcd_scheme:-http}://127.0.0.1:$etcd_port"
    etcd --name one --data-dir "$etcd_folder" --log-outputs stderr --logger zap --log-level warn \
        --listen-client-urls "$ETCDCTL_ENDPOINTS" --advertise-client-urls "$ETCDCTL_ENDPOINTS" \
        --listen-peer-urls "http://127.0.0.1:$etcd_peer" --initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer" \
        --initial-cluster "one=http://127.0.0.1:$etcd_peer" "$@" >"$etcd_folder.log" 2>&1 &
    etcd_pid=$!
    for _ in $(seq 100); do
        ctl endpoint health >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    tail -n 20 "$etcd_folder.log" >&2
    echo "etcd did not start" >&2
    exit 1
}

ctl() {
    etcdctl --command-timeout 2s "$@"
}
