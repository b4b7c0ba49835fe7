#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""order.py BUILD: the orders of 'cpulift verify --order' for random small fleets, beside every order that there is, judged host by host from the
cells that verify gives for each host alone. Guests keep their CPU: there is no plan. Prints TAP."""
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile

PROGRAM = os.path.join(sys.argv[1], "cpulift")
FEATURES = ["avx", "aes", "bmi1"]
FLEETS = 40


def host(name, features):
    return json.dumps({"schema": "cpulift.host/1", "name": name, "arch": "x86_64", "versions": {"qemu": "7.2.0", "libvirt": "9.0.0"},
                       "guests": [{"virt": "kvm", "machine": "pc", "canonical_machine": "pc-i440fx-7.2", "features": ["sse", *features]}]})


def guest(name, features):
    wanted = "".join(f"<feature policy='require' name='{feature}'/>" for feature in features)
    return (f"<domain type='kvm'><name>{name}</name><os><type machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>"
            "<cpu mode='custom' check='full'><model>486</model><feature policy='disable' name='fpu'/><feature policy='disable' name='vme'/>"
            f"<feature policy='disable' name='pse'/>{wanted}</cpu></domain>")


def write(path, *lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def verify(*words):
    done = subprocess.run([PROGRAM, "verify", "--json", *words], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def some(of):
    return random.sample(of, random.randrange(len(of) + 1))


def make():
    """Hosts as name: [features before, features after], None where it is not there; guests as name: [host, features]."""
    hosts = {}
    for number in range(random.randrange(2, 6)):
        before, kind = some(FEATURES), random.random()
        after = before if kind < 0.25 else None if kind < 0.45 else some(FEATURES)
        hosts[f"h{number}"] = [None, after or []] if 0.45 <= kind < 0.6 else [before, after]
    there = [name for name, (before, _) in hosts.items() if before is not None]
    guests = {f"g{number}": [random.choice(there), some(FEATURES)] for number in range(random.randrange(1, 5))} if there else {}
    return hosts, guests


def ask(folder, hosts, guests):
    """What verify says of the order, and by (guest, host, is after) whether the host takes the guest."""
    for name, (home, features) in guests.items():
        write(f"{folder}/guests/{home}/{name}.xml", guest(name, features))
        write(f"{folder}/apart/home/{name}.xml", guest(name, features))
    alone = [host("home", [])]
    for name, sides in hosts.items():
        alone += [host(f"{name}-{number}", features) for number, features in enumerate(sides) if features is not None]
    said = verify("--guests", f"{folder}/apart", write(f"{folder}/alone.jsonl", *alone))
    takes = {(cell["guest"], *cell["to"].rsplit("-", 1)): cell["can"] == "yes" for cell in said["cells"]}
    # A document of its own for each host, so that none is upgraded with another: a kernel makes them unlike.
    words, lines = [], []
    for number, (name, (before, after)) in enumerate(hosts.items()):
        own = json.loads(host(name, before if before is not None else after))
        own["versions"]["kernel"] = f"6.1.{number}"
        if before is None:
            words += ["--with", write(f"{folder}/with-{name}.json", json.dumps(own))]
            continue
        lines.append(json.dumps(own))
        if after is None:
            words += ["--without", name]
        elif after != before:
            words += [f"--upgrade={name}=" + write(f"{folder}/new-{name}.json", host(name, after))]
    if not words:
        return None, takes
    return verify("--guests", f"{folder}/guests", *words, "--order", write(f"{folder}/hosts.jsonl", *lines))["order"], takes


def can_leave(hosts, takes, changed, one, home):
    """Whether two hosts or more take the guest, its own among them as long as that has not changed."""
    count = 0
    for name, sides in hosts.items():
        side = int(name in changed)
        count += sides[side] is not None and (takes[one, name, str(side)] or (name == home and not side))
    return count >= 2


def all_can(hosts, guests, takes, changed, left):
    return all(can_leave(hosts, takes, changed, one, guests[one][0]) for one in left)


def check(folder, hosts, guests):
    order, takes = ask(folder, hosts, guests)
    if order is None:
        return "nothing changes"
    changes = [name for name, (before, after) in hosts.items() if before != after]
    left = [one for one in guests if can_leave(hosts, takes, (), one, guests[one][0])]
    stopped = [one for one in guests if one not in left and guests[one][0] in changes]
    assert order["stopped"] == sorted(stopped), (order, stopped)
    possible = any(all(all_can(hosts, guests, takes, way[:count], left) for count in range(len(way) + 1)) for way in itertools.permutations(changes))
    assert order["found"] == ("yes" if possible else "no"), (order, possible)
    if possible:
        way = [name for step in order["steps"] for name in step["names"]]
        words = {name: "join" if hosts[name][0] is None else "leave" if hosts[name][1] is None else "update" for name in changes}
        assert sorted(way) == sorted(changes), (order, changes)
        assert all(words[name] == step["what"] for step in order["steps"] for name in step["names"]), order
        assert all(all_can(hosts, guests, takes, way[:count], left) for count in range(len(way) + 1)), order
    return order["found"]


def main():
    random.seed(4)
    seen = {}
    print(f"1..{FLEETS + 1}")
    failed = False
    for number in range(FLEETS):
        hosts, guests = make()
        while not guests:
            hosts, guests = make()
        with tempfile.TemporaryDirectory() as folder:
            try:
                said = check(folder, hosts, guests)
            except AssertionError as error:
                failed, said = True, "wrong"
                print(f"# {hosts} {guests} {error}")
        seen[said] = seen.get(said, 0) + 1
        print(f"{'not ok' if said == 'wrong' else 'ok'} {number + 1} - {len(hosts)} hosts, {len(guests)} guests: {said}")
    both = seen.get("yes", 0) >= 5 and seen.get("no", 0) >= 5
    print(f"{'ok' if both else 'not ok'} {FLEETS + 1} - both answers are seen: {seen}")
    sys.exit(failed or not both)


main()
