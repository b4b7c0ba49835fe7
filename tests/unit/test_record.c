// SPDX-License-Identifier: LGPL-2.1-or-later
/// base/record: what is read is written again; what is wrong is refused with its path.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "base/record.h"

struct wheel {
    char *name;
    unsigned spokes;
};

struct cart {
    char *owner, *place, *note;
    unsigned year;
    guint64 load;
    bool is_new;
    bool has_horse; ///< a word
    char **colours, **words;
    GPtrArray *trips, *wheels, *parts;
    struct wheel spare, *big;
    json_t *papers;
};

static void wheel_destroy(void *wheel);

static const struct record wheel_record = {
    .rows =
        (const record_row[]){
            {"spokes", &record_uint, RECORD_AT(struct wheel, spokes), .min = 1, .max = 99},
            {0},
        },
    .size = sizeof(struct wheel),
    .destroy = wheel_destroy,
};

static const struct record named_record = {
    .rows =
        (const record_row[]){
            {"name", &record_name, RECORD_AT(struct wheel, name), RECORD_REQUIRED},
            {"spokes", &record_uint, RECORD_AT(struct wheel, spokes)},
            {0},
        },
    .size = sizeof(struct wheel),
    .destroy = wheel_destroy,
};

static void wheel_destroy(void *wheel)
{
    record_free(&named_record, wheel);
}

static const struct record where_record = {
    .rows = (const record_row[]){
        {"place", &record_string, RECORD_AT(struct cart, place)},
        {0},
    }};

static const struct record cart_record = {
    .schema = "test.cart/1",
    .rows =
        (const record_row[]){
            {"owner", &record_name, RECORD_AT(struct cart, owner), RECORD_REQUIRED},
            {"where", &record_object, .record = &where_record},
            {"note", &record_string, RECORD_AT(struct cart, note), RECORD_NULL, .max = 5},
            {"year", &record_uint, RECORD_AT(struct cart, year), .max = 2100},
            {"load", &record_uint, RECORD_AT(struct cart, load), RECORD_ALWAYS},
            {"new", &record_bool, RECORD_AT(struct cart, is_new)},
            {"pulled", &record_word, RECORD_AT(struct cart, has_horse),
             .words = (const char *const[]){"hand", "horse", NULL}},
            {"colours", &record_strings, RECORD_AT(struct cart, colours),
             RECORD_NAMES | RECORD_SORTED},
            {"words", &record_strings, RECORD_AT(struct cart, words), .max = 3},
            {"trips", &record_array, RECORD_AT(struct cart, trips)},
            {"wheels", &record_list, RECORD_AT(struct cart, wheels), .record = &named_record,
             .min = 1},
            {"parts", &record_map, RECORD_AT(struct cart, parts), .record = &wheel_record},
            {"spare", &record_object, RECORD_AT(struct cart, spare), .record = &named_record,
             .flags = 0},
            {"big", &record_pointer, RECORD_AT(struct cart, big), .record = &named_record},
            {"papers", &record_json, RECORD_AT(struct cart, papers), RECORD_MAP},
            {"stable", &record_string, .flags = RECORD_BELOW},
            {"tale", &record_string, .flags = RECORD_TEXT, .min = 1},
            {"checked", &record_json, .each = &(const record_row){.kind = &record_uint, .max = 9}},
            {0},
        },
    .size = sizeof(struct cart),
};

static int parse(const char *text, struct cart **ret_cart, cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    assert_int_equal(json_parse_text(text, strlen(text), "cart", &json, NULL), 0);
    struct cart *cart = record_new(&cart_record);
    int rc = record_parse(&cart_record, json, "cart.json", NULL, cart, err);
    if (rc != 0) {
        record_free(&cart_record, cart);
        return rc;
    }
    *ret_cart = cart;
    return 0;
}

#define OUTSIDE "'cart.json': \"stable\" is no path below the root"

static const char full[] =
    "{\"big\":{\"name\":\"b\"},\"checked\":[1,9],\"colours\":[\"red\",\"blue\",\"red\"],"
    "\"load\":9007199254740992,\"new\":true,\"note\":\"n\",\"owner\":\"jo\",\"papers\":{\"a\":[1]},"
    "\"parts\":{\"x y\":{\"spokes\":3}},\"pulled\":\"horse\",\"schema\":\"test.cart/1\","
    "\"spare\":{\"name\":\"s\",\"spokes\":1},\"trips\":[\"t 1\"],"
    "\"wheels\":[{\"name\":\"w1\",\"spokes\":8},{\"name\":\"w2\",\"more\":{}}],"
    "\"where\":{\"place\":\"a "
    "barn\"},\"words\":[\"b\",\"a\"],\"year\":1900,\"unknown\":null,\"stable\":\"etc/"
    "..a\",\"tale\":\"a\\nb\"}";

static const char written[] =
    "{\"big\":{\"name\":\"b\"},\"colours\":[\"blue\",\"red\"],"
    "\"load\":9007199254740992,\"new\":true,\"note\":\"n\",\"owner\":\"jo\",\"papers\":{\"a\":[1]},"
    "\"parts\":{\"x y\":{\"spokes\":3}},\"pulled\":\"horse\",\"schema\":\"test.cart/1\","
    "\"spare\":{\"name\":\"s\",\"spokes\":1},\"trips\":[\"t 1\"],"
    "\"wheels\":[{\"name\":\"w1\",\"spokes\":8},{\"name\":\"w2\"}],"
    "\"where\":{\"place\":\"a barn\"},\"words\":[\"b\",\"a\"],\"year\":1900}\n";

static void assert_written(const struct cart *cart, const char *expected)
{
    g_autoptr(json_t) json = record_format(&cart_record, cart, NULL);
    g_autofree char *text = json_format_line(json);
    assert_string_equal(text, expected);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct cart *cart = NULL, *again = NULL;
    assert_int_equal(parse(full, &cart, NULL), 0);
    assert_written(cart, written);
    assert_int_equal(parse(written, &again, NULL), 0);
    assert_true(record_equal(&cart_record, cart, again, NULL));
    g_assert(again != NULL);
    again->is_new = false;
    assert_false(record_equal(&cart_record, cart, again, NULL));
    record_free(&cart_record, cart);
    record_free(&cart_record, again);
}

/// Absent is not known; only what must be there is written.
static void test_little(void **state)
{
    (void)state;
    struct cart *cart = NULL;
    assert_int_equal(
        parse("{\"schema\":\"test.cart/1\",\"owner\":\"jo\",\"note\":null}", &cart, NULL), 0);
    g_assert(cart != NULL);
    assert_null(cart->note);
    assert_null(cart->wheels);
    assert_null(cart->big);
    assert_written(cart, "{\"load\":0,\"note\":null,\"owner\":\"jo\",\"pulled\":\"hand\","
                         "\"schema\":\"test.cart/1\",\"trips\":[]}\n");
    record_free(&cart_record, cart);
}

/// What others named does nothing to the terminal that a document is printed on.
static void test_no_hidden_characters(void **state)
{
    (void)state;
    g_autoptr(json_t) json = json_pack("{s:s}", "\u00e4",
                                       "a\xc2\x9b"
                                       "31m\ufeffb\U000e0021\33");
    g_autofree char *line = json_format_line(json);
    assert_string_equal(line, "{\"\\u00E4\":\"a\\u009B31m\\uFEFFb\\uDB40\\uDC21\\u001B\"}\n");
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *members, *message;
    } cases[] = {
        {"\"own\":1", "'cart.json': \"owner\" is missing"},
        {"\"owner\":null", "'cart.json': \"owner\" is no name"},
        {"\"owner\":\"a b\"", "'cart.json': \"owner\" is no name"},
        {"\"owner\":\"a\",\"where\":[]", "'cart.json': \"where\" is no object"},
        {"\"owner\":\"a\",\"where\":{\"place\":1}", "'cart.json': \"where.place\" is no string"},
        {"\"owner\":\"a\",\"note\":\"longer\"", "'cart.json': \"note\" is longer than 5 bytes"},
        {"\"owner\":\"a\",\"year\":2101", "'cart.json': \"year\" is no integer from 0 to 2100"},
        {"\"owner\":\"a\",\"year\":-1", "'cart.json': \"year\" is no integer from 0 to 2100"},
        {"\"owner\":\"a\",\"year\":1.0", "'cart.json': \"year\" is no integer from 0 to 2100"},
        {"\"owner\":\"a\",\"load\":9007199254740993",
         "'cart.json': \"load\" is no integer from 0 to 9007199254740992"},
        {"\"owner\":\"a\",\"spare\":{\"name\":\"w\",\"spokes\":4294967303}",
         "'cart.json': \"spare.spokes\" is no integer from 0 to 4294967295"},
        {"\"owner\":\"a\",\"where\":{\"place\":\"a\\u001bb\"}",
         "'cart.json': \"where.place\" has control characters"},
        {"\"owner\":\"a\",\"trips\":[\"t\",\"a\\nb\"]",
         "'cart.json': \"trips[1]\" has control characters"},
        {"\"owner\":\"a\",\"tale\":\"\"", "'cart.json': \"tale\" is shorter than 1 bytes"},
        {"\"owner\":\"a\",\"stable\":\"\"", OUTSIDE},
        {"\"owner\":\"a\",\"stable\":\"/etc/passwd\"", OUTSIDE},
        {"\"owner\":\"a\",\"stable\":\"etc/../../x\"", OUTSIDE},
        {"\"owner\":\"a\",\"stable\":\"./x\"", OUTSIDE},
        {"\"owner\":\"a\",\"stable\":\"etc//x\"", OUTSIDE},
        {"\"owner\":\"a\",\"stable\":\"etc/\"", OUTSIDE},
        {"\"owner\":\"a\",\"new\":\"true\"", "'cart.json': \"new\" is neither true nor false"},
        {"\"owner\":\"a\",\"pulled\":\"ox\"", "'cart.json': \"pulled\" is none of hand, horse"},
        {"\"owner\":\"a\",\"colours\":\"red\"", "'cart.json': \"colours\" is no list"},
        {"\"owner\":\"a\",\"colours\":[\"red\",\"\"]", "'cart.json': \"colours[1]\" is no name"},
        {"\"owner\":\"a\",\"words\":[7]", "'cart.json': \"words[0]\" is no string"},
        {"\"owner\":\"a\",\"words\":[\"\",\"\",\"\",\"\"]",
         "'cart.json': \"words\" has 4 entries, at most 3 may be there"},
        {"\"owner\":\"a\",\"trips\":{}", "'cart.json': \"trips\" is no list"},
        {"\"owner\":\"a\",\"wheels\":{}", "'cart.json': \"wheels\" is no list"},
        {"\"owner\":\"a\",\"wheels\":[]",
         "'cart.json': \"wheels\" has 0 entries, at least 1 must be there"},
        {"\"owner\":\"a\",\"wheels\":[{\"name\":\"w\"},{}]",
         "'cart.json': \"wheels[1].name\" is missing"},
        {"\"owner\":\"a\",\"parts\":[]", "'cart.json': \"parts\" is no object"},
        {"\"owner\":\"a\",\"parts\":{\"p\\n\":{\"spokes\":0}}",
         "'cart.json': \"parts.p?.spokes\" is no integer from 1 to 99"},
        {"\"owner\":\"a\",\"big\":true", "'cart.json': \"big\" is no object"},
        {"\"owner\":\"a\",\"papers\":[]", "'cart.json': \"papers\" is no object"},
        {"\"owner\":\"a\",\"checked\":[1,10]",
         "'cart.json': \"checked[1]\" is no integer from 0 to 9"},
        {"\"owner\":\"a\",\"checked\":{}", "'cart.json': \"checked\" is no list"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"schema\":\"test.cart/1\",%s}", cases[i].members);
        g_autoptr(cpulift_error) err = NULL;
        struct cart *cart = NULL;
        assert_int_equal(parse(text, &cart, &err), CPULIFT_EINPUT);
        assert_string_equal(err->message, cases[i].message);
    }
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *members, *path; ///< NULL: all are known
    } cases[] = {
        {"\"owner\":\"jo\",\"spare\":{\"spokes\":1}", NULL},
        {"\"parts\":{\"x y\":{\"spokes\":3}},\"papers\":{\"a\":[1]}", NULL},
        {"\"note\":null,\"new\":1,\"newer\":null", "newer"},
        {"\"spare\":{\"schema\":\"x\"}", "spare.schema"},
        {"\"big\":{\"name\":\"b\",\"gold\":1}", "big.gold"},
        {"\"wheels\":[{\"name\":\"w\"},{\"more\":{}}]", "wheels[1].more"},
        {"\"parts\":{\"x y\":{\"more\":3}}", "parts.x y.more"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"schema\":\"test.cart/1\",%s}", cases[i].members);
        g_autofree char *expected = g_strdup_printf("'cart.json': \"%s\" is not known to this "
                                                    "program; use the cpulift that wrote it",
                                                    cases[i].path);
        g_autoptr(json_t) json = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(json_parse_text(text, strlen(text), "cart", &json, NULL), 0);
        int rc = record_check_known(&cart_record, json, "cart.json", &err);
        assert_int_equal(rc, cases[i].path != NULL ? CPULIFT_EINPUT : 0);
        assert_true(rc == 0 || strcmp(err->message, expected) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_little),
        cmocka_unit_test(test_no_hidden_characters),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
