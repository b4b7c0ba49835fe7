#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# src/core/tables/newer.def against the CPU map that it was made of, that of the newer libvirt: each row is a feature of that map, with that
# very bit, and may migrate; and each feature that the map has and libvirt 9.0's has not is a row, but for vmx-*, which is for nested guests.
# And each MSR of the map has its carrier in core/catalog.c, by which what is found there depends on the feature that announces it.
# Usage: names.py BUILD SOURCE
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

build, source = (os.path.realpath(path) for path in sys.argv[1:3])
os.environ["BUILD"] = build
tables = source + "/src/core/tables/"
new_map = build + "/newer/libvirt/usr/share/libvirt/cpu_map/x86_features.xml"
old_map = "/usr/share/libvirt/cpu_map/x86_features.xml"
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def read_rows(table):
    """NAME("a", B, 0x1) as ["a", "B", "0x1"]."""
    return [[word.strip().strip('"') for word in row.split(",")] for row in re.findall(r"^[A-Z_]+\((.*)\)$", read(tables + table), re.M)]


def read_map(path):
    """Of each feature its words, as (kind, leaf, subleaf, register, bit), and whether it may migrate."""
    features = {}
    for feature in xml.etree.ElementTree.parse(path).getroot().iter("feature"):
        bits = {(word.tag.upper(), int(word.get("index" if word.tag == "msr" else "eax_in"), 0), int(word.get("ecx_in", "0"), 0), register.upper(), bit)
                for word in feature for register in ("eax", "ebx", "ecx", "edx") for bit in range(32)
                if int(word.get(register, "0"), 0) >> bit & 1}
        features[feature.get("name")] = (bits, feature.get("migratable") != "no")
    return features


def find_map_version():
    return re.search(r"^libvirt-common (\S+?)-", read(build + "/newer/packages"), re.M)[1]


def check_rows(rows, new):
    for name, kind, leaf, subleaf, register, bit in rows:
        said = {(kind, int(leaf, 0), int(subleaf, 0), register, int(bit))}
        check(name in new, f"{name} is not in the newer map")
        check(name not in new or new[name] == (said, True), f"{name} is {said}, the newer map has {new.get(name)}")


def check_carriers(new):
    """What an MSR of the map says is nothing without the feature that announces the MSR."""
    carriers = [(int(first, 0), int(last, 0), name) for first, last, name
                in re.findall(r'\{(0x[0-9a-f]+), (0x[0-9a-f]+), "([a-z-]+)"\}', read(source + "/src/core/catalog.c"))]
    check(carriers and all(name in new for _, _, name in carriers), f"carriers {carriers}")
    for name, (bits, _) in new.items():
        for index in (leaf for kind, leaf, *_ in bits if kind == "MSR"):
            check(any(first <= index <= last for first, last, _ in carriers), f"{name}: the MSR {index:#x} has no carrier")


tried = subprocess.run([source + "/tools/newer.sh", "fill"], capture_output=True, text=True)
if tried.returncode != 0:
    print(tried.stderr)
    sys.exit(tried.returncode)
since = re.search(r'#define CATALOG_NEWER_SINCE "([^"]*)"', read(source + "/src/core/catalog.h"))[1]
check(find_map_version() == since, f"the table is of libvirt {since}, the map of {find_map_version()}: make the table anew")
rows, new = read_rows("newer.def"), read_map(new_map)
check_rows(rows, new)
check_carriers(new)
old = set(read_map(old_map)) if os.path.exists(old_map) else None
names = {row[0] for row in rows}
if old is None:
    print("no map of this machine's own: what the table lacks is not known")
else:
    missing = {name for name in set(new) - old - names if not name.startswith("vmx-")}
    check(not missing, f"not in the table: {' '.join(sorted(missing))}")
print(f"{len(rows)} rows, {len(new)} features")
if failures:
    sys.exit("FAILED: " + "\n".join(failures))
