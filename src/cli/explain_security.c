// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/explain_security.h"

#include "base/json.h"
#include "cli/commands.h"
#include "cli/protection_page.h"
#include "cli/protection_table.h"
#include "store/places.h"

static const protection_kernel *find_kernel(const char *name)
{
    size_t last = 0;
    while (protection_get_kernel_name(last + 1) != NULL) {
        last++;
    }
    return protection_find_kernel(name != NULL ? name : protection_get_kernel_name(last));
}

/// What guests believe, without a boot. `places` are the hosts' documents.
static int compare(const catalog *map, const cpulift_plan *plan, char **places, size_t count,
                   const char *kernel, json_t **ret_document, cpulift_error **err)
{
    g_autoptr(inventory) inv = inventory_new(map);
    g_autoptr(json_t) guest = NULL;
    TRY(places_load(inv, places, count, err));
    inventory_sort(inv);
    const struct protection_question question = {map, plan, inv, find_kernel(kernel)};
    TRY(protection_predict_guest(&question, &guest, err));
    *ret_document = protection_compare(&question, guest, false);
    return 0;
}

static int save_page(const json_t *document, bool has_hosts, const char *path, cpulift_error **err)
{
    const char *headline = protection_is_bad(document) ? "Not as safe as their hosts."
                           : has_hosts ? "As safe as their hosts, as far as these say."
                                       : "Nothing is known of their hosts.";
    g_autofree char *page = protection_page_format(document, headline);
    return command_output(path, page, err);
}

int explain_security_run(char **arguments, size_t count, const char *kernel, const char *html,
                         bool is_json)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(json_t) document = NULL;
    if (catalog_load(NULL, &map, &err) != 0 || places_load_plan(arguments[0], &plan, &err) != 0 ||
        compare(map, plan, arguments + 1, count - 1, kernel, &document, &err) != 0 ||
        (html != NULL && save_page(document, count > 1, html, &err) != 0)) {
        return command_fail(&err);
    }
    if (count == 1) {
        command_warn("no host's document is named, so what the hosts say is not known; name them "
                     "behind the plan");
    }
    g_autofree char *text =
        is_json ? json_format_document(document) : protection_table_format(document);
    return command_say(text, is_json, protection_is_bad(document) ? EXIT_NO : EXIT_YES);
}

void explain_security_add_kernels(const char *const *arguments, size_t count, GPtrArray *names)
{
    (void)arguments;
    (void)count;
    for (size_t i = 0; protection_get_kernel_name(i) != NULL; i++) {
        g_ptr_array_add(names, g_strdup(protection_get_kernel_name(i)));
    }
}
