// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/host.h"

#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static int parse(const char *text, cpulift_host **ret_host, cpulift_error **err)
{
    return host_parse(text, strlen(text), "node.json", support_get_catalog(), ret_host, err);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "{\"schema\":\"cpulift.host/1\",\"name\":\"node7\",\"arch\":\"x86_64\",\"source\":\"libvirt"
        "\",\"silicon\":true,\"cpu\":{\"vendor\":\"AMD\",\"model_name\":\"EPYC\",\"family\":23,"
        "\"model\":1,\"stepping\":0,\"phys_bits\":48,\"microcode\":134222416},\"versions\":{"
        "\"libvirt\":\"9.0.0\",\"qemu\":\"7.2.0\",\"kernel\":\"6.1.0\"},\"libvirt_models\":[\"486\""
        ",\"EPYC\"],\"vulnerabilities\":{\"meltdown\":\"Not affected\"},\"guests\":[{\"virt\":"
        "\"kvm\",\"machine\":\"pc\",\"canonical_machine\":\"pc-i440fx-7.2\",\"emulator\":\"/bin/q"
        "\",\"features\":[\"avx\",\"fpu\"],\"libvirt_only\":[\"mmx\"],\"qemu_only\":[\"sse\"],"
        "\"not_migratable\":[\"invtsc\"],\"unknown\":[\"warp\"],\"phys_bits\":48,"
        "\"usable_models\":[\"486\"],\"blocked_models\":{\"EPYC\":[\"topoext\"]}}]}";
    g_autoptr(cpulift_host) host = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(parse(text, &host, &err), 0);
    g_autoptr(json_t) formatted = host_format(host, support_get_catalog());
    g_autoptr(json_t) original = json_loads(text, 0, NULL);
    assert_true(json_equal(formatted, original));
}

/// A width without a signature is kept too.
static void test_width_alone(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = host_new("h"), again = NULL;
    host->arch = g_strdup("x86_64");
    host->phys_bits = 39;
    host_add_guest(host, "kvm", "pc");
    g_autoptr(json_t) json = host_format(host, support_get_catalog());
    g_autofree char *text = json_format_line(json);
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(parse(text, &again, &err), 0);
    assert_int_equal(again->phys_bits, 39);
    assert_int_equal(again->family, 0);
}

/// A document that says of a feature that guests get it and that they do not is not believed.
static void test_contradictions(void **state)
{
    (void)state;
    static const char *const others[] = {"libvirt_only", "qemu_only", "possible"};
    feature_set avx = pool_get_features("avx"), fpu = pool_get_features("fpu");
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        for (int is_unknown = 0; is_unknown <= 1; is_unknown++) {
            g_autofree char *text = g_strdup_printf(
                "{\"schema\":\"cpulift.host/1\",\"name\":\"h\",\"arch\":\"x86_64\",\"guests\":"
                "[{\"virt\":\"kvm\",\"machine\":\"pc\",\"features\":[\"fpu\"%s],"
                "\"unknown\":[%s],\"%s\":[\"avx\"]}]}",
                is_unknown ? "" : ",\"avx\"", is_unknown ? "\"avx\"" : "", others[i]);
            g_autoptr(cpulift_host) host = NULL;
            assert_int_equal(parse(text, &host, NULL), 0);
            const struct host_guest *guest = host->guests->pdata[0];
            assert_true(feature_set_equal(&guest->features, &fpu));
            feature_set kept = feature_set_unite(
                feature_set_unite(guest->libvirt_only, guest->qemu_only), guest->possible);
            assert_true(feature_set_equal(&kept, &avx));
        }
    }
}

/// A model that runs, or that others stop, proves what QEMU does not set on the CPU that is asked.
static void test_topoext(void **state)
{
    (void)state;
    static const struct {
        const char *virt, *vendor, *models;
        bool has;
    } cases[] = {
        {"kvm", "AMD", "\"usable_models\":[\"EPYC\"]", true},
        {"kvm", "AMD", "\"usable_models\":[\"Opteron_G5\"]", false},
        {"kvm", "AMD", "\"blocked_models\":{\"EPYC\":[\"rdtscp\"]}", true},
        {"kvm", "AMD", "\"blocked_models\":{\"EPYC\":[\"rdtscp\",\"topoext\"]}", false},
        {"kvm", "AMD", "\"blocked_models\":{\"EPYC\":[]}", false},
        {"kvm", "AMD",
         "\"usable_models\":[\"EPYC\"],\"blocked_models\":{\"EPYC-Rome\":[\"topoext\"]}", false},
        {"kvm", "Intel", "\"blocked_models\":{\"EPYC\":[\"clzero\"]}", false},
        {"qemu", "AMD", "\"usable_models\":[\"EPYC\"]", false},
    };
    feature_set topoext = pool_get_features("topoext");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            "{\"schema\":\"cpulift.host/1\",\"name\":\"h\",\"arch\":\"x86_64\",\"cpu\":{\"vendor\":"
            "\"%s\"},\"guests\":[{\"virt\":\"%s\",\"machine\":\"pc\",\"features\":[\"fpu\"],%s}]}",
            cases[i].vendor, cases[i].virt, cases[i].models);
        g_autoptr(cpulift_host) host = NULL;
        assert_int_equal(parse(text, &host, NULL), 0);
        const struct host_guest *guest = host->guests->pdata[0];
        if (feature_set_is_subset(&topoext, &guest->features) != cases[i].has) {
            fail_msg("case %zu", i);
        }
    }
}

/// A name that only our own table knows counts where the host's libvirt knows it, wherever the
/// document has it.
static void test_newer(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    int id = catalog_find_feature(map, "auto-ibrs");
    bool is_installed = catalog_find_installed(map, "auto-ibrs") >= 0;
    static const struct {
        const char *libvirt, *features, *unknown;
        bool is_given;
    } cases[] = {
        {"\"11.3.0\"", "\"sse\"", "\"auto-ibrs\", \"warp-drive\"", true},
        {"\"12.1.0\"", "\"auto-ibrs\", \"sse\"", "\"warp-drive\"", true},
        {"\"11.2.0\"", "\"sse\"", "\"auto-ibrs\", \"warp-drive\"", false},
        {"\"9.0.0\"", "\"auto-ibrs\", \"sse\"", "\"warp-drive\"", false},
        {"null", "\"auto-ibrs\", \"sse\"", "\"warp-drive\"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool is_said = strcmp(cases[i].libvirt, "null") != 0;
        g_autofree char *versions =
            is_said ? g_strdup_printf("{\"libvirt\": %s}", cases[i].libvirt) : g_strdup("{}");
        g_autofree char *text = g_strdup_printf(
            "{\"schema\": \"cpulift.host/1\", \"name\": \"h\", \"arch\": \"x86_64\", "
            "\"versions\": %s, \"guests\": [{\"virt\": \"kvm\", \"machine\": \"pc\", "
            "\"features\": [%s], \"unknown\": [%s]}]}",
            versions, cases[i].features, cases[i].unknown);
        g_autoptr(cpulift_host) host = NULL;
        assert_int_equal(host_parse(text, strlen(text), "h", map, &host, NULL), 0);
        const struct host_guest *guest = host->guests->pdata[0];
        bool is_given = cases[i].is_given || is_installed;
        assert_int_equal(feature_set_has(&guest->features, (size_t)id), is_given);
        assert_int_equal(g_strv_length(guest->unknown), is_given ? 1 : 2);
        assert_string_equal(guest->unknown[is_given ? 0 : 1], "warp-drive");
    }
}

/// "{" + head of a good document with `more` members + "}".
#define HEAD          "{\"schema\":\"cpulift.host/1\",\"name\":\"h\",\"arch\":\"x86_64\","
#define GOOD          "\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\",\"features\":[]}]"
#define LINE(members) HEAD GOOD "," members "}"
#define GUEST(members)                                                                             \
    HEAD "\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\",\"features\":[]," members "}]}"
static const struct {
    const char *text, *word;
} malformed[] = {
    {"", "not valid JSON"},
    {"[]", "no \"schema\""},
    {"{\"schema\":1}", "no \"schema\""},
    {"{\"schema\":\"cpulift.host/2\"}", "another version"},
    {"{\"schema\":\"cpulift.plan/1\"}", "where cpulift.host/1 is expected"},
    {"{\"schema\":\"cpulift.host/1\"}", "\"name\""},
    {"{\"schema\":\"cpulift.host/1\",\"name\":\"../etc\"}", "\"name\""},
    {"{\"schema\":\"cpulift.host/1\",\"name\":\"h\"," GOOD "}", "\"arch\" is missing"},
    {HEAD "\"guests\":[]}", "\"guests\" has 0 entries"},
    {HEAD "\"guests\":{}}", "\"guests\" is no list"},
    {HEAD "\"guests\":[7]}", "\"guests[0]\" is no object"},
    {HEAD "\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\"}]}",
     "\"guests[0].features\" is missing"},
    {HEAD "\"guests\":[{\"virt\":\"a b\",\"machine\":\"pc\",\"features\":[]}]}",
     "\"guests[0].virt\" is none of kvm, qemu"},
    {HEAD "\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\",\"features\":[]},{\"virt\":\"kvm\","
          "\"machine\":\"pc\",\"features\":[]}]}",
     "stand twice"},
    {HEAD GOOD "," GOOD "}", "duplicate"},
    {LINE("\"cpu\":\"Intel\""), "\"cpu\" is no object"},
    {LINE("\"versions\":[]"), "\"versions\" is no object"},
    {LINE("\"vulnerabilities\":[]"), "\"vulnerabilities\" is no object"},
    {LINE("\"cpu\":{\"vendor\":7}"), "\"cpu.vendor\" is no name"},
    {LINE("\"cpu\":{\"vendor\":\"\"}"), "\"cpu.vendor\" is no name"},
    {LINE("\"cpu\":{\"phys_bits\":\"39\"}"), "\"cpu.phys_bits\""},
    {LINE("\"cpu\":{\"phys_bits\":4294967335}"), "\"cpu.phys_bits\""},
    {LINE("\"cpu\":{\"phys_bits\":-1}"), "\"cpu.phys_bits\""},
    {LINE("\"cpu\":{\"phys_bits\":39.5}"), "\"cpu.phys_bits\""},
    {LINE("\"cpu\":{\"microcode\":99999999999999999999999}"), "not valid JSON"},
    {LINE("\"vulnerabilities\":{\"meltdown\":7}"), "\"vulnerabilities.meltdown\" is no string"},
    {GUEST("\"blocked_models\":[]"), "\"guests[0].blocked_models\" is no object"},
    {GUEST("\"blocked_models\":{\"486\":\"fpu\"}"), "blocked_models.486\" is no list"},
    {LINE("\"silicon\":\"yes\""), "\"silicon\""},
    {LINE("\"libvirt_models\":\"486\""), "\"libvirt_models\" is no list"},
    {LINE("\"libvirt_models\":[\"a b\"]"), "\"libvirt_models[0]\" is no name"},
    {GUEST("\"phys_bits\":53"), "\"guests[0].phys_bits\" is no integer from 32 to 52"},
    {GUEST("\"phys_bits\":31"), "\"guests[0].phys_bits\""},
    {GUEST("\"phys_bits\":0"), "\"guests[0].phys_bits\""},
    {LINE("\"cpu\":{\"phys_bits\":64}"), "\"cpu.phys_bits\""},
    {LINE("\"versions\":{\"qemu\":\"abc\"}"), "\"versions.qemu\" is no version"},
    {LINE("\"versions\":{\"qemu\":\"\"}"), "\"versions.qemu\" is no version"},
    {LINE("\"versions\":{\"libvirt\":\"-1.0\"}"), "\"versions.libvirt\" is no version"},
    {LINE("\"versions\":{\"kernel\":\"linux\"}"), "\"versions.kernel\" is no version"},
    {GUEST("\"unknown\":[null]"), "\"guests[0].unknown[0]\" is no name"},
    {GUEST("\"not_migratable\":[\"x\\u001b[2J\"]"), "\"guests[0].not_migratable[0]\" is no name"},
    {LINE("\"source\":\"\xff\""), "not valid JSON"},
    {LINE("\"source\":\"\\u0000\""), "not valid JSON"},
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autoptr(cpulift_host) host = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(parse(malformed[i].text, &host, &err), CPULIFT_EINPUT);
        assert_null(host);
        if (strstr(err->message, malformed[i].word) == NULL || strpbrk(err->message, "\n\033")) {
            fail_msg("case %zu: '%s' lacks '%s'", i, err->message, malformed[i].word);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_topoext),    cmocka_unit_test(test_width_alone),
        cmocka_unit_test(test_newer),      cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
