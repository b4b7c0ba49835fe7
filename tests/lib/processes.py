# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who runs on this machine."""
import os
import signal


def read(pid, name):
    """A file of a process's below /proc; of one that is gone nothing."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def find(text, name="cmdline"):
    """Those in whose file it stands."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if text.encode() in read(pid, name)]


def send(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
