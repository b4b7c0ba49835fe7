// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/run.h"

#define RUN(member) RECORD_AT(probe_run, member)
#define HOP(member) RECORD_AT(struct probe_hop, member)

RECORD_ITEM(hop_record, struct probe_hop, {"from", &record_string, HOP(from), RECORD_REQUIRED},
            {"to", &record_string, HOP(to), RECORD_REQUIRED},
            {"downtime_ms", &record_uint, HOP(downtime_ms), RECORD_UNSAID},
            {"run", &record_pointer, HOP(run), RECORD_REQUIRED, .record = &probe_run_record})

const struct record probe_run_record = {
    RECORD_ROWS({"virt", &record_string, RUN(virt)}, {"machine", &record_string, RUN(machine)},
                {"shape", &record_object, RUN(shape), RECORD_REQUIRED, .record = &shape_record},
                {"text", &record_base64, RECORD_BYTES_AT(probe_run, text, len)},
                {"refusal", &record_string, RUN(refusal), RECORD_TEXT},
                {"hang", &record_string, RUN(hang), RECORD_TEXT},
                {"unplanned", &record_strings, RUN(unplanned)},
                {"through", &record_string, RUN(through)}, {"qemu", &record_string, RUN(qemu)},
                {"libvirt", &record_string, RUN(libvirt)},
                {"hops", &record_list, RUN(hops), .record = &hop_record}),
    .size = sizeof(probe_run),
};

probe_run *probe_run_new(void)
{
    return record_new(&probe_run_record);
}

void probe_run_free(probe_run *run)
{
    record_free(&probe_run_record, run);
}

struct probe_hop *probe_run_add_hop(probe_run *run, const char *from, const char *to)
{
    struct probe_hop *hop = record_new(&hop_record);
    hop->from = g_strdup(from);
    hop->to = g_strdup(to);
    hop->run = probe_run_new();
    hop->run->shape = run->shape;
    if (run->hops == NULL) {
        run->hops = g_ptr_array_new_with_free_func(hop_record_free);
    }
    g_ptr_array_add(run->hops, hop);
    return hop;
}
