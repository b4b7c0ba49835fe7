#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# package.sh FOLDER PACKAGE: the folder with what a Debian package would install, for tests. It is fetched and unpacked there once, and nothing is
# installed. 77: it is not to be had here.
set -eu
folder=$1/packages/$2
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ ! -e "$folder/whole" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 77
    (cd "$folder" && rm -rf ./*.deb tree && apt-get -qq download "$2" && dpkg-deb -x ./*.deb tree && rm -f ./*.deb) >/dev/null 2>&1 || exit 77
    : >"$folder/whole"
fi
echo "$folder/tree"
