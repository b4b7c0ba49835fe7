# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ten thousand events are in the ledger, each once; what the agent takes of memory then, how often it wakes when nothing happens; and kills at any instant lose
no row that was told: events.py CPULIFTD SOURCE [KILLS]. libvirt's own test driver in a real libvirtd has the guests, which are no processes.
$CPULIFT_SEED repeats the kills."""
import collections
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM, SOURCE = sys.argv[1:3]
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 200
sys.path.insert(0, f"{SOURCE}/tests/lib")
from libvirtd import Libvirtd, is_possible
from node import Node, count_wakes, fail, load_plan, read_ledger, read_memory, wait_for

GUEST = "<domain type='test'><name>{}</name><uuid>11111111-2222-3333-4444-{:012d}</uuid><memory>65536</memory><os><type arch='x86_64'>hvm</type></os></domain>"
CYCLES = 2500
MEMORY_MAX = 10 * 1024
IDLE_SECONDS, WAKES_MAX = 65, 8
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))


def is_idle(node):
    return node.metric("cpulift_agent_waiting") == 0 and node.metric("cpulift_agent_ledger_pending") == 0


def make_guest(folder, number):
    path = f"{folder}/guest-{number}.xml"
    with open(path, "w") as file:
        file.write(GUEST.format(f"guest-{number}", number))
    return path, f"guest-{number}"


def count_events(node, libvirt, uri, folder):
    path, name = make_guest(folder, 1)
    libvirt.virsh(uri=uri, text=f"define {path}\nstart {name}\ndestroy {name}\nundefine {name}\n" * CYCLES)
    wait_for("ten thousand events", lambda: node.metric("cpulift_agent_events_total") == 4 * CYCLES and is_idle(node), 120)
    rows = [row for row in read_ledger(node) if row.get("name") == name]
    kinds = collections.Counter(row["event"] for row in rows)
    if kinds != dict.fromkeys(("define", "start", "stop", "undefine"), CYCLES):
        fail(f"of {CYCLES} each there are {kinds}")
    if [row["event"] for row in rows] != ["define", "start", "stop", "undefine"] * CYCLES:
        fail("not in the order in which they happened")
    memory = read_memory(node)
    if memory > MEMORY_MAX:
        fail(f"{memory} KiB private after {len(rows)} events")
    return len(rows), memory


def count_idle(node):
    """Everybody has gone home: no connection of HTTP is left to be timed out."""
    time.sleep(1)
    before = count_wakes(node)
    time.sleep(IDLE_SECONDS)
    wakes = count_wakes(node) - before
    if wakes > WAKES_MAX:
        fail(f"{wakes} wake-ups in {IDLE_SECONDS} s while nothing happened")
    return wakes


class Traffic(threading.Thread):
    """Events without end."""

    def __init__(self, uri, folder):
        super().__init__()
        guests = [make_guest(folder, number) for number in range(2, 6)]
        self.lines = "".join(f"define {path}\nstart {name}\ndestroy {name}\n" for path, name in guests)
        self.virsh = subprocess.Popen(["virsh", "-q", "-c", uri], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.is_over = False

    def run(self):
        while not self.is_over:
            self.virsh.stdin.write(self.lines)
            self.virsh.stdin.flush()
            time.sleep(0.05)
        self.virsh.stdin.close()
        self.virsh.wait()


def kill_often(node, uri, folder):
    dice = random.Random(SEED)
    traffic = Traffic(uri, folder)
    traffic.start()
    told, last = {}, 0
    try:
        for _ in range(KILLS):
            end = time.monotonic() + dice.random() * 0.25
            while time.monotonic() < end:
                for row in read_ledger(node, last):
                    told[row["id"]] = row
                    last = row["id"]
            node.kill()
            node.start()
        now = {row["id"]: row for row in read_ledger(node)}
    finally:
        traffic.is_over = True
        traffic.join()
    lost = [row for number, row in told.items() if now.get(number) != row]
    if lost or last < KILLS:
        fail(f"CPULIFT_SEED={SEED}: {KILLS} kills, {len(told)} rows told; lost {lost[:3]}")
    return len(told)


def test(folder):
    os.mkdir(f"{folder}/node")
    libvirt = Libvirtd(f"{folder}/libvirt")
    uri = libvirt.get_uri("test", "default")
    node = Node(PROGRAM, f"{folder}/node", more=f"connect = {uri}")
    node.put_plan(load_plan(SOURCE))
    try:
        node.start()
        wait_for("libvirt", lambda: node.metric("cpulift_agent_libvirt_up") == 1 and is_idle(node))
        events, memory = count_events(node, libvirt, uri, folder)
        wakes = count_idle(node)
        print(f"{events} events, {memory} KiB private, {wakes} wake-ups in {IDLE_SECONDS} s", flush=True)
        told = kill_often(node, uri, folder)
        print(f"{KILLS} kills, {told} rows told and found again")
        node.stop()
    finally:
        libvirt.kill()


if not is_possible():
    print("not tested, that needs root, libvirtd, virsh and unshare")
    sys.exit(77)
with tempfile.TemporaryDirectory() as scratch:
    test(scratch)
