// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/diff.h"

#include <stdbool.h>
#include <string.h>

#define CONTEXT ((size_t)3)

/// The table of the longest common subsequence is quadratic; beyond this many cells the changed
/// middle is shown as replaced whole, which is still a right diff.
#define TABLE_MAX ((size_t)4 << 20)

struct line {
    const char *text;
    size_t len; ///< with its newline, if it has one
};

/// One line of the script: ' ' in both, '-' only before, '+' only after.
struct edit {
    char kind;
    struct line line;
};

static GArray *split(const char *text, size_t len)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(struct line));
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        struct line line = {text, end != NULL ? (size_t)(end - text) + 1 : len};
        g_array_append_val(lines, line);
        text += line.len;
        len -= line.len;
    }
    return lines;
}

static bool same(struct line a, struct line b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

static void push(GArray *script, char kind, struct line line)
{
    struct edit edit = {kind, line};
    g_array_append_val(script, edit);
}

/// table[i][j]: length of the longest common subsequence of a[i…] and b[j…].
static guint32 *compute_table(const struct line *a, size_t n, const struct line *b, size_t m)
{
    size_t width = m + 1;
    guint32 *table = g_new0(guint32, (n + 1) * width);
    for (size_t i = n; i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            guint32 down = table[(i + 1) * width + j], right = table[i * width + j + 1];
            table[i * width + j] =
                same(a[i], b[j]) ? table[(i + 1) * width + j + 1] + 1 : MAX(down, right);
        }
    }
    return table;
}

static void push_middle(GArray *script, const struct line *a, size_t n, const struct line *b,
                        size_t m)
{
    g_autofree guint32 *table = NULL;
    if (n > 0 && m > 0 && n < TABLE_MAX / m) {
        table = compute_table(a, n, b, m);
    }
    size_t i = 0, j = 0;
    while (table != NULL && i < n && j < m) {
        if (same(a[i], b[j])) {
            push(script, ' ', a[i++]);
            j++;
        } else if (table[(i + 1) * (m + 1) + j] >= table[i * (m + 1) + j + 1]) {
            push(script, '-', a[i++]);
        } else {
            push(script, '+', b[j++]);
        }
    }
    while (i < n) {
        push(script, '-', a[i++]);
    }
    while (j < m) {
        push(script, '+', b[j++]);
    }
}

static GArray *compute_script(const GArray *before, const GArray *after)
{
    const struct line *a = (const struct line *)(void *)before->data;
    const struct line *b = (const struct line *)(void *)after->data;
    size_t n = before->len, m = after->len, head = 0, tail = 0;
    while (head < MIN(n, m) && same(a[head], b[head])) {
        head++;
    }
    while (tail < MIN(n, m) - head && same(a[n - 1 - tail], b[m - 1 - tail])) {
        tail++;
    }
    GArray *script = g_array_new(FALSE, FALSE, sizeof(struct edit));
    for (size_t i = 0; i < head; i++) {
        push(script, ' ', a[i]);
    }
    // An empty side has no array that a pointer could point into.
    push_middle(script, n > 0 ? a + head : NULL, n - head - tail, m > 0 ? b + head : NULL,
                m - head - tail);
    for (size_t i = n - tail; i < n; i++) {
        push(script, ' ', a[i]);
    }
    return script;
}

static void format_range(GString *out, char sign, size_t start, size_t count)
{
    g_string_append_printf(out, "%c%zu", sign, count == 0 ? start : start + 1);
    if (count != 1) {
        g_string_append_printf(out, ",%zu", count);
    }
}

/// `before` and `after` are the lines before it, and then those up to its end.
static void format_hunk(GString *out, const struct edit *edits, size_t from, size_t to,
                        size_t *before, size_t *after)
{
    size_t removed = 0, added = 0;
    for (size_t i = from; i < to; i++) {
        removed += edits[i].kind != '+';
        added += edits[i].kind != '-';
    }
    g_string_append(out, "@@ ");
    format_range(out, '-', *before, removed);
    g_string_append_c(out, ' ');
    format_range(out, '+', *after, added);
    g_string_append(out, " @@\n");
    *before += removed;
    *after += added;
    for (size_t i = from; i < to; i++) {
        g_string_append_c(out, edits[i].kind);
        g_string_append_len(out, edits[i].line.text, (gssize)edits[i].line.len);
        if (edits[i].line.text[edits[i].line.len - 1] != '\n') {
            g_string_append(out, "\n\\ No newline at end of file\n");
        }
    }
}

/// The end of the hunk that begins at `from`: after CONTEXT unchanged lines that are followed by
/// CONTEXT more, or by the end.
static size_t find_hunk_end(const struct edit *edits, size_t count, size_t from)
{
    size_t last = from;
    for (size_t i = from; i < count && i - last <= 2 * CONTEXT; i++) {
        if (edits[i].kind != ' ') {
            last = i;
        }
    }
    return MIN(last + 1 + CONTEXT, count);
}

static void format_hunks(GString *out, const GArray *script)
{
    const struct edit *edits = (const struct edit *)(void *)script->data;
    size_t before = 0, after = 0;
    for (size_t at = 0; at < script->len;) {
        size_t change = at;
        while (change < script->len && edits[change].kind == ' ') {
            change++;
        }
        if (change == script->len) {
            return;
        }
        size_t from = change - at > CONTEXT ? change - CONTEXT : at;
        size_t to = find_hunk_end(edits, script->len, change);
        before += from - at;
        after += from - at;
        format_hunk(out, edits, from, to, &before, &after);
        at = to;
    }
}

void diff_format(GString *out, const char *name, const char *before, size_t before_len,
                 const char *after, size_t after_len)
{
    bool has_before = before != NULL, has_after = after != NULL;
    if (has_before == has_after &&
        (!has_before || (before_len == after_len && memcmp(before, after, before_len) == 0))) {
        return;
    }
    g_autofree char *from = has_before ? g_strdup_printf("a/%s", name) : g_strdup("/dev/null");
    g_autofree char *to = has_after ? g_strdup_printf("b/%s", name) : g_strdup("/dev/null");
    if ((has_before && memchr(before, '\0', before_len) != NULL) ||
        (has_after && memchr(after, '\0', after_len) != NULL)) {
        g_string_append_printf(out, "Binary files %s and %s differ\n", from, to);
        return;
    }
    g_autoptr(GArray) a = split(before, has_before ? before_len : 0);
    g_autoptr(GArray) b = split(after, has_after ? after_len : 0);
    g_autoptr(GArray) script = compute_script(a, b);
    g_string_append_printf(out, "--- %s\n+++ %s\n", from, to);
    format_hunks(out, script);
}
