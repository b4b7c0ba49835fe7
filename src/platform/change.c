// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/change.h"

#include "base/json.h"
#include "base/text.h"
#include "platform/diff.h"
#include "platform/journal_folder.h"
#include "platform/properties.h"
#include "platform/secrets.h"

#include <string.h>
#include <sys/stat.h>

#define FILE_AT(member)   RECORD_AT(struct root_file, member)
#define KEY_AT(member)    RECORD_AT(struct change_key, member)
#define CHANGE_AT(member) RECORD_AT(struct change, member)

/// (uid_t)-1 is no user: chown() takes it for "as it is".
#define OWNER_MAX (UINT32_MAX - 1)

static const struct record file_record = {
    RECORD_ROWS({"mode", &record_uint, FILE_AT(mode), RECORD_REQUIRED, .max = 07777},
                {"uid", &record_uint, FILE_AT(uid), RECORD_REQUIRED, .max = OWNER_MAX},
                {"gid", &record_uint, FILE_AT(gid), RECORD_REQUIRED, .max = OWNER_MAX},
                {"text", &record_string, FILE_AT(bytes), RECORD_TEXT,
                 .meaning = "the content, where it is UTF-8"},
                {"base64", &record_base64, RECORD_BYTES_AT(struct root_file, bytes, len),
                 .meaning = "the content, where it is not"}),
};

static int parse_file(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    struct root_file *file = record_get_place(row, base);
    const json_t *text = json_object_get(value, "text");
    TRY(record_parse_part(&file_record, at, value, file, err));
    if ((text == NULL) == (json_object_get(value, "base64") == NULL)) {
        return record_refuse(at, err, "must have either \"text\" or \"base64\"");
    }
    if (file != NULL) {
        file->exists = true;
        file->mode &= ROOT_MODES;
        file->len = text != NULL ? json_string_length(text) : file->len;
    }
    return 0;
}

/// Bytes that are UTF-8 stand as text, others (Latin-1 files, programs) in base64.
static json_t *format_content(const struct root_file *file, const void *data)
{
    json_t *json = file->exists ? record_format(&file_record, file, data) : NULL;
    if (json != NULL) {
        bool is_text = g_utf8_validate_len(file->bytes, file->len, NULL);
        json_object_del(json, is_text ? "base64" : "text");
    }
    return json;
}

static json_t *format_file(const record_row *row, const void *base, const void *data)
{
    return format_content(record_get_place(row, base), data);
}

static void clear_file(const record_row *row, void *base)
{
    root_file_clear(record_get_place(row, base));
}

static const struct record_kind file_kind = {"object", parse_file, format_file, clear_file};

RECORD_MAP_ITEM(key_record, struct change_key,
                {"before", &record_string, KEY_AT(before), RECORD_NULL | RECORD_TEXT,
                 .meaning = "null: the key was not there"},
                {"after", &record_string, KEY_AT(after), RECORD_REQUIRED | RECORD_TEXT})

static const char *const undo_names[] = {
    [CHANGE_WHOLE] = "whole",
    [CHANGE_LINES] = "lines",
    [CHANGE_PROPERTIES] = "properties",
    [CHANGE_CPU] = "cpu",
    NULL,
};

void change_free(void *item)
{
    struct change *change = item;
    if (change != NULL) {
        cpulift_error_clear(&change->why);
        record_free(&change_record, change);
    }
}

const struct record change_record = {
    RECORD_ROWS(
        {"target", &record_string, CHANGE_AT(target), RECORD_REQUIRED | RECORD_BELOW,
         .meaning = "the file, below the root; of a definition its guest's UUID"},
        {"guest", &record_string, CHANGE_AT(guest), RECORD_TEXT,
         .meaning = "its name; absent: this is a file"},
        {"store", &record_pointer, CHANGE_AT(store), .record = &store_key_record,
         .meaning = "the libvirt that has the definition; absent: this is a file"},
        {"undo", &record_word, CHANGE_AT(undo), RECORD_REQUIRED, .words = undo_names,
         .meaning =
             "of what others wrote since: the file is left as it is (`whole`), all but our "
             "lines stays (`lines`), all but our keys (`properties`), or all of a definition "
             "but <cpu> (`cpu`)"},
        {"before", &file_kind, CHANGE_AT(before), RECORD_REQUIRED | RECORD_NULL,
         .record = &file_record,
         .meaning = "the file or definition (mode and owner 0) as it was; null: it was not "
                    "there"},
        {"after", &file_kind, CHANGE_AT(after), RECORD_REQUIRED | RECORD_NULL,
         .record = &file_record,
         .meaning = "as we leave it; null: it is removed, or not known of a definition"},
        {"keys", &record_map, CHANGE_AT(keys), .record = &key_record,
         .meaning = "of `properties`: key → its values"}),
    .size = sizeof(struct change),
    .destroy = change_free,
};

const struct record changeset_record = {
    .schema = CHANGESET_SCHEMA,
    CHANGESET_ROWS({0}),
    .size = sizeof(changeset),
};

changeset *changeset_new(const char *platform)
{
    changeset *set = record_new(&changeset_record);
    set->platform = g_strdup(platform);
    return set;
}

void changeset_free(changeset *set)
{
    record_free(&changeset_record, set);
}

void changeset_set_plan(changeset *set, const cpulift_plan *plan)
{
    g_autoptr(json_t) json = record_format(&plan_record, plan, NULL);
    g_free(set->plan);
    set->plan = json_format_document(json);
}

cpulift_plan *changeset_find_plan(const changeset *set)
{
    cpulift_plan *plan = NULL;
    if (set->plan != NULL && plan_parse(set->plan, strlen(set->plan), "", &plan, NULL) == 0) {
        return plan;
    }
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct root_file *after = &((const struct change *)set->changes->pdata[i])->after;
        if (after->exists && plan_parse(after->bytes, after->len, "", &plan, NULL) == 0) {
            return plan;
        }
    }
    return NULL;
}

typedef struct change own_change;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(own_change, change_free)

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
        change->after.mode = (change->before.mode | (mode & 0111)) & ROOT_MODES;
        return 0;
    }
    return root_get_owner(root, change->target, &change->after.uid, &change->after.gid, err);
}

static bool is_or_is_below(const char *target, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(target, folder, len) == 0 && (target[len] == '\0' || target[len] == '/');
}

/// What the journal could not name, what stands in its way and what is changed twice could not be
/// undone.
static int check_target(const changeset *set, const char *target, cpulift_error **err)
{
    bool is_taken =
        is_or_is_below(target, JOURNAL_FOLDER) || is_or_is_below(JOURNAL_FOLDER, target);
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = set->changes->pdata[i];
        is_taken |= change->store == NULL && strcmp(change->target, target) == 0;
    }
    return text_is_below(target) && text_is_line(target) && !is_taken
               ? 0
               : cpulift_error_set(err, CPULIFT_EREFUSED,
                                   "'%s' is no place for a file of ours: %s; name another", target,
                                   is_taken ? "another of them belongs there"
                                            : "a part of it is empty, or it has characters that "
                                              "are not seen");
}

int changeset_add(changeset *set, const root_dir *root, const char *target, const char *bytes,
                  size_t len, mode_t mode, enum change_undo undo, cpulift_error **err)
{
    g_autoptr(own_change) change = record_new(&change_record);
    change->target = g_strdup(target);
    change->undo = undo;
    TRY(root_load(root, target, &change->before, err));
    TRY(check_target(set, target, err));
    TRY(fill_after(change, root, bytes, len, mode, err));
    if (!root_file_equal(&change->before, &change->after)) {
        g_ptr_array_add(set->changes, g_steal_pointer(&change));
    }
    return 0;
}

int changeset_add_removal(changeset *set, const root_dir *root, const char *target,
                          cpulift_error **err)
{
    g_autoptr(own_change) change = record_new(&change_record);
    change->target = g_strdup(target);
    change->undo = CHANGE_WHOLE;
    TRY(root_load(root, target, &change->before, err));
    TRY(check_target(set, target, err));
    if (change->before.exists) {
        g_ptr_array_add(set->changes, g_steal_pointer(&change));
    }
    return 0;
}

int change_refuse_changed(const root_dir *root, const char *target, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ECONFLICT,
                             "'%s/%s' changed while it was read: nothing was changed; run the "
                             "command again",
                             root->path, target);
}

int changeset_add_edit(changeset *set, const root_dir *root, const char *target,
                       const struct root_file *read, const char *bytes, size_t len,
                       enum change_undo undo, cpulift_error **err)
{
    guint count = set->changes->len;
    TRY(changeset_add(set, root, target, bytes, len, read->mode, undo, err));
    const struct change *change =
        set->changes->len > count ? g_ptr_array_index(set->changes, count) : NULL;
    if (change == NULL || root_file_equal(&change->before, read)) {
        return 0;
    }
    g_ptr_array_set_size(set->changes, (gint)count);
    return change_refuse_changed(root, target, err);
}

static void set_pair(properties *file, const char *key, const char *value, GPtrArray *keys)
{
    const char *before = properties_get(file, key);
    const char *after = value == NULL && before != NULL ? "" : value;
    if (g_strcmp0(before, after) == 0) {
        return;
    }
    struct change_key *changed = record_new(&key_record);
    *changed = (struct change_key){g_strdup(key), g_strdup(before), g_strdup(after)};
    g_ptr_array_add(keys, changed);
    properties_set(file, key, after);
}

int changeset_add_properties(changeset *set, const root_dir *root, const char *target,
                             const char *const (*pairs)[2], size_t count, cpulift_error **err)
{
    g_auto(root_file) before = {0};
    g_autoptr(properties) file = NULL;
    TRY(root_load(root, target, &before, err));
    if (!before.exists) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' is not there: is this the right "
                                 "host, or the right --root?",
                                 root->path, target);
    }
    TRY(properties_parse(before.bytes, before.len, target, &file, err));
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(key_record_free);
    for (size_t i = 0; i < count; i++) {
        set_pair(file, pairs[i][0], pairs[i][1], keys);
    }
    if (keys->len == 0) {
        return 0;
    }
    size_t len = 0;
    const char *bytes = properties_format(file, &len);
    guint changes = set->changes->len;
    TRY(changeset_add_edit(set, root, target, &before, bytes, len, CHANGE_PROPERTIES, err));
    if (set->changes->len > changes) {
        struct change *change = g_ptr_array_index(set->changes, changes);
        g_ptr_array_free(change->keys, TRUE);
        change->keys = g_steal_pointer(&keys);
    }
    return 0;
}

/// Without mode and owner; `text` NULL: none.
static struct root_file new_text(const char *text)
{
    return (struct root_file){
        .exists = text != NULL, .bytes = g_strdup(text), .len = text != NULL ? strlen(text) : 0};
}

void changeset_add_definition(changeset *set, const store_key *store, const char *uuid,
                              const char *guest, const char *before, const char *after)
{
    struct change *change = record_new(&change_record);
    change->target = g_strdup(uuid);
    change->guest = g_strdup(guest);
    change->store = store_key_copy(store);
    change->undo = CHANGE_CPU;
    change->before = new_text(before);
    change->after = new_text(after);
    g_ptr_array_add(set->changes, change);
}

bool change_is_of_same(const struct change *a, const struct change *b)
{
    return strcmp(a->target, b->target) == 0 && store_key_equal(a->store, b->store);
}

char *change_get_label(const struct change *change)
{
    return change->guest != NULL ? g_strdup(change->guest) : g_strconcat("/", change->target, NULL);
}

/// The content for people's eyes, the caller's: without secrets.
static char *show(const struct change *change, const struct root_file *file, size_t *ret_len)
{
    g_autoptr(properties) parsed = NULL;
    const char *bytes = file->bytes;
    *ret_len = file->len;
    if (change->undo == CHANGE_PROPERTIES && file->exists &&
        properties_parse(bytes, file->len, change->target, &parsed, NULL) == 0) {
        properties_mask(parsed);
        bytes = properties_format(parsed, ret_len);
    }
    return file->exists ? secrets_hide(bytes, ret_len, change->undo == CHANGE_CPU) : NULL;
}

static json_t *format_shown(const struct change *change, const struct root_file *file)
{
    struct root_file shown = *file;
    g_autofree char *bytes = show(change, file, &shown.len);
    shown.bytes = bytes;
    json_t *json = format_content(&shown, NULL);
    return json != NULL ? json : json_null();
}

void change_hide_secrets(const struct change *change, json_t *json)
{
    json_object_set_new(json, "before", format_shown(change, &change->before));
    json_object_set_new(json, "after", format_shown(change, &change->after));
}

void change_append_diff(GString *out, const struct change *change, const struct root_file *before,
                        const struct root_file *after)
{
    g_autofree char *target =
        change->guest != NULL ? g_strconcat(change->guest, ".xml", NULL) : g_strdup(change->target);
    if (!before->exists && after->exists) {
        g_string_append_printf(out, "new file mode %04o: %s\n", after->mode, target);
    } else if (before->exists && after->exists && before->mode != after->mode) {
        g_string_append_printf(out, "mode %04o to %04o: %s\n", before->mode, after->mode, target);
    }
    size_t len = 0, new_len = 0;
    g_autofree char *old = show(change, before, &len), *new = show(change, after, &new_len);
    diff_format(out, target, old, len, new, new_len);
}

char *changeset_format_diff(const changeset *set)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        change_append_diff(out, change, &change->before, &change->after);
    }
    return g_string_free(out, FALSE);
}

json_t *changeset_to_json(const changeset *set)
{
    return record_format(&changeset_record, set, NULL);
}

/// A definition is a guest's, in a libvirt, and undone as none but it can be.
static bool is_file_or_definition(const struct change *change)
{
    bool is_cpu = change->undo == CHANGE_CPU;
    return is_cpu == (change->guest != NULL) && is_cpu == (change->store != NULL) &&
           (!is_cpu || change->before.exists);
}

int changeset_from_json(const json_t *json, const char *name, changeset **ret_set,
                        cpulift_error **err)
{
    g_autoptr(changeset) set = changeset_new(NULL);
    TRY(record_parse(&changeset_record, json, name, NULL, set, err));
    for (size_t i = 0; i < set->changes->len; i++) {
        if (!is_file_or_definition(g_ptr_array_index(set->changes, i))) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': \"changes[%zu]\" is neither of a file nor of a "
                                     "definition: one has \"store\", \"guest\", \"before\" and "
                                     "undo \"cpu\"",
                                     name, i);
        }
    }
    *ret_set = g_steal_pointer(&set);
    return 0;
}

int changeset_to_file(const changeset *set, const char *name, struct root_file *ret_file,
                      cpulift_error **err)
{
    g_autoptr(json_t) json = changeset_to_json(set);
    g_autoptr(changeset) again = NULL;
    TRY(changeset_from_json(json, name, &again, err));
    *ret_file = root_file_new_private(json_format_document(json));
    return 0;
}
