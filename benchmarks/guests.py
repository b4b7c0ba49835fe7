#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""guests.py FOLDER COUNT: guests below FOLDER/guests, on each host of FOLDER/hosts.jsonl in turn; of 40 kinds by what they have of FOLDER/cpu.xml,
their cores and their machine types."""
import json
import os
import sys

folder, count = sys.argv[1], int(sys.argv[2])
with open(f"{folder}/hosts.jsonl", encoding="utf-8") as file:
    names = [json.loads(line)["name"] for line in file]
with open(f"{folder}/cpu.xml", encoding="utf-8") as file:
    cpu = file.read().rstrip()
for i in range(count):
    lines = [line for n, line in enumerate(cpu.split("\n")) if i % 10 == 0 or n % 13 != i % 10 or "require" not in line]
    cores = f"<topology sockets='1' cores='{1 + i % 2}' threads='1'/></cpu>"
    text = "\n".join(lines).replace("</cpu>", cores)
    machine = ["pc-i440fx-6.2", "pc-i440fx-4.2"][i // 10 % 2]
    place = f"{folder}/guests/{names[i % len(names)]}"
    os.makedirs(place, exist_ok=True)
    with open(f"{place}/guest-{i}.xml", "w", encoding="utf-8") as file:
        file.write(f"<domain type='kvm'><name>guest-{i}</name><memory>4194304</memory><vcpu>{1 + i % 2}</vcpu><os><type machine='{machine}'>hvm</type></os>"
                   f"<features><acpi/></features>{text}</domain>\n")
