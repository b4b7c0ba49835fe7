// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/domains.h"

#include "base/json.h"

#include <string.h>
#include <unistd.h>

int domains_load(const root_dir *root, json_t **ret_document, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    int rc = root_load(root, DOMAINS_TARGET, &file, err);
    if (rc == 0 && !file.exists) {
        *ret_document = json_pack("{s:s, s:[]}", "schema", DOMAINS_SCHEMA, "domains");
        return 0;
    }
    return rc != 0 ? rc
                   : json_parse_document(file.bytes, file.len, DOMAINS_TARGET, DOMAINS_SCHEMA,
                                         ret_document, err);
}

static int make_folders(const root_dir *root, cpulift_error **err)
{
    g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
    int rc = root_find_missing(root, DOMAINS_TARGET, folders, err);
    for (size_t i = 0; rc == 0 && i < folders->len; i++) {
        rc = root_make_folder(root, g_ptr_array_index(folders, i), 0755, err);
    }
    return rc;
}

int domains_save(const root_dir *root, const json_t *document, cpulift_error **err)
{
    g_auto(root_file) before = {0};
    g_auto(root_file) after = {0};
    int rc = make_folders(root, err);
    rc = rc != 0 ? rc : root_load(root, DOMAINS_TARGET, &before, err);
    if (rc != 0) {
        return rc;
    }
    if (json_array_size(json_object_get(document, "domains")) > 0) {
        char *text = json_format_document(document);
        after = (root_file){.exists = true,
                            .bytes = text,
                            .len = strlen(text),
                            .mode = 0600,
                            .uid = geteuid(),
                            .gid = getegid()};
    }
    return root_file_equal(&before, &after)
               ? 0
               : root_replace(root, DOMAINS_TARGET, &after, &before, err);
}

void domains_add(json_t *document, const char *uri, const struct definition *definition)
{
    json_t *domains = json_object_get(document, "domains");
    size_t i = 0;
    json_t *domain = NULL;
    json_array_foreach (domains, i, domain) {
        if (g_strcmp0(json_get_string(domain, "uri"), uri) == 0 &&
            g_strcmp0(json_get_string(domain, "uuid"), definition->uuid) == 0) {
            return;
        }
    }
    json_array_append_new(domains,
                          json_pack("{s:s, s:s, s:s, s:s}", "uri", uri, "name", definition->name,
                                    "uuid", definition->uuid, "before", definition->xml));
}
