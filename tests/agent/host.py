# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent's scan of its host, what a QEMU that becomes poorer makes of it, and the plan's CPU in definitions: host.py BUILD SOURCE."""
import contextlib
import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BUILD, SOURCE = sys.argv[1:3]
sys.path.insert(0, f"{SOURCE}/tests/lib")
from libvirtd import Libvirtd, is_possible
from node import Node, digest, fail, read_ledger, wait_for

GUEST = """<domain type='qemu'><name>{}</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>Nehalem</model></cpu></domain>"""
# Never gives these, whoever asks.
POORER = """for argument; do
    shift
    set -- "$@" "$(printf %s "$argument" | sed 's/,\\(aes\\|avx2\\)=on/,\\1=off/g')"
done
for model in max Nehalem Westmere; do
    for feature in aes avx2; do
        set -- -global "$model-x86_64-cpu.$feature=off" "$@"
    done
done
"""


def install(programs, change=""):
    """QEMU, as a package would replace it."""
    real = shutil.which("qemu-system-x86_64")
    modules = "".join(f"export QEMU_MODULE_DIR={folder}\n" for folder in glob.glob("/usr/lib/*/qemu"))
    with open(f"{programs}/new", "w") as file:
        file.write(f'#!/bin/sh\n{change}{modules}exec {real} "$@"\n')
    os.chmod(file.name, 0o755)
    os.rename(file.name, f"{programs}/qemu-system-x86_64")


def run(*words):
    return subprocess.run([f"{BUILD}/cpulift", *words], check=True, capture_output=True, text=True).stdout


def scan(node):
    status, text = node.get("/v1/host")
    return json.loads(text) if status == 200 else None


def is_tuned(libvirt, name):
    return "check='full'" in libvirt.virsh("dumpxml", "--inactive", name)


def get_scanned(node):
    """The scan, from libvirt's answers by the same program, and the plan for it."""
    document = wait_for("a scan", lambda: node.metric("cpulift_agent_scan_up") == 1 and scan(node), 150)
    with open(f"{node.folder}/host.json", "w") as file:
        json.dump(document, file)
    told = json.loads(run("scan", "-c", node.uri))
    folder = "/sys/devices/system/cpu/vulnerabilities"
    if os.path.isdir(folder):
        there = {}
        for name in os.listdir(folder):
            with open(f"{folder}/{name}") as here:
                there[name] = here.readline().strip()
        if document.pop("vulnerabilities", None) != there or document["versions"].pop("kernel", None) != os.uname().release:
            fail("the agent's document lacks what this kernel says")
        document["cpu"].pop("microcode", None), told["cpu"].pop("microcode", None)
    if told | {"scanned": None} != document | {"scanned": None}:
        fail("the agent's scan is another than scan's")
    return run("plan", file.name, "--virt", "qemu", "--machine", "pc", "--pool", "one")


@contextlib.contextmanager
def open_folder(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def define(node, libvirt, root):
    """A definition, there or new, becomes the plan's; rollback takes all back, byte for byte."""
    libvirt.define("first", GUEST.format("first"))
    before = {"first": libvirt.virsh("dumpxml", "--inactive", "first")}
    node.put_plan(get_scanned(node))
    wait_for("the first definition", lambda: is_tuned(libvirt, "first"), 60)
    time.sleep(1)
    libvirt.define("second", GUEST.format("second"))
    before["second"] = libvirt.virsh("dumpxml", "--inactive", "second")
    wait_for("the second definition", lambda: is_tuned(libvirt, "second"), 60)
    wait_for("that it is told", lambda: node.metric("cpulift_agent_enforce_changes_total") == 2)
    libvirt.virsh("start", "second")
    row = wait_for("its start", lambda: [one for one in read_ledger(node) if one["event"] == "start"])[0]
    if row["verdict"] != "tuned":
        fail(f"its next start is {row}")
    libvirt.virsh("destroy", "second")
    return before


def roll_back(node, libvirt, root, before):
    node.stop()  # it would do it again
    run("rollback", "--root", root, "--commit")
    for name, xml in before.items():
        if libvirt.virsh("dumpxml", "--inactive", name) != xml:
            fail(f"{name} is not as it was before")


def drift(node, libvirt, programs):
    """A QEMU that gives less is noticed, told, and no definition asks for what it cannot give."""
    if node.metric('cpulift_host_gives_plan{can="yes"}') != 1:
        fail("the host does not give its own plan")
    scans = node.metric("cpulift_agent_scans_total")
    install(programs, POORER)
    wait_for("another scan", lambda: node.metric("cpulift_agent_scans_total") > scans, 150)
    if node.metric('cpulift_host_gives_plan{can="no"}') != 1:
        fail(f"a poorer QEMU gives the plan: {node.said()}")
    rows = [row for row in read_ledger(node) if row["event"] == "host"]
    how = {row["how"]: row["why"] for row in rows}
    if not re.search(r"features .*-aes", how.get("changed", "")) or "feature: aes" not in how.get("does not give the plan", ""):
        fail(f"rows of the host: {rows}")
    libvirt.define("third", GUEST.format("third"))
    wait_for("that it is not enforced", lambda: node.metric("cpulift_agent_enforce_up") == 0, 60)
    if is_tuned(libvirt, "third"):
        fail("a definition asks for what the host cannot give")
    install(programs)
    wait_for("that it is well again", lambda: node.metric('cpulift_host_gives_plan{can="yes"}') == 1, 150)
    wait_for("the third definition", lambda: is_tuned(libvirt, "third"), 90)


def full(node, libvirt):
    """Where the disk does not take a new plan, the one before goes into no definition in its place."""
    kept, text = f"{node.folder}/state/plan.json", open(node.plan).read()
    before = digest(node)
    os.unlink(kept)
    os.mkdir(kept)
    node.put_plan(text.replace('"one"', '"two"'))
    wait_for("another plan", lambda: digest(node) != before)
    libvirt.define("fourth", GUEST.format("fourth"))
    wait_for("that it is not enforced", lambda: node.metric("cpulift_agent_enforce_up") == 0, 60)
    if is_tuned(libvirt, "fourth"):
        fail("a plan that is not on the disk was enforced")
    os.rmdir(kept)
    node.put_plan(text.replace('"one"', '"two"').replace("\n", "\n "))
    wait_for("the fourth definition", lambda: is_tuned(libvirt, "fourth"), 90)
    libvirt.virsh("undefine", "fourth")


def wait_for_another(node, libvirt, root):
    """An administrator who is at it holds it up, and no longer than that."""
    with open_folder(f"{root}/var/lib/cpulift/journal") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        libvirt.define("fifth", GUEST.format("fifth"))
        wait_for("that it is not enforced", lambda: node.metric("cpulift_agent_enforce_up") == 0, 60)
        if is_tuned(libvirt, "fifth") or "another cpulift" not in node.said():
            fail(f"two changed a node at once: {node.said()}")
        time.sleep(36)  # fails once more, and is tried again after a minute
    libvirt.define("sixth", GUEST.format("sixth"))
    wait_for("what is new, after half a minute", lambda: is_tuned(libvirt, "fifth") and is_tuned(libvirt, "sixth"), 45)
    libvirt.virsh("undefine", "fifth")
    libvirt.virsh("undefine", "sixth")


def test(folder):
    programs, root = f"{folder}/bin", f"{folder}/root"
    for one in (programs, root, f"{folder}/node"):
        os.mkdir(one)
    install(programs)
    libvirt = Libvirtd(f"{folder}/libvirt", programs)
    node = Node(f"{BUILD}/cpuliftd", f"{folder}/node", more=f"connect = {libvirt.uri}\nenforce = define\nroot = {root}")
    node.uri = libvirt.uri
    try:
        node.start()
        before = define(node, libvirt, root)
        drift(node, libvirt, programs)
        full(node, libvirt)
        wait_for_another(node, libvirt, root)
        libvirt.virsh("undefine", "third")
        roll_back(node, libvirt, root, before)
    finally:
        libvirt.end()


if not is_possible():
    print("not tested, that needs root, libvirtd, virsh and unshare")
    sys.exit(77)
with tempfile.TemporaryDirectory() as scratch:
    test(scratch)
