# SPDX-License-Identifier: LGPL-2.1-or-later
# Written by 'cpulift apply' for @HOOK@; 'cpulift rollback' takes it away (cpulift-hook(8)).
# Sourced by kvmrc on a node. The driver starts a guest by `virsh --connect URI create FILE`: before
# libvirt reads FILE, cpulift-hook puts the plan's CPU into it. A hook that fails leaves the file and
# the start alone, and a line in /var/lib/one/cpulift-hook.log; status 2 (of a strict one) stops the
# start.
cpulift_strict=@STRICT@
cpulift_plan="${BASH_SOURCE[0]%/*}/plan.json"
[ -r "${CPULIFT_ROOT-}@PLAN@" ] && cpulift_plan="${CPULIFT_ROOT-}@PLAN@"

# The program is gone (127), is none (126) or was killed (128 and more): told as it would have, but
# in a log that is no file, or of 1 MiB.
cpulift_tell() {
    local log="${CPULIFT_ROOT-}/var/lib/one/cpulift-hook.log"
    [ -n "$(find "$log" -prune ! \( -type f -size -2048 \))" ] ||
        echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) opennebula ${2//[^[:alnum:].\/_-]/?}: ${cpulift_strict:+stopped: }$1" >>"$log"
}

virsh() {
    if [ "${3-}" = create ] && [ -f "${4-}" ]; then
        # A caller under `set -e` must not end where the hook fails.
        cpulift_status=0
        cpulift_said=$("@HOOK@" opennebula $cpulift_strict "$cpulift_plan" "$4" 2>&1 </dev/null >/dev/null) || cpulift_status=$?
        if [ "$cpulift_status" -ge 126 ]; then
            cpulift_said="cpulift: '$4' is stopped: @HOOK@ gave no answer (status $cpulift_status)"
            cpulift_tell "${cpulift_said#*stopped: }" "$4" 2>/dev/null || :
            [ -z "$cpulift_strict" ] || cpulift_status=2
        fi
        if [ "$cpulift_status" -eq 2 ]; then
            echo "$cpulift_said" >&2
            return 1
        fi
    fi
    command virsh "$@"
}
