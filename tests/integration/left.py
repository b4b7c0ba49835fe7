# SPDX-License-Identifier: LGPL-2.1-or-later
"""No QEMU that libvirt began inside a scan outlives one that is killed, interrupted or too late; where nobody was left to end it, the next scan does.

left.py BUILD [COUNT]: so many scans, which end at times by chance. $CPULIFT_SEED repeats them.
"""
import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(f"{os.path.dirname(os.path.abspath(__file__))}/../lib")
import processes
from processes import send

PROGRAM = f"{os.path.abspath(sys.argv[1])}/cpulift"
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 6
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
dice = random.Random(SEED)


def find_qemus(root):
    return processes.find(f"{root}/")


def find_ours(root):
    """The scan's processes, and those of them that keep watch."""
    ours = processes.find(f"CPULIFT_EMBED_ROOT={root}\0", "environ")
    return ours, [pid for pid in ours if b"keeper" in processes.read(pid, "comm")]


def find(root):
    return find_qemus(root) + find_ours(root)[0]


def wait(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def begin(root, *words, before=()):
    return subprocess.Popen([*before, PROGRAM, "scan", "-c", "qemu:///embed", *words], env={**os.environ, "CPULIFT_EMBED_ROOT": root},
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def begin_until_qemu(root, before=()):
    """A scan of which libvirt has begun a QEMU."""
    shutil.rmtree(root, ignore_errors=True)  # what libvirt knows of each
    scan = begin(root, before=before)
    if not wait(lambda: find_qemus(root) or scan.poll() is not None, 20) or scan.poll() is not None:
        print("no QEMU inside this process here", scan.communicate())
        sys.exit(77)
    return scan


def expect_none(root, scan, why):
    scan.communicate(timeout=60)
    if not wait(lambda: not find(root), 5):
        sys.exit(f"CPULIFT_SEED={SEED}: {why}: {[processes.read(pid, 'cmdline') for pid in find(root)]} are left")
    folders = glob.glob(f"{root}/*/lib/qemu/qmp-*")
    if folders:
        sys.exit(f"CPULIFT_SEED={SEED}: {why}: {folders} are left")


def kill_unwatched(ours, watchers):
    send(set(ours).difference(watchers))


# How a scan ends, by chance.
ENDS = {
    "the command is killed": lambda root, scan: send([scan.pid]),
    "the command is interrupted": lambda root, scan: send([scan.pid], signal.SIGINT),
    "all but the watch is killed": lambda root, scan: kill_unwatched(*find_ours(root)),
}


def end_somehow(root):
    how = dice.choice(list(ENDS))
    scan = begin_until_qemu(root)
    time.sleep(dice.random())
    is_hit = bool(find_qemus(root))
    ENDS[how](root, scan)
    expect_none(root, scan, how)
    return is_hit


def is_ended_late(root):
    """A scan that gives up by itself."""
    shutil.rmtree(root, ignore_errors=True)
    scan = begin(root, "--timeout", "1")
    expect_none(root, scan, "too late")
    return scan.returncode != 0


def is_ended_by_next(root):
    scan = begin_until_qemu(root)
    ours, _ = find_ours(root)
    send(ours, signal.SIGSTOP)  # so that none sees another's end
    send(ours)
    scan.communicate(timeout=20)
    is_hit = bool(find_qemus(root))
    expect_none(root, begin(root), "nobody was left to end it")
    return is_hit


def leave_others(root, other):
    """Where the folder is another under the same name, as in a container, its QEMU is another's."""
    inside = ["unshare", "--mount", "sh", "-c", f"mkdir {root} {other} && mount --bind {other} {root} && exec \"$0\" \"$@\""]
    if subprocess.run([*inside[:2], "true"], capture_output=True).returncode != 0:
        print("QEMUs of another mount namespace: not tested, that needs root")
        return
    scan = begin_until_qemu(root, inside)
    here = begin(root)
    if here.wait(60) != 0 or scan.wait(60) != 0:
        sys.exit(f"a scan ended another's QEMU: {here.communicate()} {scan.communicate()}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = f"{folder}/embed"
        try:
            hits = [end_somehow(root) for _ in range(COUNT)]
            hits += [is_ended_late(root), is_ended_by_next(root)]
            leave_others(root, f"{folder}/other")
        finally:
            send(find(root))
    print(f"{COUNT + 2} scans ended, {sum(hits)} of them while a QEMU of libvirt's ran")
    sys.exit(0 if any(hits) else 77)


main()
