# SPDX-License-Identifier: LGPL-2.1-or-later
"""Applies and rollbacks on a node of each platform, and on a libvirtd, with single system calls that fail: the node is as before or as after, the
exit status and the words say which, and a later rollback takes it back (tests/platform/nodes.py has the nodes).

platforms.py KILL_AT BUILD SOURCE [FAULTS]: so many for each platform and way in; 0: every call with every fault. $VERBOSE prints each.
"""
import collections
import os
import shutil
import subprocess
import sys

sys.path.insert(0, f"{sys.argv[3]}/tests/platform")
from faults import SEED, WRITES, choose_faults, compare, find_unsaid, list_calls
from nodes import KILL_AT, PROGRAM, test_all

COUNT = int(sys.argv[4]) if len(sys.argv) > 4 else 20
# What the words say where a failure could not take back what it had done.
LEFT = "'cpulift rollback --commit'"
SOME = 3  # the exit status: done, but for some guests
Outcome = collections.namedtuple("Outcome", "status said failed")


def strip(state):
    """Without temporary files and the journal's folders."""
    return {path: seen for path, seen in state.items()
            if path not in ("var", "var/lib") and not path.startswith("var/lib/cpulift") and "/.cpulift-" not in f"/{path}"}


def run(node, words, fault):
    output, errors = node.begin(words, fault).communicate()
    *said, told = errors.splitlines()
    status = node.last.returncode
    node.told.append(f"  {status}: " + "\n  ".join(said))
    return Outcome(status, "\n".join(said), int(told.split()[1]))


def judge_state(outcome, is_killed, is_rollback, before, now, after):
    """What is wrong with the node."""
    if outcome.status == 0:
        return list(compare(after, now, after).values())
    # A rollback can be run again, and goes on; so can an apply of some guests.
    is_part = is_killed or is_rollback or outcome.status == SOME
    wrong = {} if LEFT in outcome.said or (is_part and now == after) else compare(before, now, after if is_part else before)
    return list(wrong.values())


def judge(fault, outcome, is_rollback, before, now, after):
    is_killed = fault.is_killer(outcome.status)
    wrong = judge_state(outcome, is_killed, is_rollback, strip(before), strip(now), strip(after))
    if "by others" in outcome.said or "after cpulift changed it" in outcome.said:
        wrong.append("nobody else touched it")
    if outcome.status == 0 and fault.kind in WRITES and os.strerror(fault.error) not in outcome.said:
        wrong.append("what could not be written is not told")
    if outcome.status == 2:
        wrong += filter(None, [find_unsaid(outcome.said, fault.error)])
    elif outcome.status not in (0, SOME) and not is_killed:
        wrong.append("no status of its page")
    return wrong


def attempt(node, words, step, fault, states):
    """What is wrong."""
    for word in words[:step]:
        run(node, word, "0")
    outcome = run(node, words[step], fault.format())
    wrong = judge(fault, outcome, step > 0, states[step], node.look(), states[step + 1]) if outcome.failed else []
    try:
        node.check()
    except SystemExit as why:
        wrong.append(str(why))
    if wrong or os.environ.get("VERBOSE"):
        print(f"{words[step][0]}: {fault}: {'; '.join(wrong)}\n    {outcome.status}: {outcome.said}", flush=True)
    return len(wrong) > 0


def repeat(node_of):
    node = node_of()
    words, states = [node.apply(node.plans[0]), node.rollback()], [node.look()]
    faults = []
    for word in words:
        faults.append(choose_faults(*list_calls(KILL_AT, [PROGRAM, *word], stdout=subprocess.DEVNULL), COUNT and COUNT // 2))
        states.append(node.look())
    shutil.rmtree(node.root)
    for step, of_step in enumerate(faults):
        for fault in of_step:
            node = node_of()
            failed.append(attempt(node, words, step, fault, states))
            shutil.rmtree(node.root)
    return f"{len(faults[0])} faults of apply, {len(faults[1])} of rollback"


failed = []
test_all(repeat)
if any(failed):
    sys.exit(f"CPULIFT_SEED={SEED}: {sum(failed)} faults were not borne")
