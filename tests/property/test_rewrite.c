// SPDX-License-Identifier: LGPL-2.1-or-later
/// Random domains: whatever stands around and in the <cpu>, rewriting keeps it.
#include "domain_laws.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 2000

static const char *const eols[] = {"\n", "\r\n", ""};
static const char *const indents[] = {"", " ", "  ", "\t", "    "};
static const char *const prologs[] = {
    "",
    "<?xml version='1.0'?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "\xef\xbb\xbf",
    "<!-- <domain><cpu/></domain> -->",
};
static const char *const outside[] = {
    "<name>a</name>",
    "<title>\xc3\xa9 &lt;cpu&gt; ]]&gt;</title>",
    "<os><type machine='pc'>hvm</type></os>",
    "<features>\n<acpi/></features>",
    "<metadata><o:vm xmlns:o='urn:o'><cpu><model/></cpu><o:cpu/></o:vm></metadata>",
    "<devices><disk a=\"/>\" b='--!>'/></devices>",
    "<!-- <cpu> - -->",
    "<x:cpu xmlns:x='urn:x' mode='host-model'/>",
    "<cpu xmlns='urn:y'><model>no</model></cpu>",
    "<![CDATA[<cpu>]]>",
    "<?pi <cpu/> ?>",
    "text",
    "",
};
static const char *const after_cpu[] = {"<cpu><numa><cell id='0'/></numa></cpu>", "<cpu/>", ""};
static const char *const attributes[] = {
    " mode='custom'",    " mode = \"host-passthrough\"",
    "\n  match='exact'", " check='none'",
    " migratable='on'",  " xmlns:z='urn:z'",
    " other='&gt;>/'",   "\tdeprecated_features='off'",
};
static const char *const children[] = {
    "<model fallback='allow'>Nehalem</model>",
    "<model><![CDATA[Penryn]]></model>",
    "<vendor>AMD</vendor>",
    "<feature policy='require' name='aes'/>",
    "<feature name='x'></feature>",
    "<topology sockets='1' cores='2' threads='1' />",
    "<numa>\n <cell id='0'><distances/></cell>\n</numa>",
    "<cache level='3' mode='emulate'/>",
    "<cache mode='passthrough'/>",
    "<maxphysaddr mode='emulate' bits='42'/>",
    "<maxphysaddr mode='passthrough'/>",
    "<!-- <feature/> -->",
    "<![CDATA[ <model> ]]>",
    "<z:model xmlns:z='urn:z'/>",
    "<unknown><model/></unknown>",
    "text",
};

#define PICK(rand, table) ((table)[g_rand_int_range((rand), 0, G_N_ELEMENTS(table))])

/// Ends a line, or not.
static void add_break(GString *out, GRand *rand, const char *eol, const char *indent)
{
    if (g_rand_int_range(rand, 0, 8) > 0) {
        g_string_append_printf(out, "%s%s", eol, indent);
    }
}

/// Some of the attributes, each at most once (two of the table have the same name).
static void add_attributes(GString *out, GRand *rand)
{
    bool has_mode = false;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
        bool is_mode = g_str_has_prefix(attributes[i], " mode");
        if (g_rand_boolean(rand) && !(is_mode && has_mode)) {
            g_string_append(out, attributes[i]);
            has_mode |= is_mode;
        }
    }
}

static void add_cpu(GString *out, GRand *rand, const char *eol, const char *indent)
{
    g_string_append(out, "<cpu");
    add_attributes(out, rand);
    unsigned count = (unsigned)g_rand_int_range(rand, 0, 6);
    if (count == 0 && g_rand_boolean(rand)) {
        g_string_append(out, g_rand_boolean(rand) ? "/>" : "  />");
        return;
    }
    g_string_append(out, ">");
    for (unsigned i = 0; i < count; i++) {
        add_break(out, rand, eol, indent);
        g_string_append(out, PICK(rand, children));
    }
    add_break(out, rand, eol, indent);
    g_string_append(out, "</cpu>");
}

static void add_outside(GString *out, GRand *rand, const char *eol, const char *indent)
{
    for (int i = g_rand_int_range(rand, 0, 5); i > 0; i--) {
        add_break(out, rand, eol, indent);
        g_string_append(out, PICK(rand, outside));
    }
    add_break(out, rand, eol, indent);
}

/// A domain, and where its <cpu> begins and ends (equal where it has none).
static GString *make_domain(GRand *rand, size_t *ret_start, size_t *ret_end)
{
    const char *eol = PICK(rand, eols), *indent = PICK(rand, indents);
    GString *out = g_string_new(PICK(rand, prologs));
    g_string_append(out, "<domain type='kvm'><name/>");
    add_outside(out, rand, eol, indent);
    *ret_start = out->len;
    if (g_rand_int_range(rand, 0, 5) > 0) {
        add_cpu(out, rand, eol, indent);
        *ret_end = out->len;
        g_string_append(out, PICK(rand, after_cpu));
    } else {
        *ret_end = out->len;
    }
    add_outside(out, rand, eol, indent);
    g_string_append(out, "</domain>");
    g_string_append(out, eol);
    return out;
}

/// What tests/lib/domain_laws.h does not know: where the generator put the element.
static void check_place(const GString *xml, size_t start, size_t end, const cpulift_cpu *cpu)
{
    const struct domain_options options = {.virt = "kvm"};
    g_autofree char *text = NULL;
    size_t len, rest = xml->len - end;
    struct domain_changes changes;
    g_autoptr(domain_document) document = NULL;
    assert_int_equal(domain_parse(xml->str, xml->len, "test", &document, NULL), 0);
    assert_int_equal(domain_rewrite(document, cpu, &options, &text, &len, &changes, NULL), 0);
    if (start == end) {
        assert_true(changes.is_inserted);
        return;
    }
    assert_memory_equal(text, xml->str, start);
    assert_memory_equal(text + len - rest, xml->str + end, rest);
}

static void test_random_domains(void **state)
{
    (void)state;
    static const char *const definitions[] = {
        "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Penryn</model>"
        "<vendor>Intel</vendor><feature policy='require' name='aes'/></cpu>",
        "<cpu mode='custom'><model>EPYC</model><maxphysaddr mode='emulate' bits='40'/></cpu>",
    };
    GRand *rand = support_new_dice();
    for (size_t i = support_get_rounds(ROUNDS); i > 0; i--) {
        size_t start, end;
        g_autoptr(GString) xml = make_domain(rand, &start, &end);
        g_autoptr(cpulift_cpu) cpu = support_parse_cpu(PICK(rand, definitions));
        const struct domain_options options = {.virt = "kvm", .respect = g_rand_boolean(rand)};
        assert_int_equal(domain_laws_check(xml->str, xml->len, cpu, &options), 0);
        check_place(xml, start, end, cpu);
    }
    g_rand_free(rand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_domains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
