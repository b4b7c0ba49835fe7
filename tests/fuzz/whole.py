# SPDX-License-Identifier: LGPL-2.1-or-later
"""Breaks the inputs of golden cases and runs their commands on them: whatever a document says, each program ends in time with a status that the
man page has, says in clean lines of its own what was wrong where it failed, and leaves no temporary file.

whole.py BUILD SOURCE -max_total_time=SECONDS…: the last one counts, as for libFuzzer. CPULIFT_SEED=N repeats a run. What broke a law stays in a
folder that is named.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

BUILD, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
SECONDS = float(sys.argv[-1].removeprefix("-max_total_time="))
SEED = int(os.environ.get("CPULIFT_SEED", time.time_ns() % 2**32))
LIMIT = 20  # seconds for one command under the sanitizers on a busy machine
STATUSES = {0, 1, 2, 3, 64}
dice = random.Random(SEED)

# Each command of a case leaves what it said and how it ended. A program that hangs is aborted.
WRAPPER = """#!/bin/sh
timeout -s ABRT {limit} {build}/cpulift "$@" 2>{told}/$$.err
status=$?
echo "$status $*" >{told}/$$.status
exit $status
"""
ODD = [None, True, -1, 0, 2**63, 1e308, "", " ", "a" * 70000, "x86_64", "\u202e\u200b", "\x1b[2J", "../../etc/passwd", "-o", [], {}, [[]], "<a&'\">",
       "%s%n", "\n", "cpulift.plan/1", "cpulift.host/99"]
BITS = [b"\0", b"\xff", b"\xed\xa0\x80", b"\x1b]0;x\x07", b"<", b">", b"&", b"&#0;", b"'", b'"', b"[", b"{" * 300, b"\\", b"\r", b"\n", b"<!DOCTYPE a>",
        b"]]>", b"<!--", b"=", b"%", b"\xef\xbb\xbf", b"99999999999999999999"]


def find_slots(value):
    """Every (container, key) of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [slot for key, part in inner for slot in [(value, key), *find_slots(part)]]


def mutate_json(text):
    document = json.loads(text)
    slots = find_slots(document)
    for _ in range(dice.choice([1, 1, 2, 5]) if slots else 0):
        holder, key = dice.choice(slots)
        how = dice.randrange(4)
        if how == 0 and isinstance(holder, dict):
            holder.pop(key, None)
        elif how == 1 and isinstance(holder, dict):
            holder[dice.choice(["", "schema", "name", "\u202e", str(key) + "x"])] = holder.get(key)
        elif how == 2:
            other, its_key = dice.choice(slots)
            holder[key] = json.loads(json.dumps(other[its_key])) if its_key in other or isinstance(other, list) and its_key < len(other) else None
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = dice.choice(ODD)
    return json.dumps(document).encode()


def mutate_bytes(text, others):
    for _ in range(dice.choice([1, 1, 2, 8])):
        start = dice.randrange(len(text) + 1)
        end = min(len(text), start + dice.choice([1, 4, 40, 4000]))
        piece = {0: b"", 1: dice.choice(BITS), 2: text[start:end] * dice.choice([2, 3, 50]), 3: dice.choice(others)[start:end],
                 4: dice.randbytes(end - start)}[dice.randrange(5)]
        text = text[:start] + piece + text[end if dice.randrange(2) else start:]
    return text if dice.randrange(8) else text[:dice.randrange(len(text) + 1)]


def mutate(path, others):
    text = path.read_bytes()
    try:
        new = mutate_json(text) if dice.randrange(2) else mutate_bytes(text, others)
    except (ValueError, KeyError, RecursionError, TypeError, IndexError):
        new = mutate_bytes(text, others)
    path.write_bytes(new)


def is_clean(text):
    try:
        return all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for letter in text.decode())
    except UnicodeDecodeError:
        return False


def find_faults(folder, told):
    for status_file in told.glob("*.status"):
        status, _, words = status_file.read_text(errors="replace").partition(" ")
        errors = status_file.with_suffix(".err").read_bytes()
        if int(status) not in STATUSES and not words.startswith("run "):
            yield f"status {status} of cpulift {words}{errors.decode(errors='replace')}"
        if not is_clean(errors):
            yield f"it says what moves a terminal or is no UTF-8: cpulift {words}{errors!r}"
        if status == "2" and b"cpulift: " not in errors and "--nagios" not in words:  # there it means critical, and stdout says so
            yield f"it failed without a word: cpulift {words}"
    for path in [*folder.rglob(".save-*"), *folder.rglob(".cpulift-*")]:
        yield f"it left {path}"


def run_case(case, scratch, others):
    folder, common, told = scratch / "case", scratch / "common", scratch / "told"
    for path in (folder, common, told):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(case, folder, symlinks=True, ignore=shutil.ignore_patterns("expected.*"))
    shutil.copytree(SOURCE / "tests/golden/common", common)
    told.mkdir()
    command = (folder / "cmd").read_text()
    inputs = [path for path in folder.rglob("*") if path.is_file() and path.name != "cmd"]
    inputs += [path for path in common.iterdir() if path.name in command]
    for path in dice.sample(inputs, min(len(inputs), dice.choice([1, 1, 2]))):
        mutate(path, others)
    environment = {**os.environ, "PATH": f"{scratch}/bin:{BUILD}:{os.environ['PATH']}", "COMMON": str(common), "LC_ALL": "C.UTF-8"}
    try:
        subprocess.run(["sh", "./cmd"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=LIMIT * 10, check=False)
    except subprocess.TimeoutExpired:
        yield "the case does not end"
    yield from find_faults(folder, told)


def main():
    # Who waits at a FIFO waits for a command that succeeds.
    cases = [path.parent for path in sorted((SOURCE / "tests/golden").glob("*/cmd")) if "mkfifo" not in path.read_text()]
    others = [path.read_bytes() for case in cases for path in case.glob("*") if path.is_file() and path.suffix in (".json", ".jsonl", ".xml")]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="cpulift-whole-"))
    (scratch / "bin").mkdir()
    wrapper = scratch / "bin/cpulift"
    wrapper.write_text(WRAPPER.format(limit=LIMIT, build=BUILD, told=scratch / "told"))
    wrapper.chmod(0o755)
    end, runs = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        case = dice.choice(cases)
        faults = list(run_case(case, scratch, others))
        runs += 1
        if faults:
            print(f"{case.name}, seed {SEED}, run {runs}; its inputs are kept in {scratch}", *faults, sep="\n", file=sys.stderr)
            return 1
    shutil.rmtree(scratch)
    print(f"seed {SEED}: {runs} cases")
    return 0 if runs > 0 else 1


sys.exit(main())
