# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets single system calls of applies and rollbacks fail as a full, broken, read-only disk or a lack of descriptors or memory makes them fail:
the node is as before or as after, the exit status says which, and a rollback takes it back.

faults.py KILL_AT BUILD SOURCE [FAULTS]: so many for each platform and way in; 0: every call with every fault.
"""
import errno
import shutil
import signal
import sys

from nodes import dice, measure, test_all

FAULTS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
READ, WRITE, FSTAT, LSEEK, FCNTL, FSYNC, GETDENTS, OPENAT, MKDIRAT = 0, 1, 5, 8, 72, 74, 217, 257, 258
FCHOWN, FCHMOD, NEWFSTATAT, UNLINKAT, RENAMEAT, RENAMEAT2, OPENAT2, FLOCK, MMAP, BRK = 93, 91, 262, 263, 264, 316, 437, 73, 9, 12
KINDS = {
    errno.ENOSPC: {WRITE, FSYNC, OPENAT, MKDIRAT, RENAMEAT, RENAMEAT2},
    errno.EIO: {READ, WRITE, FSYNC, FSTAT, NEWFSTATAT, GETDENTS, OPENAT, OPENAT2, UNLINKAT, FLOCK},
    errno.EROFS: {OPENAT, MKDIRAT, RENAMEAT, RENAMEAT2, UNLINKAT, FCHMOD, FCHOWN},
    errno.EMFILE: {OPENAT, OPENAT2, FCNTL},
    errno.ENOMEM: {MMAP, BRK, OPENAT, OPENAT2, GETDENTS},
}


def find_faults(calls, first):
    """From just before the first change on: what fails earlier fails before anything was thought of."""
    every = [(at, error) for at in range(max(1, first - 40), len(calls) + 1) for error, kinds in KINDS.items() if calls[at - 1] in kinds]
    return every if FAULTS == 0 else dice.sample(every, min(FAULTS // 2, len(every)))


def run(node, words, fault):
    """The exit status. Memory that is not there ends a program of GLib's, as a kill does."""
    process = node.begin(words, fault)
    output, errors = process.communicate()
    node.told.append(f"  {process.returncode}: {errors.strip()}")
    is_aborted = process.returncode in (128 + signal.SIGABRT, 128 + signal.SIGTRAP, 128 + signal.SIGSEGV)
    is_out_of_memory = fault.endswith(f":{errno.ENOMEM}") and (is_aborted or process.returncode == 127)
    if process.returncode not in (0, 2, 3) and not is_out_of_memory:
        node.fail(f"status {process.returncode}: {output}")
    if process.returncode == 2 and "cpulift: " not in errors:
        node.fail("it failed without a word")
    if "by others" in errors or "after cpulift changed it" in errors:
        node.fail("nobody else touched it")
    return process.returncode


def check_state(node, status, before, after):
    """A failure leaves what was there, a success what was asked for; temporary files and the journal's folders aside."""
    def strip(state):
        return {path: seen for path, seen in state.items()
                if path not in ("var", "var/lib") and not path.startswith("var/lib/cpulift") and "/.cpulift-" not in f"/{path}"}
    now = strip(node.look())
    if status in (0, 2) and now != strip(after if status == 0 else before):
        wanted = strip(after if status == 0 else before)
        node.fail(f"status {status}, but:\n" + "\n".join(f"{path}: {wanted.get(path)} is {now.get(path)}" for path in sorted(now | wanted)
                                                        if now.get(path) != wanted.get(path)))


def repeat(node_of):
    node = node_of()
    words, states = [node.apply(node.plans[0]), node.rollback()], [node.look()]
    faults = []
    for word in words:
        faults.append(find_faults(*measure(node, word)))
        states.append(node.look())
    shutil.rmtree(node.root)
    for step, of_step in enumerate(faults):
        for at, error in of_step:
            node = node_of()
            for word in words[:step]:
                run(node, word, "0")
            status = run(node, words[step], f"{at}:{error}")
            if step == 0:
                check_state(node, status, states[0], states[1])
            node.check()
            shutil.rmtree(node.root)
    return f"{len(faults[0])} faults of apply, {len(faults[1])} of rollback"


test_all(repeat)
