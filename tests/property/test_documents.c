// SPDX-License-Identifier: LGPL-2.1-or-later
/// What must hold for every document that a record describes. A new one is a row of `documents`.
#include "base/json.h"
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

#define SOME 6

/// A full, valid text. Paths are as in messages: "guests[0].features".
struct document {
    const char *name;
    const struct record *record;
    bool keeps_all;             ///< no member is only checked
    const char *nullable[SOME]; ///< may be null
    const char *maps[SOME];     ///< objects whose keys are data
    const char *text;
};

static const struct document documents[] = {
    {"host", &host_record, true, .maps = {"vulnerabilities", "guests[0].blocked_models"},
     .text = "{'schema':'cpulift.host/1','name':'node7','arch':'x86_64','source':'libvirt',"
             "'silicon':true,'cpu':{'vendor':'AMD','model_name':'EPYC','family':23,'model':1,"
             "'stepping':2,'phys_bits':48,'microcode':134222416},'versions':{'libvirt':'9.0.0',"
             "'qemu':'7.2.0','kernel':'6.1.0'},'libvirt_models':['486','EPYC'],"
             "'vulnerabilities':{'meltdown':'Not affected'},'guests':[{'virt':'kvm',"
             "'machine':'pc','canonical_machine':'pc-i440fx-7.2','emulator':'/bin/q',"
             "'features':['avx','fpu'],'libvirt_only':['mmx'],'qemu_only':['sse'],"
             "'not_migratable':['invtsc'],'unknown':['warp'],'phys_bits':48,"
             "'usable_models':['486'],'blocked_models':{'EPYC':['svm']}}]}"},
    {"plan", &plan_record, .nullable = {"level"},
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
             "'features':['md-clear'],'hosts':['a'],'host_count':1}]}"},
    {"the hooks' plan", &plan_record, true,
     .text = "{'schema':'cpulift.plan/1','pool':'p','variant':'tuned','virt':'kvm',"
             "'machine':'q35','definition':{'check':'full','model':'Nehalem','require':['aes'],"
             "'disable':[],'optional':[]},'features':['aes','fpu'],'phys_bits':46,"
             "'guests':{'only':['a*'],'skip':['b'],'strict':true}}"},
    {"policy", &policy_record, true,
     .text = "{'allow':['vmx'],'deny':['avx'],'allow-mixed-vendor':true,"
             "'require-mitigations':true}"},
    {"proof", &proof_record, true,
     .text = "{'schema':'cpulift.proof/1','pool':'p','variant':'tuned','virt':'kvm',"
             "'machine':'q35','through':'QEMU itself','verdict':'yes','missing':['aes'],"
             "'extra':['avx'],'wrong':[{'what':'vendor','expected':'Intel','found':'AMD'}],"
             "'executed':['sse'],'faulted':[{'set':'sse2','why':'it did'}],"
             "'notes':[{'what':'ht','why':'so'}],'reasons':['hung'],'versions':{'cpulift':'1',"
             "'kernel':'6.1','libvirt':'9.0.0','qemu':'7.2.0'},'hops':[{'from':'a','to':'b',"
             "'verdict':'yes','changed':[{'what':'xcr0','before':'7','after':'3'}],"
             "'reasons':['no'],'downtime_ms':0}]}"},
    {"run", &probe_run_record, true,
     .text = "{'virt':'kvm','machine':'pc','text':'aGk=','refusal':'no','hang':'yes',"
             "'unplanned':['aes'],'through':'QEMU itself','qemu':'7.2.0','libvirt':'9.0.0',"
             "'hops':[{'from':'a','to':'b','downtime_ms':3,'run':{'text':'aGk='}}]}"},
    {"samples", &samples_record, true,
     .maps = {"machine", "machine.versions", "samples[0].result.figures",
              "samples[0].result.verification", "samples[0].result.details"},
     .text =
         "{'schema':'cpulift.samples/1','machine':{'processor':'P','vendor':'AMD','family':'23',"
         "'model':'1','stepping':'2','microcode':'0x1','kernel':'Linux "
         "6','hypervisor':'KVM','governor':"
         "'powersave','loadavg':'0.1 "
         "0','cpus_online':4,'cpus_allowed':2,'memory_mib':64,'versions':"
         "{'gcc':'12'}},'settings':{'in':'guest',"
         "'allow_tcg':true,'runs':5,'timeout':60,'memory':512,'uri':'test:///','kernel':'/k',"
         "'vcpus':[1,2],'definitions':[{'name':'tuned','argument':'p.json','document':'{}'}],"
         "'workloads':[{'name':'linpack','arguments':['-n'],'command':['./a']}],"
         "'environment_removed':['OMP_X']},'samples':["
         "{'workload':'linpack','cpu':'tuned','vcpus':4,'run':1,'status':'failed',"
         "'reason':'late','oversubscribed':true,'accelerator':'kvm','result':{'schema':'"
         "cpulift.result/1','workload':'linpack',"
         "'figures':{'gflops':{'value':1.5,'unit':'GFLOP/s'}},'verified':true,"
         "'verification':{'kernels':'k'},'details':{'openblas_core':'Zen'}}}]}"},
    {"changeset", &changeset_record, true,
     .nullable = {"changes[0].before", "changes[0].after", "changes[0].keys.k.before"},
     .maps = {"changes[0].keys"},
     .text = "{'schema':'cpulift.changeset/1','platform':'cloudstack','changes':[{"
             "'target':'etc/a','undo':'properties','before':{'mode':420,'uid':1,'gid':2,"
             "'text':'k=v'},'after':{'mode':420,'uid':1,'gid':2,'base64':'/w=='},"
             "'keys':{'k':{'before':'v','after':'w'}}}],'folders':['etc']}"},
    {"definitions", &domain_edits_record, true,
     .text = "{'schema':'cpulift.definitions/1','platform':'libvirt','uri':'test:///default',"
             "'committed':true,'domains':[{'name':'a','uuid':'u','active':true,"
             "'before':'<domain/>','after':'<domain />'}]}"},
    {"domains", &domains_kept_record, true,
     .text = "{'schema':'cpulift.domains/1','domains':[{'uri':'test:///default','name':'a',"
             "'uuid':'u','before':'<domain/>'}]}"},
    {"status", &state_record, true, .nullable = {"plan"},
     .text = "{'schema':'cpulift.status/1','interrupted':true,'plan':{'target':'etc/p.json',"
             "'pool':'p','variant':'tuned','virt':'kvm','model':'Nehalem','features':7},"
             "'files':[{'platform':'cloudstack','target':'etc/a','state':'in force'}],"
             "'untuned':[{'time':'t','hook':'cloudstack','guest':'g','why':'late'}]}"},
};

/// Apostrophes stand for quotation marks.
static json_t *load(const struct document *document)
{
    g_autofree char *text = g_strdelimit(g_strdup(document->text), "'", '"');
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

/// What the document says once it was read; NULL where it is refused.
static json_t *read_back(const struct document *document, const json_t *json, cpulift_error **err)
{
    void *map = (void *)support_get_catalog();
    void *base = record_new(document->record);
    int rc = record_parse(document->record, json, "d.json", map, base, err);
    json_t *back = rc == 0 ? record_format(document->record, base, map) : NULL;
    record_free(document->record, base);
    return back;
}

struct run {
    const struct document *document;
    json_t *root, *said; ///< the whole text; what it says once read
};

static bool stands_in(const char *const *paths, const char *path)
{
    return g_strv_contains(paths, path);
}

/// The document as it is now must be refused, or read, in the name of `path`.
static void check_changed(const struct run *run, const char *path, const json_t *now)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(json_t) back = read_back(run->document, run->root, &err);
    g_autofree char *value = json_dumps(now, JSON_ENCODE_ANY);
    g_autofree char *quoted = g_strdup_printf("\"%s\"", path);
    if (json_is_null(now) && stands_in(run->document->nullable, path)) {
        if (back == NULL) {
            fail_msg("%s: %s is refused as null", run->document->name, path);
        }
    } else if (back != NULL) {
        fail_msg("%s: %s may be %s", run->document->name, path, value);
    } else if (strstr(err->message, quoted) == NULL) {
        fail_msg("%s: %s as %s: %s", run->document->name, path, value, err->message);
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

static void check_unknown(const struct run *run, json_t *object, const char *path)
{
    if (stands_in(run->document->maps, path)) {
        return;
    }
    g_autoptr(cpulift_error) err = NULL;
    json_object_set_new(object, "not-known", json_null());
    g_autoptr(json_t) back = read_back(run->document, run->root, &err);
    json_object_del(object, "not-known");
    if (back == NULL || !json_equal(back, run->said)) {
        fail_msg("%s: an unknown member of '%s' is not ignored: %s", run->document->name, path,
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
        check_node(run, item, here);
    }
    void *next;
    json_object_foreach_safe(node, next, key, item)
    {
        g_autofree char *here = g_strdup_printf("%s%s%s", path, *path != '\0' ? "." : "", key);
        check_types(run, node, key, 0, here);
        check_node(run, item, here);
    }
    if (json_is_object(node)) {
        check_unknown(run, node, path);
    }
}

static void for_each(void (*check)(const struct run *run))
{
    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(json_t) root = load(&documents[i]);
        g_autoptr(json_t) said = read_back(&documents[i], root, &err);
        if (said == NULL) {
            fail_msg("%s: %s", documents[i].name, err->message);
        }
        check(&(const struct run){&documents[i], root, said});
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
    g_autoptr(json_t) again = read_back(run->document, run->said, NULL);
    const char *key;
    json_t *value;
    json_object_foreach (run->said, key, value) {
        const json_t *original = json_object_get(run->root, key);
        if (original != NULL && !json_equal(value, original)) {
            fail_msg("%s: '%s' is written otherwise", run->document->name, key);
        }
    }
    assert_true(json_equal(again, run->said));
    if (run->document->keeps_all && !json_equal(run->root, run->said)) {
        fail_msg("%s: a member is lost", run->document->name);
    }
}

static void check_copy(const struct run *run)
{
    void *map = (void *)support_get_catalog();
    const struct record *record = run->document->record;
    void *base = record_new(record), *copy = record_new(record);
    assert_int_equal(record_parse(record, run->root, "d.json", map, base, NULL), 0);
    assert_int_equal(record_copy(record, base, map, copy), 0);
    assert_true(record_equal(record, base, copy, map));
    record_free(record, base);
    record_free(record, copy);
}

static void test_round(void **state)
{
    (void)state;
    for_each(check_round);
    for_each(check_copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
