// SPDX-License-Identifier: LGPL-2.1-or-later
/// A host document from a stranger: what is written of it reads back as the same, alone and through
/// the inventory.
#include "base/json.h"
#include "core/inventory.h"
#include "fuzz.h"
#include "support.h"

#include <string.h>

static char *format(const cpulift_host *host)
{
    g_autoptr(json_t) json = host_format(host, support_get_catalog());
    return json_format_document(json);
}

static void check_round_trip(const cpulift_host *host)
{
    g_autofree char *once = format(host);
    g_autoptr(cpulift_host) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_assert(host_parse(once, strlen(once), "again", support_get_catalog(), &again, &err) == 0);
    g_autofree char *twice = format(again);
    g_assert_cmpstr(once, ==, twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    size = strlen(text);
    g_autoptr(cpulift_host) host = NULL;
    g_autoptr(cpulift_error) err = NULL, other = NULL;
    int rc = host_parse(text, size, "fuzz", support_get_catalog(), &host, &err);
    g_assert((rc == 0) == (host != NULL) && (rc == 0) == (err == NULL));
    if (host != NULL) {
        check_round_trip(host);
    }
    g_autoptr(inventory) all = inventory_new(support_get_catalog());
    rc = inventory_add_text(all, text, size, "fuzz", &other);
    g_assert((rc == 0) == (host != NULL) && (rc == 0) == (other == NULL));
    inventory_sort(all);
    g_assert(all->host_count == (rc == 0));
    return 0;
}
