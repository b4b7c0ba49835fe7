#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion as people use it: each shell on a terminal, with a line and a TAB. completion.py BUILD SOURCE"""
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

build, source = (os.path.realpath(path) for path in sys.argv[1:3])
scripts = os.path.join(source, "tools", "completion")

# The line, and what a TAB makes of it. The folder has plan.json, page.html and the folder hosts.
CASES = [
    ("cpulift rend", "render"),
    ("cpulift help expl", "help explain"),
    ("cpulift plan --require-m", "plan --require-mitigations"),
    ("cpulift plan --virt k", "plan --virt kvm"),
    ("cpulift plan --virt=k", "plan --virt=kvm"),
    ("cpulift plan --machine q", "plan --machine q35"),
    ("cpulift plan --deny avx512vn", "plan --deny avx512vnni"),
    ("cpulift apply -P open", "apply -P opennebula"),
    ("cpulift apply --platform=euca", "apply --platform=eucalyptus"),
    ("cpulift run --cpu Penr", "run --cpu Penryn"),
    ("cpulift run --cpu Penryn,+avx512vn", "run --cpu Penryn,+avx512vnni"),
    ("cpulift prove --cpu=Penryn,-aes,+avx512vn", "prove --cpu=Penryn,-aes,+avx512vnni"),
    ("cpulift explain p", "explain plan.json"),
    ("cpulift explain plan.json nor", "explain plan.json north"),
    ("cpulift rewrite --plan p", "rewrite --plan plan.json"),
    ("cpulift scan -o h", "scan -o hosts/"),
]

STAND_IN = 'cpulift() { if [ "$1" = --complete ]; then command cpulift "$@"; else echo "GOT<$*>"; fi; }\n'


def start(folder, name):
    """A shell on a terminal that completes `cpulift` and prints what it was called with."""
    begin = {
        "bash": ["bash", "--noprofile", "--norc", "-i"],
        "zsh": ["zsh", "-f", "-i"],
    }[name]
    setup = {
        "bash": f". {scripts}/cpulift.bash\n",
        "zsh": f"fpath=({scripts} $fpath); autoload -Uz compinit; compinit -u -D\n",
    }[name]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="dumb", PATH=build + ":" + os.environ["PATH"], LC_ALL="C", HISTFILE="/dev/null", ZDOTDIR=folder)
        os.execvp(begin[0], begin)
    os.write(terminal, (setup + STAND_IN + "echo REA''DY\n").encode())
    read_until(terminal, "READY")
    return terminal


def read_until(terminal, wanted, seconds=20):
    seen = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                break
        if wanted.encode() in seen and seen.rstrip(b" ").find(b"\n", seen.find(wanted.encode())) >= 0:
            break
    return seen.decode(errors="replace")


def ask_fish(folder, line):
    answer = subprocess.run(["fish", "--no-config", "-c", f"source {scripts}/cpulift.fish; complete -C '{line}'"], cwd=folder, text=True,
                            capture_output=True, timeout=60, env={**os.environ, "PATH": build + ":" + os.environ["PATH"], "HOME": folder}).stdout
    words = [entry.split("\t")[0] for entry in answer.splitlines()]
    return line.rsplit(" ", 1)[0] + " " + words[0] if len(words) == 1 else answer


def press_tabs(folder, name):
    """What the shell's command was called with after each line and a TAB."""
    if name == "fish":
        return [ask_fish(folder, line).removeprefix("cpulift ") for line, _ in CASES]
    terminal = start(folder, name)
    called = []
    for line, _ in CASES:
        os.write(terminal, (line + "\t\n").encode())
        seen = read_until(terminal, "GOT<")
        called.append(seen[seen.rfind("GOT<") + 4:seen.rfind(">")].strip() if "GOT<" in seen else seen)
    os.close(terminal)
    return called


def main():
    shells = ["bash", "fish", "zsh"]
    print(f"1..{len(shells)}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "hosts"))
        subprocess.run([os.path.join(build, "cpulift"), "plan", "-q", os.path.join(source, "tests/golden/common/pool.jsonl"), "-o", "plan.json"],
                       cwd=folder, check=True)
        open(os.path.join(folder, "page.html"), "w").close()
        for number, name in enumerate(shells, 1):
            if shutil.which(name) is None:
                print(f"ok {number} - {name} # SKIP {name} is not installed")
                continue
            # zsh takes the slash of a folder away when the line ends there.
            wrong = [(line, want, got) for (line, want), got in zip(CASES, press_tabs(folder, name)) if got.rstrip("/") != want.rstrip("/")]
            for line, want, got in wrong:
                print(f"# {name}: '{line}' became {got!r}, not '{want}'")
            failed |= bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
    return failed


sys.exit(main())
