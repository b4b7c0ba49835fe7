// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/plans.h"

#include "agent/say.h"
#include "base/file.h"
#include "base/json.h"
#include "core/seal.h"

#include <stdbool.h>
#include <string.h>

#define DIGEST_LEN 16

struct plans {
    char *path;  ///< of the last good one
    char *keys;  ///< path of those of whom one must have sealed it
    char *where; ///< its source, for messages
    source *source;
    cpulift_plan *plan;
    char *digest, *fault;
    gint64 since;
    guint64 faults;
    void (*changed)(void *data);
    void *data;
    bool is_saved; ///< the file at `path` holds the plan in force
    guint told;    ///< `changed` will be called when the loop runs
};

/// No seal covers which guests are meant: a node's own root says it in the node's file. Elsewhere
/// one who has no key could say that no guest is.
static int check_guests(const plans *self, const cpulift_plan *plan, cpulift_error **err)
{
    return *self->where == '/' || json_object_get(plan->document, "guests") == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EREFUSED,
                                   "'%s' says which guests are meant, which no seal covers; take "
                                   "\"guests\" out",
                                   self->where);
}

static int parse(const plans *self, const char *text, size_t len, const char *name,
                 cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(seal_keys) keys = NULL;
    TRY(plan_parse(text, len, name, &plan, err));
    TRY(plan_check_promise(plan, name, err));
    TRY(seal_keys_load(self->keys, &keys, err));
    TRY(seal_check(plan, name, keys, err));
    TRY(keys != NULL ? check_guests(self, plan, err) : 0);
    *ret_plan = g_steal_pointer(&plan);
    return 0;
}

/// Of what it says, however it is laid out. The caller's.
static char *make_digest(const cpulift_plan *plan)
{
    g_autofree char *text = json_format_line(plan->document);
    char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    digest[DIGEST_LEN] = '\0';
    return digest;
}

/// What the document says beyond the plan's struct, its hosts and reasons, nobody asks here.
static void drop_document(cpulift_plan *plan)
{
    g_clear_pointer(&plan->document, json_decref);
}

static gboolean tell(void *data)
{
    plans *self = data;
    self->told = 0;
    self->changed(self->data);
    return G_SOURCE_REMOVE;
}

static void tell_later(plans *self)
{
    if (self->told == 0) {
        self->told = g_idle_add(tell, self);
    }
}

static void take(plans *self, cpulift_plan *plan, char *digest)
{
    drop_document(plan);
    plan_free(self->plan);
    g_free(self->digest);
    self->plan = plan;
    self->digest = digest;
    self->since = g_get_real_time() / G_USEC_PER_SEC;
    tell_later(self);
}

static void take_fault(void *data, const char *why)
{
    plans *self = data;
    self->faults++;
    g_free(self->fault);
    self->fault = g_strdup(why);
    say(SAY_WARNING, "the plan is not taken: %s; %s", why,
        self->plan != NULL ? "the last good one stays in force" : "no plan is in force");
}

static void take_text(void *data, const char *text, size_t len)
{
    plans *self = data;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    if (parse(self, text, len, self->where, &plan, &err) != 0) {
        take_fault(self, err->message);
        return;
    }
    g_clear_pointer(&self->fault, g_free);
    g_autofree char *digest = make_digest(plan);
    bool is_known = g_strcmp0(digest, self->digest) == 0;
    if (is_known && self->is_saved) {
        return;
    }
    self->is_saved = file_save(self->path, text, len, 0640, &err) == 0;
    if (!self->is_saved) {
        say(SAY_ERROR, "the plan will not survive a restart: %s", err->message);
    }
    if (is_known) { // and on the disk at last
        tell_later(self);
        return;
    }
    say(SAY_NOTICE, "the plan of pool '%s' (%s) is in force", plan->pool, digest);
    take(self, g_steal_pointer(&plan), g_steal_pointer(&digest));
}

/// What an earlier run of this agent had in force.
static void load_last(plans *self)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autofree char *text = NULL;
    size_t len = 0;
    enum file_kind kind = FILE_FOLDER;
    if (file_find_kind(self->path, &kind, &err) == 0 && kind == FILE_NONE) {
        return;
    }
    if (err != NULL || file_load_at_once(self->path, PLAN_FILE_MAX, &text, &len, &err) != 0 ||
        parse(self, text, len, self->path, &plan, &err) != 0) {
        say(SAY_ERROR, "the last good plan cannot be read: %s", err->message);
        return;
    }
    char *digest = make_digest(plan);
    self->is_saved = true;
    take(self, g_steal_pointer(&plan), digest);
}

int plans_check(const agent_settings *settings, cpulift_error **err)
{
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(settings->agent_root, &kind, err));
    return kind == FILE_FOLDER
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "key 'root': '%s' is no folder, so that no keys for plans would "
                                   "be found there; name the root of this node",
                                   settings->agent_root);
}

int plans_open(const agent_settings *settings, void (*changed)(void *data), void *data,
               plans **ret_plans, cpulift_error **err)
{
    g_autoptr(plans) self = g_new0(plans, 1);
    const struct source_calls calls = {take_text, take_fault, self};
    self->path = g_build_filename(settings->agent_state, "plan.json", NULL);
    self->keys = g_build_filename(settings->agent_root, SEAL_KEYS_TARGET, NULL);
    self->where = g_strdup(settings->agent_plan);
    self->changed = changed;
    self->data = data;
    TRY(plans_check(settings, err));
    self->fault = g_strdup("its source has not said anything yet");
    load_last(self);
    TRY(source_open(settings, &calls, &self->source, err));
    *ret_plans = g_steal_pointer(&self);
    return 0;
}

struct plans_state plans_get(const plans *self)
{
    return (struct plans_state){self->plan, self->digest, self->since, self->fault, self->faults};
}

void plans_measure(const plans *self, GString *metrics)
{
    source_measure(self->source, metrics);
}

const char *plans_get_path(const plans *self)
{
    return self->is_saved ? self->path : NULL;
}

void plans_publish(plans *self, const char *text, size_t len)
{
    source_publish(self->source, text, len);
}

void plans_close(plans *self)
{
    if (self != NULL) {
        source_close(self->source);
        if (self->told != 0) {
            g_source_remove(self->told);
        }
        plan_free(self->plan);
        g_free(self->digest);
        g_free(self->fault);
        g_free(self->path);
        g_free(self->keys);
        g_free(self->where);
        g_free(self);
    }
}
