// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_model.h"

#include "base/json.h"

#include <string.h>

char *plan_join_vulnerabilities(vulnerability_set set)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; vulnerability_get_name(i) != NULL; i++) {
        if ((set >> i & 1) != 0) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
                                   vulnerability_get_name(i));
        }
    }
    return g_string_free(text, FALSE);
}

static json_t *format_vulnerabilities(vulnerability_set set)
{
    json_t *names = json_array();
    for (size_t i = 0; vulnerability_get_name(i) != NULL; i++) {
        if ((set >> i & 1) != 0) {
            json_array_append_new(names, json_string(vulnerability_get_name(i)));
        }
    }
    return names;
}

/// What stood against a model, for a person. The caller frees it.
static char *describe(const cpulift_pool *pool, const struct model_verdict *verdict,
                      const struct model_verdict *taken)
{
    g_autofree char *hidden = plan_join_vulnerabilities(verdict->hidden);
    const struct host_kind *kind = pool->inv->kinds->pdata[verdict->kind];
    switch (verdict->obstacle) {
    case MODEL_VENDOR:
    case MODEL_TAKEN:
        return NULL;
    case MODEL_UNKNOWN:
        return g_strdup_printf("not known to libvirt or QEMU of host %s",
                               (char *)kind->names->pdata[0]);
    case MODEL_CONTENTS:
        return g_strdup("what QEMU puts into it is not known here");
    case MODEL_STRANGER:
        return g_strdup("no host is of its family and model");
    case MODEL_HIDES:
        return g_strdup_printf("hides %s from guests", hidden);
    case MODEL_OBSOLETE:
        return g_strdup("32-bit, or platforms refuse it as obsolete");
    case MODEL_FARTHER:
        return g_strdup_printf("more than %zu features to state one by one", taken->differences);
    case MODEL_OLDER:
        return g_strdup("as near, but older or later by name");
    }
    return NULL;
}

/// Adds the model to those of which the same is to be said.
static void add_other(json_t *others, const char *model, const char *against)
{
    size_t i;
    json_t *item;
    json_array_foreach (others, i, item) {
        if (strcmp(json_get_string(item, "against"), against) == 0) {
            json_array_append_new(json_object_get(item, "models"), json_string(model));
            return;
        }
    }
    json_array_append_new(others, json_pack("{s:s, s:[s]}", "against", against, "models", model));
}

json_t *plan_format_model_choice(const cpulift_pool *pool, const GArray *verdicts)
{
    const struct model_verdict *taken = model_get_taken(verdicts);
    json_t *others = json_array();
    for (size_t i = 0; i < verdicts->len; i++) {
        const struct model_verdict *verdict = &g_array_index(verdicts, struct model_verdict, i);
        g_autofree char *against = describe(pool, verdict, taken);
        if (against != NULL) {
            add_other(others, verdict->model->name, against);
        }
    }
    return json_pack("{s:o, s:o}", "hides", format_vulnerabilities(taken->hidden), "others",
                     others);
}
