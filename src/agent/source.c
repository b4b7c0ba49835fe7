// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/source.h"

static const struct source_kind *const kinds[] = {&source_file, &source_etcd, &source_etcds};

static int find_kind(const agent_settings *settings, const struct source_kind **ret_kind,
                     cpulift_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(settings->agent_plan, kinds[i]->prefix)) {
            *ret_kind = kinds[i];
            return 0;
        }
    }
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "key 'plan': '%s' is no place for a plan; name a file, from '/' on, or "
        "etcd://HOST:PORT/PREFIX/plan/POOL",
        settings->agent_plan);
}

int source_check(const agent_settings *settings, cpulift_error **err)
{
    const struct source_kind *kind = NULL;
    TRY(find_kind(settings, &kind, err));
    return kind->check != NULL ? kind->check(settings, err) : 0;
}

int source_open(const agent_settings *settings, const struct source_calls *calls,
                source **ret_source, cpulift_error **err)
{
    const struct source_kind *kind = NULL;
    TRY(find_kind(settings, &kind, err));
    return kind->open(settings, calls, ret_source, err);
}

void source_publish(source *self, const char *text, size_t len)
{
    if (self->kind->publish != NULL) {
        self->kind->publish(self, text, len);
    }
}

void source_measure(const source *self, GString *metrics)
{
    if (self->kind->measure != NULL) {
        self->kind->measure(self, metrics);
    }
}

void source_close(source *self)
{
    if (self != NULL) {
        self->kind->close(self);
    }
}
