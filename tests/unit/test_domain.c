// SPDX-License-Identifier: LGPL-2.1-or-later
/// core/domain: what is edited, what is left, what is refused.
#include "../lib/skip.h"
#include "core/domain_restore.h"
#include "domain_laws.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ATTRIBUTES " mode='custom' match='exact' check='full'"
#define MODEL      "<model fallback='forbid'>Penryn</model>"
#define FEATURE    "<feature policy='require' name='aes'/>"
#define BEGIN      "<domain type='kvm'>"
#define END        "</domain>"
#define QEMU_NS    "http://libvirt.org/schemas/domain/qemu/1.0"

static const char definition[] = "<cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu>";
static const char definition_with_width[] =
    "<cpu" ATTRIBUTES ">" MODEL "<maxphysaddr mode='emulate' bits='40'/></cpu>";

static int rewrite(const char *definition_text, const char *xml, size_t len,
                   const struct domain_options *options, char **ret_text,
                   struct domain_changes *ret_changes, cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = support_parse_cpu(definition_text);
    g_autoptr(domain_document) document = NULL;
    size_t text_len;
    TRY(domain_parse(xml, len, "test", &document, err));
    return domain_rewrite(document, cpu, options, ret_text, &text_len, ret_changes, err);
}

static const struct {
    const char *before, *after;
} edits[] = {
    // nothing there: behind <features>, else <os>, else last
    {BEGIN "\n  <os/>\n  <features/>\n  <devices/>\n" END,
     BEGIN "\n  <os/>\n  <features/>\n  <cpu" ATTRIBUTES ">\n    " MODEL "\n    " FEATURE
           "\n  </cpu>\n  <devices/>\n" END},
    {BEGIN "\n\t<os/>\n\t<devices/>\n" END,
     BEGIN "\n\t<os/>\n\t<cpu" ATTRIBUTES ">\n\t\t" MODEL "\n\t\t" FEATURE
           "\n\t</cpu>\n\t<devices/>\n" END},
    {BEGIN "<name>a</name>" END,
     BEGIN "<name>a</name><cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu>" END},
    // empty forms
    {BEGIN "<cpu/>" END, BEGIN "<cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu>" END},
    {BEGIN "\n  <cpu />\n" END,
     BEGIN "\n  <cpu" ATTRIBUTES ">\n    " MODEL "\n    " FEATURE "\n  </cpu>\n" END},
    {BEGIN "\r\n  <cpu></cpu >\r\n" END,
     BEGIN "\r\n  <cpu" ATTRIBUTES ">\r\n    " MODEL "\r\n    " FEATURE "\r\n  </cpu >\r\n" END},
    // one line stays one line, and what is not the definition's stays
    {BEGIN "\n<cpu mode='custom'><model>Nehalem</model><feature name='x'/><topology cores='2' "
           "/></cpu><devices/>\n" END,
     BEGIN "\n<cpu" ATTRIBUTES ">" MODEL FEATURE "<topology cores='2' /></cpu><devices/>\n" END},
    {BEGIN
     "\n <cpu match=\"strict\" check = 'none'>\n   <!-- a <model> -->\n   <vendor>AMD</vendor>\n"
     "   <numa>\n    <cell/>\n   </numa>\n   <maxphysaddr mode='emulate' bits='36'/>\n"
     " </cpu>\n" END,
     BEGIN "\n <cpu" ATTRIBUTES ">\n   " MODEL "\n   " FEATURE
           "\n   <!-- a <model> -->\n   <numa>\n    <cell/>\n   </numa>\n"
           "   <maxphysaddr mode='emulate' bits='36'/>\n </cpu>\n" END},
    // the first counts, whatever the second has
    {BEGIN "<cpu/><cpu><numa/><model>m</model></cpu>" END,
     BEGIN "<cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu><cpu><numa/><model>m</model></cpu>" END},
    // none of these is libvirt's <cpu>
    {BEGIN "<metadata><cpu/></metadata><t>&lt;cpu/></t><![CDATA[<cpu/>]]><?p <cpu/>?><!--<cpu/>-->"
           "<x:cpu xmlns:x='u'/><cpu xmlns='u'/><cpu a='<'/>" END,
     NULL},
    {BEGIN "<metadata><cpu/></metadata><t>&lt;cpu/></t><![CDATA[<cpu/>]]><?p <cpu/>?><!--<cpu/>-->"
           "<x:cpu xmlns:x='u'/><cpu xmlns='u'/><cpu a='>'/>" END,
     BEGIN "<metadata><cpu/></metadata><t>&lt;cpu/></t><![CDATA[<cpu/>]]><?p <cpu/>?><!--<cpu/>-->"
           "<x:cpu xmlns:x='u'/><cpu xmlns='u'/><cpu" ATTRIBUTES " a='>'>" MODEL FEATURE
           "</cpu>" END},
    // foreign children and declarations in it stay
    {BEGIN "<cpu xmlns:x='u'><x:model/><model xmlns='v'/><model><![CDATA[M]]></model></cpu>" END,
     BEGIN "<cpu" ATTRIBUTES " xmlns:x='u'>" MODEL FEATURE
           "<x:model/><model xmlns='v'/></cpu>" END},
    // encodings
    {"\xef\xbb\xbf" BEGIN "<title>\xc3\xa9</title><cpu/>" END,
     "\xef\xbb\xbf" BEGIN "<title>\xc3\xa9</title><cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu>" END},
    {"<?xml version='1.0' encoding='iso-8859-15'?>" BEGIN "<title>\xe9</title><cpu/>" END,
     "<?xml version='1.0' encoding='iso-8859-15'?>" BEGIN "<title>\xe9</title><cpu" ATTRIBUTES
     ">" MODEL FEATURE "</cpu>" END},
    // what libvirt refuses beside a named model
    {BEGIN "<cpu mode='host-passthrough' migratable='on'><cache mode='passthrough'/>"
           "<maxphysaddr mode='passthrough' limit='40'/></cpu>" END,
     BEGIN "<cpu" ATTRIBUTES ">" MODEL FEATURE "</cpu>" END},
    {BEGIN "<cpu><cache level='3' mode='emulate'/></cpu>" END,
     BEGIN "<cpu" ATTRIBUTES ">" MODEL FEATURE "<cache level='3' mode='emulate'/></cpu>" END},
};

static void test_edits(void **state)
{
    (void)state;
    const struct domain_options options = {.virt = "kvm"};
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autofree char *text = NULL;
        struct domain_changes changes = {0};
        g_autoptr(cpulift_error) err = NULL;
        int rc = rewrite(definition, edits[i].before, strlen(edits[i].before), &options, &text,
                         &changes, &err);
        if (edits[i].after == NULL) {
            assert_int_equal(rc, CPULIFT_EINPUT);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_string_equal(text, edits[i].after);
        assert_true(changes.is_changed);
        g_autoptr(cpulift_cpu) cpu = support_parse_cpu(definition);
        domain_laws_check(edits[i].before, strlen(edits[i].before), cpu, &options);
    }
}

static void test_width_replaces_width(void **state)
{
    (void)state;
    static const char xml[] = BEGIN "<cpu><maxphysaddr mode='emulate' bits='36'/></cpu>" END;
    const struct domain_options options = {0};
    g_autofree char *text = NULL;
    struct domain_changes changes = {0};
    assert_int_equal(
        rewrite(definition_with_width, xml, strlen(xml), &options, &text, &changes, NULL), 0);
    assert_string_equal(text, BEGIN "<cpu" ATTRIBUTES ">" MODEL
                                    "<maxphysaddr mode='emulate' bits='40'/></cpu>" END);
}

static const struct {
    const char *xml;
    size_t len; ///< 0: to the first NUL
    int code;
    const char *says;
} refusals[] = {
    {"", 0, CPULIFT_EINPUT, "not valid XML"},
    {BEGIN "<cpu>", 0, CPULIFT_EINPUT, "not valid XML"},
    {BEGIN "<cpu/>\xff" END, 0, CPULIFT_EINPUT, "not valid XML"},
    {BEGIN "<cpu/>" END "\0<", sizeof BEGIN "<cpu/>" END "\0<", CPULIFT_EINPUT, "NUL"},
    {"\xff\xfe<\0d\0", 6, CPULIFT_EINPUT, "UTF-16"},
    {"\0<\0d", 4, CPULIFT_EINPUT, "UTF-16"},
    {"<?xml version='1.0' encoding='IBM037'?>" BEGIN "<cpu/>" END, 0, CPULIFT_EINPUT, NULL},
    {"<?xml version='1.0' encoding='Shift_JIS'?>" BEGIN "<cpu/>" END, 0, CPULIFT_EINPUT,
     "encoding"},
    {"<!DOCTYPE domain><domain type='kvm'><cpu/></domain>", 0, CPULIFT_EINPUT, "document type"},
    {"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><domain type='kvm'>&a;</domain>", 0,
     CPULIFT_EINPUT, "document type"},
    {BEGIN "&a;" END, 0, CPULIFT_EINPUT, "not valid XML"},
    {BEGIN END, 0, CPULIFT_EINPUT, "empty"},
    {"<domainsnapshot><domain type='kvm'/></domainsnapshot>", 0, CPULIFT_EINPUT, "snapshot"},
    {"<domstatus/>", 0, CPULIFT_EINPUT, "private state"},
    {"<cpu/>", 0, CPULIFT_EINPUT, "definition alone"},
    {"<domain xmlns='u' type='kvm'><cpu/></domain>", 0, CPULIFT_EINPUT, "namespace"},
    {"<domain><cpu/></domain>", 0, CPULIFT_EINPUT, "type ''"},
    {"<domain type='lxc'><cpu/></domain>", 0, CPULIFT_EINPUT, "type 'lxc'"},
    {BEGIN "<os><type arch='aarch64'/></os>" END, 0, CPULIFT_EINPUT, "aarch64"},
    {"<domain type='qemu'><cpu/></domain>", 0, CPULIFT_EREFUSED, "--virt qemu"},
};

/// libxml2 holds each attribute against all before it; what looks like many of them and is none
/// stays.
static void test_many_attributes(void **state)
{
    (void)state;
    g_autoptr(GString) many = g_string_new(NULL);
    for (int i = 0; i < 300; i++) {
        g_string_append_printf(many, " a%d='<'", i);
    }
    static const struct {
        const char *before, *after;
        int code;
    } cases[] = {
        {"<a", "/>", CPULIFT_EINPUT},
        {"<a b='", "'/>", CPULIFT_EINPUT},
        {"<!-- > ", " --><a/>", 0},
        {"<a><![CDATA[ > ", "]]></a>", 0},
        {"<?a > ", "?><a/>", 0},
        {"<a b='>'", "/>", CPULIFT_EINPUT},
        {"<a b='\"' c=\"'\">&lt;", "</a>", CPULIFT_EINPUT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strconcat("<domain type='kvm'><name>v</name>", cases[i].before,
                                           many->str, cases[i].after, "</domain>", NULL);
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(domain_document) document = NULL;
        int rc = domain_parse(xml, strlen(xml), NULL, &document, &err);
        if (rc != cases[i].code) {
            fail_msg("case %zu: %d, %s", i, rc, err != NULL ? err->message : "");
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    const struct domain_options options = {.virt = "kvm"};
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        size_t len = refusals[i].len > 0 ? refusals[i].len : strlen(refusals[i].xml);
        g_autofree char *text = NULL;
        struct domain_changes changes = {0};
        g_autoptr(cpulift_error) err = NULL;
        int rc = rewrite(definition, refusals[i].xml, len, &options, &text, &changes, &err);
        assert_int_equal(rc, refusals[i].code);
        assert_null(text);
        assert_non_null(err);
        assert_null(strchr(err->message, '\n'));
        if (refusals[i].says != NULL && strstr(err->message, refusals[i].says) == NULL) {
            fail_msg("'%s' does not say '%s'", err->message, refusals[i].says);
        }
    }
}

static void test_too_large(void **state)
{
    (void)state;
    const struct domain_options options = {0};
    size_t len = (16 << 20) + 1;
    g_autofree char *xml = g_malloc0(len + 1);
    memset(xml, ' ', len);
    g_autofree char *text = NULL;
    struct domain_changes changes = {0};
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(rewrite(definition, xml, len, &options, &text, &changes, &err),
                     CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "larger than"));
}

static const struct {
    const char *xml;
    unsigned warnings;
} warned[] = {
    {BEGIN "<cpu/>" END, 0},
    {BEGIN "<os><type>hvm</type></os>" END, 0},
    {BEGIN "<os><type machine='pc-i440fx-rhel7.6.0'>hvm</type></os>" END, 0},
    {BEGIN "<os><type machine='pc-q35-8.1'>hvm</type></os>" END, DOMAIN_MACHINE},
    {BEGIN "<os><type machine='microvm' arch='x86_64'>hvm</type></os>" END, DOMAIN_MACHINE},
    {BEGIN "<os><type arch='i686'>hvm</type></os>" END, DOMAIN_I686},
    {"<domain type='qemu'><cpu/></domain>", DOMAIN_VIRT},
    {"<domain type='kvm' xmlns:any='" QEMU_NS "'><any:commandline><any:arg value='-S'/>"
     "<any:arg value='-cpu'/><any:arg value='max'/></any:commandline></domain>",
     DOMAIN_OWN_CPU},
    {BEGIN "<commandline xmlns='" QEMU_NS "'><arg value='--cpu'/></commandline>" END,
     DOMAIN_OWN_CPU},
    {BEGIN "<commandline xmlns='" QEMU_NS
           "'><arg value='-global'/><arg value='Nehalem-x86_64-cpu.avx2=on'/></commandline>" END,
     DOMAIN_OWN_CPU},
    {BEGIN "<commandline xmlns='" QEMU_NS
           "'><arg value='-global'/><arg value='cpu-throttle.x=1'/></commandline>" END,
     0},
    {BEGIN "<commandline><arg value='-cpu'/></commandline>" END, 0},
    {BEGIN "<x:commandline xmlns:x='u'><x:arg value='-cpu'/></x:commandline>" END, 0},
    {BEGIN "<cpu><cache mode='passthrough'/></cpu>" END, DOMAIN_DROPPED},
};

static void test_warnings(void **state)
{
    (void)state;
    const struct domain_options options = {.virt = "kvm", .machine = "pc", .force = true};
    for (size_t i = 0; i < G_N_ELEMENTS(warned); i++) {
        g_autofree char *text = NULL;
        struct domain_changes changes = {0};
        assert_int_equal(rewrite(definition, warned[i].xml, strlen(warned[i].xml), &options, &text,
                                 &changes, NULL),
                         0);
        assert_int_equal(changes.warnings, warned[i].warnings);
    }
    for (unsigned bit = 1; bit <= DOMAIN_DROPPED; bit <<= 1) {
        assert_true(strlen(domain_warning_to_string(bit)) > 0);
    }
}

static const struct {
    const char *cpu;
    bool is_respected;
} asking[] = {
    {"<cpu mode='host-passthrough'/>", true}, {"<cpu mode='host-model'/>", true},
    {"<cpu mode='maximum'/>", true},          {"<cpu mode='custom'><model>m</model></cpu>", true},
    {"<cpu><model>m</model></cpu>", true},    {"<cpu><topology/></cpu>", false},
    {"<cpu mode='custom'/>", false},          {"<cpu/><cpu mode='host-model'/>", false},
    {"<cpu><model xmlns='u'/></cpu>", false}, {"<name/>", false},
};

static void test_respect(void **state)
{
    (void)state;
    const struct domain_options options = {.respect = true};
    for (size_t i = 0; i < G_N_ELEMENTS(asking); i++) {
        g_autofree char *xml = g_strconcat(BEGIN, asking[i].cpu, END, NULL);
        g_autofree char *text = NULL;
        struct domain_changes changes = {0};
        assert_int_equal(rewrite(definition, xml, strlen(xml), &options, &text, &changes, NULL), 0);
        assert_int_equal(changes.is_respected, asking[i].is_respected);
        assert_int_equal(changes.is_changed, !asking[i].is_respected);
        assert_int_equal(g_strcmp0(text, xml) == 0, asking[i].is_respected);
    }
}

static const struct {
    const char *a, *b;
    bool is_cpu_only;
} pairs[] = {
    {BEGIN "\n <cpu/>\n <devices/>\n" END, BEGIN "\n <devices/>\n" END, true},
    {BEGIN "<os/>\n  <cpu a='>'><model>x</model></cpu>" END, BEGIN "<os/><cpu/>" END, true},
    {BEGIN "<cpu/><cpu/>" END, BEGIN "<cpu a='1'/><cpu/>" END, true},
    {BEGIN "<cpu/><cpu/>" END, BEGIN "<cpu/><cpu a='1'/>" END, false},
    {BEGIN "<cpu/><devices/>" END, BEGIN "<cpu/><features/>" END, false},
    // what only looks like the domain's <cpu>
    {BEGIN "<!-- <cpu a='1'/> --><cpu/>" END, BEGIN "<!-- <cpu a='2'/> --><cpu/>" END, false},
    {BEGIN "<!-- <cpu> --><cpu a='1'/>" END, BEGIN "<!-- <cpu> --><cpu a='2'/>" END, true},
    {BEGIN "<metadata><cpu>1</cpu></metadata><cpu/>" END,
     BEGIN "<metadata><cpu>2</cpu></metadata><cpu/>" END, false},
    {BEGIN "<metadata><cpu>1</cpu></metadata><cpu a='1'/>" END,
     BEGIN "<metadata><cpu>1</cpu></metadata><cpu a='2'/>" END, true},
    {BEGIN END, BEGIN END, false}, // no domain of libvirt
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(domain_document) a = NULL;
        g_autoptr(domain_document) b = NULL;
        assert_int_equal(domain_parse(pairs[i].a, strlen(pairs[i].a), NULL, &a, NULL), 0);
        assert_int_equal(domain_parse(pairs[i].b, strlen(pairs[i].b), NULL, &b, NULL), 0);
        assert_int_equal(domain_differs_in_cpu_only(a, b), pairs[i].is_cpu_only);
        assert_int_equal(domain_differs_in_cpu_only(b, a), pairs[i].is_cpu_only);
    }
}

/// A domain whose definition cpulift replaced, what its owner made of it since, and the old one put
/// back into that.
static const struct {
    const char *before, *now, *restored;
} returns[] = {
    // Nobody else changed anything: byte for byte, in whatever order libvirt keeps it.
    {BEGIN "<os/>\n <cpu mode='host-passthrough' check='none'/>" END,
     BEGIN "<os/>\n  <cpu check='full'><model>Nehalem</model></cpu>" END,
     BEGIN "<os/>\n <cpu mode='host-passthrough' check='none'/>" END},
    // Others changed the rest, around <cpu> and in it.
    {BEGIN "<os/><cpu><model>Penryn</model><topology a='1'/><feature name='x'/></cpu>" END,
     BEGIN "<os/><cpu mode='custom'><model>Nehalem</model><topology a='2'/></cpu><new/>" END,
     BEGIN "<os/><cpu><model>Penryn</model><feature name='x'/><topology a='2'/></cpu><new/>" END},
    // There was none.
    {BEGIN "<os/>" END, BEGIN "<os/> <cpu><model>Nehalem</model></cpu><new/>" END,
     BEGIN "<os/><new/>" END},
    {BEGIN "<os/>" END, BEGIN "<os/><cpu mode='custom'><model>Nehalem</model><numa/></cpu>" END,
     BEGIN "<os/><cpu><numa/></cpu>" END},
    // What libvirt refuses beside a named model comes back, unless its owner has another now.
    {BEGIN "<os/><cpu mode='maximum' migratable='on'><cache mode='passthrough'/></cpu>" END,
     BEGIN "<os/><cpu mode='custom'><model>Nehalem</model></cpu><new/>" END,
     BEGIN "<os/><cpu mode='maximum' migratable='on'><cache mode='passthrough'/></cpu><new/>" END},
    {BEGIN "<os/><cpu mode='maximum'><cache mode='passthrough'/></cpu>" END,
     BEGIN "<os/><cpu mode='custom'><model>Nehalem</model><cache mode='emulate'/></cpu>" END,
     BEGIN "<os/><cpu mode='maximum'><cache mode='emulate'/></cpu>" END},
};

static void test_returns(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(returns); i++) {
        g_autoptr(domain_document) before = NULL;
        g_autoptr(domain_document) now = NULL;
        g_autoptr(domain_document) restored = NULL;
        g_autofree char *text = NULL;
        const char *const old = returns[i].before, *const found = returns[i].now;
        assert_int_equal(domain_parse(old, strlen(old), NULL, &before, NULL), 0);
        assert_int_equal(domain_parse(found, strlen(found), NULL, &now, NULL), 0);
        assert_false(domain_has_same_definition(now, before));
        assert_int_equal(domain_restore(now, before, &text, NULL), 0);
        assert_string_equal(text, returns[i].restored);
        assert_int_equal(domain_parse(text, strlen(text), NULL, &restored, NULL), 0);
        assert_true(domain_has_same_definition(restored, before));
    }
}

static void test_guest(void **state)
{
    (void)state;
    static const char named[] = BEGIN "<metadata><name>no</name></metadata><name> a\n</name>" END;
    g_autoptr(domain_document) document = NULL;
    g_autoptr(domain_document) nameless = NULL;
    assert_int_equal(domain_parse(named, strlen(named), NULL, &document, NULL), 0);
    assert_string_equal(document->guest, "a");
    assert_string_equal(document->label, "a");
    assert_int_equal(domain_parse(BEGIN END, strlen(BEGIN END), "file", &nameless, NULL), 0);
    assert_string_equal(nameless->guest, "?");
    assert_string_equal(nameless->label, "file");
}

/// Checks the laws on every document in a folder of the recorded platforms.
static unsigned check_folder(const char *path, const cpulift_cpu *cpu)
{
    unsigned count = 0;
    const struct domain_options options = {.virt = "kvm", .force = true};
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *name; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL), *xml = NULL;
        size_t len;
        if (g_str_has_suffix(name, ".xml") && g_file_get_contents(file, &xml, &len, NULL)) {
            assert_int_equal(domain_laws_check(xml, len, cpu, &options), 0);
            count++;
        }
    }
    return count;
}

static void test_recorded_platforms(void **state)
{
    (void)state;
    g_autofree char *path = support_find_shared("platforms");
    if (path == NULL) {
        SKIP("the recorded documents are absent");
    }
    g_autoptr(cpulift_cpu) cpu = support_parse_cpu(definition);
    unsigned count = 0;
    static const char *const platforms[] = {"cloudstack", "eucalyptus", "opennebula"};
    for (size_t i = 0; i < G_N_ELEMENTS(platforms); i++) {
        g_autofree char *folder = g_build_filename(path, platforms[i], NULL);
        count += check_folder(folder, cpu);
    }
    assert_true(count >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_width_replaces_width),
        cmocka_unit_test(test_many_attributes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_respect),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_returns),
        cmocka_unit_test(test_guest),
        cmocka_unit_test(test_recorded_platforms),
    };
    return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
