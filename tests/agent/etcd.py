# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plan in a real etcd, which is not there, comes, goes, hangs and forgets: etcd.py CPULIFTD SOURCE."""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from node import Node, digest, fail, make_sealed, put_key, wait_for

PROGRAM, SOURCE = sys.argv[1:3]
CURRENT, FAULTS, CONNECTED = "cpulift_agent_plan_current", "cpulift_agent_plan_faults_total", "cpulift_agent_etcd_connected"
LEASE = 15
KEY = "fleet/plan/blue"


def find_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Etcd:
    def __init__(self, folder):
        self.folder, self.port, self.peer = folder, find_port(), find_port()
        self.process = None

    def start(self):
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.peer}"
        with open(f"{self.folder}.log", "a") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", "one", "--data-dir", self.folder, "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}"], stderr=log, stdout=log)
        wait_for("etcd", lambda: self.answers())

    def answers(self):
        try:
            return self.ask("kv/range", {"key": self.encode("a")}) is not None
        except (OSError, urllib.error.URLError):
            return False

    @staticmethod
    def encode(text):
        return base64.b64encode(text.encode()).decode()

    def ask(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v3/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def put(self, text, key=KEY):
        return self.ask("kv/put", {"key": self.encode(key), "value": self.encode(text)})["header"]["revision"]

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()


def becomes(node, what, current, other_than=None, seconds=20):
    wait_for(what, lambda: node.metric(CURRENT) == current and (other_than is None or digest(node) != other_than), seconds)


def check_kept(node, what, before):
    """What was in force still is, and it is said that this is not current. An agent that was just started waits for libvirt first."""
    wait_for(what, lambda: node.get("/healthz")[0] == 200)
    text = node.get("/healthz")[1]
    if digest(node) != before or "the plan is not current" not in text:
        fail(f"{what}: {text}")


def check_twin(folder, plan, program):
    """Another host of the same name says so, and takes nobody's place."""
    os.mkdir(f"{folder}/twin")
    twin = make_node(f"{folder}/twin", plan, program).start()
    wait_for("the twin is told", lambda: "another host of this name" in twin.said())
    if twin.metric("cpulift_agent_etcd_published") != 0 or digest(twin) is None:
        fail("a host is published in another's place")
    twin.stop()


def check_sealed(folder, etcd, node):
    """Which guests are meant is in no seal: where one is asked for, who may write to etcd alone does not say it."""
    put_key(node)
    sealed = json.loads(make_sealed(PROGRAM, folder))
    etcd.put(json.dumps(sealed))
    becomes(node, "a sealed plan", 1)
    before = digest(node)
    etcd.put(json.dumps({**sealed, "guests": {"skip": ["*"]}}))
    becomes(node, "guests that nobody sealed", 0)
    check_kept(node, "guests that nobody sealed", before)
    if "which guests" not in node.get("/healthz")[1]:
        fail(f"guests that nobody sealed are refused for another reason: {node.get('/healthz')[1]}")


def check_published(folder, etcd):
    """The host's document is in etcd while its agent lives, and no plan is made without it when it does not."""
    programs, cpulift = f"{folder}/programs", f"{os.path.dirname(os.path.abspath(PROGRAM))}/cpulift"
    fleet = f"etcd://127.0.0.1:{etcd.port}/shown"
    features = "apic clflush cmov cx16 cx8 de fpu fxsr lahf_lm lm mce mca mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 syscall tsc".split()
    host = {"schema": "cpulift.host/1", "name": "one", "arch": "x86_64", "cpu": {"vendor": "Intel", "phys_bits": 46},
            "guests": [{"virt": "kvm", "machine": "pc", "usable_models": ["qemu64"], "features": features}]}
    os.makedirs(programs)
    shutil.copy(PROGRAM, programs)
    with open(f"{programs}/cpulift-virt", "w") as file: # stands for the scan of a host
        file.write(f"#!/bin/sh\ncat {folder}/host.json\n")
    os.chmod(file.name, 0o755)
    with open(f"{folder}/host.json", "w") as file:
        json.dump(host, file)
    node = make_node(folder, f"{fleet}/plan/blue", f"{programs}/cpuliftd").start()

    def plan(*more):
        return subprocess.run([cpulift, "plan", "-q", fleet, *more], capture_output=True, text=True, timeout=60)

    wait_for("the host is published", lambda: node.metric("cpulift_agent_etcd_published") == 1)
    if json.loads(plan().stdout)["host_count"] != 1:
        fail("the plan is not of the published host")
    if plan("-o", f"{fleet}/plan/blue").returncode != 0:
        fail("the plan is not put")
    becomes(node, "the plan of its own host", 1)
    node.kill()
    node.start()
    wait_for("one that begins anew is no stranger", lambda: node.metric("cpulift_agent_etcd_published") == 1, LEASE - 5)
    check_twin(folder, f"{fleet}/plan/blue", f"{programs}/cpuliftd")
    time.sleep(LEASE + 5) # for longer than its lease
    if plan().returncode != 0:
        fail("its lease was not kept")
    node.kill()
    done = wait_for("the lease ends", lambda: (done := plan()).returncode == 2 and done, LEASE * 2 + 10)
    if "no document is of: one" not in done.stderr or done.stdout:
        fail(f"a silent host: {done.stderr}")
    node.start()
    wait_for("it is back", lambda: plan().returncode == 0)
    node.stop()


def refuse(folder, plan, message):
    os.mkdir(folder)
    node = make_node(folder, plan)
    done = subprocess.run([PROGRAM, "--config", f"{folder}/conf"], capture_output=True, text=True, timeout=20)
    if done.returncode not in (2, 64) or message not in done.stderr:
        fail(f"'{plan}': {done.returncode} {done.stderr}")
    return node


def make_node(folder, plan, program=PROGRAM):
    node = Node(program, folder)
    os.makedirs(f"{folder}/root", exist_ok=True)
    with open(f"{folder}/conf") as file:
        text = file.read()
    with open(f"{folder}/conf", "w") as file:
        file.write(text.replace(f"plan = {node.plan}\n", f"plan = {plan}\nroot = {folder}/root\n") + f"[etcd]\nlease = {LEASE}\n")
    return node


def test(folder, etcd):
    with open(f"{SOURCE}/tests/platform/plan.json") as file:
        plan = file.read()

    def named(name):
        return plan.replace('"lab"', f'"{name}"')

    place = f"etcd://127.0.0.1:{etcd.port}/fleet"
    refuse(f"{folder}/bad", place, "names no plan")
    refuse(f"{folder}/worse", f"etcd://user:word@127.0.0.1:{etcd.port}/{KEY}", "CPULIFT_ETCD_PASSWORD_FILE")
    os.mkdir(f"{folder}/node")
    node = make_node(f"{folder}/node", f"{place}/plan/blue").start()
    if node.metric(CONNECTED) != 0 or node.metric(CURRENT) != 0 or node.get("/healthz")[0] != 503:
        fail("without etcd it says that it has a plan")
    etcd.start()
    wait_for("etcd is found", lambda: node.metric(CONNECTED) == 1)
    if node.metric(CURRENT) != 0 or node.get("/healthz")[0] != 503:
        fail("without a plan it says that it has one")
    etcd.put(named("one"))
    becomes(node, "the first plan", 1)
    first = digest(node)
    etcd.put(named("two"))
    becomes(node, "another plan", 1, first)
    second = digest(node)

    for what, text in (("garbage", "garbage"), ("nothing", ""), ("a host's document", '{"schema": "cpulift.host/1"}')):
        faults = node.metric(FAULTS)
        etcd.put(text)
        wait_for(what, lambda: node.metric(FAULTS) > faults)
        check_kept(node, what, second)
    etcd.put(named("two"))
    becomes(node, "a good plan again", 1)

    etcd.kill()
    becomes(node, "etcd is gone", 0)
    check_kept(node, "etcd is gone", second)
    node.kill()
    node.start()
    check_kept(node, "a restart without etcd", second)
    etcd.start()
    etcd.put(named("three"))
    becomes(node, "etcd is back", 1, second, seconds=90)
    third = digest(node)

    node.process.send_signal(signal.SIGSTOP) # it misses what is compacted meanwhile
    for name in ("lost", "lost too", "four"):
        revision = etcd.put(named(name))
    etcd.ask("kv/compaction", {"revision": revision, "physical": True})
    node.process.send_signal(signal.SIGCONT)
    becomes(node, "after a compaction", 1, third)
    fourth = digest(node)

    etcd.process.send_signal(signal.SIGSTOP)
    becomes(node, "etcd hangs", 0, seconds=LEASE + 30)
    check_kept(node, "etcd hangs", fourth)
    etcd.process.send_signal(signal.SIGCONT)
    etcd.put(named("five"))
    becomes(node, "etcd does not hang any more", 1, fourth, seconds=90)
    if node.metric("cpulift_agent_etcd_outages_total") != 1:
        fail("an agent that was started anew knows of one outage")
    check_sealed(folder, etcd, node)
    node.stop()
    check_published(f"{folder}/shown", etcd)


if not shutil.which("etcd"):
    print("skipped: etcd is not installed (etcd-server)")
    sys.exit(77)
with tempfile.TemporaryDirectory() as scratch:
    server = Etcd(f"{scratch}/etcd")
    try:
        test(scratch, server)
    finally:
        if server.process and server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.kill()
