// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory_load.h"

#include "base/file.h"
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static int add(inventory *inv, const char *text, cpulift_error **err)
{
    return inventory_add_text(inv, text, strlen(text), "here", err);
}

static void add_model(inventory *inv, const char *name, const char *model)
{
    g_autofree char *text = pool_format_host(&(struct pool_host){.name = name, .model = model});
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(add(inv, text, &err), 0);
}

static void test_kinds(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    add_model(inv, "zeta", "Nehalem");
    add_model(inv, "b", "Westmere");
    add_model(inv, "alpha", "Nehalem");
    inventory_sort(inv);
    assert_int_equal(inv->kinds->len, 2);
    assert_int_equal(inv->host_count, 3);
    const struct host_kind *first = inv->kinds->pdata[0];
    assert_int_equal(first->names->len, 2);
    assert_string_equal(first->names->pdata[0], "alpha");
    assert_ptr_equal(inventory_find(inv, "zeta"), first);
    assert_null(inventory_find(inv, "nobody"));
}

static void test_duplicates(void **state)
{
    (void)state;
    static const char *const models[] = {"Nehalem", "Westmere"};
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(inventory) inv = inventory_new(support_get_catalog());
        add_model(inv, "a", "Nehalem");
        g_autofree char *text =
            pool_format_host(&(struct pool_host){.name = "a", .model = models[i]});
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(add(inv, text, &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "'a' stands twice"));
    }
}

static void test_without(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    inventory_add_without(inv, "a");
    inventory_add_without(inv, "blue-[12]");
    inventory_add_without(inv, "?lue-2*");
    inventory_add_without(inv, "red-*");
    inventory_add_without(inv, "ghost");
    static const char *const names[] = {"blue-2", "b", "blue-1", "blue-3", "a"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        add_model(inv, names[i], "Nehalem");
    }
    add_model(inv, "c", "Westmere");
    inventory_sort(inv);
    assert_int_equal(inv->host_count, 3);
    size_t count;
    g_autofree const char **left_out = inventory_get_left_out(inv, &count);
    static const char *const expected[] = {"a", "blue-1", "blue-2"};
    assert_int_equal(count, G_N_ELEMENTS(expected));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(left_out[i], expected[i]);
    }
    assert_string_equal(inventory_get_unseen(inv), "ghost");
    assert_null(inventory_find(inv, "a"));
    assert_non_null(inventory_find(inv, "blue-3"));
}

/// A derived inventory is the same less who leaves; the other keeps them, but for who is silent.
static void test_derived(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    inventory_add_without(inv, "b*");
    inventory_add_without(inv, "silent");
    inventory_add_without(inv, "ghost");
    inventory_keep_answered(inv);
    static const char *const names[] = {"a", "b1", "b2"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        add_model(inv, names[i], i == 2 ? "Westmere" : "Nehalem");
    }
    g_autoptr(json_t) json = host_format_silent("silent", "2026-11-26T15:40:01Z", "why");
    g_autofree char *text = json_format_document(json);
    assert_int_equal(add(inv, text, NULL), 0);
    inventory_sort(inv);
    assert_int_equal(inv->host_count, 3);
    assert_int_equal(inv->kinds->len, 2);
    g_autoptr(inventory) derived = inventory_derive(inv);
    assert_int_equal(derived->host_count, 1);
    assert_int_equal(derived->kinds->len, 1);
    assert_string_equal(inventory_get_unseen(derived), "ghost");
    size_t count;
    g_autofree const char **left_out = inventory_get_left_out(derived, &count);
    assert_int_equal(count, 3);
    assert_string_equal(left_out[2], "silent");
    // An upgrade there is none here.
    const struct host_kind *kind = inventory_find(derived, "a");
    const cpulift_host *host = inventory_find(inv, "a")->host;
    assert_ptr_equal(kind->host, host);
    inventory_upgrade(derived, "a", host_new("c"));
    assert_string_equal(kind->host->name, "c");
    assert_ptr_equal(inventory_find(inv, "a")->host, host);
    // More may come, none twice.
    add_model(derived, "z", "Westmere");
    inventory_sort(derived);
    assert_int_equal(derived->host_count, 2);
    assert_int_equal(inv->host_count, 3);
}

/// The document of a host of this model, scanned then, on one line or on many.
static char *format_scanned(const char *name, const char *model, const char *scanned, bool is_line)
{
    g_autofree char *text = pool_format_host(&(struct pool_host){.name = name, .model = model});
    g_autoptr(json_t) json = json_loads(text, 0, NULL);
    json_object_set_new(json, "source", json_string("libvirt"));
    if (scanned != NULL) {
        json_object_set_new(json, "scanned", json_string(scanned));
    }
    return is_line ? json_format_line(json) : json_format_document(json);
}

static void test_dates_make_no_kinds(void **state)
{
    (void)state;
    for (unsigned is_line = 0; is_line < 2; is_line++) {
        static const char *const dates[] = {"2026-11-26T15:40:01Z", NULL, "1999-01-01T00:00:00Z"};
        g_autoptr(inventory) inv = inventory_new(support_get_catalog());
        for (size_t i = 0; i < G_N_ELEMENTS(dates); i++) {
            g_autofree char *name = g_strdup_printf("h%zu", i);
            g_autofree char *text = format_scanned(name, "Nehalem", dates[i], is_line != 0);
            assert_int_equal(add(inv, text, NULL), 0);
        }
        g_autofree char *other = format_scanned("o", "Westmere", dates[0], is_line != 0);
        assert_int_equal(add(inv, other, NULL), 0);
        inventory_sort(inv);
        assert_int_equal(inv->kinds->len, 2);
        assert_int_equal(inv->host_count, 4);
    }
}

/// Of a kind that is known and of one that is not.
static void test_ages(void **state)
{
    (void)state;
    static const struct {
        const char *scanned;
        int code;
    } cases[] = {
        {"2026-11-26T15:40:01Z", 0}, {"2026-11-26T15:40:00Z", CPULIFT_EREFUSED},
        {"2030-01-01T00:00:00Z", 0}, {"2030-01-01T00:00:01Z", CPULIFT_EREFUSED},
        {NULL, CPULIFT_EREFUSED},    {"yesterday", CPULIFT_EINPUT},
    };
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        g_autoptr(inventory) inv = inventory_new(support_get_catalog());
        g_autoptr(cpulift_error) err = NULL;
        inventory_set_ages(inv, 1795707601, 1893456000);
        inventory_add_without(inv, "left*");
        const char *scanned = cases[i / 2].scanned;
        g_autofree char *known = format_scanned("a", "Nehalem", "2030-01-01T00:00:00Z", true);
        g_autofree char *left = format_scanned("left", "Westmere", "1999-01-01T00:00:00Z", true);
        g_autofree char *text =
            format_scanned("b", i % 2 == 0 ? "Nehalem" : "Westmere", scanned, true);
        assert_int_equal(add(inv, known, NULL), 0);
        assert_int_equal(add(inv, left, NULL), 0);
        assert_int_equal(add(inv, text, &err), cases[i / 2].code);
        assert_true(err == NULL || strstr(err->message, "'b'") != NULL);
    }
}

/// Hosts that differ in their size alone are of a kind, and each keeps its own; whatever a size is,
/// no document gets past the parser with it that would not get past it alone.
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        guint64 memory;
        size_t kinds;
        int code;
        unsigned cpus;
    } cases[] = {
        {"{\"cpus\":64,\"memory\":1000}", 1000, 1, 0, 64},
        {"{\"cpus\": 64 , \n \"memory\": 1000 }", 1000, 1, 0, 64},
        {"{\"memory\":1000,\"cpus\":64}", 1000, 2, 0, 64},
        {"{\"cpus\":64}", 0, 2, 0, 64},
        {"{\"cpus\":64,\"memory\":1000,\"numa\":2}", 1000, 2, 0, 64},
        {"{\"cpus\":1048577,\"memory\":1000}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":64,\"memory\":9007199254740993}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":64,\"memory\":-1}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":64,\"memory\":01}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":64,\"memory\":1.5}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":\"64\",\"memory\":1}", 0, 0, CPULIFT_EINPUT, 0},
        {"{\"cpus\":64,\"memory\":1", 0, 0, CPULIFT_EINPUT, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(inventory) inv = inventory_new(support_get_catalog());
        g_autofree char *first = format_scanned("a", "Nehalem", "2030-01-01T00:00:00Z", true);
        g_autofree char *second = format_scanned("b", "Nehalem", NULL, true);
        g_autofree char *node = g_strdup_printf("\"name\":\"b\",\"node\":%s,", cases[i].node);
        g_autoptr(GString) a = g_string_new(first), b = g_string_new(second);
        g_string_replace(a, "\"name\":\"a\",", "\"name\":\"a\",\"node\":{\"cpus\":8,\"memory\":7},",
                         1);
        g_string_replace(b, "\"name\":\"b\",", node, 1);
        assert_int_equal(add(inv, a->str, NULL), 0);
        int code = add(inv, b->str, NULL);
        struct host_size size = inventory_get_size(inv, "b"), other = inventory_get_size(inv, "a");
        if (code != cases[i].code || size.memory != cases[i].memory || size.cpus != cases[i].cpus ||
            (code == 0 && inv->kinds->len != cases[i].kinds)) {
            fail_msg("case %zu: %d, %zu kinds", i, code, (size_t)inv->kinds->len);
        }
        assert_int_equal(other.memory, 7);
        assert_int_equal(other.cpus, 8);
    }
}

/// In a document that another program laid out, size and date may stand anywhere.
static void test_size_and_date_elsewhere(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "{\"node\":{\"cpus\":8,\"memory\":7},\"scanned\":\"2030-01-01T00:00:00Z\",\"arch\":",
        "{\"scanned\":\"2030-01-01T00:00:00Z\",\"node\":{\"memory\":7,\"cpus\":8},\"arch\":"};
    for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autoptr(inventory) inv = inventory_new(support_get_catalog());
        inventory_set_ages(inv, 1795707601, 1893456000);
        for (unsigned n = 0; n < 3; n++) {
            g_autofree char *name = g_strdup_printf("h%u", n);
            g_autofree char *plain = format_scanned(name, "Nehalem", NULL, true);
            g_autoptr(GString) text = g_string_new(plain);
            assert_int_equal(g_string_replace(text, "{\"arch\":", heads[i], 1), 1);
            assert_int_equal(add(inv, text->str, NULL), 0);
            assert_int_equal(inventory_get_size(inv, name).memory, 7);
            assert_int_equal(inventory_get_size(inv, name).cpus, 8);
        }
        assert_int_equal(inv->kinds->len, 1);
    }
}

/// A limit before 1970 is one, too.
static void test_an_age_demands_a_date(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    inventory_set_ages(inv, -1, 1893456000);
    g_autofree char *text = format_scanned("a", "Nehalem", NULL, true);
    assert_int_equal(add(inv, text, NULL), CPULIFT_EREFUSED);
}

/// Only a member of the host itself, and where we write it.
static void test_a_date_elsewhere_is_none(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autofree char *known = format_scanned("a", "Nehalem", "2030-01-01T00:00:00Z", true);
    g_autofree char *undated = format_scanned("b", "Nehalem", NULL, true);
    g_autoptr(GString) text = g_string_new(undated);
    g_string_replace(text, "\"name\":\"b\",",
                     "\"name\":\"b\",\"x\":{\"scanned\":\"2030-01-01T00:00:00Z\",\"y\":0},", 1);
    assert_string_not_equal(text->str, undated);
    inventory_set_ages(inv, 1795707601, 1893456000);
    assert_int_equal(add(inv, known, NULL), 0);
    assert_int_equal(add(inv, text->str, NULL), CPULIFT_EREFUSED);
}

static void test_silent_hosts(void **state)
{
    (void)state;
    g_autoptr(json_t) json = host_format_silent("n2", "2026-11-26T15:40:01Z", "no \"answer\"");
    g_autofree char *text = json_format_document(json);
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(add(inv, text, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "'n2' did not answer"));
    inventory_add_without(inv, "n*");
    assert_int_equal(add(inv, text, NULL), 0);
    size_t count;
    g_autofree const char **left_out = inventory_get_left_out(inv, &count);
    assert_int_equal(count, 1);
    assert_string_equal(left_out[0], "n2");
    assert_null(inventory_get_unseen(inv));
    assert_int_equal(inv->host_count, 0);
}

static void test_demanded_hosts(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(cpulift_error) err = NULL;
    add_model(inv, "a", "Nehalem");
    g_ptr_array_add(names, (char *)"a");
    assert_int_equal(inventory_demand(inv, names, "list", NULL), 0);
    g_ptr_array_add(names, (char *)"b");
    g_ptr_array_add(names, (char *)"c");
    inventory_add_without(inv, "c");
    assert_int_equal(inventory_demand(inv, names, "list", &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "of: b;"));
    inventory_add_without(inv, "b");
    assert_int_equal(inventory_demand(inv, names, "list", NULL), 0);
    size_t count;
    g_autofree const char **left_out = inventory_get_left_out(inv, &count);
    assert_int_equal(count, 2);
    assert_string_equal(left_out[0], "b");
}

/// The fast way must not take another "name" for the host's, and must not see fewer errors.
static void test_names_elsewhere(void **state)
{
    (void)state;
#define HOST(name, extra)                                                                          \
    "{\"schema\":\"cpulift.host/1\"," extra "\"arch\":\"x86_64\",\"guests\":[{\"virt\":\"kvm\","   \
    "\"machine\":\"pc\",\"features\":[]}]," name "}"
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(add(inv, HOST("\"name\" : \"a\"", "\"x\":{\"name\": \"a\"},"), &err), 0);
    assert_int_equal(add(inv, HOST("\"name\" : \"a\"", "\"x\":{\"name\": \"b\"},"), &err),
                     CPULIFT_EINPUT);
    cpulift_error_clear(&err);
    assert_int_equal(add(inv, HOST("\"na\\u006de\":\"c\"", "\"x\":{\"name\":\"c\"},"), &err), 0);
    assert_int_equal(add(inv, HOST("\"na\\u006de\":\"c\"", "\"x\":{\"name\":\"d\"},"), &err),
                     CPULIFT_EINPUT);
    cpulift_error_clear(&err);
    assert_int_equal(add(inv, HOST("\"name\":\"e\"", ""), &err), 0);
    assert_int_equal(add(inv, HOST("\"name\":\"f g\"", ""), &err), CPULIFT_EINPUT);
    cpulift_error_clear(&err);
    assert_int_equal(add(inv, HOST("\"name\":\"\"", ""), &err), CPULIFT_EINPUT);
    assert_int_equal(inv->host_count, 3);
}

struct folder {
    char *path;
};

static void save(const struct folder *folder, const char *file, const char *text, size_t len)
{
    g_autofree char *path = g_build_filename(folder->path, file, NULL);
    assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
}

static int load(const struct folder *folder, const char *file, inventory **ret_inv,
                cpulift_error **err)
{
    g_autofree char *path = g_build_filename(folder->path, file, NULL);
    *ret_inv = inventory_new(support_get_catalog());
    return inventory_load(*ret_inv, path, err);
}

static void expect_load(const struct folder *folder, const char *file, int code, size_t hosts,
                        const char *word)
{
    g_autoptr(inventory) inv = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(load(folder, file, &inv, &err), code);
    assert_true(code != 0 || inv->host_count == hosts);
    assert_true(code == 0 || strstr(err->message, word) != NULL);
}

static void test_lines(void **state)
{
    const struct folder folder = {*state};
    GString *text = g_string_new("\n");
    for (size_t i = 0; i < 500; i++) {
        g_autofree char *name = g_strdup_printf("host%zu", i);
        g_autofree char *line = pool_format_host(
            &(struct pool_host){.name = name, .model = i % 2 == 0 ? "Nehalem" : "Westmere"});
        g_string_append_printf(text, "%s\n", g_strchomp(line));
    }
    g_string_truncate(text, text->len - 1);
    save(&folder, "many.jsonl", text->str, text->len);
    expect_load(&folder, "many.jsonl", 0, 500, NULL);
    g_string_append(text, "\n{\"schema\":");
    save(&folder, "cut.jsonl", text->str, text->len);
    expect_load(&folder, "cut.jsonl", CPULIFT_EINPUT, 0, "cut.jsonl:502");
    g_string_free(text, TRUE);
}

/// A host behind a NUL byte must not be dropped without a word.
static void test_nul(void **state)
{
    const struct folder folder = {*state};
    g_autofree char *a =
        g_strchomp(pool_format_host(&(struct pool_host){.name = "a", .model = "Nehalem"}));
    g_autofree char *b = pool_format_host(&(struct pool_host){.name = "b", .model = "486"});
    g_autoptr(GString) text = g_string_new(a);
    g_string_append_c(text, '\0');
    g_string_append(text, b);
    save(&folder, "nul.jsonl", text->str, text->len);
    expect_load(&folder, "nul.jsonl", CPULIFT_EINPUT, 0, "nul.jsonl:1");
    save(&folder, "nul.json", text->str, text->len);
    expect_load(&folder, "nul.json", CPULIFT_EINPUT, 0, "nul.json");
}

static void test_huge_line(void **state)
{
    const struct folder folder = {*state};
    size_t len = FILE_DOCUMENT_MAX + 70000;
    g_autofree char *text = g_malloc(len);
    memset(text, ' ', len);
    save(&folder, "huge.jsonl", text, len);
    expect_load(&folder, "huge.jsonl", CPULIFT_EINPUT, 0, "a line of more than");
    save(&folder, "huge.json", text, len);
    expect_load(&folder, "huge.json", CPULIFT_EINPUT, 0, "larger than");
    g_autofree char *huge = g_build_filename(folder.path, "huge.jsonl", NULL);
    g_unlink(huge);
}

static void test_folder(void **state)
{
    const struct folder folder = {g_build_filename(*state, "pool", NULL)};
    assert_int_equal(g_mkdir(folder.path, 0700), 0);
    expect_load(&(struct folder){*state}, "pool", CPULIFT_EINPUT, 0, "holds no host document");
    g_autofree char *a = pool_format_host(&(struct pool_host){.name = "a", .model = "Nehalem"});
    g_autofree char *b = pool_format_host(&(struct pool_host){.name = "b", .model = "486"});
    save(&folder, "a.json", a, strlen(a));
    save(&folder, "b.jsonl", b, strlen(b));
    save(&folder, "README", "x", 1);
    save(&folder, ".c.json", "x", 1);
    const struct folder rack = {g_build_filename(folder.path, "rack", NULL)};
    assert_int_equal(g_mkdir(rack.path, 0700), 0);
    g_autofree char *e = pool_format_host(&(struct pool_host){.name = "e", .model = "Nehalem"});
    g_autofree char *f = pool_format_host(&(struct pool_host){.name = "f", .model = "Nehalem"});
    save(&rack, "E.JSON", e, strlen(e));
    save(&rack, "f.Jsonl", f, strlen(f));
    expect_load(&(struct folder){*state}, "pool", 0, 4, NULL);
    g_free(rack.path);
    save(&folder, "d.json", "x", 1);
    expect_load(&(struct folder){*state}, "pool", CPULIFT_EINPUT, 0, "d.json");
    expect_load(&(struct folder){*state}, "absent.jsonl", CPULIFT_ESYSTEM, 0, "absent.jsonl");
    g_free(folder.path);
}

static int make_folder(void **state)
{
    *state = g_dir_make_tmp("cpulift-XXXXXX", NULL);
    return *state == NULL;
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        remove_tree(file);
    }
    g_remove(path);
}

static int remove_folder(void **state)
{
    remove_tree(*state);
    g_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_dates_make_no_kinds),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_size_and_date_elsewhere),
        cmocka_unit_test(test_an_age_demands_a_date),
        cmocka_unit_test(test_a_date_elsewhere_is_none),
        cmocka_unit_test(test_silent_hosts),
        cmocka_unit_test(test_demanded_hosts),
        cmocka_unit_test(test_names_elsewhere),
        cmocka_unit_test_setup_teardown(test_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nul, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_huge_line, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_folder, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
