// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/migrate.h"

#include "base/jobs.h"
#include "base/json.h"
#include "base/text.h"
#include "core/domain.h"
#include "probe/collect.h"
#include "probe/leftover.h"
#include "probe/scene.h"
#include "virt/conn.h"
#include "virt/scan.h"

#include <libvirt/virterror.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 8000
#define SCAN_MS  10000

/// What the child works on.
struct work {
    const cpulift_plan *plan;
    const struct migrate_options *options;
    struct scene scene;
    gint64 end;
    virt_conn *conns[2];
    migrate_run *run;
    cpulift_error *err;
};

void migrate_run_free(migrate_run *run)
{
    if (run == NULL) {
        return;
    }
    for (size_t i = 0; i < MIGRATE_STOPS; i++) {
        probe_run_free(run->stops[i]);
    }
    g_free(run->refusal);
    g_free(run);
}

/// What a platform makes without a plan, in CloudStack's shape.
static cpulift_plan untuned_plan(const cpulift_plan *plan, cpulift_cpu *cpu)
{
    cpulift_plan untuned = *plan;
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup("qemu64");
    cpu->fallback = g_strdup("allow");
    untuned.cpu = cpu;
    return untuned;
}

/// The guest's document: a platform's, rewritten as the hooks do; the guest loops.
static int format_domain(struct work *work, char **ret_xml, cpulift_error **err)
{
    const struct migrate_options *options = work->options;
    g_autoptr(cpulift_cpu) cpu = cpu_new();
    cpulift_plan untuned = untuned_plan(work->plan, cpu);
    g_autofree char *xml = scene_format_domain(&work->scene, &untuned, options->virt,
                                               options->machine, options->emulator);
    g_autofree char *sets = proof_format_sets(work->plan);
    g_autofree char *line = g_strdup_printf("<cmdline>sets=%s loop</cmdline>", sets);
    char *start = strstr(xml, "<cmdline>");
    char *end = start != NULL ? strstr(start, "</cmdline>") : NULL;
    g_return_val_if_fail(end != NULL, CPULIFT_EINPUT);
    g_autofree char *looping =
        g_strdup_printf("%.*s%s%s", (int)(start - xml), xml, line, end + strlen("</cmdline>"));
    const struct domain_options how = {.virt = options->virt};
    struct domain_changes changes;
    size_t len = 0;
    return domain_rewrite(looping, strlen(looping), "probe", work->plan->cpu, &how, ret_xml, &len,
                          &changes, err);
}

/// The plan's features that this host cannot give, or NULL. The caller frees it.
static int find_lacking(const virt_conn *conn, const struct work *work, char **ret_names,
                        cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_host) host = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    int rc = catalog_load(NULL, &map, err);
    rc = rc != 0 ? rc : scan_read(conn, NULL, map, SCAN_MS, warnings, &host, err);
    if (rc != 0) {
        return rc;
    }
    const struct host_guest *guest =
        host_find_guest(host, work->options->virt, work->options->machine);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < work->plan->feature_count; i++) {
        int id = catalog_find_feature(map, work->plan->features[i]);
        if (id < 0 || guest == NULL || !feature_set_has(&guest->features, (size_t)id)) {
            g_ptr_array_add(names, work->plan->features[i]);
        }
    }
    *ret_names =
        names->len > 0 ? text_join_some((const char *const *)names->pdata, names->len, 12) : NULL;
    return 0;
}

/// True when both hosts can give the plan; else the refusal is set.
static bool check_hosts(struct work *work)
{
    for (size_t i = 0; i < 2; i++) {
        g_autofree char *names = NULL;
        if (find_lacking(work->conns[i], work, &names, &work->err) != 0) {
            return false;
        }
        if (names != NULL) {
            work->run->refusal = g_strdup_printf("'%s' cannot give %s: no guest was started",
                                                 work->options->uris[i], names);
            return false;
        }
    }
    return true;
}

/// Reads one whole record. QEMU writes byte by byte, and a socket holds no 300 such writes: what
/// the guest printed while it arrived and nobody read has gaps, so there the record that was under
/// way is passed over.
static GString *read_record(const struct collect *collect, bool is_arriving, char **ret_hang)
{
    GString *text = g_string_new(NULL);
    collect_read(collect, text, ret_hang);
    if (is_arriving && *ret_hang == NULL) {
        g_string_truncate(text, 0);
        collect_read(collect, text, ret_hang);
    }
    return text;
}

/// Reads the guest's CPU at its new place.
static int read_stop(struct work *work, size_t stop, int listener, virDomainPtr resume)
{
    probe_run *run = g_new0(probe_run, 1);
    work->run->stops[stop] = run;
    run->virt = g_strdup(work->options->virt);
    run->machine = g_strdup(work->options->machine);
    run->through = g_strdup(work->options->uris[stop % 2]);
    int serial = scene_accept(listener, collect_left_ms(work->end));
    if (serial < 0 || (resume != NULL && virDomainResume(resume) != 0)) {
        if (serial >= 0) {
            close(serial);
        }
        return conn_fail(&work->err, "cannot reach the guest at", run->through);
    }
    const struct collect collect = {.fd = serial, .end = work->end};
    GString *text = read_record(&collect, stop > 0, &run->hang);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    close(serial);
    return 0;
}

/// Sends the guest on; libvirt's refusal is an answer. Returns the guest at its new place, or NULL.
static virDomainPtr send(struct work *work, virDomainPtr domain, size_t to)
{
    virTypedParameterPtr params = NULL;
    int count = 0, max = 0;
    const char *address = work->options->addresses[to];
    g_autofree char *uri = address != NULL ? g_strdup_printf("tcp://%s", address) : NULL;
    if (uri != NULL) {
        virTypedParamsAddString(&params, &count, &max, VIR_MIGRATE_PARAM_URI, uri);
    }
    virDomainPtr there = virDomainMigrate3(domain, work->conns[to]->handle, params, (unsigned)count,
                                           VIR_MIGRATE_LIVE);
    virTypedParamsFree(params, count);
    if (there == NULL) {
        work->run->refusal =
            g_strdup_printf("no live migration from '%s' to '%s': %s", work->options->uris[1 - to],
                            work->options->uris[to], virGetLastErrorMessage());
    }
    return there;
}

static int travel(struct work *work, virDomainPtr *domain, int listener)
{
    int rc = read_stop(work, 0, listener, *domain);
    for (size_t stop = 1; rc == 0 && stop < MIGRATE_STOPS; stop++) {
        virDomainPtr there = send(work, *domain, stop % 2);
        if (there == NULL) {
            return 0;
        }
        virDomainFree(*domain);
        *domain = there;
        rc = read_stop(work, stop, listener, NULL);
    }
    return rc;
}

static int start_and_travel(struct work *work)
{
    g_autofree char *xml = NULL;
    int rc = format_domain(work, &xml, &work->err);
    int listener = rc == 0 ? scene_listen(&work->scene, &work->err) : rc;
    if (listener < 0) {
        return listener;
    }
    virDomainPtr domain = virDomainCreateXML(work->conns[0]->handle, xml, VIR_DOMAIN_START_PAUSED);
    if (domain == NULL) {
        work->run->refusal = g_strdup_printf("'%s' does not start it: %s", work->options->uris[0],
                                             virGetLastErrorMessage());
    } else {
        rc = travel(work, &domain, listener);
        virDomainDestroy(domain);
        virDomainFree(domain);
    }
    close(listener);
    return rc;
}

static int open_both(struct work *work, unsigned timeout_ms)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        rc = conn_open(work->options->uris[i], CONN_FULL, timeout_ms, &work->conns[i], &work->err);
    }
    return rc;
}

static void close_both(struct work *work)
{
    for (size_t i = 0; i < 2; i++) {
        conn_free(work->conns[i]);
        work->conns[i] = NULL;
    }
}

static json_t *stop_to_json(const probe_run *run)
{
    if (run == NULL) {
        return json_null();
    }
    g_autofree char *text = g_base64_encode((const guchar *)(run->text ? run->text : ""), run->len);
    return json_pack("{s:s, s:s*}", "text", text, "hang", run->hang);
}

static char *run_child(void *data, size_t index)
{
    (void)index;
    struct work *work = data;
    int rc = open_both(work, (unsigned)collect_left_ms(work->end));
    if (rc == 0 && check_hosts(work)) {
        rc = start_and_travel(work);
    }
    close_both(work);
    json_t *stops = json_array();
    for (size_t i = 0; i < MIGRATE_STOPS; i++) {
        json_array_append_new(stops, stop_to_json(work->run->stops[i]));
    }
    g_autoptr(json_t) json =
        json_pack("{s:i, s:s*, s:s*, s:o}", "code", work->err != NULL ? work->err->code : rc,
                  "error", work->err != NULL ? work->err->message : NULL, "refusal",
                  work->run->refusal, "stops", stops);
    return json_format_line(json);
}

static void take_stop(struct work *work, size_t i, const json_t *json)
{
    const char *text = json_get_string(json, "text");
    if (text == NULL) {
        return;
    }
    probe_run *run = g_new0(probe_run, 1);
    run->virt = g_strdup(work->options->virt);
    run->machine = g_strdup(work->options->machine);
    run->through = g_strdup(work->options->uris[i % 2]);
    run->hang = g_strdup(json_get_string(json, "hang"));
    run->text = (char *)g_base64_decode(text, &run->len);
    work->run->stops[i] = run;
}

static void take_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)index;
    struct work *work = data;
    g_autoptr(json_t) json = NULL;
    if (end != JOBS_DONE) {
        cpulift_error_set(
            &work->err, CPULIFT_EREMOTE,
            "'%s' and '%s' did not answer in time; look whether '%s' still runs there",
            work->options->uris[0], work->options->uris[1], work->scene.name);
        return;
    }
    if (json_parse_text(text, len, "child", &json, &work->err) != 0) {
        return;
    }
    const char *message = json_get_string(json, "error");
    if (message != NULL) {
        cpulift_error_set(&work->err, (int)json_integer_value(json_object_get(json, "code")), "%s",
                          message);
    }
    work->run->refusal = g_strdup(json_get_string(json, "refusal"));
    for (size_t i = 0; i < MIGRATE_STOPS; i++) {
        take_stop(work, i, json_array_get(json_object_get(json, "stops"), i));
    }
}

static void run_jobs(struct work *work)
{
    struct jobs jobs = {.count = 1,
                        .parallel = 1,
                        .timeout_ms = work->options->timeout_ms + GRACE_MS,
                        .data = work,
                        .work = run_child,
                        .done = take_answer};
    jobs_run(&jobs);
    if (work->err != NULL) {
        leftover_destroy(work->options->uris, 2, work->scene.name);
    }
}

int migrate_domain(const cpulift_plan *plan, const struct migrate_options *options,
                   migrate_run **ret_run, cpulift_error **err)
{
    g_autoptr(migrate_run) run = g_new0(migrate_run, 1);
    struct work work = {.plan = plan, .options = options, .run = run};
    work.end = g_get_monotonic_time() + (gint64)options->timeout_ms * G_TIME_SPAN_MILLISECOND;
    int rc = scene_make(plan, &work.scene, err);
    if (rc != 0) {
        return rc;
    }
    run_jobs(&work);
    scene_clear(&work.scene);
    if (work.err != NULL) {
        g_autoptr(cpulift_error) failure = work.err;
        return cpulift_error_set(err, failure->code, "%s", failure->message);
    }
    *ret_run = g_steal_pointer(&run);
    return 0;
}

/// The lines of the first whole record between its head and its end.
static char **split_body(const probe_run *run)
{
    const char *head = strstr(run->text, "cpulift-probe ");
    const char *body = head != NULL ? strchr(head, '\n') : NULL;
    const char *end = body != NULL ? strstr(body, "\nend ") : NULL;
    g_autofree char *text = end != NULL ? g_strndup(body, (gsize)(end - body)) : g_strdup("");
    return g_strsplit(text, "\n", -1);
}

char *migrate_find_change(const probe_run *before, const probe_run *after)
{
    g_auto(GStrv) a = split_body(before);
    g_auto(GStrv) b = split_body(after);
    for (size_t i = 0; a[i] != NULL || b[i] != NULL; i++) {
        if (g_strcmp0(a[i], b[i]) != 0) {
            char *text = g_strdup_printf("'%s' became '%s'", a[i] != NULL ? a[i] : "nothing",
                                         b[i] != NULL ? b[i] : "nothing");
            text_make_printable(text);
            return text;
        }
        if (a[i] == NULL || b[i] == NULL) {
            break;
        }
    }
    return NULL;
}
