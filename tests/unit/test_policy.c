// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.h"

#include "pool.h"
#include "support.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
// After its prerequisites.
#include <cmocka.h>

static int load(const char *text, struct policy *policy, cpulift_error **err)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("cpulift-XXXXXX.ini", &path, NULL);
    assert_true(fd >= 0);
    close(fd);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    int rc = policy_load(policy, support_get_catalog(), path, err);
    g_unlink(path);
    return rc;
}

static void test_file(void **state)
{
    (void)state;
    struct policy policy = {0};
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(load("[policy]\nallow = tsx ; sse4_1;\ndeny=lzcnt;invtsc\n"
                          "require-mitigations=true\nallow-mixed-vendor=false\n",
                          &policy, &err),
                     0);
    feature_set allow = pool_get_features("sse4.1 hle rtm");
    feature_set deny = pool_get_features("abm invtsc");
    assert_true(feature_set_is_subset(&allow, &policy.allow));
    assert_true(feature_set_equal(&deny, &policy.deny));
    assert_true(policy.is_mitigations_required);
    assert_false(policy.is_mixed_vendor_allowed);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"deny=avx\n", "no policy file"},
        {"[policy]\ndeny=avx\\q\n", "deny"},
        {"[policy]\ndeny=\xff\n", "deny"},
        {"[policy]\ndeny=warp\n", "warp"},
        {"[policy]\ndeny=warp*\n", "matches no feature"},
        {"[policy]\nallow=invts?\n", "migrate"},
        {"[policy]\nallow=avx,aes\n", "avx,aes"},
        {"[policy]\nallow=invtsc\n", "migrate"},
        {"[policy]\nallow=ht\n", "topology"},
        {"[policy]\nrequire-mitigations=maybe\n", "neither true nor false"},
        {"[policy]\nother=1\n", "unknown key"},
        {"[other]\n", "unknown group"},
        {"", "has no [policy]"},
        {"# cut off\n", "has no [policy]"},
        {"[policy]\n", "has no key below [policy]"},
        {"[policy]\ndeny = avx\ndeny = pclmuldq\n", "key 'deny' twice, line 3"},
        {"[policy]\ndeny = avx\n[policy]\n  deny= aes\n", "key 'deny' twice, line 4"},
        {"[policy]\ndeny = avx\ndeny[de] = aes\n", "unknown key 'deny[de]'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct policy policy = {0};
        g_autoptr(cpulift_error) err = NULL;
        int rc = load(cases[i].text, &policy, &err);
        assert_int_not_equal(rc, 0);
        assert_int_equal(err->code, rc);
        assert_int_equal(load(cases[i].text, &policy, NULL), rc);
        if (strstr(err->message, cases[i].word) == NULL) {
            fail_msg("'%s' lacks '%s'", err->message, cases[i].word);
        }
    }
}

/// A pattern names features however they are spelled; what cannot be allowed is never let in by
/// one.
static void test_patterns(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    struct policy policy = {0};
    assert_int_equal(policy_deny(&policy, map, "SSE4*", NULL), 0);
    feature_set deny = pool_get_features("sse4.1 sse4.2 sse4a");
    assert_true(feature_set_equal(&deny, &policy.deny));
    assert_int_equal(policy_deny(&policy, map, "tsx", NULL), 0);
    feature_set tsx = pool_get_features("hle rtm");
    assert_true(feature_set_is_subset(&tsx, &policy.deny));
    assert_int_equal(policy_allow(&policy, map, "*", NULL), 0);
    feature_set never = pool_get_features("invtsc ht");
    feature_set let_in = feature_set_intersect(never, policy.allow);
    assert_true(feature_set_is_empty(&let_in));
    feature_set nested = pool_get_features("vmx svm npt");
    assert_true(feature_set_is_subset(&nested, &policy.allow));
}

/// What a plan records is read back, also where a class was let in as a whole.
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const classes[] = {"nested", "tsx", "opt-in"};
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        struct policy policy = {.is_mitigations_required = i % 2}, again = {0};
        g_autoptr(cpulift_error) err = NULL;
        const catalog *map = support_get_catalog();
        assert_int_equal(policy_allow(&policy, map, classes[i], &err), 0);
        assert_int_equal(policy_deny(&policy, map, "invtsc", &err), 0);
        g_autoptr(json_t) json = policy_format(&policy, map);
        assert_int_equal(policy_parse(json, "plan", map, &again, &err), 0);
        assert_memory_equal(&policy, &again, sizeof policy);
    }
}

static enum policy_reason find(const struct policy *policy, const char *vendor, const char *feature)
{
    const catalog *map = support_get_catalog();
    return policy_find_reason(policy, map, vendor, (size_t)catalog_find_feature(map, feature));
}

static void test_reasons(void **state)
{
    (void)state;
    struct policy policy = {0};
    assert_int_equal(find(&policy, "Intel", "avx"), POLICY_GIVEN);
    assert_int_equal(find(&policy, "Intel", "invtsc"), POLICY_NOT_MIGRATABLE);
    assert_int_equal(find(&policy, "Intel", "vmx"), POLICY_NESTED);
    assert_int_equal(find(&policy, "Intel", "rtm"), POLICY_TSX);
    assert_int_equal(find(&policy, "Intel", "amx-tile"), POLICY_OPT_IN);
    assert_int_equal(find(&policy, "Intel", "ht"), POLICY_TOPOLOGY);
    assert_int_equal(find(&policy, "Intel", "arch-capabilities"), POLICY_GIVEN);
    assert_int_equal(find(&policy, "AMD", "arch-capabilities"), POLICY_EMULATED);
    assert_int_equal(find(&policy, POLICY_VENDOR_MIXED, "arch-capabilities"), POLICY_EMULATED);
    const catalog *map = support_get_catalog();
    assert_int_equal(policy_allow(&policy, map, "rtm", NULL), 0);
    assert_int_equal(find(&policy, NULL, "rtm"), POLICY_GIVEN);
    assert_int_equal(policy_deny(&policy, map, "rtm", NULL), 0);
    assert_int_equal(find(&policy, NULL, "rtm"), POLICY_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),     cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
