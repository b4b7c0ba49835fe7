# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two administrators on one node at once: applies and rollbacks beside each other, begun at random moments. Who says that it is done has done all of it, as if the
other had come before or after it, or not at all; who does not says why, or of which guests not (3); all can be taken back, and nothing keeps off who comes next.

beside.py KILL_AT BUILD SOURCE [ROUNDS]: so many for each platform and way in.
"""
import itertools
import shutil
import subprocess
import sys
import time

from nodes import PROGRAM, test_all
from faults import dice

ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
PAIRS = ((0, 1), (0, 0), (0, "rollback"), ("rollback", 0), ("rollback", "rollback"))
OF_AGENT = ((0, "enforce"), ("enforce", 0), ("rollback", "enforce"))
WORDS = ("another cpulift is at work", "changed since it was read", "changed while it was read")


def strip(state):
    """Without the journal, whose folders and numbers tell of the way there."""
    return {path: seen for path, seen in state.items() if path not in ("var", "var/lib") and not path.startswith("var/lib/cpulift")}


def run(node, words):
    process = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    node.told.append(f"{' '.join(words)}: {process.returncode}: {process.stderr.strip()}")
    return process.returncode


def words_of(node, deed):
    """`enforce`: what the agent runs."""
    if deed == "enforce":
        return ["apply", node.plans[1], "--platform", "libvirt", "--connect", node.libvirt.uri, "--only", "web-*", "--root", node.root, "--json", "--commit"]
    return node.rollback() if deed == "rollback" else node.apply(node.plans[deed])


def find_outcomes(node_of, kinds):
    """What a node is like after some of them, one after the other."""
    outcomes = {}
    for before, deeds in kinds:
        for order in itertools.chain(itertools.permutations(deeds), ((deed,) for deed in deeds)):
            node = node_of()
            for deed in (*before, *order):
                if run(node, words_of(node, deed)) != 0:
                    node.fail("one after the other they work")
            outcomes[(*before, *order)] = strip(node.look())
            node.check()
            shutil.rmtree(node.root)
    return outcomes


def play(node, outcomes, before, deeds):
    """Their statuses."""
    for deed in before:
        run(node, words_of(node, deed))
    running = []
    for deed in deeds:
        running.append(subprocess.Popen([PROGRAM, *words_of(node, deed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        time.sleep(dice.choice((0, dice.random() * 0.01, dice.random() * 0.05)))
    done = []
    for deed, process in zip(deeds, running):
        output, errors = process.communicate()
        node.told.append(f"{deed} of {deeds} after {before}: {process.returncode}: {errors.strip()}")
        if process.returncode == 0:
            done.append(deed)
        elif process.returncode not in (2, 3) or not any(word in output + errors for word in WORDS):
            node.fail(f"{deed}: {output}")
    now = strip(node.look())
    is_partial = any(process.returncode == 3 for process in running)
    if not done and not is_partial:
        node.fail("neither was done")
    possible = [outcomes[(*before, *order)] for order in itertools.permutations(done)] if done else []
    if is_partial:  # each guest is as one or the other left it
        possible += [outcomes[(*before, *order)] for order in (*itertools.permutations(deeds), deeds[:1], deeds[1:])]
        is_possible = all(any(seen == one.get(path) for one in possible) for path, seen in now.items())
    else:
        is_possible = now in possible
    if not is_possible:
        node.fail("\n".join(f"{path}: {possible[0].get(path)} is {now.get(path)}" for path in sorted(now | possible[0])
                            if now.get(path) != possible[0].get(path)))
    if dice.random() < 0.5 and run(node, words_of(node, 2)) != 0:
        node.fail("the next is kept off")
    return tuple(process.returncode for process in running)


def repeat(node_of):
    node, seen = node_of(), {}
    kinds = list(itertools.product(((), (2,)), PAIRS + (OF_AGENT if node.libvirt else ())))
    shutil.rmtree(node.root)
    outcomes = find_outcomes(node_of, kinds)
    for round_ in range(ROUNDS):
        node = node_of()
        before, deeds = kinds[round_ % len(kinds)]
        statuses = play(node, outcomes, before, deeds)
        seen[statuses] = seen.get(statuses, 0) + 1
        node.check()
        shutil.rmtree(node.root)
    return ", ".join(f"{count} times {' and '.join(map(str, statuses))}" for statuses, count in sorted(seen.items()))


test_all(repeat)
