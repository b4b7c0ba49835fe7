#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# monitoring.sh BUILD SOURCE: the alert rules and the board are what Prometheus reads, fire as their test says, and name nothing but what the
# built programs really export; that is lint-free. Prints TAP.
set -u
build=$(cd "$1" && pwd) source=$(cd "$2" && pwd)
for program in promtool python3; do
    command -v "$program" >/dev/null || { echo "1..0 # SKIP $program is not installed"; exit 0; }
done
[ -x "$build/cpuliftd" ] || { echo "1..0 # SKIP cpuliftd is not built"; exit 0; }
rules=$source/data/prometheus/cpulift.rules.yml board=$source/data/grafana/cpulift.json
work=$(mktemp -d)
agents=
trap 'for pid in $agents; do kill "$pid"; done; wait; rm -rf "$work"' EXIT
cd "$work" || exit 1
count=0 failed=0
check() { # NAME COMMAND…
    count=$((count + 1)) name=$1
    shift
    if "$@" >said 2>&1; then echo "ok $count - $name"; else echo "not ok $count - $name"; failed=1; sed 's/^/# /' said; fi
}
check "the rules are rules" promtool check rules "$rules"
mkdir tests
cp "$rules" "$source"/tests/monitoring/*_test.yml tests
check "they fire when they must, and only then" promtool test rules tests/*_test.yml

# The board's questions as rules, since promtool reads no board. Its variables are words as others.
python3 - "$board" >board.yml <<'PY'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    board = json.load(file)
targets = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
assert len(targets) >= 10 and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
rules = [{"record": f"board:{number}", "expr": expr.replace("$job", "cpulift")} for number, expr in enumerate(targets)]
print(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
PY
check "the board's questions are Prometheus'" promtool check rules board.yml

mkdir case
cp "$source"/tests/golden/verify/cmd case
(cd case && PATH="$build:$PATH" COMMON=$source/tests/golden/common sh ./cmd >/dev/null 2>&1
 "$build/cpulift" verify plan.json hosts.jsonl --guests guests --metrics ../verify.prom >/dev/null)

# An agent that knows of etcd, and one that has a plan, a scan and definitions to write: together they say all that there is to say.
mkdir programs
cp "$build/cpuliftd" programs
printf '#!/bin/sh\ncat %s/host.json\n' "$work" >programs/cpulift-virt
chmod +x programs/cpulift-virt
python3 -c 'import json, sys
print(json.dumps({**json.loads(sys.stdin.readline()), "vulnerabilities": {"meltdown": "Vulnerable: Clear CPU buffers attempted, no microcode"}}))' <case/hosts.jsonl >host.json
get() { # FOLDER PATH
    python3 -c 'import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", sys.argv[2])
sys.stdout.write(connection.getresponse().read().decode())' "$1/socket" "$2"
}
agent() { # FOLDER PLAN PATTERN: its numbers, once they have it
    mkdir -p "$1/root"
    printf '%s\n' '[agent]' "plan = $2" "state = $work/$1/state" 'connect = test:///default' 'enforce = define' "root = $work/$1/root" \
        '[http]' "listen = unix:$work/$1/socket" >"$1/conf"
    programs/cpuliftd --config "$1/conf" 2>"$1/log" &
    agents="$agents $!"
    for _ in $(seq 100); do
        get "$1" /metrics 2>>"$1/log" >"$1.prom" && grep -q "$3" "$1.prom" && return
        sleep 0.1
    done
    cat "$1/log"
    return 1
}
check "an agent with etcd answers" agent far etcd://127.0.0.1:1/fleet/plan/blue cpulift_agent_etcd_connected
check "an agent with a plan and a scan answers" agent near "$work/case/plan.json" cpulift_host_vulnerable
cat far.prom near.prom >agent.prom
check "what agents export is without fault" sh -c 'promtool check metrics <far.prom && promtool check metrics <near.prom'
check "what verify exports is without fault" sh -c 'promtool check metrics <verify.prom'
grep -ho 'cpulift_[a-z_]*' "$rules" "$board" | sort -u >named
sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' agent.prom verify.prom | sort -u >exported
check "rules and board name only what is exported" sh -c 'comm -23 named exported >wrong; cat wrong; test ! -s wrong'
check "and something of it" test -s named
# A state that has a number must be one that is exported, too: a verdict that is misspelt never fires.
grep -ho '{can="[a-z]*' "$rules" "$board" | sed 's/.*"//' | sort -u >cans
sed -n 's/^cpulift_host_gives_plan{can="\([a-z]*\)"}.*/\1/p' near.prom | sort -u >known
check "and answers that there are" sh -c 'comm -23 cans known >wrong; cat wrong; test -s cans && test ! -s wrong'
grep -ho 'verdict=\\\?"[a-z]*' "$rules" "$board" | sed 's/.*"//' | sort -u >verdicts
sed -n 's/^cpulift_guests{verdict="\([a-z]*\)"}.*/\1/p' verify.prom | sort -u >known
check "and verdicts that there are" sh -c 'comm -23 verdicts known >wrong; cat wrong; test -s verdicts && test ! -s wrong'
echo "1..$count"
exit $failed
