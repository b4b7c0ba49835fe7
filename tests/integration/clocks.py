# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever the clock says, and when it jumps: nothing becomes greener or richer, no row of the ledger is lost, a rollback works, and what ends in time ends
in time: clocks.py BUILD SOURCE CLOCK, a library to preload (tests/lib/clock.c)."""
import datetime
import json
import mmap
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD, SOURCE, CLOCK = (os.path.abspath(path) for path in sys.argv[1:4])
sys.path.insert(0, f"{SOURCE}/tests/agent")
from node import Node, digest, fail, load_plan, read_ledger, wait_for

HOUR, DAY, YEAR = 3600, 86400, 31557600
NOW = int(time.time())
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
dice = random.Random(SEED)
# How far the clock is ahead.
CLOCKS = {
    "right": 0, "an hour back": -HOUR, "ten years back": -10 * YEAR, "a day ahead": DAY + 60, "ten years ahead": 10 * YEAR, "1970": -NOW,
    "2038": (1 << 31) - NOW - 2, "2106": (1 << 32) - NOW - 2, "9999": 253402300000 - NOW,
}
GUEST = "<domain type='kvm' id='1'><name>web</name><memory>65536</memory><vcpu>2</vcpu><os><type machine='pc'>hvm</type></os></domain>"
tests = []


def is_test(test):
    tests.append(test)
    return test


class Clock:
    """The file that the preloaded library goes by."""

    def __init__(self, folder):
        self.path = f"{folder}/clock"
        with open(self.path, "wb") as file:
            file.write(struct.pack("q", 0))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        os.environ |= {"LD_PRELOAD": CLOCK, "CPULIFT_CLOCK": self.path}  # of all that is started from here

    def set(self, name):
        self.map[:] = struct.pack("q", CLOCKS[name])

    def begin(self, *words):
        return subprocess.Popen([f"{BUILD}/{words[0]}", *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words, wanted=0):
        """Standard output."""
        process = self.begin(*words)
        output, errors = process.communicate()
        if process.returncode != wanted:
            fail(f"status {process.returncode}, not {wanted}: {' '.join(words)}: {output}{errors}")
        return output


def load_host():
    with open(f"{SOURCE}/tests/golden/common/pool.jsonl") as file:
        return json.loads(file.readline())


def save(path, what):
    with open(path, "w") as file:
        file.write(what if isinstance(what, str) else json.dumps(what))
    return path


@is_test
def ages_of_documents(clock, folder):
    """No clock makes an old document young, and none a plan richer; plans do not depend on it."""
    plans = set()
    for name in CLOCKS:
        clock.set(name)
        for i, age in enumerate((HOUR // 2, 2 * DAY, 10 * YEAR, None)):
            date = age is not None and datetime.datetime.fromtimestamp(NOW - age, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            path = save(f"{folder}/host{i}.json", load_host() | ({"scanned": date} if date else {}))
            # Ten years back a document of ten years ago is as young as it seems.
            is_young = name == "ten years back" and age == 10 * YEAR
            wanted = 0 if is_young or (name == "right" and i == 0) else 1
            clock.run("cpulift", "plan", "--quiet", "--max-age", "1d", path, wanted=wanted)
            plans.add(clock.run("cpulift", "plan", "--quiet", path))
    if len(plans) != 1:
        fail("the plan depends on the clock")


@is_test
def documents_of_a_wrong_clock(clock, folder):
    """What was scanned by a clock that is wrong can be read, and is too old or yet to come where its date says so."""
    for name in ("an hour back", "1970", "a day ahead", "2106"):
        clock.set(name)
        clock.run("cpulift", "scan", "-o", f"{folder}/hosts")
        clock.set("right")
        clock.run("cpulift", "plan", "--quiet", f"{folder}/hosts")
        clock.run("cpulift", "plan", "--quiet", "--max-age", "1d", f"{folder}/hosts", wanted=0 if name == "an hour back" else 1)


@is_test
def verdicts(clock, folder):
    """verify says the same whatever the clock says."""
    save(f"{folder}/host.json", load_host())
    os.makedirs(f"{folder}/guests/north")
    save(f"{folder}/guests/north/web.xml", GUEST)
    clock.set("right")
    plan = save(f"{folder}/plan.json", clock.run("cpulift", "plan", "--quiet", f"{folder}/host.json"))
    said = set()
    for name in CLOCKS:
        clock.set(name)
        said.add(clock.run("cpulift", "verify", "--json", "--guests", f"{folder}/guests", plan, f"{folder}/host.json", wanted=1))
    if len(said) != 1:
        fail("a verdict depends on the clock")


def make_nodes(folder):
    """A node of each platform, by tests/platform/lib.sh."""
    euca = f"eucalyptus_node $0 {SOURCE}/tests/platform/euca41.xsl"
    nodes = {"cloudstack": "cloudstack_node $0 4.22.0.0", "opennebula": "opennebula_front $0 7.0.1", "eucalyptus": euca,
             "libvirt": "mkdir -p $0/etc/libvirt; : >$0/etc/libvirt/qemu.conf"}
    for name, make in nodes.items():
        root = f"{folder}/{name}"
        os.mkdir(root)
        subprocess.run(["bash", "-c", f". {SOURCE}/tests/platform/lib.sh {BUILD} {SOURCE}; {make}", root], check=True)
        yield name, root


def look(root):
    return subprocess.run(["find", root, "-printf", "%P %y %m ", "-type", "f", "-exec", "sha256sum", "{}", ";", "-o", "-printf", "\n"],
                          check=True, capture_output=True, text=True).stdout


@is_test
def history(clock, folder):
    """Applies and rollbacks find their way back, each under another clock; status tells the same."""
    plan = save(f"{folder}/plan.json", load_plan(SOURCE))
    other = save(f"{folder}/other.json", load_plan(SOURCE).replace('"lab"', '"other"'))
    for name, root in make_nodes(folder):
        first, options = look(root), ["--platform", name, "--root", root, "--hook", "/usr/libexec/cpulift/cpulift-hook", "--commit"]
        options += ["--channel", "guard"] if name == "libvirt" else []
        for _ in range(6):
            for which in dice.choices([plan, other], k=dice.randint(1, 4)) + [other]:
                clock.set(dice.choice(list(CLOCKS)))
                clock.run("cpulift", "apply", which, *options)
            states = set()
            for state in CLOCKS:
                clock.set(state)
                process = clock.begin("cpulift", "status", "--json", "--root", root)
                states.add((process.communicate()[0], process.returncode))
            if len(states) != 1:
                fail(f"{name}: the status depends on the clock: {states}")
            clock.set(dice.choice(list(CLOCKS)))
            clock.run("cpulift", "rollback", "--root", root, "--commit")
            if look(root) != first:
                fail(f"{name}: the rollback did not find its way back:\n{first}\n{look(root)}")


@is_test
def deadlines(clock, folder):
    """Who is to end in time ends in time, and no sooner, wherever the clock jumps to."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/silent")
        silent.listen()
        for name in CLOCKS:
            clock.set("right")
            begin = time.monotonic()
            asks = clock.begin("cpulift", "scan", "-c", f"http+unix://{folder}/silent", "--timeout", "2")
            runs = clock.begin("cpulift", "bench", "--cpu", "bare", "--cpus", "1", "--runs", "1000", "--command", "sleep 0.05", "--deadline", "2",
                               "-o", f"{folder}/{NOW}{CLOCKS[name]}.json")
            time.sleep(0.7)
            clock.set(name)
            for what, process, wanted in (("scan", asks, 2), ("bench", runs, 0)):
                output, errors = process.communicate(timeout=60)
                lasted = time.monotonic() - begin
                if process.returncode != wanted or not 1.5 < lasted < 10:
                    fail(f"{what}, the clock at {name}: status {process.returncode} after {lasted:.1f} s: {output}{errors}")
            with open(f"{folder}/{NOW}{CLOCKS[name]}.json") as file:
                walls = [sample["result"]["figures"]["time"]["value"] for sample in json.load(file)["samples"]]
            if not walls or not all(0.04 < wall < 2 for wall in walls):
                fail(f"the clock at {name}: samples took {walls}")


@is_test
def agent(clock, folder):
    """It goes on and takes plans, keeps each row of its ledger, and is as well as it was, started before a jump or after it."""
    node = Node(f"{BUILD}/cpuliftd", folder, more="connect = test:///default\n[ledger]\ndays = 1")
    rows, plans = [], 0
    for is_started_anew in (False, True):
        for name in list(CLOCKS)[:: -1 if is_started_anew else 1]:
            if node.process is None or is_started_anew:
                if node.process:
                    node.kill()
                clock.set(name)
                node.start()
            clock.set(name)
            plans += 1
            before = digest(node)
            node.put_plan(load_plan(SOURCE).replace('"lab"', f'"lab{plans}"'))
            wait_for(f"a plan, the clock at {name}", lambda: digest(node) != before and node.metric("cpulift_agent_plan_current") == 1)
            found = wait_for("its row", lambda: [row for row in read_ledger(node) if row.get("plan") == digest(node)] and read_ledger(node))
            if found[: len(rows)] != rows or node.metric("cpulift_agent_ledger_pruned_total") != 0:
                fail(f"the clock at {name}: of {len(rows)} rows some went")
            rows = found
            faults = node.metric("cpulift_agent_plan_faults_total")
            node.put_plan("broken")
            wait_for("its fault", lambda: node.metric("cpulift_agent_plan_faults_total") > faults)
            status, text = node.get("/healthz")
            if status != 200 or "not current" not in text or node.metric("cpulift_agent_plan_current") != 0:
                fail(f"the clock at {name}: {status} {text}")
    node.stop()


def make_certificates(folder):
    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *kind, "-days", "2", "-subj", "/CN=ours", "-keyout", "ours.key", "-out", "ours.pem")
    for name, purpose in (("agent", "serverAuth"), ("client", "clientAuth")):
        save(f"{folder}/{name}.ext", f"extendedKeyUsage={purpose}\nsubjectAltName=IP:127.0.0.1\n")
        run("req", *kind, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
            "-out", f"{name}.pem")


@is_test
def certificates(clock, folder):
    """One that is not valid yet, or no longer, by the clock of either side is refused in words that speak of the clock."""
    make_certificates(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node = Node(f"{BUILD}/cpuliftd", folder, listen=f"0.0.0.0:{port}\nclients = {folder}/ours.pem\ncertificate = {folder}/agent.pem\nkey = {folder}/agent.key")
    node.start()
    os.environ |= {"CPULIFT_TLS_CA": f"{folder}/ours.pem", "CPULIFT_TLS_CERT": f"{folder}/client.pem", "CPULIFT_TLS_KEY": f"{folder}/client.key"}
    here = Clock(folder)  # from here on the agent's is `clock`, and this ours
    for ours, agents, words in (("right", "right", "has not been scanned"), ("1970", "right", "a clock by which it is valid"),
                                ("ten years ahead", "right", "a clock by which it is valid"), ("right", "1970", "by this host's clock"),
                                ("right", "2106", "by this host's clock")):
        here.set(ours)
        clock.set(agents)
        _, errors = here.begin("cpulift", "scan", "-c", f"https://127.0.0.1:{port}").communicate()
        if words not in errors:
            fail(f"the clock at {ours}, the agent's at {agents}: {errors}")
    node.stop()


with tempfile.TemporaryDirectory() as scratch:
    of_all = Clock(scratch)
    print(f"CPULIFT_SEED={SEED}", flush=True)
    for test in tests:
        os.mkdir(f"{scratch}/{test.__name__}")
        of_all.set("right")
        began = time.monotonic()
        test(of_all, f"{scratch}/{test.__name__}")
        print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
