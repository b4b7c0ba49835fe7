# SPDX-License-Identifier: LGPL-2.1-or-later
"""No QEMU that libvirt began inside a scan outlives one that is killed, interrupted or too late; where nobody was left to end it, the next scan does.

left.py BUILD [COUNT]: so many scans, which end at times by chance. $CPULIFT_SEED repeats them.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = f"{os.path.abspath(sys.argv[1])}/cpulift"
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 6
SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
dice = random.Random(SEED)


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def find(root, *kinds):
    """The processes of these kinds (none: of all) that use the folder."""
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if f"{root}/".encode() in read(pid, "cmdline"):
            kind = "qemu"
        elif f"CPULIFT_EMBED_ROOT={root}\0".encode() in read(pid, "environ"):
            kind = "keeper" if b"keeper" in read(pid, "comm") else "scan"
        else:
            continue
        if not kinds or kind in kinds:
            found.append(pid)
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def begin(root, *words):
    return subprocess.Popen([PROGRAM, "scan", "-c", "qemu:///embed", *words], env={**os.environ, "CPULIFT_EMBED_ROOT": root},
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def begin_until_qemu(root):
    """A scan of which libvirt has begun a QEMU."""
    shutil.rmtree(root, ignore_errors=True)  # what libvirt knows of each
    scan = begin(root)
    if not wait(lambda: find(root, "qemu") or scan.poll() is not None, 20) or scan.poll() is not None:
        print("no QEMU inside this process here", scan.communicate())
        sys.exit(77)
    return scan


def expect_none(root, scan, why):
    scan.communicate(timeout=60)
    if not wait(lambda: not find(root), 5):
        sys.exit(f"CPULIFT_SEED={SEED}: {why}: {[read(pid, 'cmdline') for pid in find(root)]} are left")


# How a scan ends, by chance.
ENDS = {
    "the command is killed": lambda root, scan: send([scan.pid], signal.SIGKILL),
    "the command is interrupted": lambda root, scan: send([scan.pid], signal.SIGINT),
    "all of it is killed": lambda root, scan: send(find(root, "scan"), signal.SIGKILL),
}


def end_somehow(root):
    how = dice.choice(list(ENDS))
    scan = begin_until_qemu(root)
    time.sleep(dice.random())
    is_hit = bool(find(root, "qemu"))
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
    ours = find(root, "scan", "keeper")
    send(ours, signal.SIGSTOP)  # so that none sees another's end
    send(ours, signal.SIGKILL)
    scan.communicate(timeout=20)
    is_hit = bool(find(root, "qemu"))
    expect_none(root, begin(root), "nobody was left to end it")
    return is_hit


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = f"{folder}/embed"
        try:
            hits = [end_somehow(root) for _ in range(COUNT)]
            hits += [is_ended_late(root), is_ended_by_next(root)]
        finally:
            send(find(root), signal.SIGKILL)
    print(f"{COUNT + 2} scans ended, {sum(hits)} of them while a QEMU of libvirt's ran")
    sys.exit(0 if any(hits) else 77)


main()
