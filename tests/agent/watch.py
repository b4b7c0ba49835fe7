# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a libvirtd and real guests under emulation do is told and judged, also where it was not seen, and a libvirtd that dies, comes back or hangs stops nothing:
watch.py BUILD SOURCE."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

BUILD, SOURCE = sys.argv[1:3]
sys.path.insert(0, f"{SOURCE}/tests/lib")
from libvirtd import Libvirtd, is_possible
from node import Node, fail, read_ledger, wait_for

GUEST = """<domain type='qemu'><name>{}</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>{}</model></cpu></domain>"""


def run(*words):
    return subprocess.run([f"{BUILD}/cpulift", *words], check=True, capture_output=True, text=True).stdout


def make_plan(libvirt, folder, *more):
    run("scan", "-c", libvirt.uri, "--timeout", "120", "-o", f"{folder}/hosts")
    return run("plan", f"{folder}/hosts", "--virt", "qemu", "--machine", "pc", "--pool", "test", *more)


class Scene:
    def __init__(self, folder):
        os.mkdir(f"{folder}/node")
        self.folder, self.libvirt = folder, Libvirtd(f"{folder}/libvirt")
        self.node = Node(f"{BUILD}/cpuliftd", f"{folder}/node", more=f"connect = {self.libvirt.uri}")
        self.last = 0

    def rows(self, event, name=None, count=1, seconds=30):
        """The next rows of this event, and of the guest; a row is seen once."""
        def look():
            found = [row for row in read_ledger(self.node, self.last) if row["event"] == event and name in (None, row.get("name"))]
            return found if len(found) >= count else None

        found = wait_for(f"{count} rows of {event} {name}", look, seconds)
        if len(found) != count:
            fail(f"{len(found)} rows of {event} {name}: {found}")
        self.last = max(row["id"] for row in found)
        return found

    def row(self, event, name=None, seconds=30):
        return self.rows(event, name, 1, seconds)[0]

    def guests(self):
        return {guest["name"]: guest for guest in json.loads(self.node.get("/v1/guests")[1])["guests"]}

    def expect(self, what, got, wanted):
        if got != wanted:
            fail(f"{what}: {got}, not {wanted}; {self.node.said()}")


def starts(scene, plan):
    """Each start has its verdict."""
    libvirt = scene.libvirt
    libvirt.define("old", GUEST.format("old", "Nehalem"))
    with open(f"{scene.folder}/old.xml", "w") as file:
        file.write(GUEST.format("tuned", "Nehalem"))
    libvirt.define("tuned", run("rewrite", "--plan", plan, file.name))
    for name, verdict in (("old", "stale"), ("tuned", "tuned")):
        libvirt.virsh("start", name)
        row = scene.row("start", name)
        scene.expect(name, (row["verdict"], row["how"], bool(row.get("missing")), "qemu" in row), (verdict, "booted", verdict == "stale", True))
    scene.expect("those that run", {name: guest["verdict"] for name, guest in scene.guests().items()}, {"old": "stale", "tuned": "tuned"})
    scene.expect("their number", scene.node.metric('cpulift_guests{verdict="stale"}'), 1)


def verify(place, *more):
    return subprocess.run([f"{BUILD}/cpulift", "verify", "--json", "-c", place, *more], capture_output=True, text=True)


def travels(scene, plan):
    """Through its agent a host's guests are known as through its libvirt."""
    with open(f"{scene.folder}/hosts/{os.listdir(f'{scene.folder}/hosts')[0]}") as file:
        other = {**json.load(file), "name": "other"}
    with open(f"{scene.folder}/other.json", "w") as file:
        json.dump(other, file)
    said = []
    wait_for("a scan", lambda: scene.node.metric("cpulift_agent_scan_up") == 1, 150)
    for place in (f"http+unix://{scene.node.socket}", scene.libvirt.uri):
        got = verify(place, plan, file.name)
        if got.returncode not in (0, 1):
            fail(f"verify of {place}: {got.stderr}")
        said.append("".join(line for line in got.stdout.splitlines(True) if '"libvirt' not in line))
    scene.expect("what its agent tells", said[0], said[1])
    scene.expect("the cells", len(json.loads(said[0])["cells"]), 2)


def vanishes(scene):
    """A guest that is gone before it can be looked at has its rows all the same."""
    scene.libvirt.define("brief", GUEST.format("brief", "Nehalem"))
    scene.libvirt.virsh(text="start brief\ndestroy brief\n" * 3)
    starts_of, stops = scene.rows("start", "brief", 3), None
    scene.last = min(row["id"] for row in starts_of)
    stops = scene.rows("stop", "brief", 3)
    scene.expect("its stops", [row["how"] for row in stops], ["destroyed"] * 3)
    scene.expect("those that run", sorted(scene.guests()), ["old", "tuned"])


def another_plan(scene, text):
    """All that run are judged anew, and nothing is said of those whose verdict is the same."""
    scene.node.put_plan(text)
    rows = {row["name"]: row["verdict"] for row in scene.rows("judged", None, 2)}
    scene.expect("under a plan that gives less", rows, {"old": "stale", "tuned": "foreign"})


def comes_back(scene):
    """libvirtd dies; meanwhile a guest ends and another event is missed."""
    libvirt, node = scene.libvirt, scene.node
    libvirt.kill()
    scene.row("agent")
    scene.expect("health", node.get("/healthz")[0], 503)
    asked = verify(f"http+unix://{node.socket}")
    scene.expect("an agent that is blind", (asked.returncode, "does not hear libvirt" in asked.stderr), (2, True))
    with open(f"{libvirt.folder}/run/libvirt/qemu/old.pid") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    libvirt.start()
    scene.expect("what is told", scene.row("agent")["how"], "sees")
    gone = scene.row("gone", "old")
    scene.expect("whether its verdict is told", "verdict" in gone, False)
    wait_for("health", lambda: node.get("/healthz")[0] == 200)
    scene.expect("those that run", {name: guest["event"] for name, guest in scene.guests().items()}, {"tuned": "judged"})


def moves(scene):
    """A guest that goes to another host has stopped here, and one that comes has started."""
    other = Libvirtd(f"{scene.folder}/other")
    try:
        for home, there in ((scene.libvirt, other), (other, scene.libvirt)):
            home.virsh("migrate", "--live", "tuned", there.uri, "tcp://127.0.0.1:49377")
        scene.expect("when it leaves", scene.row("stop", "tuned")["how"], "migrated")
        row = scene.row("start", "tuned")
        scene.expect("when it comes", (row["how"], row["verdict"]), ("migrated", "foreign"))
        wait_for("the guests that run", lambda: "tuned" in scene.guests())
    finally:
        other.end()


def agent_comes_back(scene):
    """What happened while there was no agent is found."""
    scene.node.kill()
    scene.libvirt.virsh("destroy", "tuned")
    scene.libvirt.virsh("start", "tuned")
    scene.libvirt.virsh("start", "old")
    scene.node.start()
    found = {row["name"]: (row["verdict"], "qemu" in row) for row in scene.rows("found", None, 2)}
    scene.expect("what is found", found, {"old": ("stale", False), "tuned": ("foreign", False)})


def hangs(scene, text):
    """A libvirtd that hangs is told; the agent answers meanwhile; what happened comes when it goes on."""
    libvirt, node = scene.libvirt, scene.node
    libvirt.daemon.send_signal(signal.SIGSTOP)
    node.put_plan(text)  # the guests are to be judged: something is asked of it
    slowest, end = 0, time.monotonic() + 14
    while time.monotonic() < end:
        begin = time.monotonic()
        node.get("/v1/guests")
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.1)
    row = scene.row("agent")
    scene.expect("what is told", (row["how"], "has not answered" in row["why"]), ("blind", True))
    scene.expect("whether it answers meanwhile", slowest < 1, True)
    libvirt.daemon.send_signal(signal.SIGCONT)
    scene.expect("what is told", scene.row("agent")["how"], "sees")
    wait_for("the verdicts", lambda: scene.guests()["tuned"]["verdict"] == "tuned")
    libvirt.daemon.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    node.stop()  # does not wait for it
    scene.expect("whether it ends at once", time.monotonic() - begin < 5, True)
    libvirt.daemon.send_signal(signal.SIGCONT)


def test(folder):
    scene = Scene(folder)
    try:
        plan = make_plan(scene.libvirt, folder)
        poorer = make_plan(scene.libvirt, folder, "--deny", "avx*", "--deny", "aes")
        with open(f"{folder}/plan.json", "w") as file:
            file.write(plan)
        scene.node.put_plan(plan)
        scene.node.start()
        scene.rows("agent", None, 2)
        starts(scene, file.name)
        travels(scene, file.name)
        vanishes(scene)
        another_plan(scene, poorer)
        comes_back(scene)
        moves(scene)
        agent_comes_back(scene)
        hangs(scene, plan)
    finally:
        scene.libvirt.end()


if not is_possible():
    print("not tested, that needs root, libvirtd, virsh and unshare")
    sys.exit(77)
with tempfile.TemporaryDirectory() as scratch:
    test(scratch)
