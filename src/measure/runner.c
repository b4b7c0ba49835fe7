// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/runner.h"

#include "measure/process.h"

#include <glib/gstdio.h>
#include <string.h>

/// One sample of the schedule.
struct cell {
    const bench_workload *workload;
    const bench_definition *definition;
    unsigned vcpus, run;
    double seconds; ///< how long it took here; negative: not made in this process
    bool is_done;
};

struct series {
    const struct runner *runner;
    const char *folder;
    void *place_data;
    GArray *cells; ///< of struct cell
};

static struct cell *get_cell(const struct series *series, unsigned i)
{
    return &g_array_index(series->cells, struct cell, i);
}

static void add_cells(struct series *series, unsigned run, const bench_workload *w, unsigned vcpus)
{
    const struct runner *r = series->runner;
    unsigned count = r->samples->settings->definitions->len;
    for (unsigned i = 0; i < count; i++) {
        const bench_definition *d = r->samples->settings->definitions->pdata[(i + run) % count];
        struct cell cell = {
            .workload = w, .definition = d, .vcpus = vcpus, .run = run, .seconds = -1};
        cell.is_done = samples_find(r->samples, w->name, d->name, vcpus, run) != NULL;
        g_array_append_val(series->cells, cell);
    }
}

static void schedule(struct series *series)
{
    const bench_settings *s = series->runner->samples->settings;
    size_t v;
    const json_t *vcpus;
    for (unsigned run = 0; run <= s->runs; run++) {
        for (unsigned w = 0; w < s->workloads->len; w++) {
            json_array_foreach (s->vcpus, v, vcpus) {
                add_cells(series, run, s->workloads->pdata[w], (unsigned)json_integer_value(vcpus));
            }
        }
    }
}

/// How alike two cells are: what the one took says something of the other.
static int likeness(const struct cell *a, const struct cell *b)
{
    return (a->workload == b->workload) * 4 + (a->vcpus == b->vcpus) * 2 +
           (a->definition == b->definition);
}

/// The mean of the most similar cells that were made.
static double estimate(const struct series *series, const struct cell *cell)
{
    double sum = 0;
    int best = -1, count = 0;
    for (unsigned i = 0; i < series->cells->len; i++) {
        const struct cell *other = get_cell(series, i);
        int like = likeness(cell, other);
        if (other->seconds < 0 || like < best) {
            continue;
        }
        if (like > best) {
            best = like;
            sum = count = 0;
        }
        sum += other->seconds;
        count++;
    }
    return count > 0 ? sum / count : -1;
}

static double estimate_left(const struct series *series)
{
    double left = 0;
    for (unsigned i = 0; i < series->cells->len; i++) {
        const struct cell *cell = get_cell(series, i);
        double seconds = cell->is_done ? 0 : estimate(series, cell);
        if (seconds < 0) {
            return -1;
        }
        left += seconds;
    }
    return left;
}

static void tell(const struct series *series, const struct cell *cell, const bench_sample *finished)
{
    struct runner_event event = {
        .total = series->cells->len,
        .workload = cell->workload->name,
        .cpu = cell->definition->name,
        .vcpus = cell->vcpus,
        .run = cell->run,
        .finished = finished,
        .seconds_left = estimate_left(series),
    };
    for (unsigned i = 0; i < series->cells->len; i++) {
        event.done += get_cell(series, i)->is_done;
    }
    series->runner->tell(series->runner->data, &event);
}

static bench_sample *new_sample(const struct cell *cell, bench_outcome *o)
{
    bench_sample *s = g_new0(bench_sample, 1);
    s->workload = g_strdup(cell->workload->name);
    s->cpu = g_strdup(cell->definition->name);
    s->vcpus = cell->vcpus;
    s->run = cell->run;
    s->is_oversubscribed = cell->vcpus > process_count_cpus();
    s->accelerator = g_strdup(o->accelerator != NULL ? o->accelerator : "none");
    s->is_ok = o->reason == NULL;
    s->reason = g_steal_pointer(&o->reason);
    s->result = g_steal_pointer(&o->result);
    return s;
}

static int run_cell(struct series *series, struct cell *cell, cpulift_error **err)
{
    const struct runner *r = series->runner;
    const struct job job = {
        .workload = cell->workload,
        .definition = cell->definition,
        .vcpus = cell->vcpus,
        .timeout = r->samples->settings->timeout,
        .environment = r->environment,
        .folder = series->folder,
    };
    g_auto(bench_outcome) o = {0};
    tell(series, cell, NULL);
    gint64 started = g_get_monotonic_time();
    TRY(r->place->run(series->place_data, &job, &o, err));
    cell->seconds = (double)(g_get_monotonic_time() - started) * 1e-6;
    cell->is_done = true;
    bench_sample *s = new_sample(cell, &o);
    g_ptr_array_add(r->samples->list, s);
    tell(series, cell, s);
    return r->path != NULL ? samples_save(r->samples, r->path, err) : 0;
}

/// Runs the preparing step of each workload, once; a guest's needs it before the guest is made.
static int prepare(const struct runner *r, cpulift_error **err)
{
    for (unsigned i = 0; i < r->samples->settings->workloads->len; i++) {
        const bench_workload *w = r->samples->settings->workloads->pdata[i];
        g_auto(GStrv) argv = NULL;
        g_auto(process_outcome) p = {0};
        TRY(workload_get_argv(w, WORKLOAD_PREPARE, 1, "", &argv, err));
        if (argv != NULL) {
            const struct process_options options = {.argv = argv, .environment = r->environment};
            TRY(process_run(&options, &p, err));
        }
        if (p.status != 0) {
            return cpulift_error_set(err, CPULIFT_EMISSING, "cannot prepare '%s': %s", w->name,
                                     p.complaint);
        }
    }
    return 0;
}

static int run_all(struct series *series, cpulift_error **err)
{
    for (unsigned i = 0; i < series->cells->len; i++) {
        struct cell *cell = get_cell(series, i);
        if (!cell->is_done) {
            TRY(run_cell(series, cell, err));
        }
    }
    return 0;
}

static void remove_folder(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    g_rmdir(path);
}

int runner_run(const struct runner *r, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("cpulift-bench-XXXXXX", &error);
    if (folder == NULL) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a temporary folder: %s",
                                 error->message);
    }
    g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(struct cell));
    struct series series = {.runner = r, .folder = folder, .cells = cells};
    schedule(&series);
    int rc = prepare(r, err);
    if (rc == 0) {
        rc = r->place->open(r->samples->settings, folder, &series.place_data, err);
    }
    if (rc == 0) {
        rc = run_all(&series, err);
        r->place->close(series.place_data);
    }
    remove_folder(folder);
    return rc;
}
