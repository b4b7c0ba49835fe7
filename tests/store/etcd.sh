#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# etcd.sh BUILD SOURCE: commands that take hosts and plans from a real etcd, in the clear and with TLS, a user and a client's certificate.
# Prints TAP.
set -u
build=$(cd "$1" && pwd) source=$(cd "$2" && pwd)
. "$source/tests/lib/etcd.sh"
command -v openssl >/dev/null || { echo "# skipped: openssl is not installed"; exit 77; }
PATH="$build:$PATH"
work=$(mktemp -d)
etcd_pid=
trap '[ -z "$etcd_pid" ] || kill "$etcd_pid"; wait; rm -rf "$work"' EXIT
cd "$work" || exit 1
count=0 failed=0

# check NAME COMMAND…: what was printed last stands below a failure.
check() {
    count=$((count + 1)) name=$1
    shift
    if "$@"; then echo "ok $count - $name"; else echo "not ok $count - $name"; failed=1; sed 's/^/# /' out err; fi
}
run() { # STATUS COMMAND…
    wanted=$1
    shift
    "$@" >out 2>err
    status=$?
    [ "$status" = "$wanted" ] || { echo "status $status" >>err; return 1; }
}
says() { # STATUS PATTERN COMMAND…: on standard error
    status=$1 pattern=$2
    shift 2
    run "$status" "$@" && grep -q -e "$pattern" err
}
prints() { # STATUS PATTERN COMMAND…
    status=$1 pattern=$2
    shift 2
    run "$status" "$@" && grep -q -e "$pattern" out
}
host() { # NAME FEATURES
    echo "{\"schema\":\"cpulift.host/1\",\"name\":\"$1\",\"arch\":\"x86_64\",\"cpu\":{\"vendor\":\"Intel\",\"phys_bits\":46},\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\",\"usable_models\":[\"Nehalem\",\"qemu64\"],\"features\":[\"apic\",\"clflush\",\"cmov\",\"cx16\",\"cx8\",\"de\",\"fpu\",\"fxsr\",\"lahf_lm\",\"lm\",\"mce\",\"mca\",\"mmx\",\"msr\",\"mtrr\",\"nx\",\"pae\",\"pat\",\"pge\",\"pni\",\"popcnt\",\"pse\",\"pse36\",\"sep\",\"sse\",\"sse2\",\"sse4.1\",\"sse4.2\",\"ssse3\",\"syscall\",\"tsc\"$2]}]}"
}

etcd_start "$work/one"
fleet=etcd://127.0.0.1:$etcd_port/fleet
mkdir hosts
for number in $(seq -w 1 70); do # more than two pages
    host "node$number" ',"aes"' >"hosts/node$number.json"
done
host node71 '' >hosts/node71.json
for file in hosts/*.json; do
    name=$(basename "$file" .json)
    ctl put "fleet/hosts/$name" <"$file" >/dev/null && ctl put "fleet/members/$name" '' >/dev/null
done

check "a plan from etcd is that of the same documents in a folder" \
    sh -c "cpulift plan -q $fleet -o far.json 2>err && cpulift plan -q hosts -o near.json 2>>err && cmp far.json near.json >out"
check "a plan is put into etcd" run 0 cpulift plan -q "$fleet" -o "$fleet/plan/blue"
check "and is the same there" sh -c "etcdctl get --print-value-only fleet/plan/blue | head -c -1 | cmp - near.json >out 2>err"
check "explain takes it" prints 0 aes cpulift explain "$fleet/plan/blue"
check "explain takes hosts of etcd" run 0 cpulift explain "$fleet/plan/blue" "$fleet"
check "plan --check takes it" run 0 cpulift plan -q "$fleet" --check "$fleet/plan/blue"
mkdir -p guests/node01
sed -n 's/.*/&/p' >guests/node01/g.xml <<XML
<domain type='kvm'><name>g</name><vcpu>1</vcpu><os><type machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>$(cpulift show --xml near.json)</domain>
XML
check "verify takes plan and hosts of etcd" sh -c "cpulift verify --json $fleet/plan/blue $fleet --guests guests >far 2>err; cpulift verify --json near.json hosts --guests guests >out 2>>err; cmp far out >>err 2>&1 && grep -q tuned far"
check "a plan that is not there" says 2 "there is no such plan" cpulift explain "$fleet/plan/red"
check "a plan where hosts are expected" says 64 "is a plan where hosts are expected" cpulift plan "$fleet/plan/blue"
check "nothing below the prefix" says 2 "holds no host document" cpulift plan "etcd://127.0.0.1:$etcd_port/other"

check "scan takes the documents of all hosts" sh -c "cpulift scan -c $fleet -o scanned >out 2>err && cpulift plan -q scanned -o again.json 2>>err && cmp again.json near.json >>out"
check "scan of a plan" says 64 "is a plan where hosts are expected" cpulift scan -c "$fleet/plan/blue"
echo "one $fleet" >list
check "a name for all of them" says 64 "stands for all hosts" cpulift scan --hosts list
check "a scan of nothing" says 2 "holds no host document" cpulift scan -c "etcd://127.0.0.1:$etcd_port/other"
ctl del fleet/hosts/node07 >/dev/null # as when its lease ends
check "a silent member is a silent host of a scan" says 3 "'node07': its agent is silent" cpulift scan -c "$fleet" -o scanned
check "whose document says so" grep -q "its agent is silent" scanned/node07.json
check "a silent member stops the plan, by name" says 2 "silent.*: node07;" cpulift plan "$fleet"
check "and prints nothing" test ! -s out
check "it is left out on purpose" run 0 cpulift plan -q "$fleet" --without node07
ctl put silent/members/node1 '' >/dev/null
check "so does one where all are silent" says 2 "silent.*: node1;" cpulift plan "etcd://127.0.0.1:$etcd_port/silent"
ctl put fleet/hosts/node07 '' >/dev/null
check "an empty document is refused" says 2 "fleet/hosts/node07' is not valid JSON" cpulift plan "$fleet"
ctl put fleet/hosts/node07 '{"schema":"cpulift.plan/1"}' >/dev/null
check "so is one of another kind" says 2 "fleet/hosts/node07' has schema" cpulift plan "$fleet"
host other '' | ctl put fleet/hosts/node07 >/dev/null
check "so is one of another host" says 2 "no document is of: node07" cpulift plan "$fleet"
ctl put fleet/hosts/node07 <hosts/node07.json >/dev/null
echo "node01 qemu:///system" >list
echo "node72 qemu:///system" >>list
check "a list of hosts demands those that etcd has not" says 2 "lists hosts that no document is of: node72" cpulift plan "$fleet" --hosts list
ctl put 'fleet/hosts/a/b' '' >/dev/null
check "a key of others among ours" says 2 "key 'fleet/hosts/a/b', which is none of ours" cpulift plan "$fleet"
ctl del 'fleet/hosts/a/b' >/dev/null
check "other members are tried" run 0 cpulift plan -q "etcd://127.0.0.1:1,127.0.0.1:$etcd_port/fleet"
kill -STOP "$etcd_pid"
check "an etcd that hangs is given up" says 2 "did not answer within its time" timeout 20 cpulift plan "$fleet"
kill -CONT "$etcd_pid"
kill "$etcd_pid"
wait "$etcd_pid"
check "an etcd that is gone" says 2 "does not answer: Connection refused" cpulift plan "$fleet"

# The same data with TLS, and with users.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null
sign() { # NAME SUBJECT EXTENSIONS
    openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    echo "$3" >"$1.ext"
    openssl x509 -req -days 2 -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
sign server /CN=server "subjectAltName=IP:127.0.0.1"
sign client /CN=client "extendedKeyUsage=clientAuth"
sign nameless /O=fleet "extendedKeyUsage=clientAuth"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem 2>/dev/null
etcd_port=$(etcd_free_port)
export etcd_scheme=https ETCDCTL_CACERT=ca.pem ETCDCTL_CERT=client.pem ETCDCTL_KEY=client.key
etcd_start "$work/one" --cert-file server.pem --key-file server.key --client-cert-auth --trusted-ca-file ca.pem
fleet=etcds://127.0.0.1:$etcd_port/fleet
check "a server that nobody vouches for" says 2 "does not answer" cpulift plan "$fleet"
export CPULIFT_TLS_CA=ca.pem
check "without our certificate" says 2 "does not answer" cpulift plan "$fleet"
check "a certificate without its key" says 64 "belong together" env CPULIFT_TLS_CERT=client.pem cpulift plan "$fleet"
check "a stranger's certificate" says 2 "does not answer" env CPULIFT_TLS_CERT=stranger.pem CPULIFT_TLS_KEY=stranger.key cpulift plan "$fleet"
export CPULIFT_TLS_CERT=client.pem CPULIFT_TLS_KEY=client.key
check "with certificates" run 0 cpulift plan -q "$fleet"
check "a name that the certificate has not" says 2 "does not answer" cpulift plan "etcds://localhost:$etcd_port/fleet"
{ ctl user add root:boss && ctl user add reader:'se cret' && ctl role add reader && ctl role grant-permission reader read --prefix=true fleet/ &&
    ctl user grant-role reader reader && ctl user grant-role root root && ctl auth enable; } >/dev/null
check "beside users the gateway takes no certificate with a common name, and says so" says 2 "HTTP status 400 (CommonName of client" cpulift plan "$fleet"
export CPULIFT_TLS_CERT=nameless.pem CPULIFT_TLS_KEY=nameless.key
check "a user is needed" says 2 "refuses: etcdserver: user name is empty" cpulift plan "$fleet"
printf 'se cret\n' >password
printf 'wrong\n' >wrong
export CPULIFT_ETCD_USER=reader
check "a user without a password" says 64 "belong together" cpulift plan "$fleet"
check "a wrong password" says 2 "authentication failed" env CPULIFT_ETCD_PASSWORD_FILE=wrong cpulift plan "$fleet"
export CPULIFT_ETCD_PASSWORD_FILE=password
check "with a user" run 0 cpulift plan -q "$fleet"
check "who may not write" says 2 "permission denied" cpulift plan -q "$fleet" -o "$fleet/plan/blue"
check "a password in the address is refused, and not repeated" says 64 "CPULIFT_ETCD_PASSWORD_FILE" cpulift plan "etcds://reader:secret@127.0.0.1:$etcd_port/fleet"
check "so it is" sh -c '! grep secret err'
# An agent with all of that; a user's token is gone when etcd was started again, and fetched anew.
if [ -x "$build/cpuliftd" ]; then
    mkdir node
    cat >node/conf <<CONF
[agent]
plan = $fleet/plan/blue
state = $work/node/state
[http]
listen = unix:$work/node/socket
[etcd]
lease = 15
user = reader
password = $work/password
authority = $work/ca.pem
certificate = $work/nameless.pem
key = $work/nameless.key
CONF
    "$build/cpuliftd" --config node/conf 2>node/log &
    node=$!
    trap 'kill "$node" "$etcd_pid"; wait; rm -rf "$work"' EXIT
    is_current() { # SECONDS VALUE
        for _ in $(seq "$1"); do
            python3 -c 'import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", "/metrics")
text = connection.getresponse().read().decode()
sys.exit(f"cpulift_agent_plan_current {sys.argv[2]}\n" not in text)' node/socket "$2" 2>/dev/null && return
            sleep 1
        done
        cp node/log out
        return 1
    }
    check "an agent follows with a certificate and a user" is_current 20 1
    kill "$etcd_pid"
    wait "$etcd_pid"
    check "it says that etcd is gone" is_current 20 0
    etcd_start "$work/one" --cert-file server.pem --key-file server.key --client-cert-auth --trusted-ca-file ca.pem
    check "and comes back, with a new token" is_current 40 1
    kill "$node"
    wait "$node"
    trap '[ -z "$etcd_pid" ] || kill "$etcd_pid"; wait; rm -rf "$work"' EXIT
fi

# Agents: one on a socket, one with TLS that wants a certificate, one that has no document yet.
cat >agent.py <<'PY'
import http.server, os, socketserver, ssl, sys
where, document, status = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status if self.path == "/v1/host" else 404)
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)
    def address_string(self):
        return "client"
    def log_message(self, *words):
        pass
if where.startswith("/"):
    server = socketserver.UnixStreamServer(where, Agent)
else:
    server = http.server.HTTPServer(("127.0.0.1", 0), Agent)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile="ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain("server.pem", "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[4] + ".part", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[4] + ".part", sys.argv[4])
server.serve_forever()
PY
agents=
agent() { # WHERE DOCUMENT STATUS READY
    python3 agent.py "$@" &
    agents="$agents $!"
    for _ in $(seq 50); do [ -e "$4" ] && return; sleep 0.1; done
}
trap 'for pid in $etcd_pid $agents; do kill "$pid"; done; wait; rm -rf "$work"' EXIT
agent "$work/a.sock" hosts/node01.json 200 a.ready
agent tcp hosts/node71.json 200 b.ready
agent "$work/c.sock" /dev/null 503 c.ready
both="http+unix://$work/a.sock https://127.0.0.1:$(cat b.ready)"
# shellcheck disable=SC2086 # two words
check "a plan of agents is that of their documents" \
    sh -c "cpulift plan -q $both -o far.json 2>err && cpulift plan -q hosts/node01.json hosts/node71.json -o near.json 2>>err && cmp far.json near.json >out"
# shellcheck disable=SC2086
check "agents beside files" run 0 cpulift plan -q $both hosts/node02.json
# shellcheck disable=SC2086
check "one that does not answer stops the plan, by name" says 2 "none.sock' does not answer: No such file" cpulift plan $both "http+unix://$work/none.sock"
# shellcheck disable=SC2086
check "so does one that has not scanned yet" says 2 "c.sock' answers '/v1/host' with HTTP status 503" cpulift plan $both "http+unix://$work/c.sock"
# shellcheck disable=SC2086
check "and one that wants another certificate" says 2 "https://127.0.0.1:[0-9]*' does not answer" env CPULIFT_TLS_CERT=stranger.pem CPULIFT_TLS_KEY=stranger.key cpulift plan $both
echo "renamed http+unix://$work/a.sock" >list
check "scan asks agents, by the names of a list" prints 0 '"name":"renamed"' cpulift scan --hosts list -c "https://127.0.0.1:$(cat b.ready)"
check "scan tells who is silent" says 3 "c.sock' answers '/v1/host' with HTTP status 503" cpulift scan --hosts list -c "http+unix://$work/c.sock"
check "an agent that does not tell its guests is silent, not a host without any" says 2 "answers ./v1/guests.* with HTTP status 404" cpulift verify near.json -c "http+unix://$work/a.sock"
check "an agent has no plan" says 64 "names no plan" cpulift explain "http+unix://$work/a.sock"
echo "1..$count"
exit $failed
