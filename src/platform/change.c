// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/change.h"

#include "base/json.h"
#include "platform/diff.h"
#include "platform/properties.h"

#include <string.h>
#include <sys/stat.h>

static const char *const undo_names[] = {
    [CHANGE_LINES] = "lines",
    [CHANGE_PROPERTIES] = "properties",
    [CHANGE_WHOLE] = "whole",
};

static void key_free(void *data)
{
    struct change_key *key = data;
    g_free(key->key);
    g_free(key->before);
    g_free(key->after);
    g_free(key);
}

static void change_free(void *data)
{
    struct change *change = data;
    g_free(change->target);
    root_file_clear(&change->before);
    root_file_clear(&change->after);
    g_ptr_array_free(change->keys, TRUE);
    g_free(change);
}

changeset *changeset_new(const char *platform)
{
    changeset *set = g_new0(changeset, 1);
    set->platform = g_strdup(platform);
    set->changes = g_ptr_array_new_with_free_func(change_free);
    set->folders = g_ptr_array_new_with_free_func(g_free);
    return set;
}

void changeset_free(changeset *set)
{
    if (set == NULL) {
        return;
    }
    g_free(set->platform);
    g_ptr_array_free(set->changes, TRUE);
    g_ptr_array_free(set->folders, TRUE);
    g_free(set);
}

static struct change *push(changeset *set, const char *target, enum change_undo undo)
{
    struct change *change = g_new0(struct change, 1);
    change->target = g_strdup(target);
    change->undo = undo;
    change->keys = g_ptr_array_new_with_free_func(key_free);
    g_ptr_array_add(set->changes, change);
    return change;
}

static int fill_after(struct change *change, const root_dir *root, const char *bytes, size_t len,
                      mode_t mode, cpulift_error **err)
{
    change->after = (struct root_file){.exists = true,
                                       .bytes = g_strndup("", len),
                                       .len = len,
                                       .mode = mode,
                                       .uid = change->before.uid,
                                       .gid = change->before.gid};
    memcpy(change->after.bytes, bytes, len);
    if (change->before.exists) {
        change->after.mode = change->before.mode | (mode & 0111);
        return 0;
    }
    return root_get_owner(root, change->target, &change->after.uid, &change->after.gid, err);
}

int changeset_add(changeset *set, const root_dir *root, const char *target, const char *bytes,
                  size_t len, mode_t mode, enum change_undo undo, cpulift_error **err)
{
    struct change *change = push(set, target, undo);
    int rc = root_load(root, target, &change->before, err);
    if (rc == 0) {
        rc = fill_after(change, root, bytes, len, mode, err);
    }
    if (rc != 0 || root_file_equal(&change->before, &change->after)) {
        g_ptr_array_set_size(set->changes, (gint)set->changes->len - 1);
    }
    return rc;
}

int changeset_add_edit(changeset *set, const root_dir *root, const char *target,
                       const struct root_file *read, const char *bytes, size_t len,
                       enum change_undo undo, cpulift_error **err)
{
    guint count = set->changes->len;
    int rc = changeset_add(set, root, target, bytes, len, read->mode, undo, err);
    const struct change *change =
        rc == 0 && set->changes->len > count ? g_ptr_array_index(set->changes, count) : NULL;
    if (change != NULL && !root_file_equal(&change->before, read)) {
        g_ptr_array_set_size(set->changes, (gint)count);
        rc = cpulift_error_set(err, CPULIFT_ECONFLICT,
                               "'%s/%s' changed while it was read: nothing was changed; run the "
                               "command again",
                               root->path, target);
    }
    return rc;
}

int changeset_add_removal(changeset *set, const root_dir *root, const char *target,
                          cpulift_error **err)
{
    struct change *change = push(set, target, CHANGE_WHOLE);
    int rc = root_load(root, target, &change->before, err);
    if (rc != 0 || !change->before.exists) {
        g_ptr_array_set_size(set->changes, (gint)set->changes->len - 1);
    }
    return rc;
}

static void set_pair(properties *file, const char *key, const char *value, GPtrArray *keys)
{
    const char *before = properties_get(file, key);
    if (value == NULL && before == NULL) {
        return;
    }
    const char *after = value != NULL ? value : "";
    if (g_strcmp0(before, after) == 0) {
        return;
    }
    struct change_key *changed = g_new0(struct change_key, 1);
    *changed = (struct change_key){g_strdup(key), g_strdup(before), g_strdup(after)};
    g_ptr_array_add(keys, changed);
    properties_set(file, key, after);
}

int changeset_add_properties(changeset *set, const root_dir *root, const char *target,
                             const char *const (*pairs)[2], size_t count, cpulift_error **err)
{
    g_auto(root_file) before = {0};
    g_autoptr(properties) file = NULL;
    int rc = root_load(root, target, &before, err);
    if (rc == 0 && !before.exists) {
        rc = cpulift_error_set(err, CPULIFT_EMISSING,
                               "'%s/%s' is not there: is this the right "
                               "host, or the right --root?",
                               root->path, target);
    }
    if (rc == 0) {
        rc = properties_parse(before.bytes, before.len, target, &file, err);
    }
    if (rc != 0) {
        return rc;
    }
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(key_free);
    for (size_t i = 0; i < count; i++) {
        set_pair(file, pairs[i][0], pairs[i][1], keys);
    }
    if (keys->len == 0) {
        return 0;
    }
    size_t len = 0;
    const char *bytes = properties_format(file, &len);
    guint changes = set->changes->len;
    rc = changeset_add_edit(set, root, target, &before, bytes, len, CHANGE_PROPERTIES, err);
    if (rc == 0 && set->changes->len > changes) {
        struct change *change = g_ptr_array_index(set->changes, set->changes->len - 1);
        g_ptr_array_free(change->keys, TRUE);
        change->keys = g_steal_pointer(&keys);
    }
    return rc;
}

void change_append_diff(GString *out, const char *target, const struct root_file *before,
                        const struct root_file *after)
{
    if (!before->exists && after->exists) {
        g_string_append_printf(out, "new file mode %04o: %s\n", after->mode, target);
    } else if (before->exists && after->exists && before->mode != after->mode) {
        g_string_append_printf(out, "mode %04o to %04o: %s\n", before->mode, after->mode, target);
    }
    diff_format(out, target, before->bytes, before->len, after->bytes, after->len);
}

char *changeset_format_diff(const changeset *set)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        change_append_diff(out, change->target, &change->before, &change->after);
    }
    return g_string_free(out, FALSE);
}

/// Bytes that are UTF-8 stand as text, others (Latin-1 files, programs) in base64.
static json_t *file_to_json(const struct root_file *file)
{
    if (!file->exists) {
        return json_null();
    }
    json_t *json = json_pack("{s:i, s:I, s:I}", "mode", (int)file->mode, "uid",
                             (json_int_t)file->uid, "gid", (json_int_t)file->gid);
    if (g_utf8_validate_len(file->bytes, file->len, NULL)) {
        json_object_set_new(json, "text", json_stringn(file->bytes, file->len));
    } else {
        g_autofree char *base64 = g_base64_encode((const guchar *)file->bytes, file->len);
        json_object_set_new(json, "base64", json_string(base64));
    }
    return json;
}

static json_t *change_to_json(const struct change *change)
{
    json_t *json = json_pack("{s:s, s:s, s:o, s:o}", "target", change->target, "undo",
                             undo_names[change->undo], "before", file_to_json(&change->before),
                             "after", file_to_json(&change->after));
    if (change->undo == CHANGE_PROPERTIES) {
        json_t *keys = json_object();
        for (size_t i = 0; i < change->keys->len; i++) {
            const struct change_key *key = g_ptr_array_index(change->keys, i);
            json_object_set_new(
                keys, key->key,
                json_pack("{s:s?, s:s}", "before", key->before, "after", key->after));
        }
        json_object_set_new(json, "keys", keys);
    }
    return json;
}

json_t *changeset_to_json(const changeset *set)
{
    json_t *changes = json_array(), *folders = json_array();
    for (size_t i = 0; i < set->changes->len; i++) {
        json_array_append_new(changes, change_to_json(g_ptr_array_index(set->changes, i)));
    }
    for (size_t i = 0; i < set->folders->len; i++) {
        json_array_append_new(folders, json_string(g_ptr_array_index(set->folders, i)));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "schema", CHANGESET_SCHEMA, "platform", set->platform,
                     "changes", changes, "folders", folders);
}

static int reject(cpulift_error **err, const char *name, const char *what)
{
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no changeset: %s", name, what);
}

static int file_from_json(const json_t *json, const char *name, struct root_file *ret_file,
                          cpulift_error **err)
{
    if (json_is_null(json)) {
        *ret_file = (struct root_file){0};
        return 0;
    }
    const json_t *text = json_object_get(json, "text");
    const char *base64 = json_get_string(json, "base64");
    if (!json_is_string(text) && base64 == NULL) {
        return reject(err, name, "a file has neither \"text\" nor \"base64\"");
    }
    struct root_file file = {.exists = true,
                             .mode = (mode_t)json_get_uint(json, "mode", 0600) & 07777,
                             .uid = (uid_t)json_get_uint(json, "uid", 0),
                             .gid = (gid_t)json_get_uint(json, "gid", 0)};
    g_autofree guchar *decoded = NULL;
    const void *bytes = json_string_value(text);
    file.len = json_string_length(text);
    if (bytes == NULL) {
        decoded = g_base64_decode(base64, &file.len);
        bytes = decoded;
    }
    file.bytes = g_malloc(file.len + 1);
    memcpy(file.bytes, bytes, file.len);
    file.bytes[file.len] = '\0';
    *ret_file = file;
    return 0;
}

static int find_undo(const char *text, enum change_undo *ret_undo)
{
    for (size_t i = 0; i < G_N_ELEMENTS(undo_names); i++) {
        if (g_strcmp0(undo_names[i], text) == 0) {
            *ret_undo = (enum change_undo)i;
            return 0;
        }
    }
    return -1;
}

static int change_from_json(const json_t *json, const char *name, changeset *set,
                            cpulift_error **err)
{
    enum change_undo undo = CHANGE_WHOLE;
    const char *target = json_get_string(json, "target");
    if (target == NULL || find_undo(json_get_string(json, "undo"), &undo) != 0) {
        return reject(err, name, "a change lacks its \"target\" or \"undo\"");
    }
    struct change *change = push(set, target, undo);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (json_object_get(json, "keys"), key, value) {
        struct change_key *changed = g_new0(struct change_key, 1);
        *changed = (struct change_key){g_strdup(key), g_strdup(json_get_string(value, "before")),
                                       g_strdup(json_get_string(value, "after"))};
        g_ptr_array_add(change->keys, changed);
    }
    int rc = file_from_json(json_object_get(json, "before"), name, &change->before, err);
    return rc != 0 ? rc : file_from_json(json_object_get(json, "after"), name, &change->after, err);
}

static int add_folder(void *data, const char *folder, cpulift_error **err)
{
    (void)err;
    changeset *set = data;
    g_ptr_array_add(set->folders, g_strdup(folder));
    return 0;
}

int changeset_from_json(const json_t *json, const char *name, changeset **ret_set,
                        cpulift_error **err)
{
    const char *platform = json_get_string(json, "platform");
    int rc = json_check_schema(json, name, CHANGESET_SCHEMA, err);
    if (rc == 0 && platform == NULL) {
        rc = reject(err, name, "it lacks its \"platform\"");
    }
    if (rc != 0) {
        return rc;
    }
    g_autoptr(changeset) set = changeset_new(platform);
    size_t i = 0;
    json_t *change = NULL;
    json_array_foreach (json_object_get(json, "changes"), i, change) {
        rc = rc != 0 ? rc : change_from_json(change, name, set, err);
    }
    if (rc == 0) {
        rc = json_each_string(json, "folders", name, add_folder, set, err);
    }
    if (rc == 0) {
        *ret_set = g_steal_pointer(&set);
    }
    return rc;
}
