# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills applies and rollbacks at random system calls, one after the other and two at once; a rollback then ends, and the node is as at first.

kills.py KILL_AT BUILD SOURCE [KILLS]: so many kills for each platform and way in. $CPULIFT_SEED repeats a run.
"""
import json
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile

KILL_AT, BUILD, SOURCE = sys.argv[1:4]
sys.path.insert(0, f"{SOURCE}/tests/lib")
from libvirtd import Libvirtd, is_possible

KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
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
dice = random.Random(SEED)


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


def look(root):
    """What is below the root: kind, mode, owner and bytes of each."""
    seen = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            is_file = os.path.isfile(path) and not os.path.islink(path)
            digest = hashlib.sha256(open(path, "rb").read()).hexdigest() if is_file else ""
            seen[os.path.relpath(path, root)] = (oct(stat.st_mode), stat.st_uid, stat.st_gid, digest)
    return seen


class Libvirt(Libvirtd):
    """With three guests that are defined."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("web-1", "web-2", "db-1"):
            self.define(name, GUEST.format(name))

    def look(self):
        return {"definitions": self.virsh("; ".join(f"dumpxml --inactive {name}" for name in ("web-1", "web-2", "db-1")))}


class Round:
    """One node, its first state, and what was done to it."""

    def __init__(self, template, root, options, plans, libvirt):
        shutil.copytree(template, root, symlinks=True)
        subprocess.run(["cp", "-a", "--attributes-only", f"{template}/.", root], check=True)
        self.root, self.options, self.plans, self.libvirt = root, options, plans, libvirt
        self.first, self.told, self.kills = self.look(), [], 0

    def look(self):
        return look(self.root) | (self.libvirt.look() if self.libvirt else {})

    def choose(self):
        if dice.random() < 0.6:
            return ["apply", dice.choice(self.plans), *self.options, "--root", self.root, "--commit"]
        return ["rollback", "--root", self.root, "--commit"]

    def begin(self, words, call):
        self.told.append(f"{' '.join(words)} [{call}]")
        return subprocess.Popen([KILL_AT, str(call), PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, running, is_beside):
        """Of two at once the second may skip a guest whose definition the first has changed."""
        output, errors = running.communicate()
        self.told.append(f"  {running.returncode}: {errors.strip()}")
        self.kills += running.returncode == 137
        is_skipped = is_beside and running.returncode == 3 and "changed since it was read" in output + errors
        if running.returncode not in (0, 2, 137) and not is_skipped:
            self.fail(f"status {running.returncode}: {output}")
        if "by others" in errors or "after cpulift changed it" in errors:
            self.fail("nobody else touched it")

    def fail(self, why):
        sys.exit("\n".join([f"CPULIFT_SEED={SEED}: {why}", *self.told]))

    def check(self):
        """Nobody but cpulift touched anything; all can be taken back."""
        status = subprocess.run([PROGRAM, "status", "--root", self.root], capture_output=True, text=True)
        if "by others" in status.stdout or status.returncode == 2:
            self.fail(status.stdout + status.stderr)
        undone = subprocess.run([PROGRAM, "rollback", "--root", self.root, "--commit"], capture_output=True, text=True)
        if undone.returncode != 0:
            self.fail(undone.stdout + undone.stderr)
        last = self.look()
        if last != self.first:
            self.fail("\n".join(f"{path}: {self.first.get(path)} is {last.get(path)}" for path in sorted(self.first | last)
                                if self.first.get(path) != last.get(path)))


def measure(round_of):
    """The numbers of the first call that changes something and of the last, of an apply and of a rollback."""
    ranges = {}
    one = round_of()
    for words in (["apply", one.plans[0], *one.options, "--root", one.root, "--commit"], ["rollback", "--root", one.root, "--commit"]):
        output = subprocess.run([KILL_AT, "0", PROGRAM, *words], capture_output=True, text=True, check=True).stderr.split()
        if output[-3] == "0":
            print("no ptrace() of system calls here")
            sys.exit(77)
        ranges[words[0]] = (int(output[-1]), int(output[-3]))
    shutil.rmtree(one.root)
    return ranges


def play(one, ranges):
    for _ in range(dice.randint(1, 6)):
        running = []
        for _ in range(2 if dice.random() < 0.3 else 1):
            words = one.choose()
            first, last = ranges[words[0]]
            # A second apply is shorter or longer than the first; most die, some end.
            running.append(one.begin(words, dice.randint(max(1, first - 20), last + last // 5) if dice.random() < 0.9 else 0))
        for process in running:
            one.end(process, len(running) > 1)
    one.check()


def repeat(round_of):
    ranges = measure(round_of)
    kills = rounds = 0
    while kills < KILLS:
        one = round_of()
        play(one, ranges)
        kills, rounds = kills + one.kills, rounds + 1
        shutil.rmtree(one.root)
    return kills, rounds


def test(name, folder):
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
        kills, rounds = repeat(lambda: Round(template, root, options, plans, libvirt))
    finally:
        if libvirt:
            libvirt.end()
    print(f"{name}: {kills} kills in {rounds} rounds", flush=True)


def can_test(name):
    return name != "definitions" or is_possible()


for place in NODES:
    with tempfile.TemporaryDirectory() as scratch:
        if can_test(place):
            test(place, scratch)
        else:
            print(f"{place}: not tested, that needs root, libvirtd, virsh and unshare")
