#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# removal.sh [ROOT]: what removes cpulift calls this first (prerm, %preun, make uninstall). Exit status 1, and why, where hooks are in force: they
# would stand there without their program. $CPULIFT names another cpulift.
set -eu
status=0
state=$("${CPULIFT:-cpulift}" status --root "${1:-/}" --json) || status=$?
if [ "$status" -gt 1 ]; then
    echo "cpulift: what is in force on this node is not known ('cpulift status' fails); nothing should be removed before it is" >&2
    exit 1
fi
case $state in
*'"files": []'*) exit 0 ;;
esac
echo "cpulift: files of platforms on this node call cpulift ('cpulift status' names them). Without it guests start untuned, and none that is" \
    "started through a strict hook: run 'cpulift rollback --commit' first" >&2
exit 1
