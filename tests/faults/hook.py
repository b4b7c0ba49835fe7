# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpulift-hook with single system calls that fail, called as each platform's script calls it: a guest starts tuned, or as it was made, or, strict,
not at all; never with half a document, never where an operator wants it stopped; and the trace says why.

hook.py KILL_AT BUILD SOURCE [FAULTS [ROW…]]: so many faults for each row; 0: every call with every fault. $VERBOSE prints each.
"""
import itertools
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from faults import NUMBERS, SEED, choose_faults, list_calls, look, may_be_left

KILL_AT, BUILD, SOURCE = (os.path.abspath(path) for path in sys.argv[1:4])
COUNT = int(sys.argv[4]) if len(sys.argv) > 4 else 15
HERE = f"{SOURCE}/tests/platform"
GUEST = "i-7-21-VM"
# A key that has sealed nothing.
KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAvryWFAmJnS4J8SWtO4Kk7nhdKlOv4xrh3VNYVbYORNc=\n-----END PUBLIC KEY-----\n"


def read(path):
    with open(path) as file:
        return file.read()


PLAN, XML = read(f"{HERE}/plan.json"), read(f"{HERE}/cloudstack.xml")
RICH = XML.replace("<cpu mode='custom' match='exact'>", "<cpu mode='host-passthrough'/><old>").replace("</cpu><sysinfo", "</old><sysinfo")


class Role:
    """How a platform calls it, with {} for the scene's folder; the statuses that leave and stop a guest; what file has the document, None: standard
    output; its log; what becomes of a guest where nothing fails."""

    def __init__(self, words, leave, stop, file, log="root/var/lib/cpulift/hook.log", good="tuned", given=XML):
        self.words, self.leave, self.stop, self.file, self.log, self.good, self.given = words, leave, stop, file, log, good, given


GUARD = ["guard", "script", GUEST, "prepare", "begin", "-"]
ROLES = {
    "cloudstack": Role(["cloudstack", "script", "transform", XML], 1, 0, None),
    "eucalyptus": Role(["eucalyptus", "script", "euca-nc-pre-boot", "{}/home", "{}/" + GUEST], 0, 1, f"{GUEST}/instance-libvirt.xml",
                       "home/var/log/eucalyptus/cpulift-hook.log"),
    "opennebula": Role(["opennebula", "{}/root/etc/cpulift/plan.json", "{}/" + GUEST + "/deployment.0"], 1, 2, f"{GUEST}/deployment.0",
                       "root/var/lib/one/cpulift-hook.log"),
    "guard": Role(GUARD, 0, 1, None, good="untuned"),
    "guard of a rich guest": Role(GUARD, 0, 1, None, good="stopped", given=RICH),
}


class Scene:
    """The node and the guest of one run."""

    def __init__(self, row, folder):
        self.row, self.folder = row, folder
        for name in ("root/etc/cpulift", "root/var/lib/cpulift", "root/var/lib/one", "home/etc/cpulift", "home/var/log/eucalyptus", GUEST):
            os.makedirs(f"{folder}/{name}")
        # Eucalyptus' home has a plan of its own, beside which the node's is another.
        is_at_home = "{}/home" in row.role.words
        self.put("root/etc/cpulift/plan.json", PLAN.replace("Nehalem", "Westmere") if is_at_home else PLAN)
        self.put("home/etc/cpulift/plan.json", PLAN)
        if row.is_unsealed:
            self.put("root/etc/cpulift/plan.pub", KEY)
        self.put("given", row.role.given)
        if row.role.file:
            self.put(row.role.file, row.role.given)
        role, *words = (word if word is XML else word.format(folder) for word in row.role.words)
        self.words = [f"{BUILD}/cpulift-hook", role, *(["strict"] if row.is_strict else []), *words]
        self.how = {"cwd": folder, "env": {**os.environ, "CPULIFT_ROOT": f"{folder}/root"}}

    def put(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)

    def run(self, fault):
        with open(f"{self.folder}/given") as given:
            done = subprocess.run([KILL_AT, fault, *self.words], stdin=given, capture_output=True, text=True, timeout=20, **self.how)
        *said, told = done.stderr.splitlines()
        document = read(f"{self.folder}/{self.row.role.file}") if self.row.role.file else done.stdout
        log = f"{self.folder}/{self.row.role.log}"
        return done.returncode, document, read(log) if os.path.exists(log) else "", "\n".join(said), int(told.split()[1])


class Row:
    """A role, strict or not, maybe with a plan that lacks its seal; and what it does where nothing fails."""

    def __init__(self, role, is_strict, is_unsealed):
        self.role, self.is_strict, self.is_unsealed = ROLES[role], is_strict, is_unsealed
        self.name = role + ", strict" * is_strict + ", unsealed" * is_unsealed
        self.tuned = None

    def measure(self):
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(self, folder)
            with open(f"{folder}/given") as given:
                calls = list_calls(KILL_AT, scene.words, stdin=given, stdout=subprocess.DEVNULL, **scene.how)
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(self, folder)
            status, document, log, said, _ = scene.run("0")
            self.tuned = document if self.role.good == "tuned" and not self.is_unsealed else None
            self.paths = look(folder)
            self.good = self.find_end(status, document)
        if self.good != (self.failure if self.is_unsealed else self.role.good):
            sys.exit(f"{self.name}: without a fault {self.good}: {status} {log} {said}")
        return calls

    @property
    def failure(self):
        return "stopped" if self.is_strict else "untuned"

    def find_end(self, status, document):
        """What the platform makes of it."""
        if status >= 126: # the script says what becomes of a guest whose hook is gone
            return self.failure
        if status not in (0, self.role.leave, self.role.stop):
            return f"status {status}"
        if self.role.words[0] == "guard":
            return "stopped" if status == self.role.stop else "untuned"
        if self.role.file is None:
            return "untuned" if status else "tuned" if document == self.tuned or self.tuned is None and "check='full'" in document else \
                "stopped" if not document.rstrip().endswith("</domain>") or "<domain type=\"cpulift: " in document else "broken"
        if document not in (self.role.given, self.tuned) and self.tuned is not None:
            return "broken"
        if status == self.role.stop:
            return "stopped"
        return "untuned" if document == self.role.given else "tuned"

    def judge(self, fault, folder, outcome):
        status, document, log, said, _ = outcome
        end = self.find_end(status, document)
        wrong = [] if end in (self.good, self.failure) else [end]
        if end != self.good and not fault.is_lasting and status < 126 and os.strerror(fault.error) not in log:
            wrong.append("the trace does not say why")
        kind = NUMBERS["unlinkat"] if status >= 126 else fault.kind
        logs = {self.role.log, "root/var/lib/cpulift/cpulift-emulator.json"}
        return wrong + [f"{path} is there" for path in look(folder) if path not in self.paths.keys() | logs and not may_be_left(path, kind)]

    def attempt(self, fault):
        """What is wrong, and what became of it."""
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(self, folder)
            try:
                outcome = scene.run(fault.format())
            except subprocess.TimeoutExpired:
                return fault, ["it does not end"], None
            return fault, self.judge(fault, folder, outcome) if outcome[-1] else [], outcome


def try_row(row, pool):
    """How many faults it did not bear."""
    calls, first = row.measure()
    faults = choose_faults(calls, first, COUNT)
    failed = 0
    for fault, wrong, outcome in pool.map(row.attempt, faults):
        if wrong or os.environ.get("VERBOSE"):
            status, _, log, said, _ = outcome or (None,) * 5
            print(f"{row.name}: {fault}: {'; '.join(wrong)}\n    {status}: {log} {said}", flush=True)
        failed += bool(wrong)
    print(f"{row.name}: {len(faults)} faults at {len(calls) - first + 1} calls", flush=True)
    return failed


def main():
    rows = [Row(role, *how) for role in ROLES for how in itertools.product((False, True), (False, True))]
    with ThreadPoolExecutor(2) as pool:
        failed = sum(try_row(row, pool) for row in rows if row.name in (sys.argv[5:] or [row.name]))
    if failed:
        sys.exit(f"CPULIFT_SEED={SEED}: {failed} faults were not borne")


main()
