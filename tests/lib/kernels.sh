#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# kernels.sh FOLDER VERSION: the path of Debian's cloud kernel of this version (6.1, 6.12) as installed below FOLDER/VERSION, with its modules beside
# it. The package is fetched and unpacked there once, and nothing is installed. 77: there is none to be had here.
set -eu
folder=$1/kernel-$2
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ ! -e "$folder/whole" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 77
    # The newest of the version's packages, by name.
    package=$(apt-cache search --names-only "^linux-image-$2\.[0-9.+a-z-]*-?cloud-amd64\$" | grep -v unsigned | cut -d' ' -f1 | sort -V | tail -1)
    [ -n "$package" ] || exit 77
    (cd "$folder" && rm -rf ./*.deb tree && apt-get -qq download "$package" && dpkg-deb -x ./*.deb tree && rm -f ./*.deb) >/dev/null 2>&1 || exit 77
    : >"$folder/whole"
fi
for kernel in "$folder"/tree/boot/vmlinuz-*; do
    echo "$kernel"
done
