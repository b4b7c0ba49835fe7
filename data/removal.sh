#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# removal.sh [ROOT]: what removes cpulift calls this first (prerm, %preun, make uninstall). Exit status 1, and why, where hooks are in force: they
# would stand there without their program. $CPULIFT names another cpulift.
set -eu
status=0
root=${1:-/}
refuse() {
    echo "cpulift: $*" >&2
    exit 1
}
if ! command -v "${CPULIFT:-cpulift}" >/dev/null; then # the hook's program alone
    [ -z "$(ls -A "$root/var/lib/cpulift/journal" 2>/dev/null)" ] ||
        refuse "changes of this node stand in '/var/lib/cpulift/journal', and cpulift is not there to say what is in force; install it, and run" \
            "'cpulift rollback --commit' first"
    exit 0
fi
state=$("${CPULIFT:-cpulift}" status --root "$root" --json) || status=$?
[ "$status" -le 1 ] ||
    refuse "what is in force on this node is not known ('cpulift status' fails); nothing should be removed before it is"
case $state in
*'"files": []'*) exit 0 ;;
esac
refuse "files of platforms on this node call cpulift ('cpulift status' names them). Without it guests start untuned, and none that is" \
    "started through a strict hook: run 'cpulift rollback --commit' first"
