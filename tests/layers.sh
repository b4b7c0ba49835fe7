#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# layers.sh [FOLDER]: a folder of src, or a room of one, includes only itself and those that stand in its line here, and each has a line;
# the files of a folder see each other in no circle; only src/virt and the probe's starter see libvirt (docs/CODING_STYLE.md).
set -eu
cd "${1:-$(dirname "$0")/..}"
bad=0
# What follows reads includes as they are written: our own between quotation marks and from src on, or of the same folder.
if grep -rnE '^[[:blank:]]*#[[:blank:]]*include' src --include='*.[chS]' | grep -vE ':#include ("[a-z_]+[^."]*\.(h|def)"|<[^>]+>)' ||
    grep -rnE "^#include <($(cd src && find . -mindepth 1 -maxdepth 1 -type d | tr '\n' '|' | sed 's,\./,,g; s,|$,,'))/" src --include='*.[chS]' | grep -v '<probe/'; then
    echo "an include is not written as this project writes them" >&2
    bad=1
fi
# folder: what it may include besides itself
layers='base
core base
virt base core
probe base core virt
probe/guest probe
probe/kernel probe
mask base core
mask/look base core
mask/cpu base core
mask/trace base core mask
platform base core
hook base core platform
measure base core virt
fleet base core
store base core
agent base core virt fleet store
cli base core virt probe mask platform measure fleet store'
while read -r layer allowed; do
    [ -d "src/$layer" ] || continue
    pattern=$(echo "$layer $allowed" | tr ' ' '|')
    if grep -nE '#include "[a-z]+/' -r "src/$layer" | grep -vE "#include \"($pattern)/"; then
        echo "src/$layer includes what it may not see" >&2
        bad=1
    fi
done <<EOF
$layers
EOF
for folder in src/* src/*/*; do
    [ ! -d "$folder" ] || [ "${folder##*/}" = tables ] || echo "$layers" | grep -qE "^${folder#src/}( |\$)" || {
        echo "$folder has no line here: what may it include?" >&2
        bad=1
    }
done
if grep -rn '#include <libvirt/' src | grep -vE '^src/(virt|probe)/'; then
    echo "libvirt is seen outside src/virt and src/probe" >&2
    bad=1
fi

# NAME.c and NAME.h are one file here. Files of which each reaches the other by includes stand in a circle, unless the include that closes
# it says `// circle: why` at its end. A header without a .c only passes on what it includes.
# shellcheck disable=SC2016
circles='
function leave(folder, name) { sub(/\/[^\/]*$/, "", folder); return folder "/" name }
/^#include ".*\.h"/ && !/\/\/ circle: ./ {
    from = FILENAME; sub(/\.[ch]$/, "", from)
    split($0, part, "\""); to = part[2]; sub(/\.h$/, "", to)
    to = to ~ /\// ? "src/" to : leave(FILENAME, to)
    if (to != from && leave(to, "") == leave(from, "")) see[from, to] = 1
}
FILENAME ~ /\.c$/ { name = FILENAME; sub(/\.c$/, "", name); is_file[name] = 1 }
END {
    do {
        grown = 0
        for (step in see) {
            split(step, a, SUBSEP)
            for (next_step in see) {
                split(next_step, b, SUBSEP)
                if (b[1] == a[2] && !((a[1], b[2]) in see)) { new[a[1], b[2]] = 1; grown = 1 }
            }
        }
        for (step in new) see[step] = 1
        delete new
    } while (grown)
    for (step in see) {
        split(step, a, SUBSEP)
        if (a[1] < a[2] && is_file[a[1]] && is_file[a[2]] && ((a[2], a[1]) in see)) print a[1] ".c and " a[2] ".c stand in a circle"
    }
}'
for folder in src/* src/*/* workloads/ddg; do
    [ -d "$folder" ] || continue
    find "$folder" -maxdepth 1 -name '*.[ch]' -exec awk "$circles" {} + | sort | grep . >&2 && bad=1
done
exit $bad
