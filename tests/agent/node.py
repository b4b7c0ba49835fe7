# SPDX-License-Identifier: LGPL-2.1-or-later
"""One cpuliftd with its folder, for tests: they are told what they want, and it is asked by HTTP on its Unix socket."""
import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def fail(why):
    sys.exit(f"FAILED: {why}")


def wait_for(what, condition, seconds=20):
    """Until the condition is true; what it returned."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            fail(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def put_key(node):
    """From now on a plan needs a seal."""
    os.makedirs(f"{node.folder}/root/etc/cpulift", exist_ok=True)
    with open(f"{node.folder}/root/etc/cpulift/plan.pub", "w") as file:
        file.write("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEARKNJ2Pn9B3VFiWg8nlCGl803ThxVN6H2kcpP+JYWNjo=\n-----END PUBLIC KEY-----\n")


def make_sealed(program, folder):
    """Of the key that put_key() asks for."""
    with open(f"{folder}/key.pem", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIM3xDSSIkyYTRvPRsac2/ScZN/En9poCuzJ2fAp1Zw6r\n-----END PRIVATE KEY-----\n")
    words = [f"{os.path.dirname(os.path.abspath(program))}/cpulift", "plan", "--for", "paper", "--virt", "qemu", "--sign", file.name]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Node:
    """Its libvirt is a driver in the process where `more` names no other."""

    def __init__(self, program, folder, listen="", more="connect = test:///default"):
        self.program, self.folder = program, folder
        self.socket, self.plan, self.log = f"{folder}/socket", f"{folder}/plan.json", f"{folder}/log"
        with open(f"{folder}/conf", "w") as file:
            file.write(f"[agent]\nplan = {self.plan}\nstate = {folder}/state\n{more}\n[http]\nlisten = unix:{self.socket} {listen}\n")
        self.process = None

    def http(self, lines):
        """Adds keys of [http]."""
        with open(f"{self.folder}/conf", "a") as file:
            file.write(lines)

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([self.program, "--config", f"{self.folder}/conf"], stdout=log, stderr=log)
        atexit.register(self.process.kill)  # a test that fails leaves nobody behind
        wait_for("the socket", lambda: self.process.poll() is not None or self.answers())
        if self.process.poll() is not None:
            fail(f"cpuliftd ended: {self.said()}")
        return self

    def answers(self):
        try:
            return bool(self.get("/healthz"))
        except (OSError, http.client.HTTPException):
            return False

    def said(self):
        with open(self.log) as file:
            return file.read()

    def get(self, path, method="GET"):
        connection = UnixConnection(self.socket)
        connection.request(method, path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def metric(self, name):
        """The value of one sample, as it is written before its value."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def put_plan(self, text):
        with open(f"{self.folder}/plan.new", "w") as file:
            file.write(text)
        os.rename(file.name, self.plan)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait()

    def stop(self):
        if self.kill(signal.SIGTERM) != 0:
            fail(f"cpuliftd did not end well: {self.said()}")


def digest(node):
    """Of the plan in force; None: there is none."""
    for line in node.get("/metrics")[1].splitlines():
        if line.startswith("cpulift_agent_plan_in_force{digest="):
            return line.split('"')[1]
    return None


def read_ledger(node, since=0):
    """All rows from there on, page by page."""
    rows = []
    while True:
        page = json.loads(node.get(f"/v1/ledger?since={since}")[1])
        rows += page["rows"]
        if page["next"] == since:
            return rows
        since = page["next"]


def read_memory(node):
    """Private pages of the process in KiB: those that it wrote to, and those of files that nobody else has mapped."""
    if os.environ.get("CPULIFT_WATCHED"):  # by valgrind or a sanitizer, whose memory it is
        return 0
    with open(f"/proc/{node.process.pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Dirty", "Private_Clean")))


def count_wakes(node):
    """How often a thread of it has gone to sleep so far."""
    count = 0
    for thread in os.listdir(f"/proc/{node.process.pid}/task"):
        with open(f"/proc/{node.process.pid}/task/{thread}/status") as file:
            count += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return count


def load_plan(source, virt="qemu"):
    """The text of a plan for guests under emulation."""
    with open(f"{source}/tests/platform/plan.json") as file:
        return file.read().replace('"kvm"', f'"{virt}"')
