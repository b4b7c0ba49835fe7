// SPDX-License-Identifier: LGPL-2.1-or-later
/// docs/FORMATS.md has the members of every document as its record has them, and the reasons of
/// plans. UPDATE_GOLDEN=1 writes them there.
#include "cli/documents.h"
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define HEADER  "| member | meaning |\n| --- | --- |\n"
#define REASONS "| reason | meaning |\n| --- | --- |\n"

static void append_rows(GString *out, const struct record *record, const char *path);

/// Of a document that holds itself the members stand there once.
static const struct record *document;

static void append_value(GString *out, const record_row *row)
{
    if (row->words != NULL) {
        g_autofree char *words = g_strjoinv("` or `", (char **)row->words);
        g_string_append_printf(out, "`%s`", words);
    } else if (row->kind == &record_json && row->each != NULL) {
        bool is_map = (row->flags & RECORD_MAP) != 0;
        g_string_append(out, is_map ? "object, each value: " : "list, each: ");
        append_value(out, row->each);
    } else {
        const char *name = row->kind == &record_json ? "object" : row->kind->name;
        const char *end = strstr(name, "string");
        const char *what = (row->flags & RECORD_TEXT) != 0    ? "text"
                           : (row->flags & RECORD_BELOW) != 0 ? "path"
                                                              : NULL;
        if (what != NULL && end != NULL) {
            g_string_append_printf(out, "%.*s%s%s", (int)(end - name), name, what, end + 6);
        } else {
            g_string_append(out, name);
        }
    }
    g_string_append(out, (row->flags & RECORD_NULL) != 0 ? " or null" : "");
}

static void append_row(GString *out, const record_row *row, const char *path)
{
    g_string_append_printf(out, "| `%s%s` | ", path, row->key);
    append_value(out, row);
    g_string_append(out, (row->flags & RECORD_REQUIRED) != 0 ? ", required" : "");
    g_string_append_printf(out, "%s%s |\n", row->meaning != NULL ? ": " : "",
                           row->meaning != NULL ? row->meaning : "");
    if (row->record != NULL && row->record->rows != document->rows) {
        bool is_list = row->kind == &record_list, is_map = row->kind == &record_map;
        g_autofree char *below = g_strdup_printf("%s%s%s", path, row->key,
                                                 is_list  ? "[]."
                                                 : is_map ? ".KEY."
                                                          : ".");
        append_rows(out, row->record, below);
    }
}

static void append_rows(GString *out, const struct record *record, const char *path)
{
    for (const record_row *row = record->rows; row->key != NULL; row++) {
        append_row(out, row, path);
    }
}

/// A document that is new gets a section at the end, for its words.
static void add_section(GString *text, const char *schema)
{
    g_autofree char *heading = g_strdup_printf("\n## %s\n", schema);
    if (getenv("UPDATE_GOLDEN") != NULL && strstr(text->str, heading) == NULL) {
        g_string_append_printf(text, "%s\n" HEADER, heading);
    }
}

static void find_table(const GString *text, const char *schema, const char *header,
                       size_t *ret_from, size_t *ret_len)
{
    g_autofree char *heading = g_strdup_printf("\n## %s\n", schema);
    const char *section = strstr(text->str, heading);
    if (section == NULL) {
        fail_msg("docs/FORMATS.md has no section '%s'", schema);
        return;
    }
    const char *end = strstr(section + 1, "\n## ");
    const char *from = strstr(section, header);
    if (from == NULL || (end != NULL && from > end)) {
        fail_msg("docs/FORMATS.md has no table of members in '%s'", schema);
        return;
    }
    const char *to = from;
    while (*to == '|') {
        to = strchr(to, '\n') + 1;
    }
    *ret_from = (size_t)(from - text->str);
    *ret_len = (size_t)(to - from);
}

/// The table below a heading becomes `table`.
static void replace_table(GString *text, const char *schema, const char *header, const char *table)
{
    size_t from = 0, len = 0;
    find_table(text, schema, header, &from, &len);
    g_string_erase(text, (gssize)from, (gssize)len);
    g_string_insert(text, (gssize)from, table);
}

static void replace_reasons(GString *text)
{
    size_t count = 0;
    const struct policy_reason_text *reasons = policy_list_reasons(&count);
    g_autoptr(GString) table = g_string_new(REASONS);
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(table, "| `%s` | %s |\n", reasons[i].word, reasons[i].meaning);
    }
    replace_table(text, "Reasons for what a plan leaves out", REASONS, table->str);
}

static void test_tables(void **state)
{
    (void)state;
    g_autofree char *path = g_build_filename(getenv("CPULIFT_SOURCE"), "docs/FORMATS.md", NULL);
    g_autofree char *read = NULL;
    assert_true(g_file_get_contents(path, &read, NULL, NULL));
    g_autoptr(GString) text = g_string_new(read);
    replace_reasons(text);
    for (const struct record *const *each = documents; *each != NULL; each++) {
        document = *each;
        g_autoptr(GString) table = g_string_new(HEADER);
        append_rows(table, document, "");
        add_section(text, document->schema);
        replace_table(text, document->schema, HEADER, table->str);
    }
    if (getenv("UPDATE_GOLDEN") != NULL) {
        assert_true(g_file_set_contents(path, text->str, (gssize)text->len, NULL));
    } else {
        assert_string_equal(text->str, read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
