# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands whose connection to a real libvirtd is lost, whenever that is, fail or say what they do not know; an apply shows no definition then.

lost.py KILL_AT BUILD SOURCE
"""
import errno
import re
import subprocess
import sys

sys.path.insert(0, f"{sys.argv[3]}/tests/platform")
from faults import NUMBERS, Fault, list_calls
from nodes import BUILD, KILL_AT, PROGRAM, can_test, test_all

sys.argv[4:] = ["0", "definitions"]
READ = NUMBERS["read"]
LAST = 30  # reads of a scan: those before are of answers that it cannot be without
VARYING = re.compile(r'"(memory|scanned)": .*')


def run(words, before=()):
    done = subprocess.run([*before, *words], capture_output=True, text=True)
    return done, VARYING.sub("", done.stdout)


def attempt(words, whole, fault):
    """What is wrong."""
    done, printed = run(words, [KILL_AT, fault.format()])
    *said, told = done.stderr.splitlines()
    if not told.startswith("failed 1 ") or printed == whole or (said and not printed) or (said and words[1] == "scan"):
        return 0
    print(f"{words[1]}: {fault}: {done.returncode}: {said} {printed[-500:]}")
    return 1


def test_command(words, last=0):
    _, whole = run(words)
    calls, first = list_calls(KILL_AT, words, stdout=subprocess.DEVNULL)
    reads = range(calls[:first].count(READ) + 1, calls.count(READ) + 1)[-last:]
    bad = sum(attempt(words, whole, Fault(at, errno.EIO, False, READ)) for at in reads)
    if bad:
        sys.exit(f"{bad} of {len(reads)} losses were not told")
    return f"{len(reads)} losses of {words[1]}"


def repeat(node_of):
    node = node_of()
    return "; ".join([test_command([PROGRAM, *node.show(node.plans[0])]), test_command([f"{BUILD}/cpulift-virt", "scan", "-c", node.libvirt.uri], LAST)])


if not can_test("definitions"):
    sys.exit(77)
test_all(repeat)
