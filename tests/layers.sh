#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# layers.sh [FOLDER]: a layer, or a room of one, includes only itself and those below it, and only src/virt and the probe's starter see libvirt (docs/CODING_STYLE.md).
set -eu
cd "${1:-$(dirname "$0")/..}"
bad=0
# layer: what it may include
while read -r layer allowed; do
    [ -d "src/$layer" ] || continue
    pattern=$(echo "$layer $allowed" | tr ' ' '|')
    if grep -nE '#include "(base|core|virt|probe|mask|platform|hook|measure|cli|agent)/' -r "src/$layer" |
        grep -vE "#include \"($pattern)/"; then
        echo "src/$layer includes what it must not see" >&2
        bad=1
    fi
done <<EOF
base
core base
virt base core
probe base core virt
mask base core
mask/look base core
mask/cpu base core
platform base core virt
hook base core platform
measure base core virt probe mask platform
cli base core virt probe mask platform measure
EOF
if grep -rn '#include <libvirt/' src | grep -vE '^src/(virt|probe)/'; then
    echo "libvirt is seen outside src/virt and src/probe" >&2
    bad=1
fi
exit $bad
