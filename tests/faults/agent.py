# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpuliftd with single system calls that fail, from its start over another plan to its end: it ends with a documented status and says why, or goes
on; it calls nothing good that it does not know; its state is old or new, and the next start goes on with it.

agent.py KILL_AT CPULIFTD SOURCE [FAULTS [CALL…]]: so many, of these system calls; 0: every call with every fault. $VERBOSE prints each.
"""
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

KILL_AT, PROGRAM, SOURCE = (os.path.abspath(path) for path in sys.argv[1:4])
COUNT = int(sys.argv[4]) if len(sys.argv) > 4 else 15
sys.path.append(f"{SOURCE}/tests/agent")
from faults import MUNMAP, SEED, choose_faults, find_unsaid
from node import Node, digest, load_plan, read_ledger

FIRST = load_plan(SOURCE)
PLANS = (FIRST, FIRST.replace('"lab"', '"other"'))
SECONDS = 20  # more than twice what the agent lets pass before it looks again


class Agent(Node):
    """Under kill_at, where a fault is named."""

    def __init__(self, folder, fault):
        super().__init__(PROGRAM, folder)
        self.fault = fault

    def start(self):
        """True where it answers."""
        words = [PROGRAM, "--config", f"{self.folder}/conf"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([KILL_AT, self.fault, *words], stdout=log, stderr=log)
        return self.wait(self.answers)

    def wait(self, condition, seconds=SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if condition():
                    return True
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.02)
        return False

    def find_pid(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return int(file.read().split()[0])

    def end(self):
        """Its status; None: it does not end."""
        if self.process.poll() is None:
            os.kill(self.find_pid(), signal.SIGTERM)
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def split(self):
        """What it said, and what kill_at did."""
        *said, told = self.said().splitlines() or [""]
        return "\n".join(said), told


def find_digests(folder):
    """Of the two plans, as the agent calls them."""
    node = Agent(folder, "0")
    node.put_plan(PLANS[0])
    node.start()
    first = digest(node)
    node.put_plan(PLANS[1])
    node.wait(lambda: digest(node) != first)
    other = digest(node)
    node.end()
    return first, other


def ask(node):
    """What it says of itself: health, whether the plan is current, which it has, its rows."""
    try:
        health, text = node.get("/healthz")
        return health, text, node.metric("cpulift_agent_plan_current"), digest(node), node.get("/v1/ledger")
    except (OSError, http.client.HTTPException, ValueError) as why:
        return None, str(why), None, None, None


def is_settled(node, other):
    """It has the new plan, or says that it has not."""
    _, text, current, now, _ = ask(node)
    return now == other or current == 0 or "not current" in text


def judge_answers(answers, other):
    """What is wrong with what it says while it runs, once it has had its time."""
    health, text, current, now, ledger = answers
    wrong = []
    if current == 1 and now != other:
        wrong.append("a plan is called current that is not")
    if health == 200 and current == 0 and "not current" not in text:
        wrong.append("it does not say why the plan is not current")
    if health == 503 and not text.strip():
        wrong.append("it does not say what is wrong")
    if health == 200 and ledger[0] != 200:
        wrong.append(f"all is well, but its ledger cannot be read: {ledger}")
    return wrong


def judge_state(folder):
    wrong = []
    state = f"{folder}/state"
    for name in sorted(os.listdir(state)) if os.path.isdir(state) else []:
        path = f"{state}/{name}"
        if name.startswith("ledger.db") and name != "ledger.db" or name.startswith(".save-"):
            continue
        if name == "ledger.db":
            with sqlite3.connect(path) as base:
                wrong += [f"ledger: {row[0]}" for row in base.execute("PRAGMA integrity_check") if row[0] != "ok"]
            continue
        with open(path) as file:
            text = file.read()
        if name == "plan.json" and text not in PLANS:
            wrong.append("plan.json is neither plan")
        if name == "host.json":
            json.loads(text)
    return wrong


def judge_next(folder, rows, other):
    """The next start, without a fault, has the plan, and the rows that were told."""
    node = Agent(folder, "0")
    node.put_plan(PLANS[1])
    node.start()
    wrong = []
    if not node.wait(lambda: (node.get("/healthz")[0], node.metric("cpulift_agent_plan_current"), digest(node)) == (200, 1, other)):
        wrong.append(f"the next start: {ask(node)[:4]}")
    else:
        kept = {row["id"]: row for row in read_ledger(node)}
        wrong += [f"row {row['id']} was told and is lost" for row in rows if kept.get(row["id"]) != row]
    status = node.end()
    return wrong + ([f"the next start ends with {status}: {node.said()}"] if status else [])


def run(folder, fault, other):
    """Whether it came to answer, what it said at last, its status and its words."""
    node = Agent(folder, fault)
    node.put_plan(PLANS[0])
    answers = None
    if node.start():
        node.put_plan(PLANS[1])
        node.wait(lambda: is_settled(node, other))
        node.wait(lambda: ask(node)[0] == 200, 2)
        answers = ask(node)
    is_over = node.process.poll() is not None
    return answers, is_over, node.end(), *node.split()


def attempt(fault, other):
    with tempfile.TemporaryDirectory() as folder:
        answers, is_over, status, said, told = run(folder, fault.format(), other)
        if told.split()[:2] == ["failed", "0"]:
            return fault, [], ""
        wrong = judge_answers(answers, other) if answers and answers[0] is not None else []
        if fault.is_killer(status):
            pass
        elif status == 2:
            wrong += filter(None, [find_unsaid(said, fault.error)])
        elif status != 0 or is_over:
            wrong.append(f"status {status}")
        elif answers is None or answers[0] is None:
            wrong.append("it runs and does not answer")
        rows = json.loads(answers[4][1])["rows"] if answers and answers[4] and answers[4][0] == 200 else []
        wrong += judge_state(folder) + judge_next(folder, rows, other)
        return fault, wrong, f"{status}, {answers and answers[:4]}: {said}"


def measure(other):
    with tempfile.TemporaryDirectory() as folder:
        *_, said, _ = run(folder, "list", other)
        calls = [int(number) for number in said.splitlines()[-1].split()]
    if not calls:
        print("no ptrace() of system calls here")
        sys.exit(77)
    return calls, calls.index(MUNMAP) + 2


def main():
    with tempfile.TemporaryDirectory() as folder:
        _, other = find_digests(folder)
    calls, first = measure(other)
    faults = choose_faults(calls, first, COUNT, sys.argv[5:])
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for fault, wrong, how in pool.map(lambda fault: attempt(fault, other), faults):
            if wrong or os.environ.get("VERBOSE"):
                print(f"{fault}: {'; '.join(wrong)}\n    {how}", flush=True)
            failed += bool(wrong)
    print(f"{len(faults)} faults at {len(calls) - first + 1} calls")
    if failed:
        sys.exit(f"CPULIFT_SEED={SEED}: {failed} faults were not borne")


main()
