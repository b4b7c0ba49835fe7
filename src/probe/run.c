// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/run.h"

#include "base/json.h"

void probe_run_free(probe_run *run)
{
    if (run != NULL) {
        char *const owned[] = {run->virt, run->machine, run->text, run->refusal,
                               run->hang, run->through, run->qemu, run->libvirt};
        for (size_t i = 0; i < G_N_ELEMENTS(owned); i++) {
            g_free(owned[i]);
        }
        g_strfreev(run->unplanned);
        g_clear_pointer(&run->hops, g_ptr_array_unref);
        g_free(run);
    }
}

static void free_hop(void *data)
{
    struct probe_hop *hop = data;
    g_free(hop->from);
    g_free(hop->to);
    probe_run_free(hop->run);
    g_free(hop);
}

struct probe_hop *probe_run_add_hop(probe_run *run, const char *from, const char *to)
{
    struct probe_hop *hop = g_new0(struct probe_hop, 1);
    hop->from = g_strdup(from);
    hop->to = g_strdup(to);
    hop->downtime_ms = -1;
    hop->run = g_new0(probe_run, 1);
    if (run->hops == NULL) {
        run->hops = g_ptr_array_new_with_free_func(free_hop);
    }
    g_ptr_array_add(run->hops, hop);
    return hop;
}

static json_t *format_hops(const GPtrArray *hops)
{
    json_t *list = json_array();
    for (guint i = 0; i < hops->len; i++) {
        const struct probe_hop *hop = hops->pdata[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "from", hop->from, "to",
                                              hop->to, "downtime_ms", (json_int_t)hop->downtime_ms,
                                              "run", probe_run_to_json(hop->run)));
    }
    return list;
}

json_t *probe_run_to_json(const probe_run *run)
{
    g_autofree char *text = g_base64_encode((const guchar *)(run->text ? run->text : ""), run->len);
    json_t *json = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "text", text, "refusal",
                             run->refusal, "hang", run->hang, "through", run->through, "qemu",
                             run->qemu, "libvirt", run->libvirt);
    size_t count = run->unplanned == NULL ? 0 : g_strv_length(run->unplanned);
    json_object_set_new(json, "unplanned",
                        json_new_strings((const char *const *)run->unplanned, count));
    if (run->hops != NULL) {
        json_object_set_new(json, "hops", format_hops(run->hops));
    }
    return json;
}

static int add_name(void *data, const char *name, cpulift_error **err)
{
    (void)err;
    g_ptr_array_add(data, g_strdup(name));
    return 0;
}

static int read_hops(probe_run *run, const json_t *list, cpulift_error **err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        struct probe_hop *hop =
            probe_run_add_hop(run, json_get_string(json, "from"), json_get_string(json, "to"));
        hop->downtime_ms = json_integer_value(json_object_get(json, "downtime_ms"));
        rc = probe_run_read_json(hop->run, json_object_get(json, "run"), err);
    }
    return rc;
}

int probe_run_read_json(probe_run *run, const json_t *json, cpulift_error **err)
{
    const struct {
        const char *key;
        char **place;
    } strings[] = {{"refusal", &run->refusal},
                   {"hang", &run->hang},
                   {"through", &run->through},
                   {"qemu", &run->qemu},
                   {"libvirt", &run->libvirt}};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        *strings[i].place = g_strdup(json_get_string(json, strings[i].key));
    }
    const char *text = json_get_string(json, "text");
    if (text != NULL) {
        run->text = (char *)g_base64_decode(text, &run->len);
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    int rc = json_each_string(json, "unplanned", "child", add_name, names, err);
    g_ptr_array_add(names, NULL);
    run->unplanned = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
    return rc == 0 ? read_hops(run, json_object_get(json, "hops"), err) : rc;
}
