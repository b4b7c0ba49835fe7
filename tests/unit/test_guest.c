// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest's topology, PMU and QEMU make of a plan's definition.
#include "core/guest.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

/// Sorted, each once, known to the catalogue where it is not newer, and never both wordings.
static void test_table(void **state)
{
    (void)state;
    size_t count = 0;
    const struct guest_feature *rows = guest_list_features(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
        assert_true(catalog_find_feature(support_get_catalog(), rows[i].name) >= 0);
        assert_ptr_equal(guest_find_feature(rows[i].name), &rows[i]);
        assert_true(rows[i].since_qemu == 0 || rows[i].since_qemu == GUEST_QEMU_BREAK);
    }
    assert_null(guest_find_feature("avx2"));
}

static struct domain_guest read_guest(const char *inner)
{
    g_autofree char *xml = g_strdup_printf("<domain type='kvm'><name>g</name>%s</domain>", inner);
    g_autoptr(domain_document) document = NULL;
    assert_int_equal(domain_parse(xml, strlen(xml), NULL, &document, NULL), 0);
    return guest_read(document);
}

/// Trap 23: counted on what a socket may hold, wherever it stands; the second <cpu> is not read.
static void test_read(void **state)
{
    (void)state;
#define TOPOLOGY(counts) "<cpu><topology " counts "/></cpu>"
    static const struct {
        const char *inner;
        unsigned vcpus, per_socket;
        bool has_pmu;
    } cases[] = {
        {"", 0, 1, false},
        {"<vcpu>8</vcpu>", 8, 1, false},
        {"<vcpu current='1'>4</vcpu>" TOPOLOGY("sockets='1' cores='4' threads='1'"), 4, 4, false},
        {TOPOLOGY("sockets='4' dies='1' cores='1' threads='1'"), 0, 1, false},
        {TOPOLOGY("sockets='1' cores='1' threads='2'"), 0, 2, false},
        {TOPOLOGY("sockets='1' dies='2' clusters='3' cores='2' threads='2'"), 0, 24, false},
        {TOPOLOGY("sockets='2' cores='0' threads='x'"), 0, 1, false},
        {TOPOLOGY("dies='65535' clusters='65535' cores='65535' threads='65535'"), 0, G_MAXUINT32,
         false},
        {"<cpu/>" TOPOLOGY("cores='4'"), 0, 1, false},
        {"<features><pmu state='on'/></features>", 0, 1, true},
        {"<features><pmu/></features>", 0, 1, true},
        {"<features><pmu state='off'/></features>", 0, 1, false},
        {"<pmu state='on'/>", 0, 1, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct domain_guest guest = read_guest(cases[i].inner);
        if (guest.vcpus != cases[i].vcpus || guest.per_socket != cases[i].per_socket ||
            guest.has_pmu != cases[i].has_pmu) {
            fail_msg("case %zu: %u vcpus, %u in a socket", i, guest.vcpus, guest.per_socket);
        }
    }
}

/// The plan of one host, which is as rich as its features.
static cpulift_plan *plan(const char *model, const char *more, const char *virt, const char *qemu)
{
    g_autoptr(cpulift_error) err = NULL;
    const struct pool_host host = {
        .name = "a", .model = model, .more = more, .virt = virt, .qemu = qemu};
    cpulift_plan *made = pool_plan(&host, 1, NULL, &err);
    assert_non_null(made);
    return made;
}

/// The policy of a feature as a letter: r for require, d for disable, or '-' where it is not
/// stated.
static char get_letter(const cpulift_cpu *cpu, const char *feature)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (strcmp(cpu->features[i].name, feature) == 0) {
            enum cpu_policy policy = cpu->features[i].policy;
            return "r?d"[policy == CPU_REQUIRE ? 0 : policy == CPU_DISABLE ? 2 : 1];
        }
    }
    return '-';
}

#define OLD (GUEST_QEMU_BREAK - 1)
#define NEW GUEST_QEMU_BREAK

/// ht, cmp_legacy, topoext, pdcm and arch-lbr, in that order, for every kind of guest.
static void test_define(void **state)
{
    (void)state;
    static const struct {
        const char *model, *more, *virt;
        unsigned per_socket, qemu;
        bool has_pmu;
        const char *letters;
    } cases[] = {
        {"Haswell", "", "kvm", 1, OLD, false, "-----"},
        {"Haswell", "", "kvm", 1, NEW, false, "-----"},
        {"Haswell", "ht", "kvm", 4, OLD, false, "-----"},
        {"Haswell", "", "kvm", 4, NEW, false, "r----"},
        {"Haswell", "", "kvm", 4, 0, false, "-----"},
        {"Haswell", "", "qemu", 4, NEW, false, "r----"},
        {"Haswell", "pdcm", "kvm", 1, OLD, false, "-----"},
        {"Haswell", "pdcm", "kvm", 1, OLD, true, "---r-"},
        {"Haswell", "pdcm", "kvm", 2, NEW, true, "r--r-"},
        {"Haswell", "", "kvm", 1, NEW, true, "-----"},
        {"Haswell", "pdcm arch-lbr", "kvm", 1, NEW, true, "---r-"}, // arch-lbr is opt-in
        {"EPYC", "cmp_legacy", "kvm", 1, NEW, false, "--r--"},
        {"EPYC", "cmp_legacy", "kvm", 4, OLD, false, "--r--"},
        {"EPYC", "", "kvm", 4, NEW, false, "rrr--"},
        {"EPYC", "", "qemu", 4, NEW, false, "rrr--"},
    };
    static const char *const features[] = {"ht", "cmp_legacy", "topoext", "pdcm", "arch-lbr"};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_plan) of = plan(cases[i].model, cases[i].more, cases[i].virt, NULL);
        const struct domain_guest guest = {.per_socket = cases[i].per_socket,
                                           .has_pmu = cases[i].has_pmu};
        g_autoptr(cpulift_cpu) cpu = guest_define(of, &guest, cases[i].qemu);
        char letters[G_N_ELEMENTS(features) + 1] = "";
        for (size_t f = 0; f < G_N_ELEMENTS(features); f++) {
            letters[f] = get_letter(cpu, features[f]);
        }
        if (strcmp(letters, cases[i].letters) != 0) {
            fail_msg("case %zu: %s of %s", i, letters, cpu->model);
        }
    }
}

/// libvirt gives qemu64 no vendor; QEMU's own, which a guest under TCG sees, is AMD's.
static void test_qemu64(void **state)
{
    (void)state;
    const struct pool_host host = {
        .name = "a", .model = "qemu64", .virt = "qemu", .known = "qemu64"};
    g_autoptr(cpulift_plan) of = pool_plan(&host, 1, NULL, NULL);
    const struct domain_guest cores = {.per_socket = 2};
    g_autoptr(cpulift_cpu) cpu = guest_define(of, &cores, NEW);
    assert_string_equal(cpu->model, "qemu64");
    assert_int_equal(get_letter(cpu, "cmp_legacy"), 'r');
}

/// A plan of an elder version does not say what is the guest's: QEMU sets it all the same.
static void test_elder(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) of = plan("EPYC", "pdcm", "kvm", NULL);
    g_clear_pointer(&of->guest_features, g_ptr_array_unref);
    cpu_add_feature(of->cpu, "pdcm", CPU_REQUIRE);
    const struct domain_guest cores = {.per_socket = 2}, pmu = {.per_socket = 1, .has_pmu = true};
    g_autoptr(cpulift_cpu) many = guest_define(of, &cores, NEW);
    g_autoptr(cpulift_cpu) one = guest_define(of, &pmu, NEW);
    assert_int_equal(get_letter(many, "ht"), 'r');
    assert_int_equal(get_letter(many, "cmp_legacy"), 'r');
    assert_int_equal(get_letter(many, "pdcm"), '-');
    assert_int_equal(get_letter(one, "pdcm"), 'r');
}

/// What starts with less than it says must not require what QEMU sets: partial and require ht are
/// refused everywhere.
static void test_not_binding(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) of = plan("Haswell", "", "kvm", NULL);
    g_free(of->cpu->check);
    of->cpu->check = g_strdup("partial");
    const struct domain_guest cores = {.per_socket = 2};
    g_autoptr(cpulift_cpu) cpu = guest_define(of, &cores, NEW);
    assert_int_equal(get_letter(cpu, "ht"), '-');
    assert_false(guest_depends_on_qemu(of, &cores));
}

static void test_choose_qemu(void **state)
{
    (void)state;
    static const struct {
        const char *min, *max;
        unsigned unknown, node, chosen;
    } cases[] = {
        {NULL, NULL, 0, 0, 0},
        {NULL, NULL, 0, NEW, NEW},
        {"7.2.22", "9.1", 0, 0, 9001000},
        {"10.0.2", "10.1", 0, 0, 10001000},
        {"7.2.22", "10.0.2", 0, 0, 0},
        {"7.2.22", "10.0.2", 0, OLD, OLD},
        {"10.0.2", "10.1", 1, 0, 0},
        {"10.0.2", "10.1", 0, OLD, OLD},
        {"junk", "10.1", 0, 0, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const cpulift_plan of = {.qemu = {.min = (char *)cases[i].min,
                                          .max = (char *)cases[i].max,
                                          .unknown = cases[i].unknown}};
        assert_int_equal(guest_choose_qemu(&of, cases[i].node), cases[i].chosen);
    }
}

static void test_side(void **state)
{
    (void)state;
    static const struct {
        const char *min, *max;
        enum guest_side side;
    } cases[] = {
        {NULL, NULL, GUEST_QEMU_UNKNOWN},        {"10.0.0", NULL, GUEST_QEMU_UNKNOWN},
        {"junk", "10.1", GUEST_QEMU_UNKNOWN},    {"7.2.22", "9.2.99", GUEST_QEMU_OLDER},
        {"9.2.99", "10.0.0", GUEST_QEMU_ACROSS}, {"10.0.0", "10.0.0", GUEST_QEMU_NEWER},
        {"7.2.22", "7.2.22", GUEST_QEMU_OLDER},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_int_equal(guest_find_side(cases[i].min, cases[i].max), cases[i].side);
    }
}

/// A pool on both sides is told so, with the hosts of the older side.
static void test_range(void **state)
{
    (void)state;
    const struct pool_host hosts[] = {{.name = "new", .model = "Haswell", .qemu = "10.0.2"},
                                      {.name = "old", .model = "Haswell", .qemu = "9.2.4"},
                                      {.name = "mute", .model = "Haswell"}};
    g_autoptr(cpulift_plan) both = pool_plan(hosts, 3, NULL, NULL);
    g_autoptr(cpulift_plan) one = pool_plan(hosts, 1, NULL, NULL);
    assert_string_equal(both->qemu.min, "9.2.4");
    assert_string_equal(both->qemu.max, "10.0.2");
    assert_int_equal(both->qemu.unknown, 1);
    assert_true(g_str_has_prefix(pool_get_warning(both, "qemu-range"), "old"));
    assert_null(pool_get_warning(one, "qemu-range"));
    assert_int_equal(one->qemu.unknown, 0);
}

/// Whoever names a feature that is the guest's finds out that it is.
static void test_reasons(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) intel = plan("Haswell", "pdcm waitpkg", "kvm", NULL);
    g_autoptr(cpulift_plan) amd = plan("EPYC", "cmp_legacy", "kvm", NULL);
    g_autoptr(cpulift_plan) elder = plan("Opteron_G3", "topoext", "kvm", NULL);
    assert_string_equal(pool_get_reason(intel, "pdcm"), "guest");
    assert_string_equal(pool_get_reason(intel, "waitpkg"), "opt-in");
    assert_string_equal(pool_get_reason(amd, "cmp_legacy"), "guest");
    assert_string_equal(pool_get_reason(elder, "topoext"), "guest");
    assert_int_equal(pool_get_policy(elder, "topoext"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),       cmocka_unit_test(test_read),
        cmocka_unit_test(test_define),      cmocka_unit_test(test_qemu64),
        cmocka_unit_test(test_elder),       cmocka_unit_test(test_not_binding),
        cmocka_unit_test(test_choose_qemu), cmocka_unit_test(test_side),
        cmocka_unit_test(test_range),       cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
