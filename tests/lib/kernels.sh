#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# kernels.sh FOLDER VERSION: the path of Debian's cloud kernel of this version (6.1, 6.12), as installed below FOLDER with its modules (package.sh).
# 77: there is none to be had here.
set -eu
command -v apt-cache >/dev/null || exit 77
# The newest of the version's packages that has files; meta-packages have none.
package=$(apt-cache search --names-only "^linux-image-$2\.[0-9.+a-z-]*-?cloud-amd64\$" | cut -d' ' -f1 | sort -V | tail -1)
[ -n "$package" ] || exit 77
tree=$("$(dirname "$0")/package.sh" "$1" "$package")
for kernel in "$tree"/boot/vmlinuz-*; do
    echo "$kernel"
done
