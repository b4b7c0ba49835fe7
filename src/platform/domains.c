// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/domains.h"

#include "base/json.h"

#define KEPT(member) RECORD_AT(struct domain_kept, member)

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

static void domains_free(domains_kept *self)
{
    record_free(&domains_kept_record, self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(domains_kept, domains_free)

int domains_load(const root_dir *root, struct root_file *ret_file, changeset **ret_set,
                 cpulift_error **err)
{
    g_auto(root_file) file = {0};
    g_autoptr(json_t) json = NULL;
    g_autoptr(domains_kept) kept = record_new(&domains_kept_record);
    *ret_set = NULL;
    TRY(root_load(root, DOMAINS_TARGET, &file, err));
    if (!file.exists) {
        return 0;
    }
    TRY(root_file_check_owner(root, DOMAINS_TARGET, &file, err));
    TRY(json_parse_text(file.bytes, file.len, DOMAINS_TARGET, &json, err));
    TRY(record_parse(&domains_kept_record, json, DOMAINS_TARGET, NULL, kept, err));
    changeset *set = changeset_new("libvirt");
    for (size_t i = 0; i < kept->domains->len; i++) {
        const struct domain_kept *one = g_ptr_array_index(kept->domains, i);
        const store_key key = {.uri = one->uri};
        changeset_add_definition(set, &key, one->uuid, one->name, one->before, NULL);
    }
    *ret_set = set;
    *ret_file = file;
    file = (struct root_file){0};
    return 0;
}
