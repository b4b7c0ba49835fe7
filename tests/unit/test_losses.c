// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/losses.h"

#include "base/json.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/// Four features, and a reason for each of the others that the tests ask for.
static const char plan_text[] =
    "{\"schema\": \"cpulift.plan/1\", \"pool\": \"p\", \"variant\": \"tuned\", \"virt\": \"kvm\","
    " \"machine\": \"q35\", \"features\": [\"aes\", \"avx\", \"hypervisor\", \"lm\"],"
    " \"definition\": {\"model\": \"Westmere\", \"vendor\": \"Intel\", \"phys_bits\": 39, "
    "\"require\": [\"avx\", \"hypervisor\"],"
    "   \"disable\": [\"vme\"]},"
    " \"losses\": [{\"feature\": \"avx2\", \"hosts\": [\"a\"]}],"
    " \"omitted\": [{\"feature\": \"vmx\", \"reason\": \"nested\"},"
    "   {\"feature\": \"svm\", \"reason\": \"nested\"},"
    "   {\"feature\": \"rtm\", \"reason\": \"tsx\"},"
    "   {\"feature\": \"mpx\", \"reason\": \"opt-in\"},"
    "   {\"feature\": \"monitor\", \"reason\": \"opt-in\"},"
    "   {\"feature\": \"invtsc\", \"reason\": \"not-migratable\"},"
    "   {\"feature\": \"pku\", \"reason\": \"denied\"}]}";

/// All sentences of a domain of this content under this plan, one on each line. The caller's.
static char *find_under(const char *text, const catalog *map, const char *content,
                        const char *escape)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(domain_document) document = NULL;
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *xml = g_strdup_printf("<domain type='kvm'>%s</domain>", content);
    const struct losses_asker asker = {.subject = "the guest", .escape = escape, .map = map};
    assert_int_equal(plan_parse(text, strlen(text), "plan", &plan, &err), 0);
    assert_int_equal(domain_parse(xml, strlen(xml), "x", &document, &err), 0);
    losses_add_domain(losses, &asker, document, plan, plan->cpu);
    g_ptr_array_add(losses, NULL);
    return g_strjoinv("\n", (char **)losses->pdata);
}

static char *find(const char *content, const char *escape)
{
    return find_under(plan_text, NULL, content, escape);
}

static void test_one_sentence_a_cause(void **state)
{
    (void)state;
    static const struct {
        const char *features, *said;
    } cases[] = {
        {"", ""},
        {"<feature policy='require' name='avx'/><feature policy='require' name='lm'/>", ""},
        {"<feature policy='disable' name='vme'/><feature policy='disable' name='avx2'/>", ""},
        {"<feature policy='require' name='vmx'/><feature policy='force' name='svm'/>",
         "the guest asks for vmx, svm, which the plan leaves out (nested): plan with --allow "
         "nested, or --respect"},
        {"<feature name='rtm'/>",
         "the guest asks for rtm, which the plan leaves out (tsx): plan with --allow tsx, or "
         "--respect"},
        {"<feature policy='require' name='mpx'/><feature policy='optional' name='monitor'/>",
         "the guest asks for mpx, monitor, which the plan leaves out (opt-in): plan with "
         "--allow mpx --allow monitor, or --respect"},
        {"<feature policy='require' name='invtsc'/>",
         "the guest asks for invtsc, which the plan leaves out (a guest with it cannot migrate): "
         "--respect keeps it"},
        {"<feature policy='require' name='pku'/>",
         "the guest asks for pku, which the plan leaves out (denied by its policy): plan without "
         "denying it, or --respect"},
        {"<feature policy='require' name='avx2'/>",
         "the guest asks for avx2, which the plan leaves out (not every host can give it): plan "
         "without the hosts that 'cpulift explain' names, or --respect"},
        {"<feature policy='require' name='topoext'/>",
         "the guest asks for topoext, which the plan leaves out: --respect keeps it"},
        // What the definition switches off, the guest does not get, whatever else is said.
        {"<feature policy='require' name='vme'/>",
         "the guest asks for vme, which the plan leaves out: --respect keeps it"},
        {"<feature policy='disable' name='hypervisor'/><feature policy='forbid' name='aes'/>",
         "the guest disables hypervisor, aes, which the plan gives: plan with --deny "
         "hypervisor --deny aes, or --respect"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *content =
            g_strdup_printf("<cpu><model>Westmere</model>%s</cpu>", cases[i].features);
        g_autofree char *said = find(content, "--respect");
        assert_string_equal(said, cases[i].said);
    }
}

static void test_without_an_escape(void **state)
{
    (void)state;
    g_autofree char *said =
        find("<cpu><model>Westmere</model><feature name='vmx'/><feature name='invtsc'/>"
             "<feature policy='disable' name='aes'/></cpu>",
             NULL);
    assert_string_equal(
        said, "the guest asks for vmx, which the plan leaves out (nested): plan with --allow "
              "nested\n"
              "the guest asks for invtsc, which the plan leaves out (a guest with it cannot "
              "migrate)\n"
              "the guest disables aes, which the plan gives: plan with --deny aes");
}

static void test_what_depends_on_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *content, *said;
    } cases[] = {
        {"<name>a</name>", ""},
        {"<cpu mode='host-model'/>",
         "the guest has a CPU of mode 'host-model': what that gave depends on the host"},
        {"<cpu><topology sockets='1'/></cpu>",
         "the guest names no CPU model: what it had depends on its QEMU"},
        {"<cpu><model>Westmere</model></cpu><devices/><cpu><numa/></cpu>",
         "the guest has a second <cpu>: the first is replaced, the second kept"},
        {"<cpu><model>a b</model></cpu>", "what the guest asked of its CPU cannot be read: "
                                          "'x': <cpu> has 'a b' where a name is expected"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *said = find(cases[i].content, "--respect");
        assert_string_equal(said, cases[i].said);
    }
}

/// What is not a feature of the guest's own: its model and what that gives, vendor, width.
static void test_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *content, *said;
    } cases[] = {
        {"<cpu><model>Haswell</model></cpu>",
         "the guest asks for model Haswell, and gets Westmere: 'cpulift explain' says what that "
         "changes, --respect keeps it"},
        {"<cpu><model vendor_id='GenuineFakes'>Westmere</model><vendor>AMD</vendor></cpu>",
         "the guest asks for a CPU of AMD, and gets one of Intel\n"
         "the guest asks for the vendor id 'GenuineFakes', which a plan cannot give"},
        {"<cpu><model>Westmere</model><maxphysaddr mode='emulate' bits='46'/></cpu>",
         "the guest asks for physical addresses of 46 bits, and gets 39"},
        {"<cpu><model>Westmere</model><maxphysaddr mode='emulate' bits='39'/></cpu>", ""},
        {"<cpu match='minimum'><model>Westmere</model></cpu>",
         "the guest has a CPU of match 'minimum': what that gave depends on the host"},
        {"<cpu mode='host-passthrough'><maxphysaddr mode='passthrough' limit='46'/></cpu>",
         "the guest has a CPU of mode 'host-passthrough': what that gave depends on the host\n"
         "the guest has its host's width of physical addresses, and gets 39 bits"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *said = find(cases[i].content, "--respect");
        assert_string_equal(said, cases[i].said);
    }
}

static void test_model_with_a_map(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    g_autofree char *said =
        find_under(plan_text, map,
                   "<cpu><model>Haswell</model><feature policy='disable' name='fma'/></cpu>", NULL);
    g_autofree char *unknown = find_under(plan_text, map, "<cpu><model>Warp9</model></cpu>", NULL);
    g_autofree char *same = find_under(plan_text, map, "<cpu><model>Westmere</model></cpu>", NULL);
    assert_non_null(strstr(said, "the guest asks for model Haswell, and gets Westmere\n"));
    assert_non_null(
        strstr(said, "the guest asks by its model for avx2, which the plan leaves out (not "));
    assert_non_null(strstr(said, " bmi1, "));
    assert_null(strstr(said, "fma,"));
    assert_null(strstr(said, " avx,"));
    assert_string_equal(unknown, "the guest asks for model Warp9, and gets Westmere: 'cpulift "
                                 "explain' says what that changes");
    assert_string_equal(same, "");
}

static void test_reenlightenment(void **state)
{
    (void)state;
#define HYPERV(state) "<features><hyperv><reenlightenment state='" state "'/></hyperv></features>"
    g_autofree char *without = find(HYPERV("on") "<clock><timer name='tsc'/></clock>", NULL);
    g_autofree char *with = find(
        HYPERV("on") "<clock><timer name='rtc'/><timer name='tsc' frequency='2000000000'/></clock>",
        NULL);
    g_autofree char *off = find(HYPERV("off"), NULL);
    assert_non_null(strstr(without, "does not migrate it"));
    assert_string_equal(with, "");
    assert_string_equal(off, "");
}

/// A width that the guest has of its own, and one that the plan knows, states or not.
static void test_width(void **state)
{
    (void)state;
    static const struct {
        unsigned known, stated, own; ///< 0: not
        const char *said;
    } cases[] = {
        {39, 0, 46,
         "the guest keeps its physical addresses of 46 bits, and the plan's hosts have 39: it may "
         "not start or migrate everywhere; remove its <maxphysaddr>"},
        {39, 0, 39, ""},
        {0, 0, 46, ""},
        {39, 39, 46, "the guest asks for physical addresses of 46 bits, and gets 39"},
        {39, 39, 39, ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) json = json_loads(plan_text, 0, NULL);
        json_t *definition = json_object_get(json, "definition");
        json_object_del(json, "phys_bits");
        json_object_del(definition, "phys_bits");
        if (cases[i].known != 0) {
            json_object_set_new(json, "phys_bits", json_integer(cases[i].known));
        }
        if (cases[i].stated != 0) {
            json_object_set_new(definition, "phys_bits", json_integer(cases[i].stated));
        }
        g_autofree char *content = g_strdup_printf(
            "<cpu><model>Westmere</model><maxphysaddr mode='emulate' bits='%u'/></cpu>",
            cases[i].own);
        g_autofree char *plan = json_dumps(json, 0);
        g_autofree char *said = find_under(plan, NULL, content, NULL);
        assert_string_equal(said, cases[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_sentence_a_cause),
        cmocka_unit_test(test_without_an_escape),
        cmocka_unit_test(test_what_depends_on_the_host),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_model_with_a_map),
        cmocka_unit_test(test_reenlightenment),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
