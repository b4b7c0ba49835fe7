#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# poorly.sh QEMU COMMAND…: runs the command, in a mount namespace of its own, where that QEMU is the machine's.
exec unshare --mount sh -c 'mount --make-rprivate / && mount --bind "$1" /usr/bin/qemu-system-x86_64 && shift && exec "$@"' - "$@"
