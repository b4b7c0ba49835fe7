// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan that is a file, which whoever plans renames into its place.
#include "agent/files.h"
#include "agent/source.h"
#include "base/file.h"
#include "core/plan.h"

/// So long a file that is written in place may take from one part to the next.
#define SETTLE_MS 200

struct file_source {
    source base;
    char *path;
    files *watch;
};

static void load(void *data)
{
    struct file_source *self = data;
    const struct source_calls *calls = &self->base.calls;
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *text = NULL;
    size_t len = 0;
    if (file_load_at_once(self->path, PLAN_FILE_MAX, &text, &len, &err) == 0) {
        calls->plan(calls->data, text, len);
    } else {
        calls->fault(calls->data, err->message);
    }
}

static void close_file(source *base)
{
    struct file_source *self = (struct file_source *)base;
    files_free(self->watch);
    g_free(self->path);
    g_free(self);
}

static int open_file(const agent_settings *settings, const struct source_calls *calls,
                     source **ret_source, cpulift_error **err)
{
    (void)err; // there is always one, be it blind
    struct file_source *self = g_new0(struct file_source, 1);
    const char *const paths[] = {settings->agent_plan, NULL};
    self->base = (source){&source_file, *calls};
    self->path = g_strdup(settings->agent_plan);
    self->watch = files_watch(paths, SETTLE_MS, load, self);
    load(self);
    *ret_source = &self->base;
    return 0;
}

const struct source_kind source_file = {.prefix = "/", .open = open_file, .close = close_file};
