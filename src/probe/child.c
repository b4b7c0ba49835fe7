// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/child.h"

#include "base/jobs.h"
#include "base/json.h"
#include "probe/depot.h"
#include "probe/live.h"

/// What the child may need beyond its own deadline to destroy the guest, and what a second child
/// may need to do it when the first was lost.
#define GRACE_MS   8000
#define DESTROY_MS 5000

/// What the child sends: a run, or why there is none.
struct answer {
    unsigned code; ///< an error's, without its sign; 0: none
    char *error;
    probe_run *run;
};

static const struct record answer_record = {
    RECORD_ROWS({"code", &record_uint, RECORD_AT(struct answer, code), .max = -CPULIFT_ECONFLICT},
                {"error", &record_string, RECORD_AT(struct answer, error)},
                {"run", &record_pointer, RECORD_AT(struct answer, run), RECORD_REQUIRED,
                 .record = &probe_run_record}),
};

static char *act_in_child(void *data, size_t index)
{
    (void)index;
    struct child_work *work = data;
    live_catch_interrupt();
    work->act(work);
    wording_clear(&work->wording);
    struct answer answer = {.run = work->run};
    if (work->err != NULL) {
        answer.code = (unsigned)-work->err->code;
        answer.error = work->err->message;
    }
    g_autoptr(json_t) json = record_format(&answer_record, &answer, NULL);
    if (live_is_interrupted) {
        scene_clear(&work->scene);
    }
    return json_format_line(json);
}

static void parse_answer(struct child_work *work, const json_t *json)
{
    struct answer answer = {.run = work->run};
    if (record_parse(&answer_record, json, "child", NULL, &answer, &work->err) == 0 &&
        answer.code != 0) {
        cpulift_error_set(&work->err, -(int)answer.code, "%s",
                          answer.error != NULL ? answer.error : "it failed without a word");
    }
    g_free(answer.error);
}

static void take_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)index;
    struct child_work *work = data;
    g_autoptr(json_t) json = NULL;
    if (end == JOBS_LATE) {
        cpulift_error_set(&work->err, CPULIFT_EREMOTE, "libvirt did not answer within %u s",
                          (work->options->timeout_ms + GRACE_MS) / 1000);
    } else if (end == JOBS_LOST) {
        cpulift_error_set(&work->err, CPULIFT_EREMOTE,
                          "the process that talked to libvirt died: %s", text);
    } else if (json_parse_text(text, len, "child", &json, &work->err) == 0) {
        parse_answer(work, json);
    }
}

/// One further child for each place: destroys what a lost one may have left there.
static char *destroy_in_child(void *data, size_t index)
{
    const struct child_work *work = data;
    g_autoptr(virt_conn) conn = NULL;
    if (conn_open(work->uris[index], CONN_FULL, DESTROY_MS, &conn, NULL) == 0) {
        live_destroy(conn, work->scene.name);
        depot_remove(conn, &work->scene);
    }
    return g_strdup("");
}

static void ignore_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)data, (void)index, (void)end, (void)text, (void)len;
}

static void run_jobs(struct child_work *work)
{
    struct jobs jobs = {.count = 1,
                        .parallel = 1,
                        .timeout_ms = work->options->timeout_ms + GRACE_MS,
                        .data = work,
                        .work = act_in_child,
                        .done = take_answer};
    jobs_run(&jobs);
    if (work->err != NULL) {
        jobs.count = jobs.parallel = work->uri_count;
        jobs.timeout_ms = DESTROY_MS;
        jobs.work = destroy_in_child;
        jobs.done = ignore_answer;
        jobs_run(&jobs);
    }
}

void child_choose_wording(struct child_work *work, virt_conn *const *conns, size_t count)
{
    unsigned long versions[CHILD_URIS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        versions[i] = live_get_qemu(conns[i]);
    }
    wording_choose(work->plan, work->options, versions, count, &work->wording);
    work->run->shape = work->wording.shape;
}

int child_run(struct child_work *work, probe_run **ret_run, cpulift_error **err)
{
    const struct start_options *options = work->options;
    g_autoptr(probe_run) run = probe_run_new();
    run->virt = g_strdup(options->virt);
    run->machine = g_strdup(options->machine);
    work->run = run;
    run->shape = options->shape != NULL ? *options->shape : shape_default;
    work->end = g_get_monotonic_time() + (gint64)options->timeout_ms * G_TIME_SPAN_MILLISECOND;
    TRY(scene_make(work->plan, options->kernel, &work->scene, err));
    run_jobs(work);
    scene_clear(&work->scene);
    if (work->err != NULL) {
        g_autoptr(cpulift_error) failure = work->err;
        return cpulift_error_set(err, failure->code, "%s", failure->message);
    }
    *ret_run = g_steal_pointer(&run);
    return 0;
}
