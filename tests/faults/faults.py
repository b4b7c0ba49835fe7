# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets single system calls of a program fail, once or from then on, as a full, broken or read-only disk and a lack of descriptors or memory make
them fail, and judges what became of it: all of its result, or what was there before, a status that says which, and a line that says why.

$CPULIFT_SEED repeats a run.
"""
import collections
import errno
import hashlib
import os
import random
import re
import signal
import subprocess
import sys

# Of x86-64.
NUMBERS = dict(
    read=0, write=1, open=2, stat=4, fstat=5, lstat=6, poll=7, lseek=8, mmap=9, brk=12, pread64=17, pwrite64=18, writev=20, access=21, pipe=22,
    mremap=25, dup=32, socket=41, connect=42, accept=43, sendto=44, recvfrom=45, bind=49, listen=50, clone=56, fork=57, vfork=58, execve=59, fcntl=72,
    flock=73, fsync=74, fdatasync=75, ftruncate=77, rename=82, mkdir=83, rmdir=84, unlink=87, readlink=89, fchmod=91, fchown=93, statfs=137,
    fstatfs=138, fsetxattr=190, fgetxattr=193, flistxattr=196, getdents64=217, inotify_add_watch=254, openat=257, mkdirat=258, newfstatat=262,
    unlinkat=263, renameat=264, readlinkat=267, faccessat=269, ppoll=271, fallocate=285, accept4=288, eventfd2=290, epoll_create1=291, dup3=292,
    pipe2=293, inotify_init1=294, renameat2=316, memfd_create=319, execveat=322, statx=332, clone3=435, openat2=437, faccessat2=439)
NAMES = {number: name for name, number in NUMBERS.items()}
MUNMAP = 11


def choose_calls(words):
    return {NUMBERS[word] for word in words.split()}


KINDS = {
    errno.ENOSPC: choose_calls("write pwrite64 writev fsync fdatasync ftruncate fallocate open openat openat2 mkdir mkdirat rename renameat renameat2 "
                               "fsetxattr"),
    errno.EIO: choose_calls("read pread64 write pwrite64 writev fsync fdatasync ftruncate stat lstat fstat newfstatat statx getdents64 open openat "
                            "openat2 unlink unlinkat rename renameat renameat2 readlink readlinkat access faccessat faccessat2 flock execve fgetxattr "
                            "flistxattr statfs fstatfs"),
    errno.EROFS: choose_calls("open openat openat2 mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir fchmod fchown access faccessat "
                              "faccessat2 fsetxattr"),
    errno.EMFILE: choose_calls("open openat openat2 dup dup3 fcntl pipe pipe2 socket accept accept4 epoll_create1 eventfd2 inotify_init1 memfd_create"),
    errno.ENOMEM: choose_calls("mmap brk mremap poll ppoll open openat openat2 getdents64 clone clone3 fork vfork execve inotify_add_watch"),
}
# Where one of these fails, what was to be written is not known to be there.
WRITES = choose_calls("write pwrite64 writev fsync fdatasync ftruncate rename renameat renameat2")
# Whoever waits tries it again, for ever where it fails for ever, and nobody is heard.
WAITS = choose_calls("poll ppoll accept accept4")
REMOVALS = choose_calls("unlink unlinkat rmdir getdents64 openat2")
SEARCHES = choose_calls("open openat newfstatat lstat")
DATE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What GLib ends a program with, and libc, where there is no memory; and what GLib ends with that has none to say so (g_vasprintf() and g_logv()
# call each other until the stack is full).
ABORTED = (128 + signal.SIGABRT, 128 + signal.SIGTRAP, 128 + signal.SIGSEGV)
# Of what does not tell why, or says it in its own words: SQLite; libraries that look for a program, or make a socket; libvirt that looks for QEMU,
# asks it or is asked; a child of ours that could not write to us, or that GLib ended. And of a machine whose files cannot be read.
CAUSES = ("disk I/O error", "errors of its disk", "database or disk is full", "unable to open database file", "is not there; install",
          "Couldn't connect to server", "client socket is closed", "the connection to '", "is QEMU installed there?", "this host cannot say what a guest gets", "was lost: it ended with status 1",
          f"was lost: killed by signal {signal.SIGTRAP:d}", "was begun on another machine")
# Lines that are no complaint of ours: how far bench is, what libraries say.
OTHERS = re.compile(r"\d+/\d+ |libnuma: |libvirt: |\(\w+:\d+\): GLib-")

SEED = int(os.environ.get("CPULIFT_SEED", random.SystemRandom().randrange(1 << 30)))
dice = random.Random(SEED)


class Fault:
    """The call of that number of a kind fails with an error, and with `is_lasting` the later ones, too."""

    def __init__(self, at, error, is_lasting, kind):
        self.at, self.error, self.is_lasting, self.kind = at, error, is_lasting, kind

    def format(self):
        """For kill_at."""
        return f"{self.at}:{self.error}{'+' if self.is_lasting else ''}@{self.kind}"

    def __str__(self):
        return f"{NAMES[self.kind]} {self.at} {errno.errorcode[self.error]}{' and on' if self.is_lasting else ''}"

    def is_killer(self, status):
        """A program of GLib's that gets no memory ends as one that is killed."""
        return self.error == errno.ENOMEM and status in ABORTED


def list_calls(kill_at, words, **how):
    """The numbers of the calls of a run without a fault, and of the first that may fail: what ld.so does is over when it has unmapped its cache."""
    told = subprocess.run([kill_at, "list", *words], stderr=subprocess.PIPE, text=True, **how).stderr.splitlines()
    calls = [int(number) for number in told[-2].split()]
    if not calls:
        print("no ptrace() of system calls here")
        sys.exit(77)
    return calls, calls.index(MUNMAP) + 2 if MUNMAP in calls else 2


def list_faults(calls, first):
    counts = collections.Counter(calls[:first - 1])
    for kind in calls[first - 1:]:
        counts[kind] += 1
        for error, kinds in KINDS.items():
            if kind in kinds:
                yield from (Fault(counts[kind], error, is_lasting, kind) for is_lasting in ((False, True) if kind not in WAITS else (False,)))


def choose_faults(calls, first, count, names=()):
    """Of calls of these names (none: of all) `count` by chance, as often of a kind that is called once as of one that is called for each file of
    a folder; 0: each."""
    every = [fault for fault in list_faults(calls, first) if not names or NAMES[fault.kind] in names]
    groups = collections.defaultdict(list)
    for fault in every:
        groups[fault.error, fault.kind].append(fault)
    chosen = []
    while len(chosen) < min(count, len(every)):
        group = groups[dice.choice([key for key, group in groups.items() if group])]
        chosen.append(group.pop(dice.randrange(len(group))))
    return chosen if count else every


def look(folder, clean=lambda path, text: text):
    """What is below a folder: kind, mode, owner and bytes of each, dates aside."""
    seen = {}
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(at, name)
            stat = os.lstat(path)
            told = os.path.relpath(path, folder)
            text = b""
            if os.path.islink(path):
                text = os.readlink(path).encode()
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    text = clean(told, DATE.sub(b"DATE", file.read()))
            seen[told] = (oct(stat.st_mode), stat.st_uid, stat.st_gid, text)
    return seen


def may_be_left(path, kind):
    """What may stay behind where a call of this kind failed: what it was to remove, or to find for that."""
    is_own_folder = path.startswith("tmp/") or ".failed" in path
    is_temporary = os.path.basename(path).startswith((".save-", ".cpulift-"))
    return path.endswith(".lock") or (kind in REMOVALS and (is_temporary or is_own_folder)) or (kind in SEARCHES and is_own_folder)


def describe(seen):
    return "none" if seen is None else f"{seen[0]} {seen[1]}:{seen[2]} {hashlib.sha256(seen[3]).hexdigest()[:12]} ({len(seen[3])})"


def compare(before, now, after):
    """Of each path that is neither as before nor as after, how it is."""
    return {path: f"{path} is {describe(now.get(path))}, was {describe(before.get(path))}, would be {describe(after.get(path))}"
            for path in sorted(before | now | after) if now.get(path) not in (before.get(path), after.get(path))}


def find_unsaid(said, error):
    """What the words of a failure lack; None: nothing. `error` None: the cause is a library's to tell."""
    lines = [line for line in said.splitlines() if line and not OTHERS.match(line)]
    if not lines:
        return "it failed without a word"
    if not all(line.startswith(("cpulift: ", "cpuliftd: ")) for line in lines):
        return "words that are not ours"
    if error is not None and not any(cause in line for line in lines for cause in (os.strerror(error), *CAUSES)):
        return "the cause is not told"
    return None
