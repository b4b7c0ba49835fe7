# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd is told, and how much of the system its unit lets the agent have: systemd.py CPULIFTD UNIT SOURCE."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from node import Node, fail, load_plan, wait_for

PROGRAM, UNIT, SOURCE = sys.argv[1:4]
EXPOSURE_MAX = 20  # tenths of what systemd-analyze counts


def check_notices(folder):
    """READY comes when it answers, and a sign of life with what it does."""
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(f"{folder}/notify")
    notices.settimeout(20)
    os.environ["NOTIFY_SOCKET"] = f"{folder}/notify"
    node = Node(PROGRAM, folder)
    node.put_plan(load_plan(SOURCE))
    node.start()
    said = []
    wait_for("READY and a status", lambda: said.append(notices.recv(4096).decode()) or
             "READY=1" in said and any("WATCHDOG=1" in one and "STATUS=watching; plan " in one for one in said))
    node.stop()
    del os.environ["NOTIFY_SOCKET"]
    while "STOPPING=1" not in said:
        said.append(notices.recv(4096).decode())


def check_exposure():
    if not shutil.which("systemd-analyze"):
        print("the unit: not tested, that needs systemd-analyze")
        return
    words = ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}", UNIT]
    got = subprocess.run(words, capture_output=True, text=True)
    if got.returncode != 0:
        fail(f"{UNIT}: {got.stdout[-300:]} {got.stderr}")
    print(got.stdout.splitlines()[-1])


with tempfile.TemporaryDirectory() as scratch:
    check_notices(scratch)
check_exposure()
