// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/secure.h"

#include "base/file.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#define PEM_MAX ((size_t)1 << 20)

struct secure {
    char *certificate, *key, *clients;
};

void secure_free(struct secure *self)
{
    if (self != NULL) {
        g_free(self->certificate);
        g_free(self->key);
        g_free(self->clients);
        g_free(self);
    }
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(secure, secure_free)

int secure_load(const agent_settings *settings, struct secure **ret_secure, cpulift_error **err)
{
    const char *const paths[] = {settings->http_certificate, settings->http_key,
                                 settings->http_clients};
    g_autoptr(secure) self = g_new0(struct secure, 1);
    char **const texts[] = {&self->certificate, &self->key, &self->clients};
    size_t count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        count += *paths[i] != '\0';
    }
    if (count == 0) {
        *ret_secure = NULL;
        return 0;
    }
    if (count < G_N_ELEMENTS(paths)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "TLS needs all three of [http] certificate, key and clients");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        TRY(file_load(paths[i], PEM_MAX, texts[i], NULL, err));
    }
    *ret_secure = g_steal_pointer(&self);
    return 0;
}

void secure_get_options(const struct secure *self, struct MHD_OptionItem *options)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, self->certificate};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, self->key};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, self->clients};
    options[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

bool secure_is_client(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0};
    unsigned status = 0;
    return info != NULL &&
           gnutls_certificate_verify_peers(info->tls_session, &data, 1, &status) == 0 &&
           status == 0;
}
