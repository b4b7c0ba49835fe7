// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/document.h"

#include "base/file.h"
#include "base/json.h"
#include "base/xml.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "core/domain.h"
#include "core/machine.h"
#include "core/variant.h"
#include "measure/samples.h"

#include <string.h>

static int recognise(const char *text, size_t len, const char *path, const catalog *map,
                     struct document *document, cpulift_error **err)
{
    TRY(json_parse_text(text, len, path, &document->json, err));
    const char *schema = json_get_string(document->json, "schema");
    if (schema == NULL || !g_str_has_prefix(schema, "cpulift.")) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is not a cpulift document: it has no \"schema\" of cpulift",
                                 path);
    }
    document->kind = g_strndup(schema, strcspn(schema, "/"));
    if (strcmp(document->kind, "cpulift.plan") == 0) {
        return plan_from_json(document->json, path, &document->plan, err);
    }
    if (strcmp(document->kind, "cpulift.host") == 0) {
        document->is_silent = host_is_silent(document->json);
        return document->is_silent ? host_check_silent(document->json, path, err)
                                   : host_parse(text, len, path, map, &document->host, err);
    }
    if (strcmp(document->kind, "cpulift.samples") == 0) {
        g_autoptr(bench_samples) samples = NULL;
        return samples_parse(text, len, path, &samples, err);
    }
    for (const struct record *const *known = documents; *known != NULL; known++) {
        if (g_str_has_prefix((*known)->schema, document->kind) &&
            (*known)->schema[strlen(document->kind)] == '/') {
            return record_parse(*known, document->json, path, (void *)map, NULL, err);
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' has schema '%s', which this program does not know; use the "
                             "cpulift that wrote it",
                             path, schema);
}

/// Gives a domain that leaves its CPU to QEMU what QEMU gives it, with a word.
static void set_default(const char *path, struct document *document)
{
    cpulift_cpu *cpu = document->cpu != NULL ? document->cpu : cpu_new();
    document->cpu = cpu;
    if (cpu->model == NULL && cpu->feature_count == 0 &&
        (cpu->mode == NULL || strcmp(cpu->mode, "custom") == 0)) {
        cpu->model = g_strdup(variant_find("default")->model);
        command_warn("'%s' names no CPU model: taken as QEMU's default, %s", path, cpu->model);
    }
}

static int parse_domain(const char *text, size_t len, const char *path, const xmlNode *root,
                        struct document *document, cpulift_error **err)
{
    g_autoptr(domain_document) domain = NULL;
    TRY(domain_parse(text, len, path, &domain, err));
    document->is_overridden = domain_has_own_cpu(domain);
    const xmlNode *os = xml_find_child(root, "os");
    const xmlNode *type = os != NULL ? xml_find_child(os, "type") : NULL;
    g_autofree char *machine = type != NULL ? xml_get_attribute(type, "machine") : NULL;
    g_autofree char *arch = type != NULL ? xml_get_attribute(type, "arch") : NULL;
    bool has_default = arch == NULL || strcmp(arch, "x86_64") == 0;
    document->virt = xml_get_attribute(root, "type");
    document->machine = g_strdup(machine_find_kind(machine));
    if (!has_default || xml_find_child(root, "cpu") != NULL) {
        TRY(cpu_parse(text, len, path, &document->cpu, err));
    }
    if (has_default) {
        set_default(path, document);
    }
    return 0;
}

static int parse_xml(const char *text, size_t len, const char *path, struct document *document,
                     cpulift_error **err)
{
    g_autoptr(xmlDoc) xml = NULL;
    document->kind = g_strdup("cpu");
    TRY(xml_parse(text, len, path, &xml, err));
    const xmlNode *root = xmlDocGetRootElement(xml);
    return xml_is_plain(root, "domain") ? parse_domain(text, len, path, root, document, err)
                                        : cpu_parse(text, len, path, &document->cpu, err);
}

int document_load(const char *path, const catalog *map, struct document *ret_document,
                  cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    TRY(file_load(path, PLAN_FILE_MAX, &text, &len, err));
    DOCUMENT_AUTO document = {0};
    const char *start = text;
    while (g_ascii_isspace(*start)) {
        start++;
    }
    if (*start == '<') {
        TRY(parse_xml(text, len, path, &document, err));
    } else {
        TRY(recognise(text, len, path, map, &document, err));
    }
    *ret_document = document;
    document = (struct document){0};
    return 0;
}

bool document_is_xml(const char *path)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    bool is_file = strcmp(path, "-") != 0 && g_file_test(path, G_FILE_TEST_IS_REGULAR);
    return is_file && file_load(path, PLAN_FILE_MAX, &text, &len, NULL) == 0 &&
           text[strspn(text, " \t\r\n")] == '<';
}

void document_clear(struct document *document)
{
    g_free(document->kind);
    json_decref(document->json);
    plan_free(document->plan);
    host_free(document->host);
    cpu_free(document->cpu);
    g_free(document->virt);
    g_free(document->machine);
    *document = (struct document){0};
}

static int take_host(const cpulift_host *host, const catalog *map, const char *virt,
                     const char *machine, compare_side *ret_side, cpulift_error **err)
{
    for (size_t g = 0; g < host->guests->len; g++) {
        const struct host_guest *guest = host->guests->pdata[g];
        if ((virt == NULL || strcmp(virt, guest->virt) == 0) &&
            (machine == NULL || strcmp(machine, guest->machine) == 0)) {
            compare_take_host(host, guest, map, ret_side);
            return 0;
        }
    }
    return cpulift_error_set(
        err, CPULIFT_EINPUT, "host '%s' does not say what %s guests on '%s' get", host->name,
        virt != NULL ? virt : "any", machine != NULL ? machine : "any machine");
}

int document_take_side(const struct document *document, const char *path, const catalog *map,
                       const char *virt, const char *machine, compare_side *ret_side,
                       cpulift_error **err)
{
    TRY(document->is_silent ? host_check_answered(document->json, path, err) : 0);
    if (document->host != NULL) {
        return take_host(document->host, map, virt, machine, ret_side, err);
    }
    if (document->plan != NULL) {
        compare_take_plan(document->plan, map, ret_side);
        return 0;
    }
    if (document->cpu == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "a '%s' document holds no CPU",
                                 document->kind);
    }
    if (document->is_overridden) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the <qemu:commandline> of '%s' has a -cpu of its own: its guest "
                                 "has not the CPU that <cpu> says, and nothing can be said of it; "
                                 "take it out",
                                 path);
    }
    return compare_take_cpu(document->cpu, path, document->virt, document->machine, map, ret_side,
                            err);
}

const json_t *document_find_entry(const json_t *json, const char *key, const char *feature)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(json, key), i, item) {
        if (g_strcmp0(json_get_string(item, "feature"), feature) == 0) {
            return item;
        }
    }
    return NULL;
}

char **document_join_groups(const catalog *map, const json_t *names)
{
    GString *texts[GROUP_COUNT];
    char **joined = g_new0(char *, GROUP_COUNT + 1);
    size_t i;
    const json_t *item;
    for (size_t group = 0; group < GROUP_COUNT; group++) {
        texts[group] = g_string_new(NULL);
    }
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        if (name != NULL) {
            GString *text = texts[group_find(map, name)];
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", name);
        }
    }
    for (size_t group = 0; group < GROUP_COUNT; group++) {
        joined[group] = g_string_free(texts[group], FALSE);
    }
    return joined;
}

char *document_join_strings(const json_t *array)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *string = json_string_value(json_array_get(array, i));
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", string != NULL ? string : "?");
    }
    return g_string_free(text, FALSE);
}
