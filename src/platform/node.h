// SPDX-License-Identifier: LGPL-2.1-or-later
/// The QEMU of a node as it was when a plan was applied, or when a hook last looked. Document
/// schema cpulift.node/1.
#pragma once

#include "base/record.h"
#include "platform/root.h"

/// What `apply` knew, beside the hooks' plan.
#define NODE_TARGET "etc/cpulift/node.json"

typedef struct node_qemu {
    char *emulator; ///< its path on the node
    char *stamp;    ///< emulator_get_stamp()
    char *version;  ///< "10.0.2"
} node_qemu;

extern const struct record node_record;

/// What is so now of this emulator, the version found anew; NULL where it cannot be said. The
/// caller's.
node_qemu *node_look(const root_dir *root, const char *emulator);

/// The document at `target`; NULL where there is none, or none that can be trusted. The caller's.
node_qemu *node_load(const root_dir *root, const char *target);

void node_free(node_qemu *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(node_qemu, node_free)

/// True when it was said of this emulator with this stamp.
bool node_is_of(const node_qemu *self, const char *emulator, const char *stamp);

/// As text_parse_version counts; 0 of NULL.
unsigned node_get_version(const node_qemu *self);

/// The document's text. The caller's.
char *node_format(const node_qemu *self);
