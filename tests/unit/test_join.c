// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/join.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

/// A host of which libvirt says sse2, avx and aes beyond a 486, QEMU sse2, avx and bmi1.
#define DOMCAPS                                                                                    \
    "<?xml version='1.0'?>\n<domainCapabilities><domain>kvm</domain><machine>pc-q35-9.0</machine>" \
    "<arch>x86_64</arch><cpu><mode name='host-model' supported='yes'><model>486</model>"           \
    "<vendor>Intel</vendor><maxphysaddr mode='passthrough' limit='39'/>"                           \
    "<feature policy='require' name='sse2'/><feature policy='require' name='avx'/>"                \
    "<feature policy='require' name='aes'/><feature policy='require' name='warp'/>"                \
    "</mode></cpu></domainCapabilities>\n"
#define CAPS(vendor)                                                                               \
    "<capabilities><host><cpu><arch>x86_64</arch><model>Haswell</model><vendor>" vendor            \
    "</vendor><microcode version='7'/><signature family='6' model='60' stepping='3'/>"             \
    "<maxphysaddr mode='emulate' bits='46'/></cpu></host></capabilities>\n"
#define NEHALEM                                                                                    \
    "<capabilities><host><cpu><arch>x86_64</arch><model>Nehalem</model><vendor>Intel</vendor>"     \
    "<signature family='6' model='26' stepping='5'/></cpu></host></capabilities>\n"
#define REPLY                                                                                      \
    "{\"return\": {\"model\": {\"props\": {\"sse2\": true, \"avx\": true, \"bmi1\": true, "        \
    "\"impulse\": true, \"vendor\": \"GenuineIntel\", \"family\": 6, \"model\": 60}}}}\n"

static int join(const char *const *texts, const struct import_options *options, cpulift_host *host,
                cpulift_error **err)
{
    struct join_text list[3];
    size_t count = 0;
    for (; texts[count] != NULL; count++) {
        list[count] = (struct join_text){texts[count], strlen(texts[count]), "file"};
    }
    return join_texts(list, count, support_get_catalog(), options, host, err);
}

static void check_joined(const cpulift_host *host)
{
    assert_int_equal(host->guests->len, 1);
    const struct host_guest *guest = host_find_guest(host, "kvm", "q35");
    feature_set expected = pool_get_features("sse2 avx"), libvirt_only = pool_get_features("aes");
    assert_true(feature_set_is_subset(&expected, &guest->features));
    assert_true(feature_set_is_subset(&libvirt_only, &guest->libvirt_only));
    assert_false(feature_set_is_subset(&libvirt_only, &guest->features));
    assert_string_equal(guest->unknown[0], "impulse");
    assert_string_equal(guest->unknown[1], "warp");
    assert_int_equal(guest->phys_bits, 39);
    assert_int_equal(host->phys_bits, 46);
    assert_int_equal(host->model, 60);
    assert_int_equal(host->microcode, 7);
}

/// Files in any order, or all in one.
static void test_three_of_one_host(void **state)
{
    (void)state;
    static const char *const orders[][4] = {
        {DOMCAPS, CAPS("Intel"), REPLY},    {REPLY, CAPS("Intel"), DOMCAPS},
        {CAPS("Intel"), DOMCAPS, REPLY},    {CAPS("Intel") DOMCAPS REPLY},
        {REPLY "\n" DOMCAPS CAPS("Intel")}, {DOMCAPS REPLY, CAPS("Intel")},
    };
    static const struct import_options defaults;
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autoptr(cpulift_host) host = host_new("h");
        g_autoptr(cpulift_error) err = NULL;
        if (join(orders[i], &defaults, host, &err) != 0) {
            fail_msg("%zu: %s", i, err->message);
        }
        check_joined(host);
    }
}

/// A reply about other guests adds its own entries.
static void test_reply_of_another_virt_type(void **state)
{
    (void)state;
    static const char *const texts[] = {DOMCAPS, REPLY, NULL};
    const struct import_options options = {.virt = "qemu", .machine = "q35"};
    g_autoptr(cpulift_host) host = host_new("h");
    assert_int_equal(join(texts, &options, host, NULL), 0);
    feature_set aes = pool_get_features("aes");
    assert_true(feature_set_is_subset(&aes, &host_find_guest(host, "kvm", "q35")->features));
    assert_non_null(host_find_guest(host, "qemu", "q35"));
}

static void test_documents_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *texts[4];
        const char *says;
    } cases[] = {
        {{DOMCAPS, CAPS("AMD")}, "two hosts"},
        {{DOMCAPS, NEHALEM}, "without avx, which guests get"},
        {{DOMCAPS, REPLY, NEHALEM}, "family 6, model 26"},
        {{CAPS("Intel")}, "--trust-silicon"},
        {{DOMCAPS DOMCAPS}, "as another file"},
        {{DOMCAPS "<network/>"}, "file, document 2"},
        {{DOMCAPS REPLY "{"}, "no valid JSON|not valid JSON"},
        {{"", DOMCAPS}, "XML"},
        {{DOMCAPS "trailing"}, "XML"},
    };
    static const struct import_options defaults;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_host) host = host_new("h");
        g_autoptr(cpulift_error) err = NULL;
        g_auto(GStrv) says = g_strsplit(cases[i].says, "|", -1);
        assert_int_equal(join(cases[i].texts, &defaults, host, &err), CPULIFT_EINPUT);
        if (strstr(err->message, says[0]) == NULL &&
            (says[1] == NULL || strstr(err->message, says[1]) == NULL)) {
            fail_msg("%zu: %s", i, err->message);
        }
    }
}

/// Only what an x86 CPU can have is a width; QEMU's own emulation has not the host's.
static void test_widths(void **state)
{
    (void)state;
    static const struct {
        const char *virt, *width;
        unsigned expected;
    } cases[] = {
        {"kvm", "mode='passthrough' limit='39'", 39},
        {"kvm", "mode='passthrough' limit='52'", 52},
        {"kvm", "mode='passthrough' limit='53'", 0},
        {"kvm", "mode='passthrough' limit='64'", 0},
        {"kvm", "mode='passthrough' limit='3'", 0},
        {"kvm", "mode='passthrough' limit='-39'", 0},
        {"kvm", "mode='passthrough'", 0},
        {"qemu", "mode='passthrough' limit='39'", 0},
    };
    static const struct import_options defaults;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            "<domainCapabilities><domain>%s</domain><machine>q35</machine><arch>x86_64</arch><cpu>"
            "<mode name='host-model' supported='yes'><model>486</model><maxphysaddr %s/></mode>"
            "</cpu></domainCapabilities>",
            cases[i].virt, cases[i].width);
        const char *const texts[] = {text, NULL};
        g_autoptr(cpulift_host) host = host_new("h");
        assert_int_equal(join(texts, &defaults, host, NULL), 0);
        assert_int_equal(host_find_guest(host, cases[i].virt, "q35")->phys_bits, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_of_one_host),
        cmocka_unit_test(test_reply_of_another_virt_type),
        cmocka_unit_test(test_documents_that_do_not_fit),
        cmocka_unit_test(test_widths),
    };
    return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
