// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/guests.h"

#include "base/text.h"
#include "cli/command.h"
#include "core/domain_restore.h"
#include "core/guest.h"
#include "core/losses.h"
#include "virt/definitions.h"

#include <string.h>

/// The plan's definition in the guest's, on this QEMU (0: not known). *ret_text NULL: it has it.
static int rewrite(const domain_document *document, const cpulift_plan *plan, const catalog *map,
                   unsigned qemu, struct platform_guest *guest, char **ret_text,
                   cpulift_error **err)
{
    static const enum domain_warning warnings[] = {DOMAIN_OWN_CPU, DOMAIN_MACHINE, DOMAIN_I686,
                                                   DOMAIN_DROPPED};
    const struct losses_asker asker = {.subject = "the guest", .map = map};
    const struct domain_options how = {.virt = plan->virt, .machine = plan->machine};
    const struct domain_guest shape = guest_read(document);
    struct domain_changes changes;
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &shape, guest_choose_qemu(plan, qemu));
    g_autoptr(domain_document) result = NULL;
    g_autofree char *text = NULL;
    size_t len = 0;
    *ret_text = NULL;
    TRY(domain_rewrite(document, cpu, &how, &text, &len, &changes, err));
    TRY(domain_parse(text, len, guest->name, &result, err));
    // libvirt keeps the element's children in an order of its own.
    if (!changes.is_changed || domain_has_same_definition(document, result)) {
        return 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(warnings); i++) {
        if ((changes.warnings & warnings[i]) != 0) {
            platform_say(guest->notes, "%s", domain_warning_to_string(warnings[i]));
        }
    }
    losses_add_domain(guest->losses, &asker, document, plan, cpu);
    *ret_text = g_steal_pointer(&text);
    return 0;
}

static int check_respect(const domain_document *document, const cpulift_plan *plan,
                         cpulift_error **err)
{
    return plan->guests.is_respectful && domain_has_own_mode(document)
               ? cpulift_error_set(
                     err, CPULIFT_EREFUSED,
                     "it asks for a CPU mode of its own, and --respect leaves it that")
               : 0;
}

static void note_old_states(const struct definition *definition, struct platform_guest *guest)
{
    if (definition->has_saved_image) {
        platform_say(guest->notes,
                     "it is saved, and its next start goes on from that image with the old CPU: "
                     "stop and start it once more then, or drop the image with 'virsh "
                     "managedsave-remove'");
    }
    if (definition->snapshots > 0) {
        platform_say(guest->notes,
                     "it has %u %s: reverting to one brings the old CPU back, into the definition, "
                     "too",
                     definition->snapshots, definition->snapshots == 1 ? "snapshot" : "snapshots");
    }
}

static void add_guest(const struct definition *definition, const store_key *key,
                      const cpulift_plan *plan, const catalog *map, unsigned qemu, changeset *set,
                      GPtrArray *guests)
{
    g_autoptr(domain_document) document = NULL;
    g_autoptr(cpulift_error) why = NULL;
    g_autofree char *after = NULL;
    const char *xml = definition->xml;
    struct platform_guest *guest = platform_add_guest(guests, definition->name, definition->uuid);
    guest->is_active = definition->is_active;
    if (xml == NULL) {
        guest->is_unread = true;
        guest->skipped = g_strdup(definition->why);
        return;
    }
    if (domain_parse(xml, strlen(xml), definition->name, &document, &why) != 0 ||
        check_respect(document, plan, &why) != 0 ||
        rewrite(document, plan, map, qemu, guest, &after, &why) != 0) {
        guest->skipped = g_strdup(why->message);
        return;
    }
    if (after == NULL) {
        g_ptr_array_set_size(guests, (gint)guests->len - 1);
        return;
    }
    note_old_states(definition, guest);
    changeset_add_definition(set, key, definition->uuid, definition->name, xml, after);
}

int guests_plan(const virt_conn *conn, const store_key *key, const cpulift_plan *plan,
                const struct platform_options *how, const char *pattern, changeset *set,
                GPtrArray *guests, cpulift_error **err)
{
    g_autoptr(GPtrArray) definitions = NULL;
    cpulift_plan meant = *plan;
    meant.guests.only = (char **)how->only;
    meant.guests.skip = (char **)how->skip;
    meant.guests.is_respectful = how->is_respectful;
    unsigned qemu = conn_get_qemu(conn);
    TRY(definitions_read(conn, pattern, &definitions, err));
    for (size_t i = 0; i < definitions->len; i++) {
        const struct definition *definition = g_ptr_array_index(definitions, i);
        if (plan_means_guest(&meant, definition->name)) {
            add_guest(definition, key, &meant, how->map, qemu, set, guests);
        }
    }
    return 0;
}

size_t guests_count_unread(const GPtrArray *guests)
{
    size_t count = 0;
    for (size_t i = 0; i < guests->len; i++) {
        count += ((const struct platform_guest *)guests->pdata[i])->is_unread;
    }
    return count;
}

size_t guests_note_refused(const GPtrArray *guests, const GPtrArray *changes)
{
    size_t count = 0;
    for (size_t c = 0; c < changes->len; c++) {
        const struct change *change = g_ptr_array_index(changes, c);
        count += change->why != NULL;
        for (size_t i = 0; change->why != NULL && i < guests->len; i++) {
            struct platform_guest *guest = g_ptr_array_index(guests, i);
            if (strcmp(guest->uuid, change->target) == 0) {
                g_free(guest->skipped);
                guest->skipped = g_strdup(change->why->message);
            }
        }
    }
    return count;
}

void guests_warn_losses(const GPtrArray *guests)
{
    g_autoptr(GHashTable) about =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) sentences = g_ptr_array_new();
    for (size_t i = 0; i < guests->len; i++) {
        const struct platform_guest *guest = g_ptr_array_index(guests, i);
        for (size_t l = 0; l < guest->losses->len; l++) {
            char *loss = g_ptr_array_index(guest->losses, l);
            GPtrArray *names = g_hash_table_lookup(about, loss);
            if (names == NULL) {
                names = g_ptr_array_new();
                g_hash_table_insert(about, loss, names);
                g_ptr_array_add(sentences, loss);
            }
            g_ptr_array_add(names, guest->name);
        }
    }
    for (size_t i = 0; i < sentences->len; i++) {
        const GPtrArray *names = g_hash_table_lookup(about, sentences->pdata[i]);
        g_autofree char *list = text_join_some((const char *const *)names->pdata, names->len, 3);
        command_warn("%s: %s", list, (const char *)sentences->pdata[i]);
    }
}

void guests_format(GString *out, const GPtrArray *guests)
{
    for (size_t i = 0; i < guests->len; i++) {
        const struct platform_guest *guest = g_ptr_array_index(guests, i);
        g_string_append_printf(out, "  - %s: ", guest->name);
        if (guest->skipped != NULL) {
            g_string_append_printf(out, "skipped: %s\n", guest->skipped);
            continue;
        }
        g_string_append(out, guest->is_active ? "runs; gets it when it is stopped and started"
                                              : "gets it when it is started");
        for (size_t n = 0; n < guest->notes->len; n++) {
            g_string_append_printf(out, "; %s", (const char *)guest->notes->pdata[n]);
        }
        g_string_append_c(out, '\n');
    }
}
