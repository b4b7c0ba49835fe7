#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing of the Debian packages that building, testing and the demonstration need. Asks for root by sudo only
# where it is not root already, and only when something is missing.
set -eu
export DEBIAN_FRONTEND=noninteractive
cd "$(dirname "$0")"
packages=$(sed 's/#.*//' packages.txt)
missing=
for package in $packages; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
root=
[ "$(id -u)" = 0 ] || root=sudo
log=$(cd .. && pwd)/build-deps.log
echo "Installing (what apt says: build-deps.log):$missing" >&2
# shellcheck disable=SC2086 # a list of names
if ! { $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1
then
    tail -n 20 "$log" >&2
    exit 1
fi
