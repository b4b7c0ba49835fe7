// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/import.h"

#include "base/auto.h"
#include "base/xml.h"
#include "core/narrow.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define DOMCAPS(arch, virt, cpu)                                                                   \
    "<domainCapabilities><path>/bin/emulator</path><domain>" virt "</domain><machine>"             \
    "pc-q35-7.2</machine><arch>" arch "</arch><cpu>" cpu "</cpu></domainCapabilities>"
#define HOST_MODEL                                                                                 \
    "<mode name='host-model' supported='yes'><model fallback='forbid'>Penryn</model>"              \
    "<vendor>Intel</vendor><feature policy='require' name='avx'/>"                                 \
    "<feature policy='disable' name='sse4.1'/></mode>"
#define CUSTOM                                                                                     \
    "<mode name='custom' supported='yes'><model usable='no'>Warp</model>"                          \
    "<blockers model='Warp'><feature name='drive'/></blockers>"                                    \
    "<model usable='yes'>Penryn</model><model usable='yes'>486</model></mode>"

static const struct import_options defaults;

static int import(const char *text, const struct import_options *options, cpulift_host *host,
                  cpulift_error **err)
{
    return import_text(text, strlen(text), "file", support_get_catalog(), options, host, err);
}

static void test_domcapabilities(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = host_new("h");
    g_autoptr(cpulift_error) err = NULL;
    const char *text = DOMCAPS("x86_64", "kvm", HOST_MODEL CUSTOM);
    assert_int_equal(import(text, &defaults, host, &err), 0);
    const struct host_guest *guest = host_find_guest(host, "kvm", "q35");
    assert_string_equal(guest->canonical_machine, "pc-q35-7.2");
    feature_set expected = catalog_find_model(support_get_catalog(), "Penryn")->features;
    expected = feature_set_subtract(feature_set_unite(expected, pool_get_features("avx")),
                                    pool_get_features("sse4.1"));
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_string_equal(host->vendor, "Intel");
    assert_string_equal(host->libvirt_models[2], "Warp");
    assert_string_equal(guest->usable_models[1], "Penryn");
    assert_null(guest->usable_models[2]);
    assert_int_equal(json_array_size(json_object_get(guest->blocked_models, "Warp")), 1);
    assert_int_equal(import(text, &defaults, host, &err), CPULIFT_EINPUT);
}

/// What is planned is what both libvirt and QEMU say; who alone says something is noted.
static void test_narrower_of_two_answers(void **state)
{
    (void)state;
    g_autoptr(json_t) all = json_pack("{s:{s:{s:b,s:b,s:b,s:b,s:b}}}", "model", "props", "sse2", 1,
                                      "avx", 1, "aes", 0, "bmi1", 1, "unheard-of", 1);
    g_autoptr(json_t) migratable =
        json_pack("{s:{s:{s:b,s:b}}}", "model", "props", "sse2", 1, "bmi1", 1);
    g_autoptr(json_t) definitions = json_array();
    const struct narrow_answers answers = {migratable, all, definitions};
    // aes: libvirt alone; bmi1: QEMU alone; avx: both, but it cannot be migrated.
    struct host_guest guest = {.features = pool_get_features("sse2 avx aes")};
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(narrow_guest(&guest, &answers, "q", support_get_catalog(), &err), 0);
    const struct {
        feature_set found;
        const char *names;
    } expected[] = {{guest.features, "sse2 avx"},
                    {guest.libvirt_only, "aes"},
                    {guest.qemu_only, "bmi1"},
                    {guest.not_migratable, "avx"}};
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        feature_set names = pool_get_features(expected[i].names);
        assert_true(feature_set_equal(&expected[i].found, &names));
    }
    assert_string_equal(guest.unknown[0], "unheard-of");
    assert_null(guest.unknown[1]);
    g_strfreev(guest.unknown);
}

/// libvirt says usable, QEMU says why not.
static void test_blocked_models_are_not_usable(void **state)
{
    (void)state;
    g_autoptr(json_t) props = json_pack("{s:{s:{s:b}}}", "model", "props", "sse2", 1);
    g_autoptr(json_t) definitions =
        json_pack("[{s:s,s:[]},{s:s,s:[s]}]", "name", "Nehalem", "unavailable-features", "name",
                  "Haswell", "unavailable-features", "avx2");
    const struct narrow_answers answers = {props, props, definitions};
    struct host_guest guest = {.features = pool_get_features("sse2"),
                               .usable_models = g_strsplit("Haswell Nehalem", " ", -1)};
    assert_int_equal(narrow_guest(&guest, &answers, "q", support_get_catalog(), NULL), 0);
    assert_string_equal(guest.usable_models[0], "Nehalem");
    assert_null(guest.usable_models[1]);
    assert_non_null(json_object_get(guest.blocked_models, "Haswell"));
    assert_int_equal(json_object_size(guest.blocked_models), 1);
    g_strfreev(guest.usable_models);
    json_decref(guest.blocked_models);
}

#define CAPABILITIES(cells, guest)                                                                 \
    "<capabilities><host><cpu><arch>x86_64</arch><vendor>Intel</vendor></"                         \
    "cpu><topology><cells>" cells "</cells></topology></host>" guest "</capabilities>"
#define CELL(memory, cpus)                                                                         \
    "<cell><memory unit='KiB'>" memory "</memory><cpus num='" cpus "'><cpu id='0'/></cpus></cell>"

static cpulift_host *read_node(const char *text)
{
    g_autoptr(xmlDoc) doc = NULL;
    cpulift_host *host = host_new("h");
    assert_int_equal(xml_parse(text, strlen(text), "file", &doc, NULL), 0);
    import_node(xmlDocGetRootElement(doc), host);
    return host;
}

/// The cells together; one that does not say leaves the whole unknown.
static void test_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        guint64 memory;
        unsigned cpus;
    } cases[] = {
        {CAPABILITIES(CELL("1000", "4") CELL("24", "12"), ""), 1024, 16},
        {CAPABILITIES(CELL("1000", "4") "<cell><cpus num='2'/></cell>", ""), 0, 0},
        {CAPABILITIES("<cell><memory>1</memory><cpus num='2'/></cell>", ""), 0, 0},
        {CAPABILITIES(CELL("1e9", "4"), ""), 0, 0},
        {CAPABILITIES(CELL("9007199254740992", "4") CELL("1", "1"), ""), 0, 0},
        {CAPABILITIES(CELL("1", "1048577"), ""), 0, 0},
        {CAPABILITIES("", ""), 0, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_host) host = read_node(cases[i].text);
        if (host->size.memory != cases[i].memory || host->size.cpus != cases[i].cpus) {
            fail_msg("case %zu", i);
        }
    }
}

/// By virt type: KVM's own list goes before that of all, other architectures have none.
static void test_machines(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = read_node(CAPABILITIES(
        "", "<guest><arch name='i686'><machine>isapc</machine><domain type='qemu'/></arch></guest>"
            "<guest><arch name='x86_64'><machine>pc-q35-7.2</machine>"
            "<machine canonical='pc-i440fx-7.2'>pc</machine><machine>no name</machine>"
            "<machine>pc-i440fx-7.2</machine><domain type='qemu'/><domain type='xen'/>"
            "<domain type='kvm'><machine>pc-q35-rhel9.2.0</machine></domain></arch></guest>"));
    const host_machines *kvm = host_find_machines(host, "kvm");
    const host_machines *qemu = host_find_machines(host, "qemu");
    assert_int_equal(host->machines->len, 2);
    assert_string_equal(kvm->names[0], "pc-q35-rhel9.2.0");
    assert_null(kvm->names[1]);
    assert_null(kvm->aliases);
    assert_string_equal(qemu->names[0], "pc-i440fx-7.2");
    assert_string_equal(qemu->names[1], "pc-q35-7.2");
    assert_null(qemu->names[2]);
    assert_string_equal(json_string_value(json_object_get(qemu->aliases, "pc")), "pc-i440fx-7.2");
    g_autoptr(cpulift_host) none = read_node(CAPABILITIES(
        "",
        "<guest><arch name='x86_64'><machine>a b</machine><domain type='kvm'/></arch></guest>"));
    assert_int_equal(none->machines->len, 0);
}

static xmlNode *parse_root(const char *text, xmlDoc **ret_doc)
{
    assert_int_equal(xml_parse(text, strlen(text), "file", ret_doc, NULL), 0);
    return xmlDocGetRootElement(*ret_doc);
}

#define LISTED(more)                                                                               \
    "<mode name='host-model' supported='yes'><model>WarpLake</model>"                              \
    "<feature policy='require' name='sse2'/><feature policy='require' name='warp'/>"               \
    "<feature policy='disable' name='aes'/>" more "</mode>"

/// libvirt 12.2 lists all of host-model, whatever the model is called; 12.5 what is possible too.
static void test_expanded_and_supported(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    g_autoptr(xmlDoc) expanded = NULL, supported = NULL;
    g_autoptr(cpulift_host) host = host_new("h");
    xmlNode *root = parse_root(DOMCAPS("x86_64", "kvm", LISTED("")), &expanded);
    assert_int_equal(import_domcapabilities(root, "file", map, IMPORT_EXPANDED, host, NULL), 0);
    struct host_guest *guest = host->guests->pdata[0];
    feature_set expected = pool_get_features("sse2"), more = pool_get_features("avx");
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_string_equal(guest->unknown[0], "warp");
    assert_null(guest->lower_bound);
    root = parse_root(DOMCAPS("x86_64", "kvm", LISTED("<feature policy='require' name='avx'/>")),
                      &supported);
    assert_int_equal(import_supported(root, "file", map, guest, NULL), 0);
    assert_true(feature_set_equal(&guest->features, &expected));
    assert_true(feature_set_equal(&guest->possible, &more));
    // The same document, asked for without flags, cannot be expanded.
    g_autoptr(cpulift_host) plain = host_new("h");
    assert_int_equal(import_domcapabilities(root, "file", map, 0, plain, NULL), CPULIFT_EINPUT);
}

static void test_flags_by_version(void **state)
{
    (void)state;
    assert_int_equal(import_find_flags(9000000), 0);
    assert_int_equal(import_find_flags(12001999), 0);
    assert_int_equal(import_find_flags(12002000), IMPORT_EXPANDED);
    assert_int_equal(import_find_flags(12004009), IMPORT_EXPANDED);
    assert_int_equal(import_find_flags(12005000), IMPORT_EXPANDED | IMPORT_SUPPORTED);
    assert_int_equal(import_find_flags(13000000), IMPORT_EXPANDED | IMPORT_SUPPORTED);
}

/// TCG's model says nothing of the host.
static void test_tcg_has_no_vendor(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = host_new("h");
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(import(DOMCAPS("x86_64", "qemu", HOST_MODEL), &defaults, host, &err), 0);
    assert_null(host->vendor);
    assert_non_null(host_find_guest(host, "qemu", "q35"));
}

static void test_silicon(void **state)
{
    (void)state;
    static const char text[] =
        "<capabilities><host><cpu><arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor>"
        "<microcode version='18446744073709551615'/><signature family='6' model='23' stepping='3'/>"
        "<maxphysaddr mode='emulate' bits='38'/></cpu></host></capabilities>";
    const struct import_options trusting = {.is_silicon_trusted = true};
    g_autoptr(cpulift_host) refused = host_new("h"), host = host_new("h");
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(import(text, &defaults, refused, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "--trust-silicon"));
    cpulift_error_clear(&err);
    assert_int_equal(import(text, &trusting, host, &err), 0);
    assert_true(host->is_silicon);
    assert_int_equal(host->phys_bits, 38);
    assert_int_equal(host->microcode, 0);
    feature_set hypervisor = pool_get_features("hypervisor");
    assert_true(feature_set_is_subset(&hypervisor, &host_find_guest(host, "kvm", "pc")->features));
}

static void test_expansion(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"return\":{\"model\":{\"props\":{\"sse\":true,\"sse4_1\":true,\"avx\":false,\"warp\":"
        "true,\"kvm-foo\":true,\"vendor\":\"AuthenticAMD\",\"lbr-fmt\":18446744073709551615}}}}",
        "{\"model\":{\"props\":{\"sse\":true,\"sse4-1\":true,\"warp\":true,\"vendor\":"
        "\"AuthenticAMD\"}}}",
        " {\"props\":{\"sse\":true,\"sse4.1\":true,\"warp\":true,\"vendor\":\"AuthenticAMD\"}}\n",
    };
    const struct import_options options = {"qemu", "pc-i440fx-8.0", false};
    feature_set expected = pool_get_features("sse sse4.1");
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(cpulift_host) host = host_new("h");
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(import(texts[i], &options, host, &err), 0);
        const struct host_guest *guest = host_find_guest(host, "qemu", "pc");
        assert_true(feature_set_equal(&guest->features, &expected));
        assert_string_equal(guest->unknown[0], "warp");
        assert_null(guest->unknown[1]);
        assert_string_equal(host->vendor, "AMD");
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "not valid XML"},
        {"\0", "not valid XML"},
        {"{", "not valid JSON"},
        {"{}", "\"props\""},
        {"{\"props\":[]}", "\"props\""},
        {"{\"props\":{\"sse\":true,\"sse\":false}}", "duplicate"},
        {"<domain/>", "<domain>"},
        {"<cpu/>", "names no model"},
        {"<capabilities/>", "no host CPU"},
        {"<domainCapabilities/>", "no whole domcapabilities"},
        {DOMCAPS("aarch64", "kvm", HOST_MODEL), "aarch64"},
        {DOMCAPS("x86_64", "k v m", HOST_MODEL), "virt type"},
        {DOMCAPS("x86_64", "kvm", ""), "no host-model"},
        {DOMCAPS("x86_64", "kvm", "<mode name='host-model' supported='no'/>"), "no host-model"},
        {DOMCAPS("x86_64", "kvm", "<mode name='host-model' supported='yes'/>"), "names no model"},
        {"<cpu><model>Warp</model></cpu>", "'file'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_host) host = host_new("h");
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(import(cases[i].text, &defaults, host, &err), CPULIFT_EINPUT);
        if (strstr(err->message, cases[i].word) == NULL) {
            fail_msg("case %zu: '%s' lacks '%s'", i, err->message, cases[i].word);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domcapabilities),
        cmocka_unit_test(test_narrower_of_two_answers),
        cmocka_unit_test(test_blocked_models_are_not_usable),
        cmocka_unit_test(test_tcg_has_no_vendor),
        cmocka_unit_test(test_expanded_and_supported),
        cmocka_unit_test(test_flags_by_version),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_silicon),
        cmocka_unit_test(test_expansion),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
