# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes of each platform, and a libvirtd, for tests that break what cpulift does to them (kills.py, tests/faults/platforms.py).

Their arguments are KILL_AT BUILD SOURCE [COUNT [NODE…]]; $CPULIFT_SEED repeats a run.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

KILL_AT, BUILD, SOURCE = sys.argv[1:4]
sys.path[:0] = f"{SOURCE}/tests/lib", f"{SOURCE}/tests/faults"
from faults import SEED, look
from libvirtd import Libvirtd, is_possible

PROGRAM = f"{BUILD}/cpulift-platform"
# The node, by tests/platform/lib.sh, and how the plan gets there.
NODES = {
    "cloudstack": ("cloudstack_node $0 4.22.0.0", ["--platform", "cloudstack", "--channel", "rolling"]),
    "opennebula": ("opennebula_front $0 7.0.1", ["--platform", "opennebula"]),
    "eucalyptus": (f"eucalyptus_node $0 {SOURCE}/tests/platform/euca41.xsl", ["--platform", "eucalyptus"]),
    "eucalyptus xsl": (f"eucalyptus_node $0 {SOURCE}/tests/platform/euca41.xsl", ["--platform", "eucalyptus", "--channel", "xsl"]),
    "libvirt": ("mkdir -p $0/etc/libvirt; : >$0/etc/libvirt/qemu.conf", ["--platform", "libvirt", "--channel", "guard"]),
    "definitions": ("mkdir -p $0/etc", ["--platform", "libvirt", "--channel", "guard", "--only", "web-*"]),
}
GUEST = "<domain type='qemu'><name>{}</name><memory>65536</memory><os><type machine='pc'>hvm</type></os><cpu><model>Nehalem</model></cpu></domain>"


def make_plans(folder):
    """Three plans that differ."""
    with open(f"{SOURCE}/tests/platform/plan.json") as file:
        plan = json.load(file)
    for pool, lost in (("one", None), ("two", "avx"), ("three", "aes")):
        plan["pool"] = pool
        for names in (plan["definition"]["require"], plan["features"]):
            if lost:
                names.remove(lost)
        with open(f"{folder}/{pool}.json", "w") as file:
            json.dump(plan, file)
        yield file.name


class Libvirt(Libvirtd):
    """With three guests that are defined."""

    GUESTS = ("web-1", "web-2", "db-1")

    def __init__(self, folder):
        super().__init__(folder)
        for name in self.GUESTS:
            self.define(name, GUEST.format(name))

    def look(self):
        return {f"definition of {name}": ("", 0, 0, self.virsh("dumpxml", "--inactive", name).encode()) for name in self.GUESTS}


class Node:
    """One node, its first state, and what was done to it."""

    def __init__(self, template, root, options, plans, libvirt):
        shutil.copytree(template, root, symlinks=True)
        subprocess.run(["cp", "-a", "--attributes-only", f"{template}/.", root], check=True)
        self.root, self.options, self.plans, self.libvirt = root, options, plans, libvirt
        self.first, self.told = self.look(), []

    def look(self):
        return look(self.root) | (self.libvirt.look() if self.libvirt else {})

    def show(self, plan):
        """What an apply would do."""
        return ["apply", plan, *self.options, "--root", self.root]

    def apply(self, plan):
        return [*self.show(plan), "--commit"]

    def rollback(self):
        return ["rollback", "--root", self.root, "--commit"]

    def begin(self, words, call):
        self.told.append(f"{' '.join(words)} [{call}]")
        self.last = subprocess.Popen([KILL_AT, str(call), PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self.last

    def fail(self, why):
        sys.exit("\n".join([f"CPULIFT_SEED={SEED}: {why}", *self.told]))

    def check(self):
        """Nobody but cpulift touched anything; all can be taken back."""
        status = subprocess.run([PROGRAM, "status", "--root", self.root], capture_output=True, text=True)
        if "by others" in status.stdout or status.returncode == 2:
            self.fail(status.stdout + status.stderr)
        undone = subprocess.run([PROGRAM, *self.rollback()], capture_output=True, text=True)
        if undone.returncode != 0:
            self.fail(undone.stdout + undone.stderr)
        last = self.look()
        if last != self.first:
            self.fail("\n".join(f"{path}: {self.first.get(path)} is {last.get(path)}" for path in sorted(self.first | last)
                                if self.first.get(path) != last.get(path)))


def measure(node, words):
    """The numbers of its system calls, and of the first of them that changes something."""
    output = subprocess.run([KILL_AT, "list", PROGRAM, *words], capture_output=True, text=True, check=True).stderr.splitlines()
    calls, first = [int(number) for number in output[-2].split()], int(output[-1].split()[-1])
    if not calls:
        print("no ptrace() of system calls here")
        sys.exit(77)
    return calls, first


def test(name, folder, body):
    make, options = NODES[name]
    template, root = f"{folder}/template", f"{folder}/node"
    os.mkdir(template)
    subprocess.run(["bash", "-c", f". {SOURCE}/tests/platform/lib.sh {BUILD} {SOURCE}; {make}", template], check=True)
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "7:9", f"{template}/etc"], check=True)
    options = [*options, "--hook", "/usr/libexec/cpulift/cpulift-hook"]
    libvirt = Libvirt(f"{folder}/libvirt") if name == "definitions" else None
    options += ["--connect", libvirt.uri] if libvirt else []
    plans = list(make_plans(folder))
    try:
        told = body(lambda: Node(template, root, options, plans, libvirt))
    finally:
        if libvirt:
            libvirt.end()
    print(f"{name}: {told}", flush=True)


def can_test(name):
    return name != "definitions" or is_possible()


def test_all(body):
    """Calls `body` for each platform and way in with a function that makes a node anew; it returns what is to be told."""
    for place in sys.argv[5:] or NODES:
        with tempfile.TemporaryDirectory() as scratch:
            if can_test(place):
                test(place, scratch, body)
            else:
                print(f"{place}: not tested, that needs root, libvirtd, virsh and unshare")
