// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/runner.h"

#include "measure/finding.h"
#include "measure/load.h"
#include "measure/process.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// What cells that are alike took here. The mean is taken for those of them that are left, but for
/// those of which a closer pace (one whose `up` this is) knows something itself.
struct pace {
    struct pace *up; ///< of cells that are less alike; NULL: of all
    double seconds;
    unsigned made, left;
};

/// One sample of the schedule.
struct cell {
    const bench_workload *workload;
    const bench_definition *definition;
    unsigned vcpus, run;
    struct pace *pace;
    bool is_done;
};

struct series {
    const struct runner *runner;
    const char *folder;
    void *place_data;
    GArray *cells;       ///< of struct cell
    struct pace *paces;  ///< of all; of workloads; of their numbers of CPUs; under each definition
    unsigned done;       ///< cells
    double seconds_left; ///< the sum of all paces
};

static struct cell *get_cell(const struct series *series, unsigned i)
{
    return &g_array_index(series->cells, struct cell, i);
}

static void add_cells(struct series *series, unsigned run, const bench_workload *w, unsigned vcpus,
                      struct pace *paces)
{
    const struct runner *r = series->runner;
    const GPtrArray *definitions = r->samples->settings->definitions;
    for (unsigned i = 0; i < definitions->len; i++) {
        unsigned at = (i + run) % definitions->len;
        const bench_definition *d = definitions->pdata[at];
        struct cell cell = {
            .workload = w, .definition = d, .vcpus = vcpus, .run = run, .pace = &paces[at]};
        cell.is_done = samples_find(r->samples, w->name, d->name, vcpus, run) != NULL;
        series->done += cell.is_done;
        for (struct pace *p = cell.pace; p != NULL && !cell.is_done; p = p->up) {
            p->left++;
        }
        g_array_append_val(series->cells, cell);
    }
}

/// Level by level, the children of each pace side by side.
static void make_paces(struct series *series)
{
    const bench_settings *s = series->runner->samples->settings;
    const size_t widths[] = {s->workloads->len, json_array_size(s->vcpus), s->definitions->len};
    size_t parents = 1, first = 0;
    series->paces = g_new0(struct pace, 1 + widths[0] * (1 + widths[1] * (1 + widths[2])));
    for (size_t level = 0; level < G_N_ELEMENTS(widths); level++) {
        struct pace *children = series->paces + first + parents;
        for (size_t i = 0; i < parents * widths[level]; i++) {
            children[i].up = series->paces + first + i / widths[level];
        }
        first += parents;
        parents *= widths[level];
    }
}

/// A run makes every cell once. With a deadline all runs of one workload are made before the next
/// begins: where time is short it is the last workloads that lack runs, not each the same few.
static void schedule(struct series *series)
{
    const bench_settings *s = series->runner->samples->settings;
    const size_t counts = json_array_size(s->vcpus), definitions = s->definitions->len;
    const unsigned workloads = s->workloads->len, runs = s->runs + 1;
    struct pace *leaves = series->paces + 1 + workloads * (1 + counts);
    size_t v;
    const json_t *vcpus;
    for (unsigned i = 0; i < runs * workloads; i++) {
        bool is_late = series->runner->deadline != 0;
        unsigned run = is_late ? i % runs : i / workloads;
        unsigned w = is_late ? i / runs : i % workloads;
        json_array_foreach (s->vcpus, v, vcpus) {
            add_cells(series, run, s->workloads->pdata[w], (unsigned)json_integer_value(vcpus),
                      leaves + (w * counts + v) * definitions);
        }
    }
}

static double get_left(const struct pace *pace)
{
    return pace->made > 0 ? pace->left * pace->seconds / pace->made : 0;
}

/// A cell is made: its paces know more, and speak for the cells that those above them spoke for.
static void note(struct series *series, struct cell *cell, double seconds)
{
    unsigned gone = 1;
    for (struct pace *p = cell->pace; p != NULL; p = p->up) {
        unsigned before = p->left;
        series->seconds_left -= get_left(p);
        p->left -= gone;
        gone = p->made == 0 ? before : 0;
        p->seconds += seconds;
        p->made++;
        series->seconds_left += get_left(p);
    }
    cell->is_done = true;
    series->done++;
}

static void tell(const struct series *series, const struct cell *cell, const bench_sample *finished,
                 const char *kept)
{
    const struct runner_event event = {
        .done = series->done,
        .total = series->cells->len,
        .workload = cell->workload->name,
        .cpu = cell->definition->name,
        .vcpus = cell->vcpus,
        .run = cell->run,
        .finished = finished,
        .kept = kept,
        .is_known = finished != NULL && finding_explain(series->runner->samples, finished) != NULL,
        .seconds_left = series->paces->made > 0 ? MAX(series->seconds_left, 0) : -1,
    };
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

/// Seconds until the deadline; what is there for a sample where there is none.
static double get_rest(const struct runner *r)
{
    return r->deadline == 0 ? r->samples->settings->timeout
                            : (double)(r->deadline - g_get_monotonic_time()) * 1e-6;
}

/// As long as a sample like this takes, if one was made; it fits into the rest.
static bool fits(const struct runner *r, const struct cell *cell)
{
    const struct pace *p = cell->pace;
    while (p->up != NULL && p->made == 0) {
        p = p->up;
    }
    return r->deadline == 0 || get_rest(r) > (p->made > 0 ? p->seconds / p->made : 0);
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

/// A folder for what a sample leaves: below that which is kept, or of the series.
static int make_output(const struct series *series, const struct cell *cell, char **ret_path,
                       cpulift_error **err)
{
    const char *kept = series->runner->kept;
    g_autofree char *path =
        g_strdup_printf("%s/%s-%s-%u-%u", kept != NULL ? kept : series->folder,
                        cell->workload->name, cell->definition->name, cell->vcpus, cell->run);
    remove_folder(path); // of a series that was killed
    if (g_mkdir(path, 0700) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make the folder '%s': %s", path,
                                 g_strerror(errno));
    }
    *ret_path = g_steal_pointer(&path);
    return 0;
}

/// In a folder of another's, what stands there already could lead anywhere.
static int make_kept(const char *path, cpulift_error **err)
{
    struct stat st;
    if (path == NULL || g_mkdir(path, 0700) == 0) {
        return 0;
    }
    if (errno != EEXIST || lstat(path, &st) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make the folder '%s': %s", path,
                                 g_strerror(errno));
    }
    bool is_ours = S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
    return is_ours ? 0
                   : cpulift_error_set(err, CPULIFT_EINPUT,
                                       "'%s' is there and is no folder of yours alone; remove it "
                                       "or choose another --output",
                                       path);
}

/// Adds a sample to the series and to its file.
static int keep_sample(struct series *series, const struct cell *cell, bench_outcome *o,
                       gint64 load, const char *output, cpulift_error **err)
{
    const struct runner *r = series->runner;
    bench_sample *s = new_sample(cell, o);
    s->load = load;
    g_ptr_array_add(r->samples->list, s);
    tell(series, cell, s, !s->is_ok && r->kept != NULL ? output : NULL);
    int rc = r->path != NULL ? samples_save(r->samples, r->path, err) : 0;
    if (rc != 0) { // what is said to be kept is what the file has
        g_ptr_array_set_size(r->samples->list, (int)r->samples->list->len - 1);
    }
    return rc;
}

/// Makes one sample. *ret_is_late: the deadline came, and it is not kept.
static int run_cell(struct series *series, struct cell *cell, bool *ret_is_late,
                    cpulift_error **err)
{
    const struct runner *r = series->runner;
    g_autofree char *output = NULL;
    TRY(make_output(series, cell, &output, err));
    const struct job job = {
        .workload = cell->workload,
        .definition = cell->definition,
        .vcpus = cell->vcpus,
        .timeout = MIN(r->samples->settings->timeout, (unsigned)MAX(get_rest(r), 0) + 1),
        .environment = r->environment,
        .folder = series->folder,
        .output = output,
        .is_kept = r->kept != NULL,
    };
    g_auto(bench_outcome) o = {0};
    tell(series, cell, NULL, NULL);
    gint64 started = g_get_monotonic_time(), load = load_read();
    int rc = r->place->run(series->place_data, &job, &o, err);
    *ret_is_late = o.reason != NULL && get_rest(r) <= 0;
    if (rc != 0 || *ret_is_late || o.reason == NULL || r->kept == NULL) {
        remove_folder(output);
    }
    if (rc != 0 || *ret_is_late) {
        return rc;
    }
    note(series, cell, (double)(g_get_monotonic_time() - started) * 1e-6);
    return keep_sample(series, cell, &o, load, output, err);
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
    bool is_late = false;
    for (unsigned i = 0; i < series->cells->len && !is_late; i++) {
        struct cell *cell = get_cell(series, i);
        is_late = !cell->is_done && !fits(series->runner, cell);
        if (!cell->is_done && !is_late) {
            TRY(run_cell(series, cell, &is_late, err));
        }
    }
    return 0;
}

int runner_run(const struct runner *r, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    TRY(make_kept(r->kept, err));
    g_autofree char *folder = g_dir_make_tmp("cpulift-bench-XXXXXX", &error);
    if (folder == NULL) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a temporary folder: %s",
                                 error->message);
    }
    g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(struct cell));
    struct series series = {.runner = r, .folder = folder, .cells = cells};
    make_paces(&series);
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
    g_free(series.paces);
    return rc;
}
