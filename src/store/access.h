// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who we are to etcd and to agents: from the environment, never from a command line, which every
/// user of the machine can read.
#pragma once

#include "store/http.h"

/// Owned; NULL: not said.
typedef struct store_access {
    char *user, *password; ///< of etcd
    char *ca, *cert, *key; ///< paths of PEM files
} store_access;

/// Reads CPULIFT_ETCD_USER, CPULIFT_ETCD_PASSWORD_FILE (its first line), CPULIFT_TLS_CA,
/// CPULIFT_TLS_CERT and CPULIFT_TLS_KEY. *ret_access is the caller's.
int access_read(store_access **ret_access, cpulift_error **err);

/// The same of what is said otherwise, each NULL or "" where it is not.
int access_new(const char *user, const char *password_file, const struct http_tls *tls,
               store_access **ret_access, cpulift_error **err);

/// Borrowed.
struct http_tls access_get_tls(const store_access *self);

void access_free(store_access *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(store_access, access_free)
