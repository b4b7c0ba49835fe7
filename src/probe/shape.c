// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/shape.h"

#include "base/text.h"
#include "base/xml.h"
#include "probe/transcript.h"

#include <string.h>

#define SHAPE(member) RECORD_AT(probe_shape, member)

static const char *const pmu_words[] = {"unsaid", "on", "off", NULL};

const struct record shape_record = {
    RECORD_ROWS({"vcpus", &record_uint, SHAPE(vcpus), RECORD_REQUIRED, .max = TRANSCRIPT_VCPUS_MAX,
                 .meaning = "that the guest started with"},
                {"max_vcpus", &record_uint, SHAPE(max), RECORD_REQUIRED, .max = G_MAXUINT16,
                 .meaning = "that it has room for"},
                {"sockets", &record_uint, SHAPE(sockets), RECORD_REQUIRED, .max = G_MAXUINT16},
                {"dies", &record_uint, SHAPE(dies), RECORD_REQUIRED, .max = G_MAXUINT16,
                 .meaning = "in each socket"},
                {"cores", &record_uint, SHAPE(cores), RECORD_REQUIRED, .max = G_MAXUINT16,
                 .meaning = "in each die"},
                {"threads", &record_uint, SHAPE(threads), RECORD_REQUIRED, .max = G_MAXUINT16,
                 .meaning = "in each core"},
                {"pmu", &record_word, SHAPE(pmu), RECORD_REQUIRED, .words = pmu_words,
                 .meaning = "as the domain says it"},
                {"cpu_pm", &record_bool, SHAPE(has_cpu_pm),
                 .meaning = "it was started with `-overcommit cpu-pm=on`"}),
    .size = sizeof(probe_shape),
};

const probe_shape shape_default = {
    .vcpus = 2, .max = 2, .sockets = 1, .dies = 1, .cores = 2, .threads = 1};

/// A number from 1 to `max`; `absent` where there is no text. Frees the text.
static int take_count(char *given, const char *what, unsigned absent, unsigned max,
                      const char *name, unsigned *ret_count, cpulift_error **err)
{
    g_autofree char *text = given;
    guint64 count = absent;
    if (text != NULL && (!text_to_uint(text, max, &count) || count == 0)) {
        text_make_printable(text);
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': %s '%.40s' is no number from 1 to %u",
                                 name, what, text, max);
    }
    *ret_count = (unsigned)count;
    return 0;
}

static int parse_topology(const xmlNode *topology, const char *name, probe_shape *shape,
                          cpulift_error **err)
{
    const struct {
        const char *attribute;
        unsigned *count;
    } parts[] = {{"sockets", &shape->sockets},
                 {"dies", &shape->dies},
                 {"cores", &shape->cores},
                 {"threads", &shape->threads}};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        TRY(take_count(xml_get_attribute(topology, parts[i].attribute), parts[i].attribute, 1,
                       TRANSCRIPT_VCPUS_MAX, name, parts[i].count, err));
    }
    return 0;
}

static int parse_vcpu(const xmlNode *vcpu, const char *name, probe_shape *shape,
                      cpulift_error **err)
{
    char *current = xml_get_attribute(vcpu, "current");
    char *started = current != NULL ? current : xml_get_text(vcpu);
    TRY(take_count(started, "the number of virtual CPUs", 1, TRANSCRIPT_VCPUS_MAX, name,
                   &shape->vcpus, err));
    return take_count(xml_get_text(vcpu), "<vcpu>", 1, G_MAXUINT16, name, &shape->max, err);
}

static int parse_pmu(const xmlNode *root, const char *name, probe_shape *shape, cpulift_error **err)
{
    const xmlNode *features = xml_find_child(root, "features");
    const xmlNode *pmu = features != NULL ? xml_find_child(features, "pmu") : NULL;
    g_autofree char *state = pmu != NULL ? xml_get_attribute(pmu, "state") : NULL;
    if (state != NULL && strcmp(state, "on") != 0 && strcmp(state, "off") != 0) {
        text_make_printable(state);
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': <pmu> is neither on nor off: '%.40s'",
                                 name, state);
    }
    shape->pmu = pmu == NULL                                 ? SHAPE_PMU_UNSAID
                 : state == NULL || strcmp(state, "on") == 0 ? SHAPE_PMU_ON
                                                             : SHAPE_PMU_OFF;
    return 0;
}

static int parse_domain(const domain_document *document, const char *name, probe_shape *ret_shape,
                        cpulift_error **err)
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    if (domain_has_own_cpu(document)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': %s", name,
                                 domain_warning_to_string(DOMAIN_OWN_CPU));
    }
    const xmlNode *vcpu = xml_find_child(root, "vcpu");
    const xmlNode *cpu = xml_find_child(root, "cpu");
    const xmlNode *topology = cpu != NULL ? xml_find_child(cpu, "topology") : NULL;
    probe_shape shape = {.vcpus = 1, .max = 1, .sockets = 1, .dies = 1, .cores = 1, .threads = 1};
    TRY(vcpu != NULL ? parse_vcpu(vcpu, name, &shape, err) : 0);
    shape.sockets = shape.max; // what libvirt makes of a domain without a topology
    TRY(topology != NULL ? parse_topology(topology, name, &shape, err) : 0);
    TRY(parse_pmu(root, name, &shape, err));
    shape.has_cpu_pm = guest_read(document).has_cpu_pm;
    *ret_shape = shape;
    return 0;
}

static int parse_cpu(const xmlNode *root, const char *name, probe_shape *ret_shape,
                     cpulift_error **err)
{
    const xmlNode *topology = xml_find_child(root, "topology");
    probe_shape shape = shape_default;
    TRY(topology != NULL ? parse_topology(topology, name, &shape, err) : 0);
    guint64 room = (guint64)shape.sockets * shape_count_per_socket(&shape);
    if (room > TRANSCRIPT_VCPUS_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s': the probe guest has at most %d virtual CPUs, and its "
                                 "<topology> is for more",
                                 name, TRANSCRIPT_VCPUS_MAX);
    }
    shape.vcpus = shape.max = (unsigned)room;
    *ret_shape = shape;
    return 0;
}

int shape_parse(const char *text, size_t len, const char *name, probe_shape *ret_shape,
                cpulift_error **err)
{
    g_autoptr(domain_document) document = NULL;
    TRY(domain_parse(text, len, name, &document, err));
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    return xml_is_plain(root, "cpu") ? parse_cpu(root, name, ret_shape, err)
                                     : parse_domain(document, name, ret_shape, err);
}

unsigned shape_count_per_socket(const probe_shape *shape)
{
    return shape->dies * shape->cores * shape->threads;
}

struct domain_guest shape_get_guest(const probe_shape *shape)
{
    return (struct domain_guest){.vcpus = shape->max,
                                 .per_socket = shape_count_per_socket(shape),
                                 .has_pmu = shape->pmu == SHAPE_PMU_ON,
                                 .has_cpu_pm = shape->has_cpu_pm};
}

const char *shape_get_pmu(const probe_shape *shape)
{
    return shape->pmu == SHAPE_PMU_UNSAID ? NULL : pmu_words[shape->pmu];
}

char *shape_to_string(const probe_shape *shape)
{
    g_autofree char *dies =
        shape->dies > 1 ? g_strdup_printf("dies %u, ", shape->dies) : g_strdup("");
    return g_strdup_printf("sockets %u, %scores %u, threads %u", shape->sockets, dies, shape->cores,
                           shape->threads);
}
