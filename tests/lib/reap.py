# SPDX-License-Identifier: LGPL-2.1-or-later
# reap.py COMMAND…: runs it, and collects orphans at once. An embedded libvirt waits at each destroy until its QEMU, a daemon, has been collected
# by the first process, which in some containers takes seconds.
import ctypes
import os
import sys

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
command = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
while True:
    pid, status = os.wait()
    if pid == command:
        sys.exit(os.waitstatus_to_exitcode(status))
