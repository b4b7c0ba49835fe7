// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/statement.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define BEGIN "@cpulift begin kernel"
#define END   "@cpulift end kernel"

/// The process cuts lines at 8 KiB.
#define LINE_MAX_LEN ((size_t)8 << 10)

/// Names of files, as the kernel has them.
#define NAME_MAX_LEN 64
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

static bool set_release(statement *self, const char *text)
{
    bool is_good = self->release == NULL && *text != '\0' && strlen(text) <= NAME_MAX_LEN;
    if (is_good) {
        self->release = g_strdup(text);
    }
    return is_good;
}

static bool add_vulnerability(statement *self, const char *text)
{
    size_t length = strspn(text, NAME_LETTERS);
    if (length == 0 || length > NAME_MAX_LEN || strncmp(text + length, ": ", 2) != 0 ||
        json_object_size(self->vulnerabilities) >= STATEMENT_ROWS_MAX) {
        return false;
    }
    g_autofree char *name = g_strndup(text, length);
    return json_object_get(self->vulnerabilities, name) == NULL &&
           json_object_set_new(self->vulnerabilities, name, json_string(text + length + 2)) == 0;
}

/// True where the text is the pattern but for hexadecimal digits in the place of its x.
static bool is_like(const char *text, const char *pattern)
{
    for (; *pattern != '\0' && *text != '\0'; text++, pattern++) {
        if (*pattern == 'x' ? !g_ascii_isxdigit(*text) : *pattern != *text) {
            return false;
        }
    }
    return *text == *pattern;
}

#define WORD "xxxxxxxx"

static bool add_leaf(statement *self, const char *text)
{
    struct probe_leaf leaf;
    bool is_good = self->leaves->len < STATEMENT_ROWS_MAX &&
                   is_like(text, WORD " " WORD ": " WORD " " WORD " " WORD " " WORD) &&
                   sscanf(text, "%8x %8x: %8x %8x %8x %8x", &leaf.leaf, &leaf.subleaf,
                          &leaf.regs[0], &leaf.regs[1], &leaf.regs[2], &leaf.regs[3]) == 6;
    if (is_good) {
        g_array_append_val(self->leaves, leaf);
    }
    return is_good;
}

static bool add_msr(statement *self, const char *text)
{
    struct probe_msr msr = {.is_readable = true};
    bool is_good = self->msrs->len < STATEMENT_ROWS_MAX && is_like(text, WORD ": " WORD WORD) &&
                   sscanf(text, "%8x: %8x%8x", &msr.index, &msr.high, &msr.low) == 3;
    if (is_good) {
        g_array_append_val(self->msrs, msr);
    }
    return is_good;
}

static bool add_log(statement *self, const char *text)
{
    if (self->log->len < STATEMENT_ROWS_MAX) {
        g_ptr_array_add(self->log, g_strdup(text));
    }
    return true;
}

/// /proc/cpuinfo says nothing that CPUID does not.
static bool skip(statement *self, const char *text)
{
    (void)self, (void)text;
    return true;
}

static const struct {
    const char *word;
    bool (*add)(statement *self, const char *text);
} kinds[] = {
    {"cpu ", skip},    {"cpuid ", add_leaf},      {"log ", add_log},
    {"msr ", add_msr}, {"release ", set_release}, {"vulnerability ", add_vulnerability},
};

static bool add_line(statement *self, const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(line, kinds[i].word)) {
            return kinds[i].add(self, line + strlen(kinds[i].word));
        }
    }
    return false;
}

/// The end of the line at `text`; NULL where it has none.
static const char *find_line_end(const char *text, const char *end)
{
    return memchr(text, '\n', (size_t)(end - text));
}

static bool is_mark(const char *line, size_t len, const char *mark)
{
    len -= len > 0 && line[len - 1] == '\r';
    return len == strlen(mark) && memcmp(line, mark, len) == 0;
}

/// The first line that is this mark: where the next one begins, or NULL.
static const char *find_mark(const char *text, const char *end, const char *mark)
{
    for (const char *at = text, *line_end; (line_end = find_line_end(at, end)) != NULL;
         at = line_end + 1) {
        if (is_mark(at, (size_t)(line_end - at), mark)) {
            return line_end + 1;
        }
    }
    return NULL;
}

bool statement_has_end(const char *text, size_t len)
{
    // Asked again after every few bytes: the mark before lines.
    return memmem(text, len, END, strlen(END)) != NULL && find_mark(text, text + len, END) != NULL;
}

static statement *make(void)
{
    statement *self = g_new0(statement, 1);
    self->vulnerabilities = json_object();
    self->leaves = g_array_new(FALSE, FALSE, sizeof(struct probe_leaf));
    self->msrs = g_array_new(FALSE, FALSE, sizeof(struct probe_msr));
    self->log = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void statement_free(statement *self)
{
    if (self != NULL) {
        g_free(self->release);
        json_decref(self->vulnerabilities);
        g_array_unref(self->leaves);
        g_array_unref(self->msrs);
        g_ptr_array_unref(self->log);
        g_free(self);
    }
}

/// The process prints nothing else.
static bool is_printable(const char *line)
{
    while (*line >= ' ' && *line <= '~') {
        line++;
    }
    return *line == '\0';
}

/// The lines up to the end's mark.
static int add_lines(statement *self, const char *text, const char *end, cpulift_error **err)
{
    for (const char *at = text, *line_end; (line_end = find_line_end(at, end)) != NULL;
         at = line_end + 1) {
        size_t length = (size_t)(line_end - at);
        if (is_mark(at, length, END)) {
            return 0;
        }
        g_autofree char *line = g_strndup(at, length - (length > 0 && line_end[-1] == '\r'));
        bool is_whole = strlen(line) + 1 >= length && length <= LINE_MAX_LEN + NAME_MAX_LEN;
        if (!is_whole || !is_printable(line) || !add_line(self, line)) {
            text_make_printable(line);
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "the guest printed '%.60s', which its first process does not",
                                     line);
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT, "what the guest said ends in the middle");
}

int statement_parse(const char *text, size_t len, statement **ret_statement, cpulift_error **err)
{
    const char *end = text + len, *begin = find_mark(text, end, BEGIN);
    if (len > STATEMENT_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the guest printed more than %zu KiB",
                                 STATEMENT_MAX >> 10);
    }
    if (begin == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the guest's first process said nothing: its kernel did not come "
                                 "so far");
    }
    g_autoptr(statement) self = make();
    TRY(add_lines(self, begin, end, err));
    if (self->release == NULL || json_object_size(self->vulnerabilities) == 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the guest's kernel does not say what it is, or nothing of "
                                 "vulnerabilities");
    }
    *ret_statement = g_steal_pointer(&self);
    return 0;
}
