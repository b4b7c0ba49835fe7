# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two of us write to one place at once: plans and scans are one of both, whole, at any moment, and nothing else is left; of two benches one refuses, and no lock
outlives who held it: beside.py BUILD SOURCE [ROUNDS]."""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BUILD, SOURCE = sys.argv[1:3]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 40
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
dice = random.Random(SEED)


def fail(why):
    sys.exit(f"FAILED: CPULIFT_SEED={SEED}: {why}")


def begin(*words):
    return subprocess.Popen([f"{BUILD}/cpulift", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process, *wanted):
    """Standard error."""
    output, errors = process.communicate(timeout=120)
    if process.returncode not in wanted:
        fail(f"{process.args}: status {process.returncode}, not one of {wanted}: {output}{errors}")
    return errors


def load(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def race(folder, path, commands, status, undate=lambda text: text):
    """Both write `path`; it is read all the while."""
    alone = []
    for command in commands:
        end(begin(*command), status)
        alone.append(undate(load(path)))
        os.unlink(path)
    if alone[0] == alone[1]:
        fail(f"{path}: nothing tells one from the other")
    beside = sorted(os.listdir(folder))
    for _ in range(ROUNDS):
        running = []
        for command in dice.sample(commands, 2):
            running.append(begin(*command))
            time.sleep(dice.choice((0, dice.random() * 0.03)))
        while any(process.poll() is None for process in running):
            if undate(load(path)) not in (None, *alone):
                fail(f"{path} is neither of both: {load(path)}")
        for process in running:
            end(process, status)
        if undate(load(path)) not in alone:
            fail(f"{path} is neither of both: {load(path)}")
        os.unlink(path)
        if sorted(os.listdir(folder)) != beside:
            fail(f"left behind: {os.listdir(folder)}")


def plans(folder):
    pool = f"{SOURCE}/examples/pool.jsonl"
    path = f"{folder}/plan.json"
    race(folder, path, [["plan", "--quiet", "--pool", name, pool, "-o", path] for name in ("one", "two")], 0)


def scans(folder):
    """A host that answers neither of both, each in its way."""
    def undate(text):
        return text and json.dumps({key: value for key, value in json.loads(text).items() if key != "scanned"})

    commands = []
    for name, uri in (("one", "test:///default"), ("two", "test:///none")):
        with open(f"{folder}/{name}", "w") as file:
            file.write(f"north {uri}\n")
        commands.append(["scan", "--hosts", file.name, "-o", f"{folder}/hosts"])
    os.mkdir(f"{folder}/hosts")
    race(f"{folder}/hosts", f"{folder}/hosts/north.json", commands, 2, undate)


def benches(folder):
    """One has the file; the other says so. Who was killed holds nothing."""
    path = f"{folder}/samples.json"
    words = ["bench", "--cpu", "bare", "--cpus", "1", "--runs", "3", "--command", "sleep 0.01", "-o", path]
    for round_ in range(max(1, ROUNDS // 4)):
        running = [begin(*words)]
        time.sleep(dice.choice((0, dice.random() * 0.1)))
        running.append(begin(*words))
        is_killed = round_ % 3 == 2
        if is_killed:
            time.sleep(dice.random() * 0.2)
            running[0].send_signal(signal.SIGKILL)
        told = [end(process, 0, 2, -signal.SIGKILL) for process in running]
        statuses = sorted(process.returncode for process in running)
        if not is_killed and statuses == [0, 2]:
            words_of_second = told[[process.returncode for process in running].index(2)]
            if path not in words_of_second:
                fail(f"the second does not say which file: {words_of_second}")
        elif not is_killed:
            fail(f"two benches on one file: {statuses}: {told}")
        if os.path.exists(path):
            os.unlink(path)
        end(begin(*words), 0)
        with open(path) as file:
            if len(json.load(file)["samples"]) != 4:
                fail("samples of another")
        os.unlink(path)
        left = [name for name in os.listdir(folder) if name != "samples.json.lock"]
        if left:
            fail(f"left behind: {left}")


for test in (plans, scans, benches):
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        test(scratch)
        print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
