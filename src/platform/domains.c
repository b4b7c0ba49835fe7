// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/domains.h"

#include "base/json.h"

#include <string.h>
#include <unistd.h>

#define EDIT(member)  RECORD_AT(struct domain_edit, member)
#define EDITS(member) RECORD_AT(domain_edits, member)
#define KEPT(member)  RECORD_AT(struct domain_kept, member)

RECORD_ITEM(edit_record, struct domain_edit,
            {"name", &record_string, EDIT(name), RECORD_REQUIRED | RECORD_TEXT},
            {"uuid", &record_string, EDIT(uuid), RECORD_REQUIRED},
            {"active", &record_bool, EDIT(is_active), RECORD_REQUIRED,
             .meaning = "it runs now, on the CPU that it was started with"},
            {"before", &record_string, EDIT(before), RECORD_REQUIRED | RECORD_TEXT,
             .meaning = "its XML"},
            {"after", &record_string, EDIT(after), RECORD_REQUIRED | RECORD_TEXT},
            {"losses", &record_array, EDIT(losses), RECORD_ALWAYS,
             .meaning = "sentences: what the guest asked of its CPU and does not get"})

const struct record domain_edits_record = {
    .schema = "cpulift.definitions/1",
    RECORD_ROWS(
        {"platform", &record_name, EDITS(platform), RECORD_REQUIRED, .meaning = "`libvirt`"},
        {"uri", &record_string, EDITS(uri), RECORD_REQUIRED, .meaning = "the libvirt"},
        {"committed", &record_bool, EDITS(is_committed), RECORD_REQUIRED,
         .meaning = "the change was made; else it would be"},
        {"domains", &record_list, EDITS(edits), RECORD_REQUIRED, .record = &edit_record,
         .meaning = "the definitions that change"}),
    .size = sizeof(domain_edits),
};

RECORD_ITEM(kept_record, struct domain_kept,
            {"uri", &record_string, KEPT(uri), RECORD_REQUIRED, .min = 1, .meaning = "the libvirt"},
            {"name", &record_string, KEPT(name), RECORD_REQUIRED | RECORD_TEXT, .min = 1},
            {"uuid", &record_string, KEPT(uuid), RECORD_REQUIRED, .min = 1},
            {"before", &record_string, KEPT(before), RECORD_REQUIRED | RECORD_TEXT, .min = 1,
             .meaning = "its XML, as it was before cpulift first changed it"})

const struct record domains_kept_record = {
    .schema = "cpulift.domains/1",
    RECORD_ROWS({"domains", &record_list, RECORD_AT(domains_kept, domains), RECORD_REQUIRED,
                 .record = &kept_record, .meaning = "the definitions that were changed"}),
    .size = sizeof(domains_kept),
};

domain_edits *domain_edits_new(const char *uri, bool is_committed)
{
    domain_edits *self = record_new(&domain_edits_record);
    self->platform = g_strdup("libvirt");
    self->uri = g_strdup(uri);
    self->is_committed = is_committed;
    return self;
}

void domain_edits_free(domain_edits *self)
{
    record_free(&domain_edits_record, self);
}

struct domain_edit *domain_edits_add(domain_edits *self)
{
    struct domain_edit *edit = record_new(&edit_record);
    g_ptr_array_add(self->edits, edit);
    return edit;
}

void domains_free(domains_kept *self)
{
    record_free(&domains_kept_record, self);
}

int domains_load(const root_dir *root, domains_kept **ret_kept, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    g_autoptr(json_t) json = NULL;
    g_autoptr(domains_kept) kept = record_new(&domains_kept_record);
    TRY(root_load(root, DOMAINS_TARGET, &file, err));
    if (file.exists) {
        TRY(json_parse_text(file.bytes, file.len, DOMAINS_TARGET, &json, err));
        TRY(record_parse(&domains_kept_record, json, DOMAINS_TARGET, NULL, kept, err));
    }
    *ret_kept = g_steal_pointer(&kept);
    return 0;
}

static int make_folders(const root_dir *root, cpulift_error **err)
{
    g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
    TRY(root_find_missing(root, DOMAINS_TARGET, folders, err));
    for (size_t i = 0; i < folders->len; i++) {
        TRY(root_make_folder(root, g_ptr_array_index(folders, i), 0755, err));
    }
    return 0;
}

int domains_save(const root_dir *root, const domains_kept *self, cpulift_error **err)
{
    g_auto(root_file) before = {0};
    g_auto(root_file) after = {0};
    TRY(make_folders(root, err));
    TRY(root_load(root, DOMAINS_TARGET, &before, err));
    if (self->domains->len > 0) {
        g_autoptr(json_t) json = record_format(&domains_kept_record, self, NULL);
        after = root_file_new_private(json_format_document(json));
    }
    return root_file_equal(&before, &after)
               ? 0
               : root_replace(root, DOMAINS_TARGET, &after, &before, err);
}

void domains_add(domains_kept *self, const char *uri, const struct domain_edit *edit)
{
    for (size_t i = 0; i < self->domains->len; i++) {
        const struct domain_kept *kept = g_ptr_array_index(self->domains, i);
        if (strcmp(kept->uri, uri) == 0 && strcmp(kept->uuid, edit->uuid) == 0) {
            return;
        }
    }
    struct domain_kept *kept = record_new(&kept_record);
    *kept = (struct domain_kept){g_strdup(uri), g_strdup(edit->name), g_strdup(edit->uuid),
                                 g_strdup(edit->before)};
    g_ptr_array_add(self->domains, kept);
}
