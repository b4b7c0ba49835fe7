// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/access.h"

#include "base/file.h"

#include <string.h>

#define PASSWORD_MAX ((size_t)4096)

static char *copy(const char *text)
{
    return text != NULL && text[0] != '\0' ? g_strdup(text) : NULL;
}

static int load_password(const char *path, char **ret_password, cpulift_error **err)
{
    g_autofree char *text = NULL;
    TRY(file_load(path, PASSWORD_MAX, &text, NULL, err));
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0') {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' holds no password", path);
    }
    *ret_password = g_steal_pointer(&text);
    return 0;
}

int access_new(const char *user, const char *password_file, const struct http_tls *tls,
               store_access **ret_access, cpulift_error **err)
{
    g_autoptr(store_access) self = g_new0(store_access, 1);
    self->user = copy(user);
    self->ca = copy(tls->ca);
    self->cert = copy(tls->cert);
    self->key = copy(tls->key);
    g_autofree char *file = copy(password_file);
    if ((self->user != NULL) != (file != NULL)) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "etcd's user and the file of its password belong together; only "
                                 "'%s' is set",
                                 self->user != NULL ? self->user : file);
    }
    if ((self->cert != NULL) != (self->key != NULL)) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "a client certificate and its key belong together; only '%s' is "
                                 "set",
                                 self->cert != NULL ? self->cert : self->key);
    }
    TRY(file != NULL ? load_password(file, &self->password, err) : 0);
    *ret_access = g_steal_pointer(&self);
    return 0;
}

int access_read(store_access **ret_access, cpulift_error **err)
{
    const struct http_tls tls = {g_getenv("CPULIFT_TLS_CA"), g_getenv("CPULIFT_TLS_CERT"),
                                 g_getenv("CPULIFT_TLS_KEY")};
    TRY(http_check_tls(&tls, err));
    return access_new(g_getenv("CPULIFT_ETCD_USER"), g_getenv("CPULIFT_ETCD_PASSWORD_FILE"), &tls,
                      ret_access, err);
}

struct http_tls access_get_tls(const store_access *self)
{
    return (struct http_tls){self->ca, self->cert, self->key};
}

void access_free(store_access *self)
{
    if (self != NULL) {
        g_free(self->user);
        if (self->password != NULL) {
            explicit_bzero(self->password, strlen(self->password));
        }
        g_free(self->password);
        g_free(self->ca);
        g_free(self->cert);
        g_free(self->key);
        g_free(self);
    }
}
