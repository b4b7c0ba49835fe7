// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hook/hook.h"

#include "base/file.h"
#include "base/json.h"
#include "core/guest.h"
#include "core/losses.h"
#include "core/seal.h"
#include "hook/qemu.h"
#include "hook/trace.h"
#include "platform/root.h"

#include <string.h>

char *hook_path(const char *path)
{
    const char *root = g_getenv("CPULIFT_ROOT");
    return g_strconcat(root != NULL ? root : "", path, NULL);
}

int hook_check_seal(const cpulift_plan *plan, const char *path, const char *root,
                    cpulift_error **err)
{
    g_autoptr(seal_keys) keys = NULL;
    g_autofree char *keys_path = g_build_filename(root, SEAL_KEYS_TARGET, NULL);
    TRY(seal_keys_load(keys_path, &keys, err));
    return seal_check(plan, path, keys, err);
}

int hook_load_plan(const char *path, cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    g_autoptr(json_t) json = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autofree char *root = hook_path("/");
    TRY(file_load_trusted(path, PLAN_FILE_MAX, &text, &len, err));
    TRY(json_parse_text(text, len, path, &json, err));
    // The operator's word counts whatever else is wrong.
    if (json_is_true(json_object_get(json_object_get(json, "guests"), "strict"))) {
        trace_be_strict();
    }
    TRY(plan_from_json(json, path, &plan, err));
    TRY(plan_check_promise(plan, path, err));
    TRY(hook_check_seal(plan, path, root, err));
    *ret_plan = g_steal_pointer(&plan);
    return 0;
}

bool hook_is_wanted(const cpulift_plan *plan, const char *guest)
{
    return plan_means_guest(plan, guest);
}

/// Tells of what `rewrite` warns of.
static void note_warnings(unsigned warnings, const char *guest)
{
    for (unsigned bit = 1; bit <= warnings; bit <<= 1) {
        if ((warnings & bit) != 0) {
            trace_note(guest, domain_warning_to_string(bit));
        }
    }
}

/// Tells of what the guest asked for and does not get, as `rewrite` does.
static void note_losses(const domain_document *document, const cpulift_plan *plan,
                        const cpulift_cpu *cpu)
{
    const struct losses_asker asker = {.subject = "the guest", .is_brief = true};
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);
    losses_add_domain(losses, &asker, document, plan, cpu);
    for (size_t i = 0; i < losses->len; i++) {
        trace_note(document->guest, losses->pdata[i]);
    }
}

int hook_rewrite(const cpulift_plan *plan, const domain_document *document, char **ret_text,
                 size_t *ret_len, cpulift_error **err)
{
    if (!hook_is_wanted(plan, document->guest) ||
        (plan->guests.is_respectful && domain_has_own_mode(document))) {
        *ret_text = g_strndup(document->xml, document->len);
        *ret_len = document->len;
        return 0;
    }
    const struct domain_options options = {.virt = plan->virt, .machine = plan->machine};
    struct domain_changes changes;
    const struct domain_guest guest = guest_read(document);
    g_autofree char *node = hook_path("/");
    unsigned qemu = guest_choose_qemu(plan, qemu_find(plan, document, node));
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &guest, qemu);
    TRY(domain_rewrite(document, cpu, &options, ret_text, ret_len, &changes, err));
    note_warnings(changes.warnings, document->guest);
    note_losses(document, plan, cpu);
    return 0;
}

int hook_rewrite_file(const cpulift_plan *plan, const char *path, cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(root_dir) root = NULL;
    g_autoptr(domain_document) document = NULL;
    g_auto(root_file) before = {0};
    TRY(root_open(folder, &root, err));
    TRY(root_load(root, name, &before, err));
    if (!before.exists) {
        return cpulift_error_set(err, CPULIFT_EMISSING, "'%s' is not there", path);
    }
    // The file is made anew for each start: renaming must be atomic, but need not survive a power
    // cut, and waiting for a disk would cost more than all the rest.
    root->is_volatile = true;
    g_auto(root_file) after = before;
    after.bytes = NULL;
    TRY(domain_parse(before.bytes, before.len, NULL, &document, err));
    TRY(hook_rewrite(plan, document, &after.bytes, &after.len, err));
    return root_file_same_bytes(&before, &after) ? 0
                                                 : root_replace(root, name, &after, &before, err);
}
