// SPDX-License-Identifier: LGPL-2.1-or-later
/// What must hold for every document of cli/documents.c, by an example that its rows make, and for
/// texts that say more than an example can.
#include "base/json.h"
#include "cli/documents.h"
#include "core/host.h"
#include "core/plan.h"
#include "core/policy.h"
#include "measure/samples.h"
#include "platform/change.h"
#include "platform/domains.h"
#include "platform/state.h"
#include "probe/proof.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

/// So deep stand objects in objects in an example.
#define DEPTH_MAX 8

/// A full, valid text. Paths are as in messages: "guests[0].features".
struct text {
    const char *name;
    const struct record *record;
    bool keeps_all;   ///< no member is only checked
    const char *text; ///< NULL: an example
};

static const struct text texts[] = {
    {"host", &host_record, true,
     .text = "{'schema':'cpulift.host/1','name':'node7','arch':'x86_64','source':'libvirt',"
             "'silicon':true,'cpu':{'vendor':'AMD','model_name':'EPYC','family':23,'model':1,"
             "'stepping':2,'phys_bits':48,'microcode':134222416},'versions':{'libvirt':'9.0.0',"
             "'qemu':'7.2.0','kernel':'6.1.0'},'libvirt_models':['486','EPYC'],"
             "'node':{'cpus':64,'memory':263838604},'machines':{'kvm':{'aliases':{'pc':"
             "'pc-i440fx-7.2'},'names':['pc-i440fx-7.2','pc-q35-7.2']}},"
             "'vulnerabilities':{'meltdown':'Not affected'},'guests':[{'virt':'kvm',"
             "'machine':'pc','canonical_machine':'pc-i440fx-7.2','emulator':'/bin/"
             "q','host_model':'EPYC',"
             "'features':['avx','fpu'],'libvirt_only':['mmx'],'qemu_only':['sse'],"
             "'not_migratable':['invtsc'],'unknown':['warp'],'phys_bits':48,"
             "'usable_models':['486'],'blocked_models':{'EPYC':['svm']}}]}"},
    {"plan", &plan_record,
     .text = "{'schema':'cpulift.plan/1','pool':'p','variant':'tuned','arch':'x86_64',"
             "'virt':'kvm','machine':'q35','definition':{'mode':'custom','match':'exact',"
             "'check':'full','model':'Nehalem','fallback':'forbid','vendor':'Intel',"
             "'phys_bits':46,'require':['aes'],'disable':['x2apic'],'optional':['avx']},"
             "'features':['aes','fpu'],'signature':{'family':6,'model':26,'stepping':3},"
             "'level':'x86-64-v2','next_level':{'level':'x86-64-v3','missing':['avx2']},"
             "'phys_bits':46,'host_count':2,'left_out_hosts':['c'],'kinds':[{'hosts':['a'],"
             "'extra':['avx2'],'cpu':'6/26/5','vendor':'Intel','libvirt':'9.0.0','qemu':'7.2.0',"
             "'kernel':'6.1.0','microcode':17,'canonical_machine':'pc-q35-7.2'}],"
             "'losses':[{'feature':'avx2','hosts':['b'],'host_count':1,'kinds':[1],"
             "'policy':'denied'}],'omitted':[{'feature':'vmx','reason':'nested','needs':'x'}],"
             "'policy':{'allow':['vmx'],'deny':['avx'],'allow-mixed-vendor':true,"
             "'require-mitigations':true},'warnings':[{'code':'mitigation','text':'t',"
             "'features':['md-clear'],'hosts':['a'],'host_count':1}],"
             "'guest_features':[{'feature':'pdcm','cause':'pmu','given':true}],"
             "'qemu':{'min':'7.2.0','max':'10.0.2','unknown':1}}"},
    {"the hooks' plan", &plan_record, true,
     .text = "{'schema':'cpulift.plan/1','pool':'p','variant':'tuned','virt':'kvm',"
             "'machine':'q35','definition':{'check':'full','model':'Nehalem','require':['aes'],"
             "'disable':[],'optional':[]},'features':['aes','fpu'],'phys_bits':46,"
             "'guest_features':[{'feature':'pdcm','cause':'pmu','given':true}],"
             "'qemu':{'min':'7.2.0','max':'10.0.2','unknown':1},"
             "'guests':{'only':['a*'],'skip':['b'],'strict':true}}"},
    {"policy", &policy_record, true,
     .text = "{'allow':['vmx'],'deny':['avx'],'allow-mixed-vendor':true,"
             "'require-mitigations':true}"},
    {"proof", &proof_record, true,
     .text = "{'schema':'cpulift.proof/1','pool':'p','variant':'tuned','virt':'kvm',"
             "'machine':'q35','through':'QEMU itself','verdict':'yes','shape':{'vcpus':2,"
             "'max_vcpus':4,'sockets':1,'dies':1,'cores':2,'threads':2,'pmu':'off'},"
             "'vcpus_read':2,'others':[{'vcpus':'1','missing':['aes'],'extra':['avx'],'wrong':[{"
             "'what':'vendor','expected':'Intel','found':'AMD'}],'faulted':[{'set':'sse2',"
             "'why':'it did'}],'unlike':[{'what':'xcr0','vcpu_0':'7','found':'3'}]}],"
             "'missing':['aes'],"
             "'extra':['avx'],'wrong':[{'what':'vendor','expected':'Intel','found':'AMD'}],"
             "'executed':['sse'],'faulted':[{'set':'sse2','why':'it did'}],"
             "'notes':[{'what':'ht','why':'so'}],'reasons':['hung'],'versions':{'cpulift':'1',"
             "'kernel':'6.1','libvirt':'9.0.0','qemu':'7.2.0'},'hops':[{'from':'a','to':'b',"
             "'verdict':'yes','changed':[{'what':'xcr0','before':'7','after':'3'}],"
             "'reasons':['no'],'downtime_ms':0}]}"},
    {"run", &probe_run_record, true,
     .text =
         "{'virt':'kvm','machine':'pc','shape':{'vcpus':2,'max_vcpus':4,'sockets':1,"
         "'dies':1,'cores':2,'threads':2,'pmu':'off'},'text':'aGk=','refusal':'no','hang':'yes',"
         "'unplanned':['aes'],'through':'QEMU itself','qemu':'7.2.0','libvirt':'9.0.0',"
         "'hops':[{'from':'a','to':'b','downtime_ms':3,'run':{'text':'aGk=',"
         "'shape':{'vcpus':1,'max_vcpus':1,'sockets':1,'dies':1,'cores':1,'threads':1,"
         "'pmu':'unsaid'}}}]}"},
    {"samples", &samples_record, true,
     .text =
         "{'schema':'cpulift.samples/1','machine':{'processor':'P','vendor':'AMD','family':'23',"
         "'model':'1','stepping':'2','microcode':'0x1','kernel':'Linux "
         "6','hypervisor':'KVM','governor':"
         "'powersave','loadavg':'0.1 "
         "0','cpus_online':4,'cpus_allowed':2,'memory_mib':64,'versions':"
         "{'gcc':'12'}},'settings':{'in':'guest',"
         "'allow_tcg':true,'drop_missing':true,'runs':5,'timeout':60,'memory':512,'uri':'test:///"
         "','kernel':'/k',"
         "'vcpus':[1,2],'definitions':[{'name':'tuned','argument':'p.json','document':'{}','"
         "dropped':'d'}],"
         "'workloads':[{'name':'linpack','arguments':['-n'],'command':['./a']}],"
         "'environment_removed':['OMP_X']},'samples':["
         "{'workload':'linpack','cpu':'tuned','vcpus':4,'run':1,'status':'failed',"
         "'reason':'late','oversubscribed':true,'accelerator':'kvm','result':{'schema':'"
         "cpulift.result/1','workload':'linpack',"
         "'figures':{'gflops':{'value':1.5,'unit':'GFLOP/s'}},'verified':true,"
         "'verification':{'kernels':'k'},'details':{'openblas_core':'Zen'}}}]}"},
    {"changeset", &changeset_record, true,
     .text = "{'schema':'cpulift.changeset/1','platform':'cloudstack','changes':[{"
             "'target':'etc/a','undo':'properties','before':{'mode':420,'uid':1,'gid':2,"
             "'text':'k=v'},'after':{'mode':420,'uid':1,'gid':2,'base64':'/w=='},"
             "'keys':{'k':{'before':'v','after':'w'}}},{'target':'u','guest':'g',"
             "'store':{'uri':'test:///default','id':'i'},'undo':'cpu','before':{'mode':0,"
             "'uid':0,'gid':0,'text':'<domain/"
             ">'},'after':{'mode':0,'uid':0,'gid':0,'text':'x'}}],'folders':['etc'],'plan':'{}'}"},
    {"domains", &domains_kept_record, true,
     .text = "{'schema':'cpulift.domains/1','domains':[{'uri':'test:///default','name':'a',"
             "'uuid':'u','before':'<domain/>'}]}"},
    {"status", &state_record, true,
     .text = "{'schema':'cpulift.status/1','interrupted':true,'plan':{'target':'etc/p.json',"
             "'pool':'p','variant':'tuned','virt':'kvm','model':'Nehalem','features':7},"
             "'files':[{'platform':'cloudstack','target':'etc/a','state':'in force'}],"
             "'definitions':[{'uri':'test:///default','guest':'g','uuid':'u','state':'in force'}],"
             "'unasked':['it does not answer'],"
             "'qemu':{'emulator':'/q','applied':'7.2.0','now':'10.0.2'},"
             "'notes':[{'time':'t','hook':'guard','guest':'g','why':'older'}],"
             "'untuned':[{'time':'t','hook':'cloudstack','guest':'g','why':'late'}],"
             "'differences':[{'what':'model','a':'Nehalem','b':'Westmere','seen':true,"
             "'beyond':true}]}"},
};

static json_t *make_example(const struct record *record);

static json_t *make_value(const record_row *row)
{
    bool is_map = row->kind == &record_map || (row->flags & RECORD_MAP) != 0;
    if (row->words != NULL) {
        return json_string(row->words[0]);
    }
    if (row->record != NULL || row->each != NULL) {
        json_t *item = row->record != NULL ? make_example(row->record) : make_value(row->each);
        bool is_list = row->kind == &record_list || row->each != NULL;
        return is_map ? json_pack("{s:o}", "k", item) : is_list ? json_pack("[o]", item) : item;
    }
    return row->kind == &record_json                       ? json_object()
           : row->kind == &record_bool                     ? json_true()
           : row->kind == &record_uint                     ? json_integer(MAX(1, (int)row->min))
           : strcmp(row->kind->name, "number") == 0        ? json_real(1.5)
           : row->kind == &record_base64                   ? json_string("eA==")
           : row->kind == &record_version                  ? json_string("10.0.2")
           : g_str_has_prefix(row->kind->name, "list of ") ? json_pack("[s]", "avx")
                                                           : json_string("x");
}

/// All members, but of a text and its base64 only the text.
static json_t *make_example(const struct record *record)
{
    static const record_row *making[DEPTH_MAX];
    static size_t depth;
    json_t *json = json_object();
    for (size_t i = 0; i < depth; i++) {
        if (making[i] == record->rows) { // a record may hold itself
            return json;
        }
    }
    assert_true(depth < DEPTH_MAX);
    making[depth++] = record->rows;
    if (record->schema != NULL) {
        json_object_set_new(json, "schema", json_string(record->schema));
    }
    for (const record_row *row = record->rows; row->key != NULL; row++) {
        if (row->kind != &record_base64 || json_object_get(json, "text") == NULL) {
            json_object_set_new(json, row->key, make_value(row));
        }
    }
    depth--;
    return json;
}

/// In a text apostrophes stand for quotation marks.
static json_t *load(const struct text *text)
{
    if (text->text == NULL) {
        return make_example(text->record);
    }
    g_autofree char *quoted = g_strdelimit(g_strdup(text->text), "'", '"');
    json_t *json = json_loads(quoted, 0, NULL);
    assert_non_null(json);
    return json;
}

/// What the document says once it was read; NULL where it is refused.
static json_t *read_back(const struct text *text, const json_t *json, cpulift_error **err)
{
    void *map = (void *)support_get_catalog();
    void *base = record_new(text->record);
    int rc = record_parse(text->record, json, "d.json", map, base, err);
    json_t *back = rc == 0 ? record_format(text->record, base, map) : NULL;
    record_free(text->record, base);
    return back;
}

struct run {
    const struct text *text;
    json_t *root, *said; ///< the whole text; what it says once read
    /// Paths: of what may be null, of objects whose keys are data, of strings of any characters.
    GHashTable *nullable, *maps, *texts;
};

/// Fills the sets of paths.
static void find_paths(const struct run *run, const struct record *record, const json_t *json,
                       const char *path);

static void find_below(const struct run *run, const record_row *row, json_t *value,
                       const char *here)
{
    size_t i;
    const char *key;
    json_t *item;
    if (row->kind == &record_map) {
        json_object_foreach (value, key, item) {
            g_autofree char *below = g_strdup_printf("%s.%s", here, key);
            find_paths(run, row->record, item, below);
        }
    } else if (json_is_array(value)) {
        json_array_foreach (value, i, item) {
            g_autofree char *below = g_strdup_printf("%s[%zu]", here, i);
            find_paths(run, row->record, item, below);
        }
    } else {
        find_paths(run, row->record, value, here);
    }
}

static void find_paths(const struct run *run, const struct record *record, const json_t *json,
                       const char *path)
{
    for (const record_row *row = record->rows; row->key != NULL; row++) {
        json_t *value = json_object_get(json, row->key);
        g_autofree char *here = g_strdup_printf("%s%s%s", path, *path != '\0' ? "." : "", row->key);
        if ((row->flags & RECORD_NULL) != 0) {
            g_hash_table_add(run->nullable, g_strdup(here));
        }
        if (row->kind == &record_map || (row->flags & RECORD_MAP) != 0) {
            g_hash_table_add(run->maps, g_strdup(here));
        }
        unsigned flags = row->flags | (row->each != NULL ? row->each->flags : 0);
        if ((flags & RECORD_TEXT) != 0 || row->kind == &record_base64) {
            g_hash_table_add(run->texts, g_strdup(here));
        }
        if (value != NULL && row->record != NULL) {
            find_below(run, row, value, here);
        }
    }
}

/// The document as it is now must be refused, or read, in the name of `path`.
static void check_changed(const struct run *run, const char *path, const json_t *now)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(json_t) back = read_back(run->text, run->root, &err);
    g_autofree char *value = json_dumps(now, JSON_ENCODE_ANY);
    g_autofree char *quoted = g_strdup_printf("\"%s\"", path);
    if (json_is_null(now) && g_hash_table_contains(run->nullable, path)) {
        if (back == NULL) {
            fail_msg("%s: %s is refused as null", run->text->name, path);
        }
    } else if (back != NULL) {
        fail_msg("%s: %s may be %.40s", run->text->name, path, value);
    } else if (strstr(err->message, quoted) == NULL) {
        fail_msg("%s: %s as %.40s: %s", run->text->name, path, value, err->message);
    }
}

/// A number may be written without a fraction.
static bool is_alike(const json_t *a, const json_t *b)
{
    return json_typeof(a) == json_typeof(b) || (json_is_boolean(a) && json_is_boolean(b)) ||
           (json_is_real(a) && json_is_integer(b));
}

static void set(json_t *parent, const char *key, size_t index, json_t *value)
{
    int rc =
        key != NULL ? json_object_set(parent, key, value) : json_array_set(parent, index, value);
    assert_int_equal(rc, 0);
}

static void check_types(const struct run *run, json_t *parent, const char *key, size_t index,
                        const char *path)
{
    g_autoptr(json_t) others = json_pack("[n, b, i, f, s, [], {}]", 1, 7, 1.5, "a text");
    g_autoptr(json_t) old =
        json_incref(key != NULL ? json_object_get(parent, key) : json_array_get(parent, index));
    size_t i;
    json_t *other;
    json_array_foreach (others, i, other) {
        if (!is_alike(old, other)) {
            set(parent, key, index, other);
            check_changed(run, path, other);
        }
    }
    set(parent, key, index, old);
}

/// A number that is accepted is kept as it is, where it is kept.
static void check_number(const struct run *run, const char *path, const json_t *now)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(json_t) back = read_back(run->text, run->root, &err);
    if (back == NULL) {
        check_changed(run, path, now);
        return;
    }
    g_autofree char *text = json_dumps(back, 0);
    g_autofree char *number = json_dumps(now, JSON_ENCODE_ANY);
    if (!json_equal(back, run->said) && strstr(text, number) == NULL) {
        fail_msg("%s: %s as %s is kept as another number", run->text->name, path, number);
    }
}

/// No string but a text says control characters, or as much as one likes. The schema is refused in
/// words of its own.
static void check_string(const struct run *run, const char *path, const json_t *now)
{
    g_autofree char *row = g_strdup(path);
    if (g_str_has_suffix(row, "]")) {
        *strrchr(row, '[') = '\0';
    }
    if (strcmp(path, "schema") != 0 && !g_hash_table_contains(run->texts, row)) {
        check_changed(run, path, now);
    }
}

static void check_wild(const struct run *run, json_t *parent, const char *key, size_t index,
                       const char *path)
{
    static const json_int_t numbers[] = {-1, ((json_int_t)1 << 32) + 7, ((json_int_t)1 << 53) + 1};
    static const char *const strings[] = {"a\033[31m", "a\nb", "\302\205"};
    g_autoptr(json_t) old =
        json_incref(key != NULL ? json_object_get(parent, key) : json_array_get(parent, index));
    for (size_t i = 0; json_is_integer(old) && i < G_N_ELEMENTS(numbers); i++) {
        g_autoptr(json_t) now = json_integer(numbers[i]);
        set(parent, key, index, now);
        check_number(run, path, now);
    }
    for (size_t i = 0; json_is_string(old) && i <= G_N_ELEMENTS(strings); i++) {
        g_autofree char *long_one = g_strnfill(1 << 17, 'a');
        g_autoptr(json_t) now = json_string(i < G_N_ELEMENTS(strings) ? strings[i] : long_one);
        set(parent, key, index, now);
        check_string(run, path, now);
    }
    set(parent, key, index, old);
}

static void check_unknown(const struct run *run, json_t *object, const char *path)
{
    if (g_hash_table_contains(run->maps, path)) {
        return;
    }
    g_autoptr(cpulift_error) err = NULL;
    json_object_set_new(object, "not-known", json_null());
    g_autoptr(json_t) back = read_back(run->text, run->root, &err);
    json_object_del(object, "not-known");
    if (back == NULL || !json_equal(back, run->said)) {
        fail_msg("%s: an unknown member of '%s' is not ignored: %s", run->text->name, path,
                 err != NULL ? err->message : "it changes what is read");
    }
}

static void check_node(const struct run *run, json_t *node, const char *path)
{
    size_t i;
    const char *key;
    json_t *item;
    json_array_foreach (node, i, item) {
        g_autofree char *here = g_strdup_printf("%s[%zu]", path, i);
        check_types(run, node, NULL, i, here);
        check_wild(run, node, NULL, i, here);
        check_node(run, item, here);
    }
    void *next;
    json_object_foreach_safe(node, next, key, item)
    {
        g_autofree char *here = g_strdup_printf("%s%s%s", path, *path != '\0' ? "." : "", key);
        check_types(run, node, key, 0, here);
        check_wild(run, node, key, 0, here);
        check_node(run, item, here);
    }
    if (json_is_object(node)) {
        check_unknown(run, node, path);
    }
}

static void check_text(const struct text *text, void (*check)(const struct run *run))
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(json_t) root = load(text);
    g_autoptr(json_t) said = read_back(text, root, &err);
    g_autoptr(GHashTable) nullable = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) maps = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) any = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (said == NULL) {
        fail_msg("%s: %s", text->name, err->message);
    }
    const struct run run = {text, root, said, nullable, maps, any};
    find_paths(&run, text->record, root, "");
    check(&run);
}

static void for_each(void (*check)(const struct run *run))
{
    for (const struct record *const *record = documents; *record != NULL; record++) {
        check_text(&(const struct text){(*record)->schema, *record, false, NULL}, check);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        check_text(&texts[i], check);
    }
}

static void check_members(const struct run *run)
{
    check_node(run, run->root, "");
}

static void test_members(void **state)
{
    (void)state;
    for_each(check_members);
}

/// What is kept is said as it was read, and says the same when it is read again. Members that are
/// always written may come in addition.
static void check_round(const struct run *run)
{
    g_autoptr(json_t) again = read_back(run->text, run->said, NULL);
    const char *key;
    json_t *value;
    json_object_foreach (run->said, key, value) {
        const json_t *original = json_object_get(run->root, key);
        if (original != NULL && !json_equal(value, original)) {
            fail_msg("%s: '%s' is written otherwise", run->text->name, key);
        }
    }
    assert_true(json_equal(again, run->said));
    if (run->text->keeps_all && !json_equal(run->root, run->said)) {
        fail_msg("%s: a member is lost", run->text->name);
    }
}

static void test_round(void **state)
{
    (void)state;
    for_each(check_round);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
