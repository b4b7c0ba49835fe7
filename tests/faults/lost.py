# SPDX-License-Identifier: LGPL-2.1-or-later
"""An apply whose connection to a real libvirtd is lost, whenever that is before it changes anything, fails, and shows no definition.

lost.py KILL_AT BUILD SOURCE
"""
import errno
import subprocess
import sys

sys.path.insert(0, f"{sys.argv[3]}/tests/platform")
from faults import NUMBERS, Fault, list_calls
from nodes import KILL_AT, PROGRAM, can_test, test_all

sys.argv[4:] = ["0", "definitions"]


def attempt(node, fault):
    """What is wrong."""
    done = subprocess.run([KILL_AT, fault.format(), PROGRAM, *node.show(node.plans[0])], capture_output=True, text=True)
    if not done.stderr.splitlines()[-1].startswith("failed 1 ") or done.stdout == node.shown or done.returncode == 2:
        return 0
    print(f"{fault}: {done.returncode}: {done.stderr}{done.stdout[-500:]}")
    return 1


def repeat(node_of):
    node = node_of()
    words = node.show(node.plans[0])
    node.shown = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True).stdout
    calls, first = list_calls(KILL_AT, [PROGRAM, *words], stdout=subprocess.DEVNULL)
    read = NUMBERS["read"]
    faults = [Fault(at, errno.EIO, False, read) for at in range(calls[:first].count(read) + 1, calls.count(read) + 1)]
    bad = sum(attempt(node, fault) for fault in faults)
    if bad:
        sys.exit(f"{bad} of {len(faults)} losses were not told")
    return f"{len(faults)} losses"


if not can_test("definitions"):
    sys.exit(77)
test_all(repeat)
