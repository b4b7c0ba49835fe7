# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions of guests, each of every form that decides where it can go: mode, model, match, check, policies, topology, machine type, width.
Usage: many.py FOLDER SEED COUNT: writes FOLDER/N.xml."""
import random
import sys

MODELS = """486 athlon base Broadwell Cascadelake-Server Conroe core2duo Denverton Dhyana EPYC EPYC-Rome EPYC-v1 Haswell Haswell-v1 Icelake-Server
    kvm64 max n270 Nehalem Nehalem-IBRS Opteron_G1 Opteron_G3 Opteron_G5 Penryn pentium3 phenom qemu64 SandyBridge SapphireRapids
    Skylake-Client Snowridge Westmere Westmere-v2""".split()
FEATURES = """3dnow aes arat arch-capabilities avx avx2 avx512f bmi1 bus-lock-detect cmp_legacy cmpccxadd erms f16c fma fsgsbase fsrc ht hypervisor
    invtsc la57 monitor movbe mpx npt null-sel-clr-base pclmulqdq pcommit pku rdpid rdseed serialize sha-ni smap spec-ctrl sse4.2 svm topoext
    tsc-deadline umip vaes vme vmx vmx-ept x2apic xsave xsaves""".split()
MACHINES = """pc q35 pc-i440fx-7.2 pc-i440fx-7.2 pc-i440fx-7.2 pc-q35-7.2 pc-q35-7.2 pc-i440fx-2.3 pc-i440fx-2.4 pc-i440fx-2.12 pc-i440fx-5.2
    pc-q35-2.4 pc-q35-4.2 pc-q35-10.0 pc-i440fx-9.0""".split()
TOPOLOGIES = [(1, None), (1, None), (1, (1, 1, 1)), (2, None), (2, (2, 1, 1)), (2, (1, 2, 1)), (2, (1, 1, 2)), (4, (2, 2, 1)), (4, (1, 2, 2))]
DOMAIN = """<domain type='qemu'><name>{name}</name><memory>32768</memory><vcpu>{vcpus}</vcpu>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features>{features}</features>{cpu}
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
"""


def attributes(**values):
    return "".join(f" {name}='{value}'" for name, value in values.items() if value)


def lines(dice, most):
    chosen = dice.sample(FEATURES, dice.randint(0, most))
    policies = ["require", "require", "disable", "disable", "optional", "force", "forbid"]
    return "".join(f"<feature policy='{dice.choice(policies)}' name='{name}'/>" for name in chosen)


def model(dice):
    """Half of them one that starts everywhere."""
    name = dice.choice(MODELS if dice.random() < 0.5 else ["Westmere", "Nehalem"])
    vendor = dice.choice([None, None, None, "Intel", "AMD"])
    fallback = attributes(fallback=dice.choice([None, "allow", "forbid"]), vendor_id=dice.choice([None] * 9 + ["KVMKVMKVM"]))
    return f"<model{fallback}>{name}</model>" + (f"<vendor>{vendor}</vendor>" if vendor else "")


def width(dice):
    modes = [""] * 8 + ["<maxphysaddr mode='passthrough'/>", f"<maxphysaddr mode='emulate' bits='{dice.choice([36, 40, 42, 52])}'/>"]
    return dice.choice(modes)


def cpu(dice, topology):
    said = "<topology sockets='{}' cores='{}' threads='{}'/>".format(*topology) if topology else ""
    kind = dice.choice(["none", "host-model", "host-model", "maximum"] + ["custom"] * 12)
    check = dice.choice([None, "none", "none", "partial", "full"])
    if kind == "none":
        return f"<cpu>{said}</cpu>" if said else ""
    if kind == "custom":
        match = attributes(mode="custom", match=dice.choice([None, "exact", "exact", "minimum", "strict"]), check=check)
        return f"<cpu{match}>{model(dice)}{said}{width(dice)}{lines(dice, 3)}</cpu>"
    return f"<cpu{attributes(mode=kind, check=check)}>{said}{lines(dice, 2) if kind == 'host-model' else ''}</cpu>"


def main(folder, seed, count):
    dice = random.Random(int(seed))
    for number in range(int(count)):
        vcpus, topology = dice.choice(TOPOLOGIES)
        with open(f"{folder}/{number}.xml", "w", encoding="ascii") as file:
            file.write(DOMAIN.format(name=number, vcpus=vcpus, machine=dice.choice(MACHINES), cpu=cpu(dice, topology),
                                     features=dice.choice(["<acpi/><apic/>"] * 5 + ["<apic/>", "<acpi/><apic/><pmu state='on'/>"])))


main(*sys.argv[1:])
