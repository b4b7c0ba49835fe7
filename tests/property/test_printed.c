// SPDX-License-Identifier: LGPL-2.1-or-later
/// What commands print as JSON, by what the golden cases expect: documents of cli/documents.c, and
/// no member that their records have not.
#include "base/json.h"
#include "cli/documents.h"
#include "core/host.h"
#include "support.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static const record_row *find_row(const struct record *record, const char *key)
{
    for (const record_row *row = record->rows; row->key != NULL; row++) {
        if (strcmp(row->key, key) == 0) {
            return row;
        }
    }
    return NULL;
}

/// Every member is one of the record's.
static void check_described(const char *name, const struct record *record, const json_t *json,
                            const char *path)
{
    const char *key;
    json_t *value, *item;
    json_object_foreach ((json_t *)json, key, value) {
        const record_row *row = find_row(record, key);
        g_autofree char *here = g_strdup_printf("%s%s%s", path, *path != '\0' ? "." : "", key);
        if (row == NULL && (record->schema == NULL || strcmp(key, "schema") != 0)) {
            fail_msg("%s: \"%s\" stands in no record", name, here);
        } else if (row != NULL && row->kind == &record_map) {
            const char *each;
            json_object_foreach (value, each, item) {
                check_described(name, row->record, item, here);
            }
        } else if (row != NULL && row->record != NULL) {
            size_t i;
            json_array_foreach (value, i, item) {
                check_described(name, row->record, item, here);
            }
            check_described(name, row->record, value, here);
        }
    }
}

static void check_printed(const char *name, const json_t *json)
{
    const char *schema = json_get_string(json, "schema");
    for (const struct record *const *record = documents; *record != NULL; record++) {
        if (schema != NULL && strcmp((*record)->schema, schema) == 0) {
            g_autoptr(cpulift_error) err = NULL;
            void *map = (void *)support_get_catalog();
            bool is_silent = *record == &host_record && host_is_silent(json);
            int rc = is_silent ? host_check_silent(json, name, &err)
                               : record_parse(*record, json, name, map, NULL, &err);
            if (rc != 0) {
                fail_msg("%s", err->message);
            }
            check_described(name, *record, json, "");
            return;
        }
    }
    fail_msg("%s prints a document that documents.c does not know: schema %s", name,
             schema != NULL ? schema : "none");
}

/// How many documents the text holds, each from a line of its own on. Parts of one are passed over.
static size_t check_text_printed(const char *name, const char *text)
{
    size_t found = 0;
    const char *at = *text == '{' ? text : strstr(text, "\n{");
    while (at != NULL) {
        json_error_t where;
        at += *at == '\n';
        g_autoptr(json_t) json = json_loads(at, JSON_DISABLE_EOF_CHECK, &where);
        if (json != NULL) {
            check_printed(name, json);
            found++;
        }
        at = strstr(json != NULL ? at + where.position : at, "\n{");
    }
    return found;
}

/// What the golden cases print as JSON are our documents, and their records have all members.
static void test_printed(void **state)
{
    (void)state;
    g_autofree char *pattern =
        g_build_filename(getenv("CPULIFT_SOURCE"), "tests/golden/*/expected.out", NULL);
    glob_t cases;
    size_t found = 0;
    assert_int_equal(glob(pattern, 0, NULL, &cases), 0);
    for (size_t i = 0; i < cases.gl_pathc; i++) {
        g_autofree char *text = NULL;
        assert_true(g_file_get_contents(cases.gl_pathv[i], &text, NULL, NULL));
        found += check_text_printed(cases.gl_pathv[i], text);
    }
    globfree(&cases);
    assert_true(found > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
