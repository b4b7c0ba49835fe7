# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan in force is the last good one, whatever becomes of its file: plans.py CPULIFTD SOURCE."""
import json
import os
import subprocess
import sys
import tempfile

from node import Node, digest, fail, make_sealed, put_key, wait_for

PROGRAM, SOURCE = sys.argv[1:3]
IN_FORCE, CURRENT, FAULTS = "cpulift_agent_plan_in_force", "cpulift_agent_plan_current", "cpulift_agent_plan_faults_total"


def becomes(node, what, current, other_than=None):
    """The plan is current, and another than it was; or it is not, and another fault is told."""
    wait_for(what, lambda: node.metric(CURRENT) == current and (other_than is None or digest(node) != other_than))


def break_plan(node, what, change):
    before, faults = digest(node), node.metric(FAULTS)
    change()
    wait_for(what, lambda: node.metric(FAULTS) > faults)
    status, text = node.get("/healthz")
    if (status, digest(node), node.metric(CURRENT)) != (200, before, 0) or "the plan is not current" not in text:
        fail(f"{what}: {status} {text}")


def cut_in_place(node, text):
    with open(node.plan, "w") as file:
        file.write(text[: len(text) // 2])


def put_strange(node, text):
    """What others than root and the agent's user may write decides nothing here."""
    with open(f"{node.folder}/strange", "w") as file:
        file.write(text)
    os.chmod(file.name, 0o666)
    os.rename(file.name, node.plan)


def put_fifo(node):
    """Nobody ever writes into it, and the agent answers all the same."""
    os.mkfifo(f"{node.folder}/fifo")
    os.rename(f"{node.folder}/fifo", node.plan)


def turn_link(node, plan, folder):
    """As who mounts configuration does it: the file is a link into a folder that is a link."""
    for name, text in (("one", plan), ("two", plan.replace('"lab"', '"link"'))):
        os.mkdir(f"{folder}/{name}")
        with open(f"{folder}/{name}/plan.json", "w") as file:
            file.write(text)
    os.symlink("one", f"{folder}/now")
    if os.path.lexists(node.plan):
        os.unlink(node.plan)
    os.symlink("now/plan.json", node.plan)
    becomes(node, "a link", 1)
    before = digest(node)
    os.symlink("two", f"{folder}/next")
    os.rename(f"{folder}/next", f"{folder}/now")
    becomes(node, "a folder's link that is turned", 1, before)


LIMIT = "/proc/sys/user/max_inotify_instances"


def without_inotify(folder, plan):
    """Where the user has no instance of inotify left the plan is looked at, and watched as soon as there is one."""
    with open(f"{folder}/in", "w") as file:
        file.write(f"#!/bin/sh\nexec unshare -Ur sh -c 'echo 0 >{LIMIT} && exec \"$0\" \"$@\"' {PROGRAM} \"$@\"\n")
    os.chmod(file.name, 0o700)
    if subprocess.run([file.name, "--version"], capture_output=True).returncode != 0:
        print("without inotify: not tested, that needs user namespaces")
        return
    os.mkdir(f"{folder}/blind")
    node = Node(file.name, f"{folder}/blind").start()
    node.put_plan(plan)
    becomes(node, "a plan that is looked at", 1)
    if "it is looked at every 10 s" not in node.said():
        fail(f"that nothing is watched is not told: {node.said()}")
    enter = ["nsenter", "-t", str(node.process.pid), "-U", "--preserve-credentials", "sh", "-c", f"echo 1 >{LIMIT}"]
    subprocess.run(enter, check=True)
    opened = f"/proc/{node.process.pid}/fd"
    wait_for("that it is watched", lambda: any("inotify" in os.readlink(f"{opened}/{one}") for one in os.listdir(opened)))
    node.stop()


def test(folder):
    with open(f"{SOURCE}/tests/platform/plan.json") as file:
        plan = file.read()
    promise = json.loads(plan)
    promise["definition"]["check"] = "partial"
    os.mkdir(f"{folder}/root")
    node = Node(PROGRAM, folder, more=f"connect = test:///default\nroot = {folder}/root").start()
    if node.get("/healthz")[0] != 503 or node.metric(IN_FORCE) != 0:
        fail("without a plan it is not well")
    node.put_plan(plan)
    becomes(node, "the first plan", 1)
    first = digest(node)
    node.put_plan(plan.replace("\n", "\n "))
    node.put_plan(plan.replace('"lab"', '"other"'))
    becomes(node, "another plan", 1, first)
    break_plan(node, "garbage", lambda: node.put_plan("garbage"))
    break_plan(node, "nothing", lambda: node.put_plan(""))
    break_plan(node, "a plan that promises nothing", lambda: node.put_plan(json.dumps(promise)))
    break_plan(node, "cut off in place", lambda: cut_in_place(node, plan))
    break_plan(node, "a host's document", lambda: node.put_plan('{"schema": "cpulift.host/1"}'))
    break_plan(node, "a stranger's", lambda: put_strange(node, plan))
    if "is not trusted" not in node.get("/healthz")[1]:
        fail(f"a stranger's plan is refused for another reason: {node.get('/healthz')[1]}")
    break_plan(node, "a FIFO", lambda: put_fifo(node))
    break_plan(node, "gone", lambda: os.unlink(node.plan))
    last = digest(node)
    node.kill()
    node.start()
    if digest(node) != last or node.metric(CURRENT) != 0:
        fail("the last good plan is in force after a restart, and said not to be current")
    turn_link(node, plan, folder)
    put_key(node)
    break_plan(node, "no seal", lambda: node.put_plan(plan.replace('"lab"', '"unsealed"')))
    if "asks for a seal" not in node.get("/healthz")[1]:
        fail(f"a plan without a seal is refused for another reason: {node.get('/healthz')[1]}")
    node.put_plan(make_sealed(PROGRAM, folder))
    becomes(node, "a sealed plan", 1)
    node.stop()
    without_inotify(folder, plan)


with tempfile.TemporaryDirectory() as scratch:
    test(scratch)
