// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/host_model.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

/// Reads the element for a host that can use these models.
static int read_as(const char *xml, const char *usable, host_guest *guest, cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = support_parse_cpu(xml);
    guest->usable_models = usable != NULL ? g_strsplit(usable, " ", -1) : NULL;
    return host_model_read(cpu, "file", "99.1.0", support_get_catalog(), guest, err);
}

static feature_set get_model(const char *name)
{
    return catalog_find_model(support_get_catalog(), name)->features;
}

static void test_unknown_features_are_kept_apart(void **state)
{
    (void)state;
    g_autoptr(host_guest) guest = host_guest_new();
    assert_int_equal(read_as("<cpu><model>Penryn</model><feature policy='require' name='warp'/>"
                             "<feature policy='disable' name='hyper-space'/>"
                             "<feature policy='require' name='avx'/>"
                             "<feature policy='disable' name='sse4.1'/>"
                             "<feature policy='require' name='beam'/></cpu>",
                             NULL, guest, NULL),
                     0);
    feature_set expected = feature_set_unite(get_model("Penryn"), pool_get_features("avx"));
    expected = feature_set_subtract(expected, pool_get_features("sse4.1"));
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_string_equal(guest->unknown[0], "beam");
    assert_string_equal(guest->unknown[1], "warp");
    assert_null(guest->unknown[2]);
    assert_null(guest->lower_bound);
}

/// The richest usable model that is known stands in; what only libvirt's idea of it holds does not.
static void test_unknown_model_has_a_lower_bound(void **state)
{
    (void)state;
    static const char xml[] = "<cpu><model>WarpLake-v3</model>"
                              "<feature policy='require' name='sha-ni'/>"
                              "<feature policy='disable' name='avx512cd'/>"
                              "<feature policy='require' name='warp'/></cpu>";
    static const char *const orders[] = {"WarpLake-v3 486 Skylake-Server-noTSX-IBRS Nehalem",
                                         "Nehalem Skylake-Server-noTSX-IBRS 486"};
    feature_set expected =
        feature_set_unite(get_model("Skylake-Server-noTSX-IBRS"), pool_get_features("sha-ni"));
    expected = feature_set_subtract(expected, pool_get_features("avx512cd mpx"));
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autoptr(host_guest) guest = host_guest_new();
        assert_int_equal(read_as(xml, orders[i], guest, NULL), 0);
        assert_true(feature_set_equal(&guest->features, &expected));
        assert_string_equal(guest->unknown[0], "warp");
        assert_non_null(strstr(guest->lower_bound, "WarpLake-v3"));
        assert_non_null(strstr(guest->lower_bound, "99.1.0"));
        assert_non_null(strstr(guest->lower_bound, "Skylake-Server-noTSX-IBRS"));
    }
}

/// A version of a model whose name is known is no more than what is sure: versions take away, too.
static void test_version_of_a_known_model(void **state)
{
    (void)state;
    g_autoptr(host_guest) guest = host_guest_new();
    assert_int_equal(read_as("<cpu><model>Skylake-Server-v5</model>"
                             "<feature policy='require' name='xsaves'/></cpu>",
                             "Skylake-Server-v5 Skylake-Client-noTSX-IBRS Westmere", guest, NULL),
                     0);
    feature_set expected =
        feature_set_unite(get_model("Skylake-Client-noTSX-IBRS"), pool_get_features("xsaves"));
    expected = feature_set_subtract(expected, pool_get_features("mpx"));
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_non_null(strstr(guest->lower_bound, "Skylake-Server-v5"));
}

/// A version has what its model has, but for what versions lost; a host that lists no usable models
/// is at least that.
static void test_unknown_version_has_its_models_features(void **state)
{
    (void)state;
    feature_set expected =
        feature_set_subtract(get_model("Skylake-Server"), pool_get_features("hle rtm mpx"));
    g_autoptr(host_guest) guest = host_guest_new();
    assert_int_equal(read_as("<cpu><model>Skylake-Server-v99</model></cpu>", NULL, guest, NULL), 0);
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_non_null(strstr(guest->lower_bound, "'Skylake-Server-v99'"));
    assert_non_null(strstr(guest->lower_bound, "'Skylake-Server'"));
}

static void test_nothing_to_stand_in(void **state)
{
    (void)state;
    static const char *const usable[] = {NULL, "", "WarpLake WarpLake-v2"};
    for (size_t i = 0; i < G_N_ELEMENTS(usable); i++) {
        g_autoptr(host_guest) guest = host_guest_new();
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(read_as("<cpu><model>WarpLake</model></cpu>", usable[i], guest, &err),
                         CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "CPULIFT_CPU_MAP"));
        assert_non_null(strstr(err->message, "99.1.0"));
    }
    static const char *const models[] = {"WarpLake-v2", "Nehalem-v", "Nehalem-v1a"};
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(host_guest) guest = host_guest_new();
        g_autofree char *xml = g_strdup_printf("<cpu><model>%s</model></cpu>", models[i]);
        assert_int_equal(read_as(xml, NULL, guest, NULL), CPULIFT_EINPUT);
    }
}

/// They say nothing of the host, whether the name is known or not.
static void test_neither_optional_nor_force(void **state)
{
    (void)state;
    static const char *const features[] = {
        "<feature policy='optional' name='aes'/>",
        "<feature policy='force' name='aes'/>",
        "<feature policy='optional' name='warp'/>",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        g_autofree char *xml = g_strdup_printf("<cpu><model>Nehalem</model>%s</cpu>", features[i]);
        g_autoptr(host_guest) guest = host_guest_new();
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(read_as(xml, NULL, guest, &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, i == 1 ? "forced" : "optional"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_features_are_kept_apart),
        cmocka_unit_test(test_unknown_model_has_a_lower_bound),
        cmocka_unit_test(test_version_of_a_known_model),
        cmocka_unit_test(test_unknown_version_has_its_models_features),
        cmocka_unit_test(test_nothing_to_stand_in),
        cmocka_unit_test(test_neither_optional_nor_force),
    };
    return cmocka_run_group_tests_name("host_model", tests, NULL, NULL);
}
