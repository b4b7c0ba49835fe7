// SPDX-License-Identifier: LGPL-2.1-or-later
/// An answer of an etcd that is none: parsed or refused in one line, and nothing in it stands
/// beyond its length.
#include "fuzz.h"
#include "store/etcd_reply.h"

#include <string.h>

static void check_pair(const etcd_pair *pair)
{
    g_assert(pair->key != NULL && pair->key[pair->key_len] == '\0');
    g_assert(pair->value == NULL || pair->value[pair->len] == '\0');
    g_assert(pair->value != NULL || pair->len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(etcd_reply) reply = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = etcd_reply_parse((const char *)data, size, "fuzz", &reply, &err);
    g_assert((rc == 0) == (reply != NULL) && (rc == 0) == (err == NULL));
    g_assert(err == NULL || strchr(err->message, '\n') == NULL);
    for (size_t i = 0; reply != NULL && reply->pairs != NULL && i < reply->pairs->len; i++) {
        check_pair(reply->pairs->pdata[i]);
    }
    for (size_t i = 0; reply != NULL && reply->events != NULL && i < reply->events->len; i++) {
        check_pair(&((const struct etcd_event *)reply->events->pdata[i])->kv);
    }
    return 0;
}
