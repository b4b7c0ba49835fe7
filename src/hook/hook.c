// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hook/hook.h"

#include "base/xml.h"
#include "core/domain.h"
#include "platform/root.h"

#include <fnmatch.h>
#include <string.h>

char *hook_path(const char *path)
{
    const char *root = g_getenv("CPULIFT_ROOT");
    return g_strconcat(root != NULL ? root : "", path, NULL);
}

int hook_load_plan(const char *path, struct hook_plan *ret_plan, cpulift_error **err)
{
    cpulift_plan *plan = NULL;
    TRY(plan_load(path, &plan, err));
    *ret_plan = (struct hook_plan){plan, plan->guests.is_strict};
    return 0;
}

void hook_plan_clear(struct hook_plan *plan)
{
    plan_free(plan->plan);
    plan->plan = NULL;
}

char *hook_find_name(const char *xml, size_t len)
{
    g_autoptr(xmlDoc) doc = NULL;
    if (xml_parse(xml, len, "domain", &doc, NULL) != 0) {
        return g_strdup("?");
    }
    const xmlNode *name = xml_find_child(xmlDocGetRootElement(doc), "name");
    return name != NULL ? xml_get_text(name) : g_strdup("?");
}

/// True when one of the patterns fits; `otherwise` when there is none.
static bool fits(char *const *patterns, const char *guest, bool otherwise)
{
    if (patterns == NULL || *patterns == NULL) {
        return otherwise;
    }
    while (*patterns != NULL && fnmatch(*patterns, guest, 0) != 0) {
        patterns++;
    }
    return *patterns != NULL;
}

bool hook_is_wanted(const struct hook_plan *plan, const char *guest)
{
    return fits(plan->plan->guests.only, guest, true) &&
           !fits(plan->plan->guests.skip, guest, false);
}

int hook_rewrite(const struct hook_plan *plan, const char *xml, size_t len, char **ret_text,
                 size_t *ret_len, cpulift_error **err)
{
    g_autofree char *name = hook_find_name(xml, len);
    if (!hook_is_wanted(plan, name)) {
        *ret_text = g_strndup(xml, len);
        *ret_len = len;
        return 0;
    }
    const struct domain_options options = {.virt = plan->plan->virt,
                                           .machine = plan->plan->machine};
    struct domain_changes changes;
    return domain_rewrite(xml, len, name, plan->plan->cpu, &options, ret_text, ret_len, &changes,
                          err);
}

int hook_rewrite_file(const struct hook_plan *plan, const char *path, cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(root_dir) root = NULL;
    g_auto(root_file) before = {0};
    int rc = root_open(folder, &root, err);
    rc = rc != 0 ? rc : root_load(root, name, &before, err);
    if (rc == 0 && !before.exists) {
        rc = cpulift_error_set(err, CPULIFT_EMISSING, "'%s' is not there", path);
    }
    if (rc != 0) {
        return rc;
    }
    // The file is made anew for each start: renaming must be atomic, but need not survive a power
    // cut, and waiting for a disk would cost more than all the rest.
    root->is_volatile = true;
    g_auto(root_file) after = before;
    after.bytes = NULL;
    rc = hook_rewrite(plan, before.bytes, before.len, &after.bytes, &after.len, err);
    if (rc == 0 && !root_file_same_bytes(&before, &after)) {
        rc = root_replace(root, name, &after, &before, err);
    }
    return rc;
}
