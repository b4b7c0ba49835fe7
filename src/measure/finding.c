// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/finding.h"

#include "base/json.h"
#include "core/cpu.h"
#include "measure/workload.h"

#include <string.h>

/// A list that is not there, and a value that is not known, exclude nothing.
static bool may_be(const char *const *list, const char *value)
{
    return list == NULL || value == NULL || g_strv_contains(list, value);
}

const char *finding_explain(const bench_samples *s, const bench_sample *sample)
{
    const struct workload_kind *kind = workload_find_kind(sample->workload);
    const struct workload_known *known = kind != NULL ? kind->known : NULL;
    if (sample->is_ok || known == NULL || !g_str_has_prefix(sample->reason, known->reason)) {
        return NULL;
    }
    g_autofree char *model = settings_find_model(s->settings, sample->cpu);
    bool fits = model != NULL && may_be(known->models, model) &&
                may_be(known->vendors, json_get_string(s->machine, "vendor"));
    return fits ? known->words : NULL;
}

GPtrArray *finding_list(const bench_samples *s)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *sample = s->list->pdata[i];
        const char *words = finding_explain(s, sample);
        g_autofree char *text =
            words != NULL
                ? g_strdup_printf("%s dies under %s: %s", sample->workload, sample->cpu, words)
                : NULL;
        if (text != NULL && !g_ptr_array_find_with_equal_func(list, text, g_str_equal, NULL)) {
            g_ptr_array_add(list, g_steal_pointer(&text));
        }
    }
    return list;
}

unsigned finding_count_failed(const bench_samples *s)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *sample = s->list->pdata[i];
        failed += !sample->is_ok && finding_explain(s, sample) == NULL;
    }
    return failed;
}
