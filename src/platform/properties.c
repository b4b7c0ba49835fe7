// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/properties.h"

#include "base/text.h"

#include <string.h>

/// One definition and where it stands in the text.
struct entry {
    char *key, *value; ///< UTF-8
    size_t key_end;    ///< offset behind the key
    size_t value_start, value_end;
    bool has_separator; ///< '=' or ':' between key and value, not only blanks
};

struct properties {
    GString *text;
    GPtrArray *entries; ///< struct entry, in order
    GHashTable *last;   ///< key → the last of the entries that have it
};

/// A logical line: its characters without continuation, and the offset of each in the text.
struct logical {
    GByteArray *chars;
    GArray *offsets; ///< size_t
    size_t end;      ///< offset of the line's end (its newline, or the end of the text)
    bool is_lone;    ///< nothing but a backslash before the end of the text: an empty key to Java
};

static void entry_free(void *data)
{
    struct entry *entry = data;
    g_free(entry->key);
    g_free(entry->value);
    g_free(entry);
}

void properties_free(properties *file)
{
    if (file == NULL) {
        return;
    }
    g_string_free(file->text, TRUE);
    g_hash_table_unref(file->last);
    g_ptr_array_free(file->entries, TRUE);
    g_free(file);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static size_t skip_comment(const GString *text, size_t at)
{
    while (at < text->len && !is_newline(text->str[at])) {
        at++;
    }
    return at;
}

/// Behind the end of a line that goes on: "\r\n" is one end.
static size_t skip_newline(const GString *text, size_t at)
{
    return at + (text->str[at] == '\r' && at + 1 < text->len && text->str[at + 1] == '\n' ? 2 : 1);
}

static void drop_last(struct logical *line)
{
    g_byte_array_set_size(line->chars, line->chars->len - 1);
    g_array_set_size(line->offsets, line->offsets->len - 1);
}

/// Skips blanks at the beginning of a physical line and, unless it continues another, empty lines
/// and comments before it. Returns the offset of the first character that counts.
static size_t skip_to_content(const GString *text, size_t at, const struct logical *line,
                              bool is_continuation)
{
    while (at < text->len) {
        if (is_blank(text->str[at]) || (!is_continuation && is_newline(text->str[at]))) {
            at++;
        } else if (line->chars->len == 0 && (text->str[at] == '#' || text->str[at] == '!')) {
            at = skip_comment(text, at);
            is_continuation = false;
        } else if (line->chars->len == 0 && is_newline(text->str[at])) {
            is_continuation = false;
        } else {
            break;
        }
    }
    return at;
}

/// Reads the next logical line from `at`; returns the offset behind it. An empty line means the end
/// of the text. The states are those of java.util.Properties.LineReader (JDK 17).
static size_t read_logical(const GString *text, size_t at, struct logical *line)
{
    bool escaped = false;
    at = skip_to_content(text, at, line, false);
    while (at < text->len) {
        char c = text->str[at];
        if (!is_newline(c)) {
            g_byte_array_append(line->chars, (const guint8 *)&c, 1);
            g_array_append_val(line->offsets, at);
            escaped = c == '\\' && !escaped;
            at++;
        } else if (escaped && at + 1 < text->len) {
            drop_last(line);
            escaped = false;
            at = skip_to_content(text, skip_newline(text, at), line, true);
        } else {
            break;
        }
    }
    line->end = at;
    if (escaped) {
        line->end = g_array_index(line->offsets, size_t, line->offsets->len - 1);
        drop_last(line);
        line->is_lone = line->chars->len == 0;
    }
    return at;
}

static int unescape_unicode(const char *from, size_t len, const char *name, gunichar *ret_c,
                            cpulift_error **err)
{
    gunichar c = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < len ? g_ascii_xdigit_value(from[i]) : -1;
        if (digit < 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' has a malformed \\uXXXX: Java cannot read it either; "
                                     "mend the file first",
                                     name);
        }
        c = c * 16 + (gunichar)digit;
    }
    *ret_c = c;
    return 0;
}

/// Appends one UTF-16 unit; the second of a surrogate pair joins the first.
static void append_unit(GString *out, gunichar unit, gunichar *high)
{
    if (*high != 0 && unit >= 0xDC00 && unit <= 0xDFFF) {
        g_string_append_unichar(out, 0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00));
        *high = 0;
        return;
    }
    if (*high != 0) {
        g_string_append(out, "\xEF\xBF\xBD");
        *high = 0;
    }
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        *high = unit;
    } else if (unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) {
        g_string_append(out, "\xEF\xBF\xBD"); // no C string holds it; none of our values has it
    } else {
        g_string_append_unichar(out, unit);
    }
}

/// Pairs: what a letter behind a backslash means, and the letter.
static const char letters[] = "\tt\nn\rr\ff";

static gunichar unescape_letter(char c)
{
    const char *letter = g_ascii_isalpha(c) ? strchr(letters, c) : NULL;
    return (guchar)(letter != NULL ? letter[-1] : c);
}

static int unescape(const struct logical *line, size_t from, size_t to, const char *name,
                    char **ret_text, cpulift_error **err)
{
    const char *chars = (const char *)line->chars->data;
    g_autoptr(GString) out = g_string_new(NULL);
    gunichar high = 0;
    for (size_t i = from; i < to; i++) {
        gunichar unit = (guchar)chars[i];
        if (chars[i] == '\\' && i + 1 < to && chars[i + 1] == 'u') {
            TRY(unescape_unicode(chars + i + 2, to - i - 2, name, &unit, err));
            i += 5;
        } else if (chars[i] == '\\' && i + 1 < to) {
            unit = unescape_letter(chars[++i]);
        }
        append_unit(out, unit, &high);
    }
    append_unit(out, '\n', &high); // flushes a lone surrogate
    g_string_truncate(out, out->len - 1);
    *ret_text = g_string_free(g_steal_pointer(&out), FALSE);
    return 0;
}

static size_t find_key_end(const char *chars, size_t len)
{
    bool escaped = false;
    for (size_t i = 0; i < len; i++) {
        if (!escaped && (chars[i] == '=' || chars[i] == ':' || is_blank(chars[i]))) {
            return i;
        }
        escaped = chars[i] == '\\' && !escaped;
    }
    return len;
}

static int parse_entry(const struct logical *line, const char *name, GPtrArray *entries,
                       cpulift_error **err)
{
    const char *chars = (const char *)line->chars->data;
    size_t len = line->chars->len, key_end = find_key_end(chars, len), value = key_end;
    struct entry *entry = g_new0(struct entry, 1);
    g_ptr_array_add(entries, entry);
    while (value < len &&
           (is_blank(chars[value]) ||
            (!entry->has_separator && (chars[value] == '=' || chars[value] == ':')))) {
        entry->has_separator |= !is_blank(chars[value]);
        value++;
    }
    const size_t *offsets = (const size_t *)(void *)line->offsets->data;
    entry->key_end = key_end > 0 ? offsets[key_end - 1] + 1 : len > 0 ? offsets[0] : line->end;
    entry->value_start = value < len ? offsets[value] : line->end;
    entry->value_end = line->end;
    TRY(unescape(line, 0, key_end, name, &entry->key, err));
    return unescape(line, value, len, name, &entry->value, err);
}

/// The entries from offset `at` on, where a logical line begins.
static int parse_from(properties *file, size_t at, const char *name, cpulift_error **err)
{
    const GString *text = file->text;
    g_autoptr(GByteArray) chars = g_byte_array_new();
    g_autoptr(GArray) offsets = g_array_new(FALSE, FALSE, sizeof(size_t));
    struct logical line = {.chars = chars, .offsets = offsets};
    while (at < text->len) {
        g_byte_array_set_size(chars, 0);
        g_array_set_size(offsets, 0);
        at = read_logical(text, at, &line);
        if (chars->len > 0 || line.is_lone) {
            TRY(parse_entry(&line, name, file->entries, err));
            struct entry *entry = g_ptr_array_index(file->entries, file->entries->len - 1);
            g_hash_table_replace(file->last, entry->key, entry);
        }
    }
    return 0;
}

int properties_parse(const char *bytes, size_t len, const char *name, properties **ret_properties,
                     cpulift_error **err)
{
    g_autoptr(properties) parsed = g_new0(properties, 1);
    parsed->text = g_string_new_len(bytes, (gssize)len);
    parsed->entries = g_ptr_array_new_with_free_func(entry_free);
    parsed->last = g_hash_table_new(g_str_hash, g_str_equal);
    TRY(parse_from(parsed, 0, name, err));
    *ret_properties = g_steal_pointer(&parsed);
    return 0;
}

/// After a change: what parsed before and what we write parses, so there is no error to report.
static void parse_again(properties *file)
{
    g_hash_table_remove_all(file->last);
    g_ptr_array_set_size(file->entries, 0);
    (void)parse_from(file, 0, "properties", NULL);
}

static const struct entry *find(const properties *file, const char *key)
{
    return g_hash_table_lookup(file->last, key);
}

const char *properties_get(const properties *file, const char *key)
{
    const struct entry *entry = find(file, key);
    return entry != NULL ? entry->value : NULL;
}

const char **properties_list(const properties *file)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    for (size_t i = 0; i < file->entries->len; i++) {
        const struct entry *entry = g_ptr_array_index(file->entries, i);
        if (find(file, entry->key) == entry) {
            g_ptr_array_add(keys, entry->key);
        }
    }
    g_ptr_array_sort(keys, text_compare);
    g_ptr_array_add(keys, NULL);
    return (const char **)g_ptr_array_free(g_steal_pointer(&keys), FALSE);
}

static void escape_unit(GString *out, gunichar unit)
{
    g_string_append_printf(out, "\\u%04X", unit);
}

static void escape_char(GString *out, gunichar c, bool is_escaped)
{
    const char *letter = c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (c > 0xFFFF) {
        escape_unit(out, 0xD800 + ((c - 0x10000) >> 10));
        escape_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    } else if (letter != NULL && g_ascii_iscntrl((char)c)) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, letter[1]);
    } else if (c < 0x20 || c > 0x7E) {
        escape_unit(out, c);
    } else {
        g_string_append_printf(out, "%s%c", is_escaped ? "\\" : "", (char)c);
    }
}

/// Appends `text` so that Java reads it back: in a key all that ends one, in a value only what
/// would be taken away from its beginning.
static void escape(GString *out, const char *text, bool is_key)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        bool is_first = at == text;
        bool is_escaped = *at == '\\' || (is_first && strchr(" #!=:", *at) != NULL) ||
                          (is_key && strchr(" =:", *at) != NULL);
        escape_char(out, g_utf8_get_char(at), is_escaped);
    }
}

/// True when what is appended would be read as the continuation of the last line.
static bool ends_with_backslash(const GString *text)
{
    size_t count = 0;
    while (count < text->len && text->str[text->len - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 1;
}

/// True when the text ends so; it may hold NUL bytes.
static bool has_end(const GString *text, const char *end)
{
    size_t len = strlen(end);
    return text->len >= len && memcmp(text->str + text->len - len, end, len) == 0;
}

static void append_entry(GString *text, const char *key, const char *value)
{
    const char *newline = strstr(text->str, "\r\n") != NULL ? "\r\n" : "\n";
    if (ends_with_backslash(text)) {
        g_string_append(text, newline);
    }
    // One newline more than looks needed where the last line continues: "a=b\" and its newline.
    bool continues = has_end(text, "\\\n") || has_end(text, "\\\r\n");
    if (has_end(text, "\\\r")) {
        g_string_append_c(text, '\r'); // "\n" would be part of the same newline
    } else if (text->len > 0 && (!is_newline(text->str[text->len - 1]) || continues)) {
        g_string_append(text, newline);
    }
    escape(text, key, true);
    g_string_append_c(text, '=');
    escape(text, value, false);
    g_string_append(text, newline);
}

void properties_set(properties *file, const char *key, const char *value)
{
    GString *text = file->text;
    const struct entry *entry = find(file, key);
    if (entry == NULL) {
        size_t end = text->len;
        append_entry(text, key, value);
        // The end of the text and an end of line are not the same behind a backslash.
        if (memchr(text->str + (end > 3 ? end - 3 : 0), '\\', MIN(end, 3)) != NULL) {
            parse_again(file);
        } else {
            (void)parse_from(file, end, "properties", NULL);
        }
        return;
    }
    size_t start = entry->has_separator ? entry->value_start : entry->key_end;
    g_autoptr(GString) put = g_string_new(entry->has_separator ? "" : "=");
    escape(put, value, false);
    g_string_erase(text, (gssize)start, (gssize)(entry->value_end - start));
    g_string_insert_len(text, (gssize)start, put->str, (gssize)put->len);
    parse_again(file);
}

#define MASK "***"

/// Rather one too many: the keys that are changed here have none of them.
static bool is_secret(const char *key)
{
    static const char *const words[] = {"pass", "pw",   "secret",  "token",
                                        "cred", "auth", "private", "key"};
    g_autofree char *low = g_ascii_strdown(key, -1);
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(low, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/// A setting that was made a comment is one that was in force, or will be. NULL: none of a secret.
static const char *find_commented(const char *line, const char *end)
{
    const char *at = line;
    bool is_comment = false;
    for (; at < end && (is_blank(*at) || *at == '#' || *at == '!'); at++) {
        is_comment |= !is_blank(*at);
    }
    size_t key_len = find_key_end(at, (size_t)(end - at));
    g_autofree char *key = g_strndup(at, key_len);
    return is_comment && at + key_len < end && is_secret(key) ? at + key_len + 1 : NULL;
}

/// Appends what stands between two values.
static void append_unset(GString *out, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end != NULL ? line_end : end;
        const char *value = find_commented(text, line_end);
        if (value != NULL) {
            g_string_append_len(out, text, value - text);
            g_string_append(out, MASK);
            text = line_end;
        }
        line_end += line_end < end;
        g_string_append_len(out, text, line_end - text);
        text = line_end;
    }
}

void properties_mask(properties *file)
{
    const GString *text = file->text;
    g_autoptr(GString) shown = g_string_sized_new(text->len);
    size_t at = 0;
    for (size_t i = 0; i < file->entries->len; i++) {
        const struct entry *entry = g_ptr_array_index(file->entries, i);
        bool is_masked = is_secret(entry->key) && entry->value_end > entry->value_start;
        append_unset(shown, text->str + at, entry->value_start - at);
        g_string_append_len(shown, is_masked ? MASK : text->str + entry->value_start,
                            is_masked ? -1 : (gssize)(entry->value_end - entry->value_start));
        at = entry->value_end;
    }
    append_unset(shown, text->str + at, text->len - at);
    g_string_truncate(file->text, 0);
    g_string_append_len(file->text, shown->str, (gssize)shown->len);
    parse_again(file);
}

const char *properties_format(const properties *file, size_t *ret_len)
{
    *ret_len = file->text->len;
    return file->text->str;
}
