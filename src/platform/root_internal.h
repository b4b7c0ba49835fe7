// SPDX-License-Identifier: LGPL-2.1-or-later
/// What root.c and root_folders.c share.
#pragma once

#include "platform/root.h"

/// The error of a system call, from errno: "cannot WHAT 'target': why; what to do".
int root_fail(cpulift_error **err, const char *what, const root_dir *root, const char *target);

/// Opens `folder` without following a link or going up. Returns a descriptor, or -1 with errno set.
int root_walk(const root_dir *root, const char *folder);

/// Likewise the folder that `target` stands in; *ret_name is the caller's.
int root_walk_parent(const root_dir *root, const char *target, char **ret_name);

/// fsync(), unless the root is volatile.
int root_synchronise(const root_dir *root, int fd);

/// Gives the descriptor an owner, unless it has it already: who is not root may keep what is his.
int root_set_owner(int fd, uid_t uid, gid_t gid);
