#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Text files as C: embed.sh FOLDER NAME… prints rows {"NAME", "text"}, for a table of the programs that install them.
set -eu
folder=$1
shift
for name in "$@"; do
    printf '{"%s",\n' "$name"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/ "/' -e 's/$/\\n"/' "$folder/$name"
    printf '},\n'
done
