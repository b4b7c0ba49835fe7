// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whatever two documents differ in is told, and by what a guest sees of it.
#include "core/compare.h"

#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define PLAN                                                                                       \
    "{'schema':'cpulift.plan/1','pool':'p','variant':'tuned','virt':'kvm','machine':'pc',"         \
    "'definition':{'check':'full','match':'exact','fallback':'forbid','model':'Nehalem',"          \
    "'vendor':'Intel','phys_bits':46},'signature':{'family':6,'model':26,'stepping':3},"           \
    "'features':['sse','ssbd','warp-drive'],'qemu':{'min':'7.2.0','max':'8.2.2'}}"
#define HOST                                                                                       \
    "{'schema':'cpulift.host/1','name':'h','arch':'x86_64','cpu':{'vendor':'Intel','family':6,"    \
    "'model':26,'stepping':3,'model_name':'Nehalem','microcode':7},'versions':{'libvirt':"         \
    "'9.0.0','qemu':'7.2.0','kernel':'6.1'},'libvirt_models':['486','Nehalem'],'guests':[{'virt':" \
    "'kvm','machine':'pc','canonical_machine':'pc-i440fx-7.2','phys_bits':46,'features':['sse',"   \
    "'ssbd'],'unknown':['warp-drive'],'not_migratable':['invtsc'],'usable_models':['486']}]}"

struct taken {
    cpulift_plan *plan;
    cpulift_host *host;
    compare_side side;
};

static void taken_clear(struct taken *taken)
{
    compare_clear(&taken->side);
    plan_free(taken->plan);
    host_free(taken->host);
}

#define TAKEN_AUTO __attribute__((cleanup(taken_clear))) struct taken

/// The document with `from` replaced by `to`, taken; apostrophes are quotation marks.
static void take(const char *text, const char *from, const char *to, struct taken *taken)
{
    const catalog *map = support_get_catalog();
    const char *at = strstr(text, from);
    assert_non_null(at);
    g_autofree char *changed =
        g_strdup_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    g_strdelimit(changed, "'", '"');
    g_autoptr(cpulift_error) err = NULL;
    size_t len = strlen(changed);
    int rc = strstr(text, "plan/1") != NULL
                 ? plan_parse(changed, len, "p", &taken->plan, &err)
                 : host_parse(changed, len, "h", map, &taken->host, &err);
    if (rc != 0) {
        fail_msg("%s", err->message);
    }
    if (taken->plan != NULL) {
        compare_take_plan(taken->plan, map, &taken->side);
    } else {
        compare_take_host(taken->host, taken->host->guests->pdata[0], map, &taken->side);
    }
}

struct change {
    const char *from, *to, *what; ///< in `from`'s place stands `to`: this differs
    const char *a, *b;
    bool is_seen, is_beyond;
};

static const struct change plan_changes[] = {
    {"'sse',", "", "features", "sse", NULL, true, true},
    {"'sse',", "'sse','sse2',", "features", NULL, "sse2", true, false},
    {"'ssbd',", "", "mitigations", "ssbd", NULL, true, true},
    {"'sse',", "'cmp_legacy','sse',", "features by the guest's topology", NULL, "cmp_legacy", true,
     false},
    {"'sse',", "'pdcm','sse',", "features by the guest's PMU", NULL, "pdcm", true, false},
    {"'sse',", "'sse','waitpkg',", "features by the guest's cpu-pm", NULL, "waitpkg", true, false},
    {"'vendor':'Intel'", "'vendor':'AMD'", "vendor", "Intel", "AMD", true, true},
    {",'warp-drive'", "", "features", "warp-drive", NULL, true, true},
    {"'kvm'", "'qemu'", "virt type", "kvm", "qemu", true, false},
    {"'pc'", "'q35'", "machine type", "pc", "q35", true, false},
    {"'Nehalem'", "'Westmere'", "model", "Nehalem", "Westmere", true, false},
    {"'vendor':'Intel',", "", "vendor", "Intel", NULL, true, false},
    {"'stepping':3", "'stepping':4", "signature", "family 6 model 26 stepping 3",
     "family 6 model 26 stepping 4", true, false},
    {"46", "39", "physical address bits", "46", "39", true, true},
    {"46", "48", "physical address bits", "46", "48", true, false},
    {"'vendor':'Intel','phys_bits':46", "'vendor':'Intel'", "physical address bits", "46", NULL,
     true, true},
    {"'max':'8.2.2'", "'max':'10.0.2'", "hosts' QEMU", "older than 10.0",
     "older and newer than 10.0: guests with several logical CPUs per socket do not migrate "
     "between",
     true, false},
    {"'7.2.0','max':'8.2.2'", "'10.0','max':'11.0'", "hosts' QEMU", "older than 10.0",
     "10.0 or newer", true, false},
    {"'full'", "'partial'", "check", "full", "partial", false, false},
    {"'exact'", "'minimum'", "match", "exact", "minimum", false, false},
    {"'forbid'", "'allow'", "fallback", "forbid", "allow", false, false},
};

static const struct change host_changes[] = {
    {"'sse',", "", "features", "sse", NULL, true, true},
    {"'unknown':['warp-drive'],", "", "features", "warp-drive", NULL, true, true},
    {"'qemu':'7.2.0'", "'qemu':'8.0.0'", "QEMU", "7.2.0", "8.0.0", false, false},
    {"'libvirt':'9.0.0'", "'libvirt':'9.1.0'", "libvirt", "9.0.0", "9.1.0", false, false},
    {"'kernel':'6.1'", "'kernel':'6.2'", "kernel", "6.1", "6.2", false, false},
    {"'microcode':7", "'microcode':8", "microcode", "7", "8", false, false},
    {"'stepping':3", "'stepping':5", "CPU", "family 6 model 26 stepping 3",
     "family 6 model 26 stepping 5", false, false},
    {"'model_name':'Nehalem'", "'model_name':'Westmere'", "CPU like", "Nehalem", "Westmere", false,
     false},
    {"'vendor':'Intel'", "'vendor':'AMD'", "vendor", "Intel", "AMD", true, true},
    {"'phys_bits':46,", "", "physical address bits", "46", NULL, true, true},
    {"pc-i440fx-7.2", "pc-i440fx-8.0", "canonical machine", "pc-i440fx-7.2", "pc-i440fx-8.0", false,
     false},
    {"['486','Nehalem']", "['486']", "models that libvirt knows", "Nehalem", NULL, false, false},
    {"'usable_models':['486']", "'usable_models':['486','n270']", "models usable as they are", NULL,
     "n270", false, false},
    {",'not_migratable':['invtsc']", "", "not migratable", "invtsc", NULL, false, false},
};

static void check_change(const char *text, const struct change *change)
{
    TAKEN_AUTO a = {0};
    TAKEN_AUTO b = {0};
    take(text, "", "", &a);
    take(text, change->from, change->to, &b);
    g_autoptr(GPtrArray) none = compare_sides(&a.side, &a.side);
    assert_int_equal(none->len, 0);
    g_autoptr(GPtrArray) differences = compare_sides(&a.side, &b.side);
    assert_int_equal(differences->len, 1);
    const struct compare_difference *one = differences->pdata[0];
    assert_string_equal(one->what, change->what);
    if (g_strcmp0(one->a, change->a) != 0 || g_strcmp0(one->b, change->b) != 0 ||
        one->is_seen != change->is_seen || one->is_beyond != change->is_beyond) {
        fail_msg("%s: '%s' and '%s', seen %d, beyond %d", one->what, one->a, one->b, one->is_seen,
                 one->is_beyond);
    }
    assert_int_equal(compare_is_seen(differences), change->is_seen);
    g_autoptr(GPtrArray) back = compare_sides(&b.side, &a.side);
    const struct compare_difference *other = back->pdata[0];
    assert_true(back->len == 1 && g_strcmp0(other->a, one->b) == 0 &&
                g_strcmp0(other->b, one->a) == 0);
}

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(plan_changes); i++) {
        check_change(PLAN, &plan_changes[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(host_changes); i++) {
        check_change(HOST, &host_changes[i]);
    }
}

/// Of a definition and a host only what both are about: the host has no check, no model.
static void test_mixed(void **state)
{
    (void)state;
    TAKEN_AUTO plan = {0};
    TAKEN_AUTO host = {0};
    TAKEN_AUTO narrow = {0};
    take(PLAN, "", "", &plan);
    take(HOST, "", "", &host);
    take(HOST, "'phys_bits':46", "'phys_bits':39", &narrow);
    g_autoptr(GPtrArray) same = compare_sides(&plan.side, &host.side);
    assert_int_equal(same->len, 0);
    g_autoptr(GPtrArray) differences = compare_sides(&plan.side, &narrow.side);
    assert_int_equal(differences->len, 1);
    const struct compare_difference *one = differences->pdata[0];
    assert_string_equal(one->what, "physical address bits");
}

/// Versions on one side of the break, or none at all, are no difference to a guest.
static void test_qemu_alike(void **state)
{
    (void)state;
    static const char *const alike[] = {"{'min':'9.2.4','max':'9.2.4'}", "{}"};
    for (size_t i = 0; i < G_N_ELEMENTS(alike); i++) {
        TAKEN_AUTO a = {0};
        TAKEN_AUTO b = {0};
        take(PLAN, "", "", &a);
        take(PLAN, "{'min':'7.2.0','max':'8.2.2'}", alike[i], &b);
        g_autoptr(GPtrArray) none = compare_sides(&a.side, &b.side);
        assert_int_equal(none->len, 0);
    }
}

/// What depends on its host is said, not guessed.
static void test_dependent(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *word;
    } cases[] = {
        {"<cpu mode='host-model'/>", "host-model"},
        {"<cpu mode='host-passthrough'><feature name='vmx'/></cpu>", "host-passthrough"},
        {"<cpu mode='maximum'/>", "maximum"},
        {"<domain><cpu><topology sockets='2'/></cpu></domain>", "no model"},
        {"<cpu mode='custom'><model>Nehalem</model></cpu>", NULL},
        {"<cpu><model>Nehalem</model><topology sockets='2'/></cpu>", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autoptr(cpulift_error) err = NULL;
        g_auto(compare_side) side = {0};
        assert_int_equal(cpu_parse(cases[i].xml, strlen(cases[i].xml), "x", &cpu, &err), 0);
        int rc = compare_take_cpu(cpu, "x", NULL, NULL, support_get_catalog(), &side, &err);
        assert_int_equal(rc, cases[i].word != NULL ? CPULIFT_EINPUT : 0);
        if (rc != 0) {
            assert_non_null(strstr(err->message, cases[i].word));
            assert_non_null(strstr(err->message, "depends on its host"));
        }
    }
}

/// A name that the map lacks counts where a definition gives it.
static void test_unknown_names(void **state)
{
    (void)state;
    static const char xml[] = "<cpu><model>Nehalem</model><feature name='warp-drive'/>"
                              "<feature name='antigravity' policy='disable'/></cpu>";
    g_autoptr(cpulift_cpu) cpu = NULL;
    g_auto(compare_side) side = {0};
    assert_int_equal(cpu_parse(xml, strlen(xml), "x", &cpu, NULL), 0);
    assert_int_equal(compare_take_cpu(cpu, "x", NULL, NULL, support_get_catalog(), &side, NULL), 0);
    assert_true(g_strv_contains((const char *const *)side.features, "warp-drive"));
    assert_false(g_strv_contains((const char *const *)side.features, "antigravity"));
}

/// In a domain QEMU adds to the model what nobody wrote, but what was disabled by name.
static void test_unasked(void **state)
{
    (void)state;
    static const char xml[] = "<cpu><model>Haswell-noTSX</model><feature name='hypervisor' "
                              "policy='disable'/></cpu>";
    g_autoptr(cpulift_cpu) cpu = NULL;
    g_auto(compare_side) alone = {0}, guest = {0};
    const catalog *map = support_get_catalog();
    assert_int_equal(cpu_parse(xml, strlen(xml), "x", &cpu, NULL), 0);
    assert_int_equal(compare_take_cpu(cpu, "x", NULL, NULL, map, &alone, NULL), 0);
    assert_int_equal(compare_take_cpu(cpu, "x", "kvm", "pc", map, &guest, NULL), 0);
    g_autoptr(GPtrArray) differences = compare_sides(&alone, &guest);
    const struct compare_difference *one = differences->pdata[0];
    assert_null(one->a);
    assert_non_null(strstr(one->b, "abm"));
    assert_null(strstr(one->b, "hypervisor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),       cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_qemu_alike),    cmocka_unit_test(test_dependent),
        cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_unasked),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
