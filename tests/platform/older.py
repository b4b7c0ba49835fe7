# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpulift is upgraded, or downgraded, between an apply and its rollback. What the first version that could apply left on a node of each platform is undone by
today's: its journals stand in older/, and tell of the files that it wrote. A journal that a newer program wrote is refused by name, and nothing is changed.

older.py KILL_AT BUILD SOURCE
"""
import base64
import json
import os
import shutil
import subprocess

from nodes import PROGRAM, SOURCE, test_all

JOURNAL = "var/lib/cpulift/journal"
NEWER = {
    "version": lambda journal: journal.update(schema="cpulift.changeset/2"),
    "member": lambda journal: journal.update(networks=[]),
    "change's member": lambda journal: journal["changes"][0].update(acl="user::rw-"),
    "file's member": lambda journal: journal["changes"][-1]["after"].update(flags="immutable"),
    "word": lambda journal: journal["changes"][0].update(undo="merge"),
}


def load(node):
    """The journal of this way in; None: that version had it not, or had it otherwise."""
    ways = [node.options[node.options.index(option) + 1] for option in ("--platform", "--channel") if option in node.options]
    path = f"{SOURCE}/tests/platform/older/{'-'.join(ways)}.json"
    if node.libvirt or not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def get_bytes(kept):
    return kept["text"].encode() if "text" in kept else base64.b64decode(kept["base64"])


def set_owner(path, kept):
    """The journals tell of root; who runs this may be another, and the node's files another's."""
    stat = os.stat(path)
    kept.update(uid=stat.st_uid, gid=stat.st_gid)


def leave(node, journal, made, suffix):
    """What that version left when it had made so many of its changes."""
    for folder in journal["folders"]:
        os.makedirs(f"{node.root}/{folder}", 0o700 if folder == JOURNAL else 0o755, exist_ok=True)
    for change in journal["changes"]:
        path = f"{node.root}/{change['target']}"
        if change["before"]:
            set_owner(path, change["before"])
        if change in journal["changes"][:made]:
            with open(path, "wb") as file:
                file.write(get_bytes(change["after"]))
            os.chmod(path, change["after"]["mode"])
        set_owner(path if os.path.exists(path) else node.root, change["after"])
    put(node, journal, suffix)


def put(node, journal, suffix="json"):
    with open(f"{node.root}/{JOURNAL}/000001.{suffix}", "w") as file:
        os.chmod(file.name, 0o600)
        json.dump(journal, file)


def run(node, words, *wanted):
    """Both streams."""
    process = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    node.told.append(f"{' '.join(words)}: {process.returncode}: {process.stderr.strip()}")
    if process.returncode not in wanted:
        node.fail(process.stdout)
    return process.stdout + process.stderr


def begin(node_of, made, suffix):
    node = node_of()
    journal = load(node)
    leave(node, journal, made, suffix)
    return node, journal


def end(node):
    node.check()
    shutil.rmtree(node.root)


def undo(node_of, count):
    """Whole and killed at any of its changes; with another plan of today's upon it."""
    for made in range(count + 1):
        node, _ = begin(node_of, made, "pending")
        if "interrupted" not in run(node, ["status", "--root", node.root], 1):
            node.fail("nobody is told that it was interrupted")
        end(node)
    node, journal = begin(node_of, count, "json")
    told = run(node, ["status", "--root", node.root], 0, 1)
    for change in journal["changes"]:
        # Of a hook whose program is not there that is told.
        if f"/{change['target']}: in force" not in told and f"/{change['target']}: its program" not in told:
            node.fail(f"{change['target']} is not in force: {told}")
    run(node, node.apply(node.plans[1]), 0)
    end(node)


def refuse(node_of, count):
    for what, change in NEWER.items():
        node, journal = begin(node_of, count, "json")
        change(journal)
        put(node, journal)
        before = node.look()
        for words in (["status", "--root", node.root], node.rollback(), node.apply(node.plans[1])):
            told = run(node, words, 2)
            if "000001.json'" not in told or node.look() != before:
                node.fail(f"a newer {what} is not refused by name: {told}")
            if what != "word" and "use the cpulift that wrote it" not in told:
                node.fail(f"a newer {what}: nobody says what to do: {told}")
        shutil.rmtree(node.root)


def repeat(node_of):
    node = node_of()
    journal = load(node)
    shutil.rmtree(node.root)
    if journal is None:
        return "that version could not"
    count = len(journal["changes"])
    undo(node_of, count)
    refuse(node_of, count)
    return f"{count} changes taken back"


test_all(repeat)
