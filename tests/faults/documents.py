# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command that writes a document, or prints one, with single system calls that fail: a row of `ROWS` each (faults.py has the laws).

documents.py KILL_AT BUILD SOURCE [FAULTS [ROW…]]: so many faults for each row; 0: every call with every fault. $VERBOSE prints each.
"""
import collections
import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.append(f"{sys.argv[3]}/tests/lib")
import processes
from faults import NUMBERS, SEED, WRITES, choose_faults, compare, find_unsaid, list_calls, look, may_be_left

KILL_AT, BUILD, SOURCE = (os.path.abspath(path) for path in sys.argv[1:4])
COUNT = int(sys.argv[4]) if len(sys.argv) > 4 else 15
COMMON = f"{SOURCE}/tests/golden/common"
GUEST = "<domain type='kvm'><name>{}</name><os><type machine='pc-i440fx-7.2'>hvm</type></os>{}</domain>"
OLD = b"what stood here before\n"
# What the embedded libvirt knows of this QEMU, where it was asked before; else it takes seconds to find out.
EMBED_CACHE = "/var/cache/cpulift/cache"
SECONDS = 60
SOME = 3  # the exit status: done for some hosts
Outcome = collections.namedtuple("Outcome", "status printed said failed")


class Row:
    """A command; what stands in its folder before it begins, and which folders; how it ends; what of a text is the same each time; what may be
    there of a result that a failure left, with `is_slow`, what asks libvirt, whatever the status: it has a third of the faults."""

    def __init__(self, words, old=(), folders=(), status=0, clean=lambda path, text: text, is_part=lambda text, whole: False, is_slow=False):
        self.words, self.old, self.folders, self.status, self.clean, self.is_part = words, old, folders, status, clean, is_part
        self.is_slow, self.count = is_slow, COUNT // 3 if is_slow else COUNT


def list_samples(path, text):
    """Of what bench measured, what is the same each time."""
    try:
        samples = json.loads(text)["samples"] if path.endswith("samples.json") else None
    except ValueError: # cut off: then it differs
        samples = None
    if samples is None:
        return text
    return json.dumps([[sample[key] for key in ("workload", "cpu", "vcpus", "run", "status")] for sample in samples]).encode()


def is_begun(text, whole):
    """A series that ended early keeps what was made; one whose program could not be started has it as failed."""
    made, wanted = json.loads(text), json.loads(whole)
    return len(made) <= len(wanted) and all(sample[:4] == known[:4] for sample, known in zip(made, wanted))


def drop_memory(path, text):
    """A virtual machine's changes."""
    return re.sub(rb'"memory": \d+', b'"memory": 0', text)


def is_reason(text, whole):
    """A host that did not answer has a document that says why."""
    return "error" in json.loads(text)


def is_within(part, whole):
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and is_within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(is_within(value, other) for other in whole) for value in part)
    return part == whole


def is_poorer(text, whole):
    """What libvirt cannot read it leaves out without a word: a document may say less, and nothing else."""
    return is_reason(text, whole) or is_within(json.loads(text), json.loads(whole))


BENCH = "cpulift-measure bench --command true --cpu bare --cpus 1"
SCAN = "cpulift-virt scan --hosts in/agent.txt"
# Inputs are made once, below `in`; what is written goes below `out`, in a folder of each run.
ROWS = {
    "scan": Row(f"{SCAN} -o out/hosts", folders=["hosts"], old=["hosts/north.json"], is_part=is_reason),
    "scan of two": Row("cpulift-virt scan --hosts in/some.txt -o out/hosts", status=SOME, is_part=is_reason),
    "scan to a pipe": Row(SCAN),
    "scan by libvirt": Row("cpulift-virt scan --hosts in/embed.txt -o out/hosts", clean=drop_memory, is_part=is_poorer, is_slow=True),
    "plan": Row("cpulift-plan plan in/lab.jsonl -o out/plan.json"),
    "plan over": Row("cpulift-plan plan --quiet in/hosts -o out/plan.json", old=["plan.json"]),
    "plan to a pipe": Row("cpulift-plan plan --quiet in/hosts"),
    "plan sealed": Row("cpulift-plan plan --quiet in/hosts --sign in/key.pem --policy in/policy.ini -o out/plan.json", old=["plan.json"]),
    "plan held": Row("cpulift-plan plan --quiet in/lab.jsonl --check in/plan.json"),
    "import": Row("cpulift-plan import in/told -o out/hosts", folders=["hosts"], old=["hosts/one.json"]),
    "import to a file": Row("cpulift-plan import --name one in/told/one.xml --sysfs in/sys -o out/one.json"),
    "import to a pipe": Row("cpulift-plan import in/told"),
    "explain": Row("cpulift-plan explain in/plan.json avx"),
    "explain security": Row("cpulift-plan explain in/plan.json --security in/hosts --html out/page.html", old=["page.html"]),
    "show": Row("cpulift-plan show in/plan.json"),
    "diff": Row("cpulift-plan diff in/hosts/north.json in/hosts/south.json", status=1),
    "rewrite": Row("cpulift rewrite --plan in/plan.json in/domain.xml -o out/domain.xml", old=["domain.xml"]),
    "rewrite to a pipe": Row("cpulift rewrite --plan in/plan.json in/domain.xml"),
    "render": Row("cpulift-platform render in/plan.json --platform nova"),
    "verify": Row("cpulift-fleet verify --guests in/guests in/plan.json in/hosts --html out/page.html --metrics out/metrics.prom",
                  old=["page.html", "metrics.prom"], status=1),
    "bench": Row(f"{BENCH} --runs 2 -o out/samples.json --keep-failed", clean=list_samples, is_part=is_begun),
    "bench over another": Row(f"{BENCH} --runs 1 -o out/samples.json", old=["samples.json"], status=64),
    "bench resumed": Row("cpulift-measure bench --resume -o out/samples.json", old=["samples.json"], clean=list_samples, is_part=is_begun),
    "bench to a pipe": Row(f"{BENCH} --runs 1 -o -", clean=list_samples),
    "report": Row("cpulift-measure report in/samples.json -o out/report", folders=["report"], old=["report/index.html"]),
    "report as lines": Row("cpulift-measure report --tsv in/samples.json"),
}


def call(words, **how):
    program, *rest = words.split()
    return subprocess.run([f"{BUILD}/{program}", *rest], check=True, capture_output=True, text=True, **how).stdout


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make_inputs(folder):
    for name in ("north", "south"):
        shutil.copy(f"{COMMON}/{name}.json", f"{folder}/hosts/")
    shutil.copy(f"{COMMON}/samples.json", folder)
    shutil.copy(f"{SOURCE}/examples/pool.jsonl", f"{folder}/lab.jsonl")
    call("cpulift-plan plan --quiet hosts -o plan.json", cwd=folder)
    definition = call("cpulift-plan show --xml plan.json", cwd=folder)
    for name in ("one", "two"):
        put(f"{folder}/told/{name}.xml", definition)
        put(f"{folder}/guests/north/{name}.xml", GUEST.format(name, definition))
    put(f"{folder}/domain.xml", GUEST.format("web", "<cpu mode='host-model'/>"))
    for name in ("meltdown", "mds"):
        put(f"{folder}/sys/sys/devices/system/cpu/vulnerabilities/{name}", "Not affected\n")
    put(f"{folder}/policy.ini", "[policy]\ndeny = aes\n")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{folder}/key.pem"], check=True, capture_output=True)
    os.chmod(f"{folder}/key.pem", 0o600)
    call(f"{BENCH} --runs 2 -o begun.json", cwd=folder)
    with open(f"{folder}/begun.json") as file:
        samples = json.load(file)
    del samples["samples"][1:]
    put(file.name, json.dumps(samples))


class Agent(http.server.BaseHTTPRequestHandler):
    """Has the document of a host."""

    def do_GET(self):
        with open(f"{COMMON}/north.json", "rb") as file:
            text = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass


def start_agent(folder):
    path = f"{folder}/agent"
    server = socketserver.ThreadingUnixStreamServer(path, Agent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    put(f"{folder}/embed.txt", "north qemu:///embed\n")
    put(f"{folder}/agent.txt", f"north http+unix://{path}\n")
    put(f"{folder}/some.txt", f"north http+unix://{path}\nsouth qemu+unix:///system?socket={folder}/none\n")


def find_old(inputs, name):
    """What stands where a file will be written: what can be gone on with, where that is asked for."""
    if name != "samples.json":
        return OLD
    with open(f"{inputs}/begun.json", "rb") as file:
        return file.read()


class Scene:
    """The folder of one run."""

    def __init__(self, row, inputs, folder):
        self.row, self.folder = row, folder
        for name in ("out", "tmp", "home", *(f"out/{name}" for name in row.folders)):
            os.makedirs(f"{folder}/{name}")
        os.symlink(inputs, f"{folder}/in")
        for name in row.old:
            path = f"{folder}/out/{name}"
            with open(path, "wb") as file:
                file.write(find_old(inputs, name))
            os.chmod(path, 0o640)
            if os.getuid() == 0:
                os.chown(path, 7, 9)
        if "embed" in row.words and os.path.isdir(EMBED_CACHE):
            shutil.copytree(EMBED_CACHE, f"{folder}/embed/cache")
        self.environment = {**os.environ, "TMPDIR": f"{folder}/tmp", "CPULIFT_EMBED_ROOT": f"{folder}/embed"}
        self.environment |= dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"), f"{folder}/home")
        program, *words = row.words.split()
        self.words = [f"{BUILD}/{program}", *words]
        self.before = self.look()

    def look(self):
        return {path: seen for path, seen in look(self.folder, self.row.clean).items() if path.split("/")[0] != "embed"}

    def run(self, fault):
        done = subprocess.run([KILL_AT, fault, *self.words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS)
        *said, told = done.stderr.decode(errors="replace").splitlines()
        return Outcome(done.returncode, self.row.clean("samples.json", done.stdout), "\n".join(said), int(told.split()[1]))


class Trial:
    """A row, and what it does where nothing fails."""

    def __init__(self, name, inputs, scratch):
        self.name, self.row, self.inputs, self.scratch = name, ROWS[name], inputs, scratch
        with self.make_folder() as folder:
            scene = Scene(self.row, inputs, folder)
            self.calls, self.first = list_calls(KILL_AT, scene.words, cwd=folder, env=scene.environment, stdin=subprocess.DEVNULL,
                                                stdout=subprocess.DEVNULL)
        with self.make_folder() as folder:
            scene = Scene(self.row, inputs, folder)
            self.whole = scene.run("0")
            self.after = scene.look()
        if self.whole.status != self.row.status:
            sys.exit(f"{name}: without a fault {self.whole}")

    def make_folder(self):
        return tempfile.TemporaryDirectory(dir=self.scratch)

    def judge_files(self, fault, before, now, done):
        """What is wrong with what is there."""
        # One that is killed leaves what it would have removed.
        kind = NUMBERS["unlinkat"] if fault.is_killer(done.status) else fault.kind
        now = {path: seen for path, seen in now.items() if path in self.after or not may_be_left(path, kind)}
        is_whole = done.status == self.whole.status
        wrong = compare(self.after if is_whole else before, now, self.after)
        if not is_whole or done.status == SOME or self.row.is_slow:
            wrong = {path: how for path, how in wrong.items() if not self.is_part(path, now)}
        return list(wrong.values())

    def is_part(self, path, now):
        wanted = self.after.get(path)
        return path in now and wanted and now[path][:3] == wanted[:3] and self.row.is_part(now[path][3], wanted[3])

    def judge_words(self, fault, done):
        """What is wrong with its status and with what it said."""
        is_printed = done.printed == self.whole.printed if done.status == self.whole.status else self.whole.printed.startswith(done.printed)
        wrong = [] if is_printed else ["it printed something else"]
        if done.status == 2:
            wrong += filter(None, [find_unsaid(done.said, None if self.row.is_slow else fault.error)])
        elif done.status != self.whole.status and not fault.is_killer(done.status):
            wrong.append("no status of its page")
        elif done.status == self.whole.status != SOME and fault.kind in WRITES and not self.row.is_slow:
            wrong.append("what could not be written is not told")
        return wrong

    def attempt(self, fault):
        """What is wrong, and what became of it."""
        with self.make_folder() as folder:
            scene = Scene(self.row, self.inputs, folder)
            try:
                done = scene.run(fault.format())
            except subprocess.TimeoutExpired:
                return fault, ["it does not end"], None
            # Not every run makes as many calls.
            wrong = self.judge_files(fault, scene.before, scene.look(), done) + self.judge_words(fault, done) if done.failed else []
            left = processes.find(f"{folder}/embed/")
            processes.send(left)
            wrong += [f"QEMU {pid} is left" for pid in left]
            return fault, wrong, done


def try_row(name, inputs, scratch, pool):
    """How many faults it did not bear."""
    trial = Trial(name, inputs, scratch)
    faults = choose_faults(trial.calls, trial.first, ROWS[name].count)
    failed = made = 0
    for fault, wrong, done in pool.map(trial.attempt, faults):
        if wrong or os.environ.get("VERBOSE"):
            print(f"{name}: {fault}: {'; '.join(wrong)}\n    {done and done.status}: {done and done.said}", flush=True)
        failed += bool(wrong)
        made += bool(wrong or done.failed)
    print(f"{name}: {made} faults at {len(trial.calls) - trial.first + 1} calls", flush=True)
    return failed


def main():
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        inputs = f"{scratch}/inputs"
        os.makedirs(f"{inputs}/hosts")
        make_inputs(inputs)
        start_agent(inputs)
        failed = sum(try_row(name, inputs, scratch, pool) for name in sys.argv[5:] or ROWS)
    if failed:
        sys.exit(f"CPULIFT_SEED={SEED}: {failed} faults were not borne")


main()
