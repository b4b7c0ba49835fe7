# SPDX-License-Identifier: LGPL-2.1-or-later
"""A copy of QEMU whose own emulation gives less: the bits are taken from its table of what TCG can give (feature_word_info of its
target/i386/cpu.c), so that it refuses by its own check. Usage: poorer.py QEMU COPY FEATURE…"""
import os
import re
import shutil
import struct
import sys

# CPUID input eax, needs ecx, ecx, output register (QEMU counts eax, ecx, edx, ebx), bit
FEATURES = {"aes": (1, 0, 0, 1, 25), "avx": (1, 0, 0, 1, 28), "avx2": (7, 1, 0, 3, 5), "bmi1": (7, 1, 0, 3, 3), "fma": (1, 0, 0, 1, 12),
            "movbe": (1, 0, 0, 1, 22), "pclmulqdq": (1, 0, 0, 1, 1), "x2apic": (1, 0, 0, 1, 21)}


def find_word(data, eax, needs, ecx, register, near):
    """Where the word's tcg_features stand: behind what it is asked by, nearest to the one that has no double."""
    found = [m.end() for m in re.finditer(re.escape(struct.pack("<IIII", eax, needs, ecx, register)), data)]
    found = [at for at in found if 0 < struct.unpack_from("<Q", data, at)[0] < 1 << 32]
    return min(found, key=lambda at: abs(at - near)) if found else None


def main(qemu, copy, *features):
    with open(qemu, "rb") as file:
        data = bytearray(file.read())
    near = find_word(data, 7, 1, 0, 3, 0)
    for feature in features:
        *word, bit = FEATURES[feature]
        at = find_word(data, *word, near) if near else None
        if at is None or not data[at + bit // 8] & 1 << bit % 8:
            sys.exit(f"{qemu} has no '{feature}' where it is looked for")
        data[at + bit // 8] &= ~(1 << bit % 8)
    with open(copy, "wb") as file:
        file.write(data)
    shutil.copymode(qemu, copy)
    os.utime(copy)


main(*sys.argv[1:])
