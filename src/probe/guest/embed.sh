#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints the bytes of two files as C arrays: embed.sh NAME FILE NAME FILE
set -eu
printf '#include "probe/image.h"\n'
while [ $# -ge 2 ]; do
    printf 'const unsigned char image_%s[] = {\n' "$1"
    od -An -v -tx1 "$2" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    printf '};\nconst size_t image_%s_size = sizeof(image_%s);\n' "$1" "$1"
    shift 2
done
