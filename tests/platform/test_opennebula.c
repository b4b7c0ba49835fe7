// SPDX-License-Identifier: LGPL-2.1-or-later
/// OpenNebula's settings file before and after, through OpenNebula's own grammar.
#include "../lib/support.h"
#include "onelexer.h"
#include "place.h"
#include "platform/platform.h"
#include "platform/undo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <string.h>

#define CONF        "etc/one/vmm_exec/vmm_exec_kvm.conf"
#define OURS        "CPU_MODEL = [ MODEL = \"Nehalem\", FEATURES = \"aes,avx,hypervisor,xsave\" ]"
#define MEANS       "vector [FEATURES=aes,avx,hypervisor,xsave][MODEL=Nehalem]"
#define FILES       300
#define PICK(words) words[g_rand_int_range(dice, 0, G_N_ELEMENTS(words))]

/// What the adapter makes of the file, the caller's; NULL where it refuses, with its words in
/// *ret_why.
static struct change *edit(const struct place *place, const char *text, changeset **ret_set,
                           char **ret_why)
{
    const struct platform_options options = {
        .version = "7.4.0", .channel = "native", .hook = "/usr/libexec/cpulift/cpulift-hook"};
    g_autofree char *path =
        g_build_filename(g_getenv("CPULIFT_SOURCE"), "tests/platform/plan.json", NULL);
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(changeset) set = changeset_new("opennebula");
    g_autoptr(platform_report) report = platform_report_new();
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(plan_load(path, &plan, NULL), 0);
    put(place, CONF, text);
    *ret_why = NULL;
    if (opennebula_platform.plan(place->root, plan, &options, set, report, &err) != 0) {
        assert_int_equal(set->changes->len, 0);
        *ret_why = g_strdup(err->message);
        return NULL;
    }
    assert_int_equal(set->changes->len, 1);
    *ret_set = g_steal_pointer(&set);
    return g_ptr_array_index((*ret_set)->changes, 0);
}

static void fail_on(const char *what, const char *before, const char *after)
{
    fail_msg("%s:\n--- before\n%s\n--- after\n%s\n---", what, before, after != NULL ? after : "");
}

/// All settings but CPU_MODEL are the same.
static bool has_same_rest(GHashTable *before, GHashTable *after)
{
    g_hash_table_remove(before, "CPU_MODEL");
    g_hash_table_remove(after, "CPU_MODEL");
    GHashTableIter iter;
    void *name = NULL, *value = NULL;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        if (g_strcmp0(g_hash_table_lookup(after, name), value) != 0) {
            return false;
        }
    }
    return g_hash_table_size(before) == g_hash_table_size(after);
}

/// What was taken out for our assignment is a CPU_MODEL and no more; all else is there byte for
/// byte.
static void check_bytes(const char *before, const char *after)
{
    size_t last = 0;
    for (const char *at = strstr(after, OURS); at != NULL; at = strstr(at + 1, OURS)) {
        last = (size_t)(at - after);
    }
    size_t tail = strlen(after) - last - strlen(OURS), len = strlen(before);
    bool is_put = len >= last + tail && strncmp(before, after, last) == 0 &&
                  strcmp(before + len - tail, after + last + strlen(OURS)) == 0;
    // On a last line that does not end a '#' begins no comment.
    const char *end = is_put && strchr(before + len - tail, '\n') != NULL ? "\n" : "";
    g_autofree char *gone =
        is_put ? g_strdup_printf("%.*s%s", (int)(len - last - tail), before + last, end) : NULL;
    g_autoptr(GHashTable) settings = NULL;
    if (is_put) {
        if (!onelexer_read(gone, &settings)) {
            fail_on("what is gone", before, gone);
        }
        assert_true(g_hash_table_size(settings) == 1 &&
                    g_hash_table_contains(settings, "CPU_MODEL"));
        return;
    }
    g_autofree char *appended =
        g_strconcat(before, len > 0 && before[len - 1] != '\n' ? "\n" : "", OURS "\n", NULL);
    if (strcmp(after, appended) != 0) {
        fail_on("other bytes changed", before, after);
    }
}

/// Rolled back, the file is what it was, with what an operator wrote meanwhile.
static void check_way_back(const struct change *change, const char *before)
{
    static const char *const more[] = {"", "NEW = [ A = \"1\", B = \"]\" ]\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        g_autofree char *text = g_strconcat(more[i], change->after.bytes, NULL);
        struct root_file now = change->after;
        g_auto(root_file) then = {0};
        const char *how = NULL;
        g_autoptr(cpulift_error) err = NULL;
        now.bytes = text;
        now.len = strlen(text);
        if (undo_compute(change, &now, &then, &how, &err) != 0) {
            assert_int_equal(i, 1); // his and ours are in one line, or twice there: left, in words
            continue;
        }
        g_autofree char *wanted = g_strconcat(more[i], before, NULL);
        if (strcmp(then.bytes, wanted) != 0) {
            fail_on("the way back", wanted, then.bytes);
        }
    }
}

/// Whether a line that is put behind the text changes what the rest says: a comment or a string in
/// it does not end.
static bool is_open(const char *text)
{
    g_autofree char *more = g_strconcat(text, "\nCPU_MODEL = \"\"\n", NULL);
    g_autoptr(GHashTable) before = NULL;
    g_autoptr(GHashTable) after = NULL;
    (void)onelexer_read(text, &before);
    return !onelexer_read(more, &after) || !has_same_rest(before, after);
}

/// Whether a comment holds one of two quotes: in OpenNebula's lexer what stands before it on its
/// line decides whether it is one, and our assignment may stand there.
static bool has_half_string(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        unsigned quotes = 0;
        for (const char *at = strchr(*line, '#'); at != NULL && *at != '\0'; at++) {
            quotes += *at == '"';
        }
        if (quotes % 2 != 0) {
            return true;
        }
    }
    return false;
}

/// True if it was edited; refused is what OpenNebula cannot read, or cannot once it is edited.
static bool check(const struct place *place, const char *text)
{
    g_autoptr(changeset) set = NULL;
    g_autofree char *why = NULL;
    g_autoptr(GHashTable) before = NULL;
    g_autoptr(GHashTable) after = NULL;
    bool is_whole = onelexer_read(text, &before);
    const struct change *change = edit(place, text, &set, &why);
    if (change == NULL) {
        if (why == NULL || strstr(why, CONF) == NULL ||
            (is_whole && !is_open(text) && !has_half_string(text))) {
            fail_on(why, text, NULL);
        }
        return false;
    }
    const char *made = change->after.bytes;
    if (!is_whole) {
        fail_on("edited, though OpenNebula cannot read it", text, made);
    }
    bool is_read = onelexer_read(made, &after);
    if (!is_read || g_strcmp0(g_hash_table_lookup(after, "CPU_MODEL"), MEANS) != 0 ||
        !has_same_rest(before, after)) {
        fail_on("another setting changed", text, made);
    }
    check_bytes(text, made);
    check_way_back(change, text);
    return true;
}

static const char *const names[] = {"CPU_MODEL", "Cpu_Model", "cpu_model", "RAW",         "OS",
                                    "DISK",      "X",         "MODEL",     "MY_CPU_MODEL"};
static const char *const equals[] = {" = ", "=", "\t=\t", "  =", "\n  = "};
static const char *const gaps[] = {"",  " ", "\n", "\n\n", "  # a comment\n", "# \"one ] [ = , x\n",
                                   "\t"};
static const char *const between[] = {
    "\n",    "\n\n", " ",     "\n# CPU_MODEL = [ MODEL = \"x\"\n", " # to \"here\n",
    "\n#\n", "\r\n", "\n  \n"};
static const char *const values[] = {"\"\"",
                                     "\"a\"",
                                     "plain",
                                     "16",
                                     "\"with blanks\"",
                                     "\"a ] b\"",
                                     "\"# none\"",
                                     "\"a = b, c\"",
                                     "\"say \\\"no\\\"\"",
                                     "\"\\\"\"",
                                     "\"\nCPU_MODEL = [ MODEL = \\\"q\\\" ]\n\"",
                                     "\"<cpu mode='x'/>\n\"",
                                     "\"caf\xe9\"",
                                     "<x>",
                                     "\"a\\\\\\\"b\"",
                                     "\"over\n# lines\n\"",
                                     "host-passthrough"};
/// What an operator's slip leaves: most of it OpenNebula cannot read.
static const char *const slips[] = {"\"",         "]",
                                    "[",          "=",
                                    ",",          "#",
                                    "\\\"",       "]]>",
                                    "X = ",       "- ",
                                    "A B",        "X = # none\n",
                                    "Y = ]]> \n", "X = \"a\"b\n",
                                    "[ # \n"};

static void add_vector(GString *text, GRand *dice)
{
    int count = g_rand_int_range(dice, 0, 4);
    g_string_append_printf(text, "[%s", PICK(gaps));
    for (int i = 0; i < count; i++) {
        g_string_append_printf(text, "%s%s%s%s%s", i > 0 ? "," : "", PICK(gaps), PICK(names),
                               PICK(equals), PICK(values));
        g_string_append(text, PICK(gaps));
    }
    g_string_append(text, "]");
}

static char *throw_file(GRand *dice)
{
    GString *text = g_string_new(PICK(gaps));
    int count = g_rand_int_range(dice, 0, 7);
    for (int i = 0; i < count; i++) {
        g_string_append_printf(text, "%s%s", PICK(names), PICK(equals));
        if (g_rand_int_range(dice, 0, 2) == 0) {
            add_vector(text, dice);
        } else if (g_rand_int_range(dice, 0, 8) > 0) {
            g_string_append(text, PICK(values));
        }
        g_string_append(text, PICK(between));
    }
    if (g_rand_int_range(dice, 0, 6) == 0) {
        g_string_insert(text, g_rand_int_range(dice, 0, (gint32)text->len + 1), PICK(slips));
    }
    return g_string_free(text, FALSE);
}

static void test_generated(void **state)
{
    const struct place *place = *state;
    g_autoptr(GRand) dice = support_new_dice();
    size_t wanted = support_get_rounds(FILES), edited = 0, thrown = 0;
    for (; edited < wanted; thrown++) {
        assert_true(thrown < 10 * wanted);
        g_autofree char *text = throw_file(dice);
        edited += check(place, text);
    }
    print_message("# %zu files edited, %zu refused\n", edited, thrown - edited);
}

/// Files that an earlier scanner of ours lost lines of, or broke.
static void test_known(void **state)
{
    static const struct {
        const char *text;
        bool is_edited;
    } cases[] = {
        {"CPU_MODEL = [\n  # the model we use: \"best\n  MODEL = \"Nehalem\"\n]\nX = \"1\"\n",
         true},
        {"CPU_MODEL = [\n  # see [1] in the wiki\n  MODEL = \"Penryn\" ]\n", true},
        {"CPU_MODEL = [ MODEL = \"Pen\\\"]ryn\" ]\nX = 1\n", true},
        {"RAW = [ DATA = \"\nCPU_MODEL = [ MODEL = \\\"x\\\" ]\n\" ]\n", true},
        {"Cpu_Model\n  = [ model = \"x\" ] CPU_MODEL=y Z = \"\"\n", true},
        {"X = \"a\\\"\nY = 1", false},        // the last \" closes, for want of another
        {"X = 1\n# no end", false},           // a name behind a name
        {"X = 1\n# Y = 2", false},            // Y is set
        {"X = \"<![CDATA[ a ]]>\"\n", false}, // the parser gives up
        {"X = [ A = 1 ]]>\nY = 2\n", false},
        {"X = \"a ]]>\nb\"\nY = 2\n", true}, // a longer string goes before
        {"X = # 1\nY = 2\n", true},          // the value is 1
        {"", true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (check(*state, cases[i].text) != cases[i].is_edited) {
            fail_on(cases[i].is_edited ? "refused" : "edited", cases[i].text, NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_generated, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("opennebula", tests, NULL, NULL);
}
