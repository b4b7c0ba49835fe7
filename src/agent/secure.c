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

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

enum { ID_SIZE = 64 };

static gnutls_datum_t get_datum(char *text)
{
    return (gnutls_datum_t){(unsigned char *)text, (unsigned)strlen(text)};
}

/// The id of the key in the first certificate of the text; returns what GnuTLS does.
static int identify_certificate(char *text, unsigned char *id)
{
    size_t len = ID_SIZE;
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    const gnutls_datum_t pem = get_datum(text);
    int rc = gnutls_x509_crt_list_import2(&chain, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
    rc = rc >= 0 ? gnutls_x509_crt_get_key_id(chain[0], GNUTLS_KEYID_USE_SHA256, id, &len) : rc;
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    return rc;
}

static int identify_key(char *text, unsigned char *id)
{
    size_t len = ID_SIZE;
    g_auto(gnutls_x509_privkey_t) key = NULL;
    const gnutls_datum_t pem = get_datum(text);
    int rc = gnutls_x509_privkey_init(&key);
    rc = rc == 0 ? gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) : rc;
    return rc == 0 ? gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &len) : rc;
}

/// GnuTLS itself takes some pairs that are none (Ed25519), and no client is served then.
static int check_texts(const struct secure *self, const char *const *paths, cpulift_error **err)
{
    char *const texts[] = {self->certificate, self->key, self->clients};
    static int (*const identify[])(char *, unsigned char *) = {identify_certificate, identify_key,
                                                               identify_certificate};
    static const char *const kinds[] = {"certificate", "private key without a password",
                                        "certificate"};
    unsigned char ids[G_N_ELEMENTS(texts)][ID_SIZE] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        int rc = identify[i](texts[i], ids[i]);
        if (rc < 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no %s in PEM: %s", paths[i],
                                     kinds[i], gnutls_strerror(rc));
        }
    }
    return memcmp(ids[0], ids[1], ID_SIZE) == 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' is not the key of the certificate '%s'; name those that "
                                   "were made together",
                                   paths[1], paths[0]);
}

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
    TRY(check_texts(self, paths, err));
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
