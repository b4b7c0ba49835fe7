// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest through libvirt. Everything that talks to libvirt runs in a child process with a
/// deadline, as a daemon that hangs cannot be interrupted otherwise; the child sends its probe_run
/// as JSON.
#include "base/jobs.h"
#include "base/json.h"
#include "probe/collect.h"
#include "probe/leftover.h"
#include "probe/orphans.h"
#include "probe/scene.h"
#include "probe/start.h"
#include "virt/conn.h"

#include <libvirt/virterror.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/// What the child may need beyond its own deadline to destroy the guest, and what a second child
/// may need to do it when the first was lost.
#define GRACE_MS 8000

struct work {
    const cpulift_plan *plan;
    const struct start_options *options;
    struct scene scene;
    gint64 end;
    probe_run *run;     ///< the result
    cpulift_error *err; ///< or this
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    is_interrupted = 1;
}

/// libvirt's errors that are no answer about the definition, but trouble of its own.
static const int troubles[] = {
    VIR_ERR_ACCESS_DENIED, VIR_ERR_AUTH_FAILED, VIR_ERR_NO_CONNECT,
    VIR_ERR_NO_MEMORY,     VIR_ERR_RPC,         VIR_ERR_SYSTEM_ERROR,
};

static int judge_refusal(probe_run *run, cpulift_error **err)
{
    int code = virGetLastErrorCode();
    for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++) {
        if (code == troubles[i]) {
            return conn_fail(err, "cannot start the guest with", run->through);
        }
    }
    run->refusal = g_strdup(virGetLastErrorMessage());
    return 0;
}

static bool has_policy(const cpulift_cpu *cpu, const char *name, enum cpu_policy policy)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (cpu->features[i].policy == policy && strcmp(cpu->features[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/// What libvirt disabled when QEMU could not give it, though nobody planned that.
static int read_unplanned(virDomainPtr domain, const cpulift_plan *plan, probe_run *run,
                          cpulift_error **err)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (xml == NULL) {
        return conn_fail(err, "cannot read the running domain", run->through);
    }
    g_autoptr(cpulift_cpu) live = NULL;
    int rc = cpu_parse(xml, strlen(xml), "the running domain", &live, err);
    free(xml);
    if (rc != 0) {
        return rc;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < live->feature_count; i++) {
        const char *name = live->features[i].name;
        if (live->features[i].policy == CPU_DISABLE && !has_policy(plan->cpu, name, CPU_DISABLE) &&
            !has_policy(plan->cpu, name, CPU_FORBID)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_add(names, NULL);
    run->unplanned = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
    return 0;
}

/// Asked while the guest is silent.
static const char *find_stop(void *data)
{
    int state = 0, reason = 0;
    if (is_interrupted) {
        return "interrupted";
    }
    if (virDomainGetState(data, &state, &reason, 0) != 0 || state == VIR_DOMAIN_SHUTOFF ||
        state == VIR_DOMAIN_CRASHED) {
        return "the guest ended";
    }
    return state == VIR_DOMAIN_PAUSED ? "the hypervisor stopped the guest (an instruction it "
                                        "cannot run, or an internal error)"
                                      : NULL;
}

static int watch(struct work *work, virDomainPtr domain, int listener)
{
    probe_run *run = work->run;
    int rc = read_unplanned(domain, work->plan, run, &work->err);
    if (rc != 0) {
        return rc;
    }
    int serial = scene_accept(listener, collect_left_ms(work->end));
    if (serial < 0 || virDomainResume(domain) != 0) {
        rc = conn_fail(&work->err, "cannot let the guest run with", run->through);
    } else {
        GString *text = g_string_new(NULL);
        struct collect collect = {serial, work->end, find_stop, domain};
        collect_read(&collect, text, &run->hang);
        run->len = text->len;
        run->text = g_string_free(text, FALSE);
    }
    if (serial >= 0) {
        close(serial);
    }
    return rc;
}

/// The embedded driver has no autodestroy: there, the guest ends with the destroy below or by
/// itself.
static int start_and_watch(struct work *work, const virt_conn *conn, int listener)
{
    const struct start_options *options = work->options;
    g_autofree char *xml = scene_format_domain(&work->scene, work->plan, options->virt,
                                               options->machine, options->emulator);
    unsigned flags = VIR_DOMAIN_START_PAUSED;
    flags |= conn->is_embedded ? 0 : VIR_DOMAIN_START_AUTODESTROY;
    virDomainPtr domain = virDomainCreateXML(conn->handle, xml, flags);
    if (domain == NULL) {
        return judge_refusal(work->run, &work->err);
    }
    int rc = watch(work, domain, listener);
    virDomainDestroy(domain);
    virDomainFree(domain);
    return rc;
}

static char *format_version(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static void read_versions(const virt_conn *conn, probe_run *run)
{
    unsigned long version = 0;
    if (virConnectGetLibVersion(conn->handle, &version) == 0) {
        run->libvirt = format_version(version);
    }
    if (virConnectGetVersion(conn->handle, &version) == 0) {
        run->qemu = format_version(version);
    }
}

/// The image and the socket are files here: libvirt may be anywhere on this machine, on no other.
static int check_here(const virt_conn *conn, cpulift_error **err)
{
    g_autoptr(GUri) uri = g_uri_parse(conn->uri, G_URI_FLAGS_NONE, NULL);
    const char *server = uri == NULL ? NULL : g_uri_get_host(uri);
    if (server != NULL && server[0] != '\0') {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s' is another machine, where the probe guest's image is not: "
                                 "run 'cpulift prove' there",
                                 conn->uri);
    }
    return 0;
}

static int do_work(struct work *work)
{
    g_autoptr(virt_conn) conn = NULL;
    int rc = conn_open(work->options->uri, CONN_FULL, (unsigned)collect_left_ms(work->end), &conn,
                       &work->err);
    rc = rc == 0 ? check_here(conn, &work->err) : rc;
    if (rc != 0) {
        return rc;
    }
    work->run->through = g_strdup(conn_to_string(conn));
    read_versions(conn, work->run);
    if (conn->is_embedded) {
        orphans_collect();
    }
    int listener = scene_listen(&work->scene, &work->err);
    if (listener < 0) {
        return listener;
    }
    rc = start_and_watch(work, conn, listener);
    close(listener);
    return rc;
}

static char *run_child(void *data, size_t index)
{
    (void)index;
    struct work *work = data;
    // A parent that dies takes the guest with it: time to destroy it, instead of SIGKILL.
    signal(SIGTERM, interrupt);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int rc = do_work(work);
    const probe_run *run = work->run;
    g_autofree char *text = g_base64_encode((const guchar *)(run->text ? run->text : ""), run->len);
    g_autoptr(json_t) json = json_pack(
        "{s:i, s:s*, s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "code", rc, "error",
        work->err != NULL ? work->err->message : NULL, "text", text, "refusal", run->refusal,
        "hang", run->hang, "through", run->through, "qemu", run->qemu, "libvirt", run->libvirt);
    size_t count = run->unplanned == NULL ? 0 : g_strv_length(run->unplanned);
    json_object_set_new(json, "unplanned",
                        json_new_strings((const char *const *)run->unplanned, count));
    if (is_interrupted) {
        scene_clear(&work->scene);
    }
    return json_format_line(json);
}

static int add_name(void *data, const char *name, cpulift_error **err)
{
    (void)err;
    g_ptr_array_add(data, g_strdup(name));
    return 0;
}

static void parse_answer(struct work *work, const json_t *json)
{
    const char *message = json_get_string(json, "error");
    if (message != NULL) {
        int code = (int)json_integer_value(json_object_get(json, "code"));
        cpulift_error_set(&work->err, code, "%s", message);
        return;
    }
    probe_run *run = work->run;
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
    run->text = (char *)g_base64_decode(json_get_string(json, "text"), &run->len);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    json_each_string(json, "unplanned", "child", add_name, names, NULL);
    g_ptr_array_add(names, NULL);
    run->unplanned = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static void take_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)index;
    struct work *work = data;
    g_autoptr(json_t) json = NULL;
    if (end == JOBS_LATE) {
        cpulift_error_set(&work->err, CPULIFT_EREMOTE, "libvirt did not answer within %u s",
                          (work->options->timeout_ms + GRACE_MS) / 1000);
    } else if (end == JOBS_LOST) {
        cpulift_error_set(&work->err, CPULIFT_EREMOTE, "the process that talked to libvirt died");
    } else if (json_parse_text(text, len, "child", &json, &work->err) == 0) {
        parse_answer(work, json);
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
        leftover_destroy(&work->options->uri, 1, work->scene.name);
    }
}

int start_domain(const cpulift_plan *plan, const struct start_options *options, probe_run **ret_run,
                 cpulift_error **err)
{
    g_autoptr(probe_run) run = g_new0(probe_run, 1);
    run->virt = g_strdup(options->virt);
    run->machine = g_strdup(options->machine);
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
