// SPDX-License-Identifier: LGPL-2.1-or-later
/// core/seal: what guests are started with is as it was signed, or the plan is none.
#include "base/file.h"
#include "base/json.h"
#include "base/record.h"
#include "core/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#define PRIVATE                                                                                    \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MC4CAQAwBQYDK2VwBCIEIM3xDSSIkyYTRvPRsac2/ScZN/En9poCuzJ2fAp1Zw6r\n"                           \
    "-----END PRIVATE KEY-----\n"
#define PUBLIC                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEARKNJ2Pn9B3VFiWg8nlCGl803ThxVN6H2kcpP+JYWNjo=\n"                               \
    "-----END PUBLIC KEY-----\n"
#define ANOTHER                                                                                    \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEAvryWFAmJnS4J8SWtO4Kk7nhdKlOv4xrh3VNYVbYORNc=\n"                               \
    "-----END PUBLIC KEY-----\n"
#define X25519                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VuAyEAvryWFAmJnS4J8SWtO4Kk7nhdKlOv4xrh3VNYVbYORNc=\n"                               \
    "-----END PUBLIC KEY-----\n"
#define PLAN_TEXT                                                                                  \
    "{\"schema\":\"cpulift.plan/1\",\"pool\":\"p\",\"variant\":\"tuned\",\"virt\":\"kvm\","        \
    "\"machine\":\"pc\",\"features\":[\"sse\"],\"definition\":{\"model\":\"Nehalem\","             \
    "\"require\":[\"aes\"]},\"qemu\":{\"min\":\"7.2\",\"max\":\"8.0\"},\"guest_features\":[],"     \
    "\"losses\":[],\"host_count\":2}"

static cpulift_plan *parse(const char *text)
{
    cpulift_plan *plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan_parse(text, strlen(text), "plan", &plan, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return plan;
}

static seal_keys *parse_keys(const char *text)
{
    seal_keys *keys = NULL;
    assert_int_equal(seal_keys_parse(text, strlen(text), "keys", &keys, NULL), 0);
    return keys;
}

static char *save(const char *text, mode_t mode)
{
    char *path = NULL;
    int fd = g_file_open_tmp("cpulift-seal-XXXXXX", &path, NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

/// The text of a sealed plan. The caller's.
static char *make_sealed(const char *text)
{
    g_autofree char *path = save(PRIVATE, 0600);
    g_autoptr(cpulift_plan) plan = parse(text);
    g_autoptr(cpulift_error) err = NULL;
    if (seal_put(plan, path, &err) != 0) {
        fail_msg("%s", err->message);
    }
    (void)g_unlink(path);
    return json_format_document(plan->document);
}

static char *replace(const char *text, const char *old, const char *new)
{
    g_auto(GStrv) parts = g_strsplit(text, old, -1);
    assert_int_equal(g_strv_length(parts), 2);
    return g_strjoinv(new, parts);
}

/// Empty where it is taken. The caller's.
static char *check(const char *text, const char *keys_text)
{
    g_autoptr(cpulift_plan) plan = parse(text);
    g_autoptr(seal_keys) keys = keys_text != NULL ? parse_keys(keys_text) : NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = seal_check(plan, "plan", keys, &err);
    assert_true(rc == 0 || rc == CPULIFT_EREFUSED);
    return g_strdup(rc == 0 ? "" : err->message);
}

static void who_has_a_key_takes_what_it_sealed(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *why;
    } cases[] = {
        {NULL, ""},
        {PUBLIC, ""},
        {ANOTHER PUBLIC, ""},
        {"# of the year before\n" PUBLIC "\n" ANOTHER, ""},
        {ANOTHER, "does not have the seal of a key in 'keys'"},
    };
    g_autofree char *sealed = make_sealed(PLAN_TEXT), *again = make_sealed(PLAN_TEXT);
    assert_string_equal(sealed, again);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *why = check(sealed, cases[i].keys);
        assert_true(*cases[i].why == '\0' ? *why == '\0' : strstr(why, cases[i].why) != NULL);
    }
    g_autofree char *unsealed = check(PLAN_TEXT, PUBLIC);
    assert_non_null(strstr(unsealed, "'plan' is not sealed, and 'keys' asks for a seal"));
}

static void what_guests_are_started_with_is_as_it_was(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *why; ///< in the document; "": taken all the same
    } cases[] = {
        {"\"Nehalem\"", "\"Westmere\"", "does not have"},
        {"\"aes\"", "\"avx\"", "does not have"},
        {"\"virt\": \"kvm\"", "\"virt\": \"qemu\"", "does not have"},
        {"\"pool\": \"p\"", "\"pool\": \"q\"", "does not have"},
        {"\"8.0\"", "\"11.0\"", "does not have"},
        {"\"host_count\": 2", "\"host_count\": 2, \"phys_bits\": 46", "another phys_bits"},
        {"      \"guest_features\",\n", "", "another guest_features"},
        {"      \"definition\",\n", "", "another definition"},
        {"\"covers\": [", "\"covers\": [\"losses\", ", "does not have"},
        {"\"covers\": [", "\"covers\": [\"none\", ", "does not have"},
        {"\"covers\": [", "\"covers\": [\"seal\", ", "does not have"},
        {"\"ed25519\": \"", "\"ed25519\": \"AA", "does not have"},
        {"\"host_count\": 2", "\"host_count\": 3", ""},
        {"\"losses\": []", "\"guests\": {\"skip\": [\"web-*\"], \"strict\": true}", ""},
    };
    g_autofree char *sealed = make_sealed(PLAN_TEXT);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *changed = replace(sealed, cases[i].old, cases[i].new);
        g_autofree char *why = check(changed, PUBLIC);
        bool is_right = *cases[i].why == '\0' ? *why == '\0' : strstr(why, cases[i].why) != NULL;
        if (!is_right) {
            fail_msg("%s: %s", cases[i].new, why);
        }
    }
}

/// A document that is written anew keeps what a newer program sealed and this one does not know.
static void another_document_of_it_has_the_seal_too(void **state)
{
    (void)state;
    g_autofree char *sealed = make_sealed(PLAN_TEXT);
    g_autoptr(cpulift_plan) plan = parse(sealed);
    g_autoptr(json_t) slim = record_format(&plan_record, plan, NULL);
    json_object_set_new(plan->document, "to_come", json_true());
    json_array_append_new(json_object_get(json_object_get(plan->document, "seal"), "covers"),
                          json_string("to_come"));
    seal_copy(plan, slim);
    assert_true(json_is_true(json_object_get(slim, "to_come")));
    assert_null(json_object_get(slim, "losses"));
    g_autoptr(cpulift_plan) honest = parse(sealed);
    g_autoptr(json_t) copy = record_format(&plan_record, honest, NULL);
    seal_copy(honest, copy);
    g_autofree char *text = json_format_document(copy), *why = check(text, PUBLIC);
    assert_string_equal(why, "");
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    g_autofree char *blanks = g_strnfill((gsize)64 << 10, '\n');
    g_autofree char *large = g_strconcat(PUBLIC, blanks, NULL);
    const char *const texts[] = {
        "",
        "no key",
        PRIVATE,
        PUBLIC PRIVATE,
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
        X25519,
        large,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        seal_keys *keys = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(seal_keys_parse(texts[i], strlen(texts[i]), "k", &keys, &err),
                         CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "'k' is no Ed25519 public key"));
    }
    g_autofree char *path = save(PUBLIC, 0600);
    g_autoptr(cpulift_plan) plan = parse(PLAN_TEXT);
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(seal_put(plan, path, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "is no Ed25519 private key"));
    (void)g_unlink(path);
}

static void keys_that_strangers_may_write_are_none(void **state)
{
    (void)state;
    seal_keys *keys = NULL;
    assert_int_equal(seal_keys_load("/nowhere/plan.pub", &keys, NULL), 0);
    assert_null(keys);
    g_autofree char *path = save(PUBLIC, 0666);
    assert_int_not_equal(seal_keys_load(path, &keys, NULL), 0);
    assert_int_equal(g_chmod(path, 0644), 0);
    assert_int_equal(seal_keys_load(path, &keys, NULL), 0);
    assert_non_null(keys);
    seal_keys_free(keys);
    g_autofree char *link = g_strconcat(path, ".link", NULL);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(seal_keys_load(link, &keys, NULL), CPULIFT_EREFUSED);
    (void)g_unlink(link);
    (void)g_unlink(path);
}

static void a_key_that_strangers_may_write_seals_nothing(void **state)
{
    (void)state;
    g_autofree char *path = save(PRIVATE, 0620);
    g_autoptr(cpulift_plan) plan = parse(PLAN_TEXT);
    assert_int_equal(seal_put(plan, path, NULL), CPULIFT_EREFUSED);
    assert_null(json_object_get(plan->document, "seal"));
    (void)g_unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_a_key_takes_what_it_sealed),
        cmocka_unit_test(what_guests_are_started_with_is_as_it_was),
        cmocka_unit_test(another_document_of_it_has_the_seal_too),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(keys_that_strangers_may_write_are_none),
        cmocka_unit_test(a_key_that_strangers_may_write_seals_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
