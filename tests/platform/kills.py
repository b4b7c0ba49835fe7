# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills applies and rollbacks at random system calls, one after the other and two at once; a rollback then ends, and the node is as at first.

kills.py KILL_AT BUILD SOURCE [KILLS]: so many kills for each platform and way in.
"""
import shutil
import sys

from nodes import measure, test_all
from faults import dice

KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 20


def choose(node):
    return node.apply(dice.choice(node.plans)) if dice.random() < 0.6 else node.rollback()


def end(node, running, is_beside):
    """True where it was killed. Of two at once the second may skip a guest whose definition the first has changed."""
    output, errors = running.communicate()
    node.told.append(f"  {running.returncode}: {errors.strip()}")
    is_skipped = is_beside and running.returncode == 3 and "changed since it was read" in output + errors
    if running.returncode not in (0, 2, 137) and not is_skipped:
        node.fail(f"status {running.returncode}: {output}")
    if "by others" in errors or "after cpulift changed it" in errors:
        node.fail("nobody else touched it")
    return running.returncode == 137


def play(node, ranges):
    """The number of kills."""
    kills = 0
    for _ in range(dice.randint(1, 6)):
        running = []
        for _ in range(2 if dice.random() < 0.3 else 1):
            words = choose(node)
            calls, first = ranges[words[0]]
            # A second apply is shorter or longer than the first; most die, some end.
            last = len(calls) + len(calls) // 5
            running.append(node.begin(words, dice.randint(max(1, first - 20), last) if dice.random() < 0.9 else 0))
        kills += sum(end(node, process, len(running) > 1) for process in running)
    node.check()
    return kills


def repeat(node_of):
    node = node_of()
    ranges = {words[0]: measure(node, words) for words in (node.apply(node.plans[0]), node.rollback())}
    shutil.rmtree(node.root)
    kills = rounds = 0
    while kills < KILLS:
        node = node_of()
        kills, rounds = kills + play(node, ranges), rounds + 1
        shutil.rmtree(node.root)
    return f"{kills} kills in {rounds} rounds"


test_all(repeat)
