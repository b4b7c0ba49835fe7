// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/undo.h"

#include "platform/properties.h"

#include <string.h>

static int refuse(cpulift_error **err, const char *target, const char *why)
{
    return cpulift_error_set(
        err, CPULIFT_ECONFLICT,
        "'%s' was changed after cpulift changed it (%s): it is left as it is; "
        "undo that change, or put the file back by hand, and run rollback again",
        target, why);
}

/// `now` with other content, NUL-terminated at `len`.
static struct root_file with_bytes(const struct root_file *now, const char *bytes, size_t len)
{
    struct root_file file = *now;
    file.exists = true;
    file.bytes = g_memdup2(bytes, len + 1);
    file.len = len;
    return file;
}

/// True when the two agree in every key that is not ours: then nothing is lost with the old bytes.
static bool has_same_rest(const properties *a, const properties *b, const GPtrArray *ours)
{
    const properties *sides[] = {a, b};
    for (size_t side = 0; side < 2; side++) {
        g_autofree const char **keys = properties_list(sides[side]);
        for (size_t i = 0; keys[i] != NULL; i++) {
            bool is_ours = false;
            for (size_t k = 0; k < ours->len; k++) {
                const struct change_key *key = g_ptr_array_index(ours, k);
                is_ours |= strcmp(key->key, keys[i]) == 0;
            }
            if (!is_ours && g_strcmp0(properties_get(a, keys[i]), properties_get(b, keys[i]))) {
                return false;
            }
        }
    }
    return true;
}

static int check_keys(const struct change *change, const properties *now, cpulift_error **err)
{
    for (size_t i = 0; i < change->keys->len; i++) {
        const struct change_key *key = g_ptr_array_index(change->keys, i);
        const char *value = properties_get(now, key->key);
        bool is_known = g_strcmp0(value, key->after) == 0 || g_strcmp0(value, key->before) == 0 ||
                        value == NULL || *value == '\0';
        if (!is_known) {
            return refuse(err, change->target, key->key);
        }
    }
    return 0;
}

/// The CloudStack agent keeps its properties in memory and writes the whole file when one changes:
/// a key that was deleted while it ran comes back, an empty one stays empty and counts as not set.
static void reset_keys(const struct change *change, properties *now)
{
    for (size_t i = 0; i < change->keys->len; i++) {
        const struct change_key *key = g_ptr_array_index(change->keys, i);
        const char *value = properties_get(now, key->key);
        if (value != NULL || key->before != NULL) {
            properties_set(now, key->key, key->before != NULL ? key->before : "");
        }
    }
}

static int undo_properties(const struct change *change, const struct root_file *now,
                           struct root_file *ret_file, const char **ret_how, cpulift_error **err)
{
    g_autoptr(properties) current = NULL;
    g_autoptr(properties) before = NULL;
    TRY(properties_parse(now->bytes, now->len, change->target, &current, err));
    TRY(properties_parse(change->before.bytes, change->before.len, change->target, &before, err));
    TRY(check_keys(change, current, err));
    if (has_same_rest(current, before, change->keys)) {
        *ret_file = root_file_copy(&change->before);
        *ret_how = "restored (the platform had only rewritten it)";
        return 0;
    }
    reset_keys(change, current);
    size_t len = 0;
    const char *bytes = properties_format(current, &len);
    *ret_file = with_bytes(now, bytes, len);
    *ret_how = "keys reset (the platform had changed others)";
    return 0;
}

/// The part of `after` that is not in `before` is [head, len - tail); whole lines.
static void find_difference(const struct root_file *before, const struct root_file *after,
                            size_t *ret_head, size_t *ret_tail)
{
    size_t most = MIN(before->len, after->len), head = 0, tail = 0;
    while (head < most && before->bytes[head] == after->bytes[head]) {
        head++;
    }
    while (head > 0 && before->bytes[head - 1] != '\n') {
        head--;
    }
    while (tail < most - head &&
           before->bytes[before->len - 1 - tail] == after->bytes[after->len - 1 - tail]) {
        tail++;
    }
    while (tail > 0 && after->bytes[after->len - tail - 1] != '\n') {
        tail--;
    }
    *ret_head = head;
    *ret_tail = tail;
}

/// The first place from `text` on where whole lines are `lines`, or NULL: none are nowhere. What is
/// commented out is not there. `text` is a file's start, or stands within a line.
static const char *find_lines(const char *text, bool is_start, const char *lines)
{
    size_t len = strlen(lines);
    const char *found = len > 0 ? strstr(text, lines) : NULL;
    for (; found != NULL; found = strstr(found + 1, lines)) {
        bool begins = found == text ? is_start : found[-1] == '\n';
        if (begins && (lines[len - 1] == '\n' || found[len] == '\n' || found[len] == '\0')) {
            return found;
        }
    }
    return NULL;
}

static bool has_lines_once(const char *text, const char *lines)
{
    const char *found = find_lines(text, true, lines);
    return found != NULL && find_lines(found + 1, false, lines) == NULL;
}

static int undo_lines(const struct change *change, const struct root_file *now,
                      struct root_file *ret_file, const char **ret_how, cpulift_error **err)
{
    const struct root_file *before = &change->before, *after = &change->after;
    if (!before->exists || memchr(now->bytes, '\0', now->len) != NULL) {
        return refuse(err, change->target, "it is another file now");
    }
    size_t head = 0, tail = 0;
    find_difference(before, after, &head, &tail);
    g_autofree char *ours = g_strndup(after->bytes + head, after->len - tail - head);
    g_autofree char *theirs = g_strndup(before->bytes + head, before->len - tail - head);
    const char *found = find_lines(now->bytes, true, ours);
    bool is_undone = *theirs == '\0' ? *ours != '\0' : has_lines_once(now->bytes, theirs);
    // Perhaps by a rollback that was killed before it could forget its record.
    if (found == NULL && is_undone) {
        *ret_file = root_file_copy(now);
        *ret_how = "unchanged (our lines are gone already)";
        return 0;
    }
    if (!has_lines_once(now->bytes, ours)) {
        return refuse(err, change->target, "our lines are not there as we wrote them");
    }
    size_t at = (size_t)(found - now->bytes);
    g_autoptr(GString) text = g_string_new_len(now->bytes, (gssize)now->len);
    g_string_erase(text, (gssize)at, (gssize)strlen(ours));
    g_string_insert(text, (gssize)at, theirs);
    *ret_file = with_bytes(now, text->str, text->len);
    *ret_how = "lines taken out (others had changed the file)";
    return 0;
}

int undo_compute(const struct change *change, const struct root_file *now,
                 struct root_file *ret_file, const char **ret_how, cpulift_error **err)
{
    bool is_before = root_file_same_bytes(now, &change->before);
    if (is_before || root_file_same_bytes(now, &change->after)) {
        *ret_file = root_file_copy(&change->before);
        *ret_how = is_before ? "unchanged" : change->before.exists ? "restored" : "removed";
        return 0;
    }
    if (!now->exists && !change->before.exists) {
        *ret_file = (struct root_file){0};
        *ret_how = "unchanged";
        return 0;
    }
    if (!now->exists || change->undo == CHANGE_WHOLE) {
        return refuse(err, change->target,
                      now->exists ? "its content is neither the old nor ours" : "it is gone");
    }
    return change->undo == CHANGE_PROPERTIES ? undo_properties(change, now, ret_file, ret_how, err)
                                             : undo_lines(change, now, ret_file, ret_how, err);
}
