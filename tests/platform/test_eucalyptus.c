// SPDX-License-Identifier: LGPL-2.1-or-later
/// Eucalyptus' libvirt.xsl: what is markup in it and what only looks so, and a plan over another.
#include "base/xml.h"
#include "place.h"
#include "platform/journal.h"
#include "platform/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <string.h>

#define FILE_XSL "etc/eucalyptus/libvirt.xsl"
#define HEAD                                                                                       \
    "<xsl:transform xmlns:xsl='http://www.w3.org/1999/XSL/Transform' version='1.0'>"               \
    "<xsl:template match='/instance'><domain>"
#define TAIL "</domain></xsl:template></xsl:transform>\n"

/// The changeset for a plan of this model; NULL where the adapter refuses. The caller's.
static changeset *plan_for(const struct place *place, const char *model, cpulift_error **err)
{
    const struct platform_options options = {.channel = "xsl", .hook = "/usr/libexec/cpulift-hook"};
    g_autofree char *path =
        g_build_filename(g_getenv("CPULIFT_SOURCE"), "tests/platform/plan.json", NULL);
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(changeset) set = changeset_new("eucalyptus");
    g_autoptr(platform_report) report = platform_report_new();
    assert_int_equal(plan_load(path, &plan, NULL), 0);
    g_free(plan->cpu->model);
    plan->cpu->model = g_strdup(model);
    return eucalyptus_platform.plan(place->root, plan, &options, set, report, err) == 0
               ? g_steal_pointer(&set)
               : NULL;
}

/// Applies it; false where the adapter refuses or there is nothing to change.
static bool apply(const struct place *place, const char *model)
{
    g_autoptr(changeset) set = plan_for(place, model, NULL);
    bool is_changed = set != NULL && set->changes->len > 0;
    assert_int_equal(is_changed ? changeset_apply(set, place->stores, NULL, NULL) : 0, 0);
    return is_changed;
}

/// `{…}` is what goes for our lines, and nothing else.
static void test_sites(void **state)
{
    static const char *const cases[] = {
        "<vcpu>1</vcpu>{}<memory/>",
        "<!-- <cpu> </vcpu> --><vcpu>1</vcpu>{}<!-- <cpu mode='x'/> -->",
        "<name><![CDATA[<cpu><topology></vcpu>]]></name><vcpu>1</vcpu>{}",
        "<?hint <cpu> </vcpu> ?><vcpu>1</vcpu>{}",
        "<vcpu placement='a>b' >1</vcpu\n>{}<memory/>",
        "<vcpus>2</vcpus><vcpu/>{}<cpus/><cpu_tune mode='x'/>",
        "<vcpu>1</vcpu>{<cpu>}<topology/></cpu>",
        "<vcpu>1</vcpu>{<cpu\n>}<topology sockets='1'/></cpu >",
        ("<vcpu>1</vcpu>{<cpu><xsl:if test=\"cores > 1 and '/cpu>'\"><xsl:attribute name='mode'>x"
         "</xsl:attribute></xsl:if>\n }<topology/></cpu>"),
        ("<vcpu>1</vcpu>{<cpu><!-- <topology> -->}<topology><xsl:attribute "
         "name='a'/></topology></cpu>"),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) parts = g_strsplit_set(cases[i], "{}", 3);
        g_autofree char *before = g_strconcat(HEAD, parts[0], parts[1], parts[2], TAIL, NULL);
        g_autofree char *head = g_strconcat(HEAD, parts[0], NULL);
        g_autofree char *tail = g_strconcat(parts[2], TAIL, NULL);
        g_autoptr(xmlDoc) tree = NULL;
        put(*state, FILE_XSL, before);
        assert_true(apply(*state, "Nehalem"));
        g_autofree char *after = get(*state, FILE_XSL);
        if (!g_str_has_prefix(after, head) || !g_str_has_suffix(after, tail)) {
            fail_msg("%s became\n%s", before, after);
        }
        assert_int_equal(xml_parse(after, strlen(after), "after", &tree, NULL), 0);
        const char *full = strstr(after + strlen(head), "check='full'");
        assert_true(full != NULL && strstr(full + 1, "check='full'") == NULL);
        assert_false(apply(*state, "Nehalem"));
        assert_int_equal(journal_rollback(((struct place *)*state)->stores, NULL, NULL, NULL, NULL),
                         0);
        g_autofree char *back = get(*state, FILE_XSL);
        assert_string_equal(back, before);
    }
}

static void check_refused(void **state, const char *text)
{
    g_autoptr(cpulift_error) err = NULL;
    put(*state, FILE_XSL, text);
    g_autoptr(changeset) set = plan_for(*state, "Nehalem", &err);
    if (set != NULL) {
        fail_msg("taken: %s", text);
    }
    assert_non_null(strstr(err->message, FILE_XSL));
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "<vcpu>1</vcpu><cpu mode='host-model'/>",
        "<vcpu>1</vcpu><cpu match='exact' mode=\"custom\"><topology/></cpu>",
        "<vcpu>1</vcpu><cpu/>",
        "<vcpu>1</vcpu><cpu><model>Penryn</model><topology/></cpu>",
        "<vcpu>1</vcpu><cpu><topology/><feature name='avx' policy='require'/></cpu>",
        "<vcpu>1</vcpu><cpu><xsl:if test='1'><model>Penryn</model></xsl:if><topology/></cpu>",
        "<vcpu>1</vcpu><cpu>x<topology/></cpu>",
        "<vcpu>1</vcpu><cpu><topology/></cpu><xsl:if test='1'><cpu><topology/></cpu></xsl:if>",
        "<vcpu>1</vcpu><xsl:if test='1'><cpu><topology/></cpu></xsl:if>",
        "<vcpu>1</vcpu><xsl:variable name='v'><o><cpu><topology/></cpu></o></xsl:variable>",
        "<xsl:choose><xsl:when test='1'><vcpu>1</vcpu></xsl:when></xsl:choose>",
        "<vcpu>1</vcpu><xsl:element name='cpu'/>",
        "<vcpu>1</vcpu><o:cpu xmlns:o='urn:o'/><cpu xmlns='urn:o'/>",
        "<vcpu>1</vcpu><vcpu/>",
        "<memory/>",
        "<vcpu>",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *before = g_strconcat(HEAD, cases[i], TAIL, NULL);
        check_refused(state, before);
    }
    check_refused(state, "<vcpu>1</vcpu>"); // nothing can stand behind a root
}

static void test_plan_over_plan(void **state)
{
    static const char *const shapes[] = {"<vcpu/>", "<vcpu>1</vcpu><cpu>\n <topology/>\n</cpu>\n"};
    const struct place *place = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *first = g_strconcat(HEAD, shapes[i], TAIL, NULL);
        put(place, FILE_XSL, first);
        assert_true(apply(place, "Nehalem"));
        assert_true(apply(place, "Westmere"));
        assert_false(apply(place, "Westmere"));
        g_autofree char *second = get(place, FILE_XSL);
        assert_non_null(strstr(second, ">Westmere<"));
        assert_null(strstr(second, ">Nehalem<"));
        // An operator's line elsewhere is no matter, a line of ours that he changed is his.
        g_autoptr(GString) edited = g_string_new(second);
        g_string_append(edited, "<!-- mine -->\n");
        put(place, FILE_XSL, edited->str);
        assert_true(apply(place, "Nehalem"));
        g_autofree char *third = get(place, FILE_XSL);
        g_autoptr(GString) his = g_string_new(third);
        assert_int_equal(g_string_replace(his, "name='aes'", "name='svm'", 0), 1);
        put(place, FILE_XSL, his->str);
        assert_false(apply(place, "Westmere"));
        put(place, FILE_XSL, third);
        assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
        g_autofree char *back = get(place, FILE_XSL);
        g_autofree char *wanted = g_strconcat(first, "<!-- mine -->\n", NULL);
        assert_string_equal(back, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sites, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plan_over_plan, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("eucalyptus", tests, NULL, NULL);
}
