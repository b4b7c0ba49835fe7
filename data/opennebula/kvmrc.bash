# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by kvmrc on a node. The driver starts a guest by `virsh --connect URI create FILE`: before
# libvirt reads FILE, cpulift-hook puts the plan's CPU into it. A hook that fails leaves the file and
# the start alone, and a line in /var/lib/one/cpulift-hook.log; status 2 (a plan that was applied
# with --strict) stops the start.
cpulift_plan="${BASH_SOURCE[0]%/*}/plan.json"
[ -r "${CPULIFT_ROOT-}@PLAN@" ] && cpulift_plan="${CPULIFT_ROOT-}@PLAN@"

virsh() {
    if [ "${3-}" = create ] && [ -f "${4-}" ]; then
        # A caller under `set -e` must not end where the hook fails.
        cpulift_status=0
        "@HOOK@" opennebula "$cpulift_plan" "$4" </dev/null >/dev/null 2>&1 || cpulift_status=$?
        if [ "$cpulift_status" -eq 2 ]; then
            echo "cpulift: the CPU of the plan could not be put into $4" >&2
            return 1
        fi
    fi
    command virsh "$@"
}
