#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Written by 'cpulift apply' for @HOOK@; 'cpulift rollback' takes it away (cpulift-hook(8)).
role=@ROLE@ strict=@STRICT@
# The agent of CloudStack starts what is printed, and standard error is printed too.
[ $role != cloudstack ] || exec 2>/dev/null
@HOOK@ $role $strict "$0" "$@"
status=$?
[ $status -lt 126 ] && exit $status

# The program is gone (127), is none (126) or was killed (128 and more). Platforms take that for a no, or tell nobody: a hook that is not
# strict leaves the guest alone and a line in its trace, as the program does.
log=${CPULIFT_ROOT-}/var/lib/cpulift/hook.log
case "$role $*" in
cloudstack*) guest=${2#*<name>} ;;
"eucalyptus euca-nc-pre-boot "*) guest=${3##*/} log=$2/var/log/eucalyptus/cpulift-hook.log ;;
"guard "*" prepare begin "*) guest=$1 ;;
*) exit 0 ;;
esac
guest=$(printf %.64s "${guest%%<*}" | tr -cd '[:alnum:]._-')
why="@HOOK@ gave no answer (status $status)"
# A log that is no file, or of 1 MiB, is left alone.
[ -n "$(find "$log" -prune ! \( -type f -size -2048 \))" ] ||
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $role ${guest:-?}: ${strict:+stopped: }$why" >>"$log"
case $role$strict in
cloudstack) exit 1 ;;
cloudstackstrict) echo "<domain type=\"cpulift: '$guest' is stopped: $why\"><name>?</name></domain>" ;;
*strict) echo "cpulift: '$guest' is stopped: $why" >&2 && exit 1 ;;
esac
exit 0
