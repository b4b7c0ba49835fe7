// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/catalog_internal.h"
#include "core/group.h"
#include "pool.h"
#include "support.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

struct row {
    const char *first, *second;
};

#define ALIAS(alias, name)           {alias, name},
#define CLASS(pattern, class)        {pattern, #class},
#define DOUBLE(vendor, feature, of)  {vendor, feature},
#define GROUP(pattern, group)        {pattern, #group},
#define NEEDS(pattern, needs)        {pattern, needs},
#define NEWER(name, ...)             {name, ""},
#define PROPERTY(pattern)            {pattern, ""},
#define LEVEL(level, name)           {#level, name},
#define REMEDY(feature, given, ...)  {feature, given},
#define QEMU_MODEL(name, f, m, s, a) {name, ""},
#define VARIANT(name, word, ...)     {name, word},
static const struct row aliases[] = {
#include "core/tables/aliases.def"
};
static const struct row classes[] = {
#include "core/tables/classes.def"
};
static const struct row doubles[] = {
#include "core/tables/doubles.def"
};
static const struct row remedies[] = {
#include "core/tables/remedies.def"
};
static const struct row groups[] = {
#include "core/tables/groups.def"
};
static const struct row depends[] = {
#include "core/tables/depends.def"
};
static const struct row newer_names[] = {
#include "core/tables/newer.def"
};
static const struct row properties[] = {
#include "core/tables/properties.def"
};
static const struct row levels[] = {
#include "core/tables/levels.def"
};
static const struct row models[] = {
#include "core/tables/qemu_models.def"
};
static const struct row variants[] = {
#include "core/tables/variants.def"
};

static const struct {
    const char *name;
    const struct row *rows;
    size_t count;
    bool is_key; ///< the first column alone is unique
} tables[] = {
    {"aliases", aliases, G_N_ELEMENTS(aliases), true},
    {"classes", classes, G_N_ELEMENTS(classes), true},
    {"doubles", doubles, G_N_ELEMENTS(doubles), false},
    {"remedies", remedies, G_N_ELEMENTS(remedies), false},
    {"groups", groups, G_N_ELEMENTS(groups), true},
    {"depends", depends, G_N_ELEMENTS(depends), false},
    {"newer", newer_names, G_N_ELEMENTS(newer_names), true},
    {"properties", properties, G_N_ELEMENTS(properties), true},
    {"levels", levels, G_N_ELEMENTS(levels), false},
    {"qemu_models", models, G_N_ELEMENTS(models), true},
    {"variants", variants, G_N_ELEMENTS(variants), true},
};

static void test_order(void **state)
{
    (void)state;
    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (size_t i = 1; i < tables[t].count; i++) {
            const struct row *a = &tables[t].rows[i - 1], *b = &tables[t].rows[i];
            int order = strcmp(a->first, b->first);
            order = order == 0 && !tables[t].is_key ? strcmp(a->second, b->second) : order;
            if (order >= 0) {
                fail_msg("%s: '%s' stands before '%s'", tables[t].name, a->first, b->first);
            }
        }
    }
}

/// Features that libvirt's maps got after 9.0: a misspelt one would be in neither list.
static const char newer[] =
    "amd-psfd amx-complex amx-fp16 arch-lbr auto-ibrs avic avx-ifma avx-ne-convert "
    "avx-vnni-int16 avx-vnni-int8 avx10* bhi-ctrl fb-clear flush-l1d ibpb-brtype "
    "cet-ibt cet-ss ibrs-same-mode intel-psfd intel-pt* intel-pt-lip ipred-ctrl its-no "
    "lfence-always-serializing mcdt-no no-nested-data-bp psdp-no rfds-clear rrsba "
    "rrsba-ctrl sbpb sha512 sm3 sm4 stibp-always-on tsx-ldtrk v-vmsave-vmload "
    "verw-clear vmx-* vnmi";

/// Models that they got.
static const char *const newer_models[] = {"Denverton",   "EPYC-Genoa",     "GraniteRapids",
                                           "KnightsMill", "SapphireRapids", "SierraForest",
                                           NULL};

static bool is_in_map(const char *pattern)
{
    const catalog *map = support_get_catalog();
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        if (catalog_matches(pattern, catalog_get_feature(map, id)->name)) {
            return true;
        }
    }
    return false;
}

static void expect_known(const char *table, const char *pattern)
{
    g_auto(GStrv) names = g_strsplit(newer, " ", -1);
    if (!g_strv_contains((const char *const *)names, pattern) && !is_in_map(pattern)) {
        fail_msg("%s: '%s' is in no map", table, pattern);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        expect_known("aliases", aliases[i].second);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        expect_known("classes", classes[i].first);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(doubles); i++) {
        expect_known("doubles", doubles[i].second);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(remedies); i++) {
        expect_known("remedies", remedies[i].first);
        assert_int_equal(catalog_classify(remedies[i].first), FEATURE_MITIGATION);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        expect_known("groups", groups[i].first);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(depends); i++) {
        expect_known("depends", depends[i].first);
        expect_known("depends", depends[i].second);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        assert_true(is_in_map(levels[i].second));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        if (catalog_find_model(support_get_catalog(), models[i].first) == NULL &&
            !g_strv_contains(newer_models, models[i].first)) {
            fail_msg("qemu_models: '%s' is in no map", models[i].first);
        }
    }
}

static void test_groups(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum feature_group group;
    } some[] = {{"avx512f", GROUP_VECTOR}, {"aes", GROUP_CRYPTO},  {"spec-ctrl", GROUP_MITIGATIONS},
                {"pcid", GROUP_MEMORY},    {"vmx", GROUP_VIRTUAL}, {"x2apic", GROUP_VIRTUAL},
                {"rtm", GROUP_OTHER},      {"bmi1", GROUP_OTHER},  {"not-yet-known", GROUP_OTHER}};
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
        assert_string_equal(group_to_string(group_find(support_get_catalog(), some[i].name)),
                            group_to_string(some[i].group));
    }
}

static void test_models_are_whole(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        assert_int_equal(model->age, i);
        feature_set both = feature_set_intersect(model->features, model->removed);
        assert_true(feature_set_is_empty(&both));
        both = feature_set_intersect(model->features, model->qemu_adds);
        assert_true(feature_set_is_empty(&both));
        assert_true(model->vendor == NULL || catalog_find_vendor(map, model->vendor) != NULL);
        assert_ptr_equal(catalog_find_model(map, model->name), model);
    }
}

static void expect_feature(const char *name, const char *expected)
{
    const catalog *map = support_get_catalog();
    int id = catalog_find_feature(map, name);
    assert_true(id >= 0);
    assert_string_equal(catalog_get_feature(map, (size_t)id)->name, expected);
}

static bool has_bit(const struct catalog_feature *feature, const struct feature_bit *bit)
{
    bool has = false;
    for (size_t i = 0; i < feature->bit_count; i++) {
        const struct feature_bit *of = &feature->bits[i];
        for (size_t reg = 0; reg < G_N_ELEMENTS(of->regs); reg++) {
            has = has || (of->is_msr == bit->is_msr && of->leaf == bit->leaf &&
                          of->subleaf == bit->subleaf && (of->regs[reg] & bit->regs[reg]) != 0);
        }
    }
    return has;
}

/// Whichever map is installed, each name of newer ones is known once, and has a bit of its own.
static void test_newer(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    for (size_t i = 0; i < G_N_ELEMENTS(newer_names); i++) {
        int id = catalog_find_feature(map, newer_names[i].first);
        assert_true(id >= 0);
        const struct catalog_feature *feature = catalog_get_feature(map, (size_t)id);
        assert_string_equal(feature->name, newer_names[i].first);
        assert_true(feature->is_newer == (catalog_find_installed(map, feature->name) < 0));
        for (size_t other = 0; other < catalog_feature_count(map); other++) {
            if (other != (size_t)id &&
                has_bit(catalog_get_feature(map, other), &feature->bits[0])) {
                fail_msg("%s has the bit of %s", feature->name,
                         catalog_get_feature(map, other)->name);
            }
        }
    }
    feature_set newer_set = catalog_get_newer(map);
    assert_true(feature_set_count(&newer_set) <= G_N_ELEMENTS(newer_names));
    assert_true(catalog_find_installed(map, "avx2") >= 0);
}

static void test_spellings(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    static const struct row spellings[] = {{"sse3", "pni"},
                                           {"SSE4_1", "sse4.1"},
                                           {"sse4-2", "sse4.2"},
                                           {"lzcnt", "abm"},
                                           {"pclmulqdq", "pclmuldq"},
                                           {"tsc_deadline_timer", "tsc-deadline"},
                                           {"tsc-adjust", "tsc_adjust"},
                                           {"lahf-lm", "lahf_lm"},
                                           {"nrips", "nrip-save"},
                                           {"xd", "nx"},
                                           {"ffxsr", "fxsr_opt"}};
    for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
        expect_feature(spellings[i].first, spellings[i].second);
    }
    g_autoptr(GHashTable) folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        const char *name = catalog_get_feature(map, id)->name;
        expect_feature(name, name);
        assert_true(g_hash_table_add(folded, catalog_fold_name(name)));
        assert_true(id == 0 || strcmp(catalog_get_feature(map, id - 1)->name, name) < 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        g_autofree char *alias = catalog_fold_name(aliases[i].first);
        assert_false(g_hash_table_contains(folded, alias));
    }
}

static void test_unknown(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    static const char *const names[] = {"", "-", "warp", "sse4", "avx512"};
    feature_set set = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(catalog_find_feature(map, names[i]), -1);
        assert_int_equal(catalog_add_feature(map, names[i], "here", &set, &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "'here'"));
    }
    assert_true(feature_set_is_empty(&set));
    assert_null(catalog_find_model(map, "nehalem"));
    assert_null(catalog_find_vendor(map, "intel"));
    assert_string_equal(catalog_find_vendor(map, "GenuineIntel")->name, "Intel");
}

static void test_levels(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    static const struct {
        const char *model, *more, *less;
        unsigned level;
        const char *missing;
    } cases[] = {
        {"486", "", "", 0, "cmov cx8 fxsr lm mmx sse sse2 syscall"},
        {"Nehalem", "", "", 2, "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"},
        {"Haswell-noTSX", "abm f16c", "", 3, "avx512bw avx512cd avx512dq avx512f avx512vl"},
        {"Haswell-noTSX", "abm f16c", "cx16", 1, "cx16"},
        {"Skylake-Server", "", "", 4, ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        feature_set set = catalog_find_model(map, cases[i].model)->features;
        set = feature_set_unite(set, pool_get_features(cases[i].more));
        set = feature_set_subtract(set, pool_get_features(cases[i].less));
        feature_set missing, expected = pool_get_features(cases[i].missing);
        assert_int_equal(catalog_compute_level(map, &set, &missing), cases[i].level);
        assert_int_equal(catalog_compute_level(map, &set, NULL), cases[i].level);
        if (i > 0) { // which of level 1 a 486 lacks is the map's affair
            assert_true(feature_set_equal(&missing, &expected));
        }
    }
}

static void test_dependencies(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    int needs[FEATURE_MAX];
    feature_set set = pool_get_features("fxsr sse sse2 pni ssse3 avx avx2 fma aes");
    feature_set hanging = catalog_find_unsupported(map, set, needs);
    feature_set expected = pool_get_features("avx avx2 fma");
    assert_true(feature_set_equal(&hanging, &expected));
    assert_int_equal(needs[catalog_find_feature(map, "avx2")], catalog_find_feature(map, "avx"));
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        feature_set own = feature_set_unite(model->features, model->qemu_adds);
        hanging = catalog_find_unsupported(map, own, NULL);
        // Upstream's Icelake-Client has some of AVX-512 without its foundation.
        if (!g_str_has_prefix(model->name, "Icelake-Client") && !feature_set_is_empty(&hanging)) {
            fail_msg("%s has %s without what it needs", model->name,
                     catalog_get_feature(map, feature_set_next(&hanging, 0))->name);
        }
    }
}

static void test_classes(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    static const struct {
        enum feature_class class;
        const char *some;
    } cases[] = {
        {FEATURE_MITIGATION, "spec-ctrl ssbd md-clear virt-ssbd amd-ssbd ibpb"},
        {FEATURE_IMMUNITY, "rdctl-no mds-no taa-no ibrs-all skip-l1dfl-vmentry amd-no-ssb"},
        {FEATURE_HAZARD, "rsba"},
        {FEATURE_NESTED, "vmx svm npt nrip-save"},
        {FEATURE_TSX, "hle rtm"},
        {FEATURE_OPT_IN, "amx-tile amx-int8 amx-bf16 mpx monitor"},
        {FEATURE_HYPERVISOR, "hypervisor x2apic tsc-deadline tsc_adjust arat"},
        {FEATURE_TOPOLOGY, "ht osxsave"},
        {FEATURE_PLAIN, "arch-capabilities sse2 avx2 avx512f pcid invpcid xsaves invtsc"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        feature_set some = pool_get_features(cases[i].some);
        feature_set all = catalog_get_class(map, cases[i].class);
        assert_true(feature_set_is_subset(&some, &all));
    }
    // The name decides, in the map or not.
    assert_int_equal(catalog_classify("auto-ibrs"), FEATURE_MITIGATION);
    assert_int_equal(catalog_classify("rfds-clear"), FEATURE_MITIGATION);
    assert_int_equal(catalog_classify("gds-no"), FEATURE_IMMUNITY);
    assert_int_equal(catalog_classify("rrsba"), FEATURE_HAZARD);
    assert_int_equal(catalog_classify("no-such-thing"), FEATURE_PLAIN);
    feature_set migratable = catalog_get_migratable(map);
    feature_set stuck = pool_get_features("invtsc xsaves");
    feature_set both = feature_set_intersect(migratable, stuck);
    assert_true(feature_set_is_empty(&both));
}

/// A map of a time to come has bits of MSRs that no table of ours knows.
static void test_msr_carriers(void **state)
{
    (void)state;
    g_autofree char *folder = g_dir_make_tmp("map.XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "index.xml", NULL);
    assert_true(g_file_set_contents(
        path,
        "<cpus><arch name='x86'><feature name='arch-capabilities'><cpuid eax_in='0x07' edx='1'/>"
        "</feature><feature name='to-come-no'><msr index='0x10a' eax='2' edx='0'/></feature>"
        "<feature name='vmx'><cpuid eax_in='0x01' ecx='0x20'/></feature>"
        "<feature name='vmx-to-come'><msr index='0x480' eax='0' edx='2'/></feature></arch></cpus>",
        -1, NULL));
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(catalog_load(folder, &map, &err), 0);
    feature_set set = {0};
    feature_set_add(&set, (size_t)catalog_find_feature(map, "to-come-no"));
    feature_set_add(&set, (size_t)catalog_find_feature(map, "vmx-to-come"));
    feature_set hanging = catalog_find_unsupported(map, set, NULL);
    assert_int_equal(feature_set_count(&hanging), 2);
    feature_set_add(&set, (size_t)catalog_find_feature(map, "arch-capabilities"));
    feature_set_add(&set, (size_t)catalog_find_feature(map, "vmx"));
    hanging = catalog_find_unsupported(map, set, NULL);
    assert_true(feature_set_is_empty(&hanging));
    assert_int_equal(g_unlink(path), 0);
    assert_int_equal(g_rmdir(folder), 0);
}

static void test_load_fails(void **state)
{
    (void)state;
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_not_equal(catalog_load("/nonexistent", &map, &err), 0);
    assert_null(map);
    assert_non_null(strstr(err->message, "/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_groups),       cmocka_unit_test(test_models_are_whole),
        cmocka_unit_test(test_newer),        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_unknown),      cmocka_unit_test(test_levels),
        cmocka_unit_test(test_dependencies), cmocka_unit_test(test_classes),
        cmocka_unit_test(test_load_fails),   cmocka_unit_test(test_msr_carriers),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
