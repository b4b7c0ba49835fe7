// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/undo.h"

#include "core/domain_restore.h"
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

/// How often the lines stand in the text up to `end` (NULL: all of it).
static size_t count_lines(const char *text, const char *end, const char *lines)
{
    size_t count = 0;
    const char *found = find_lines(text, true, lines);
    for (; found != NULL && (end == NULL || found < end); count++) {
        found = find_lines(found + 1, false, lines);
    }
    return count;
}

static bool has_lines_once(const char *text, const char *lines)
{
    return count_lines(text, NULL, lines) == 1;
}

/// Where the lines stand that we put into the file. The same may have been there, or be there now,
/// where they mean nothing (in a here-document); NULL: not to be told.
static const char *find_ours(const char *now, const struct root_file *before, size_t head,
                             const char *lines)
{
    if (count_lines(now, NULL, lines) != count_lines(before->bytes, NULL, lines) + 1) {
        return NULL;
    }
    const char *found = find_lines(now, true, lines);
    for (size_t i = count_lines(before->bytes, before->bytes + head, lines); i > 0; i--) {
        found = find_lines(found + 1, false, lines);
    }
    return found;
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
    bool is_gone = count_lines(now->bytes, NULL, ours) <= count_lines(before->bytes, NULL, ours);
    bool is_undone = *theirs == '\0' ? *ours != '\0' : has_lines_once(now->bytes, theirs);
    // Perhaps by a rollback that was killed before it could forget its record.
    if (is_gone && is_undone) {
        *ret_file = root_file_copy(now);
        *ret_how = "unchanged (our lines are gone already)";
        return 0;
    }
    const char *found = find_ours(now->bytes, before, head, ours);
    if (found == NULL) {
        return refuse(err, change->target, "our lines are not there as we wrote them");
    }
    size_t at = (size_t)(found - now->bytes), len = strlen(theirs);
    g_autoptr(GString) text = g_string_new_len(now->bytes, (gssize)now->len);
    g_string_erase(text, (gssize)at, (gssize)strlen(ours));
    g_string_insert(text, (gssize)at, theirs);
    // What was the file's last line, without an end, is it no longer where others added some.
    if (len > 0 && theirs[len - 1] != '\n' && at + len < text->len) {
        g_string_insert_c(text, (gssize)(at + len), '\n');
    }
    *ret_file = with_bytes(now, text->str, text->len);
    *ret_how = "lines taken out (others had changed the file)";
    return 0;
}

/// A definition before, after and now; NULL where it is none or not known.
struct views {
    domain_document *before, *after, *now;
};

static void views_clear(struct views *views)
{
    domain_free(views->before);
    domain_free(views->after);
    domain_free(views->now);
}
typedef struct views own_views;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(own_views, views_clear)

static domain_document *view(const struct root_file *file, const char *guest)
{
    domain_document *document = NULL;
    return file->exists && domain_parse(file->bytes, file->len, guest, &document, NULL) == 0
               ? document
               : NULL;
}

static struct views view_all(const struct change *change, const struct root_file *now)
{
    return (struct views){view(&change->before, change->guest), view(&change->after, change->guest),
                          view(now, change->guest)};
}

static bool is_same(const domain_document *a, const domain_document *b)
{
    return a != NULL && b != NULL && domain_has_same_definition(a, b);
}

static int refuse_cpu(cpulift_error **err, const struct change *change, const char *why)
{
    return cpulift_error_set(err, CPULIFT_ECONFLICT,
                             "the <cpu> of '%s' was changed after cpulift changed it (%s): it is "
                             "left as it is; put the old one back by hand, and run rollback again",
                             change->guest, why);
}

/// Where an older cpulift did not keep what it left, what is there counts as that.
static int undo_cpu(const struct change *change, const struct root_file *now,
                    struct root_file *ret_file, const char **ret_how, cpulift_error **err)
{
    g_auto(own_views) views = view_all(change, now);
    g_autoptr(cpulift_error) why = NULL;
    g_autofree char *text = NULL;
    if (is_same(views.now, views.before)) {
        *ret_file = root_file_copy(now);
        *ret_how = "unchanged (it has its old <cpu> already)";
        return 0;
    }
    if (change->after.exists && !is_same(views.now, views.after)) {
        return refuse_cpu(err, change, "it is neither the old one nor ours");
    }
    if (views.now == NULL || views.before == NULL) {
        return refuse_cpu(err, change, "the definition is no XML that can be read");
    }
    if (domain_restore(views.now, views.before, &text, &why) != 0) {
        return refuse_cpu(err, change, why->message);
    }
    bool is_whole = strcmp(text, change->before.bytes) == 0;
    *ret_file = with_bytes(now, text, strlen(text));
    *ret_how = is_whole ? "restored" : "<cpu> restored (others had changed the rest)";
    return 0;
}

static const char *judge_cpu(const struct change *change, const struct root_file *now)
{
    g_auto(own_views) views = view_all(change, now);
    return is_same(views.now, views.before)                           ? "taken back"
           : !change->after.exists || is_same(views.now, views.after) ? "in force"
                                                                      : "changed by others";
}

static bool has_keys(const struct change *change, const struct root_file *now)
{
    g_autoptr(properties) file = NULL;
    if (!now->exists || properties_parse(now->bytes, now->len, change->target, &file, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < change->keys->len; i++) {
        const struct change_key *key = g_ptr_array_index(change->keys, i);
        if (g_strcmp0(properties_get(file, key->key), key->after) != 0) {
            return false;
        }
    }
    return true;
}

/// With what we left there it went, or with the guest.
static bool is_gone(const struct change *change, const struct root_file *now)
{
    return !now->exists &&
           (change->undo == CHANGE_CPU || (change->after.exists && change->before.exists));
}

const char *undo_judge(const struct change *change, const struct root_file *now)
{
    if (is_gone(change, now)) {
        return "no longer there";
    }
    if (change->undo == CHANGE_CPU) {
        return judge_cpu(change, now);
    }
    if (root_file_same_bytes(now, &change->after)) {
        // A platform passes over a hook that it cannot execute, in silence.
        bool can_run = !now->exists || (change->after.mode & 0111 & ~now->mode) == 0;
        return !can_run ? "no longer executable" : now->exists ? "in force" : "in force (removed)";
    }
    if (change->undo == CHANGE_PROPERTIES && has_keys(change, now)) {
        return "in force (rewritten by the platform)";
    }
    return root_file_same_bytes(now, &change->before) ? "taken back" : "changed by others";
}

static int (*const undoers[])(const struct change *change, const struct root_file *now,
                              struct root_file *ret_file, const char **ret_how,
                              cpulift_error **err) = {
    [CHANGE_LINES] = undo_lines,
    [CHANGE_PROPERTIES] = undo_properties,
    [CHANGE_CPU] = undo_cpu,
};

int undo_compute(const struct change *change, const struct root_file *now,
                 struct root_file *ret_file, const char **ret_how, cpulift_error **err)
{
    if (is_gone(change, now)) {
        *ret_file = (struct root_file){0};
        *ret_how = "no longer there";
        return 0;
    }
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
    if (change->undo == CHANGE_WHOLE) {
        return refuse(err, change->target, "its content is neither the old nor ours");
    }
    return undoers[change->undo](change, now, ret_file, ret_how, err);
}
