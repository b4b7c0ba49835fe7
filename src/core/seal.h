// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan's seal: an Ed25519 signature (RFC 8032) over what guests are started with, that is all
/// that a hook's plan has but for which guests it means. Where a node has keys, a plan without the
/// seal of one of them is none.
#pragma once

#include "core/plan.h"

/// Public keys of a node, one or more in a PEM file (RFC 8410), below its root.
#define SEAL_KEYS_TARGET "etc/cpulift/plan.pub"

/// Keys, and where they are from.
typedef struct seal_keys seal_keys;

/// Reads "PUBLIC KEY" blocks as 'openssl pkey -pubout' writes them; `name` stands in messages. A
/// text without any, or with a block of another kind, is an error. The caller's.
int seal_keys_parse(const char *text, size_t len, const char *name, seal_keys **ret_keys,
                    cpulift_error **err);

/// Those in the file, no link, which only root and who runs this may write; *ret_keys is NULL where
/// there is no such file.
int seal_keys_load(const char *path, seal_keys **ret_keys, cpulift_error **err);

void seal_keys_free(seal_keys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(seal_keys, seal_keys_free)

unsigned seal_keys_count(const seal_keys *keys);

/// Which of the keys, from 1 on, has sealed the plan; 0: none.
unsigned seal_find_key(const cpulift_plan *plan, const seal_keys *keys);

/// Puts a seal into the plan's document, by the private key in a PEM file as 'openssl genpkey
/// -algorithm ed25519' writes it, without a password.
int seal_put(cpulift_plan *plan, const char *key_path, cpulift_error **err);

/// CPULIFT_EREFUSED where no key (NULL: none is needed) has sealed all that this program takes from
/// the plan. `name` stands in messages.
int seal_check(const cpulift_plan *plan, const char *name, const seal_keys *keys,
               cpulift_error **err);

/// Puts the plan's seal, and all that it covers as it stands there, into another document of it.
void seal_copy(const cpulift_plan *plan, json_t *document);
