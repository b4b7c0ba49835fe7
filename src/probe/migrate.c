// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest, migrated live from one libvirt to another and back.
#include "probe/child.h"
#include "probe/collect.h"
#include "probe/console.h"
#include "probe/depot.h"
#include "probe/live.h"
#include "probe/start.h"

#include <libvirt/virterror.h>
#include <string.h>

/// What the child hands around.
struct journey {
    struct child_work *work;
    virt_conn *ends[2]; ///< where the guest starts, and the other
    enum scene_serial serial;
    virDomainPtr domain; ///< the guest where it runs now, NULL before it was started
};

static int open_ends(struct journey *journey)
{
    struct child_work *work = journey->work;
    for (size_t i = 0; i < G_N_ELEMENTS(journey->ends); i++) {
        unsigned left_ms = (unsigned)collect_left_ms(work->end);
        TRY(conn_open(work->uris[i], CONN_FULL, left_ms, &journey->ends[i], &work->err));
    }
    return 0;
}

/// The image is a file here: an end on another machine gets one of its own.
static int supply_ends(const struct journey *journey)
{
    struct child_work *work = journey->work;
    for (size_t i = 0; i < G_N_ELEMENTS(journey->ends); i++) {
        if (!live_is_here(journey->ends[i])) {
            TRY(depot_put(journey->ends[i], &work->scene, work->plan, &work->err));
        }
    }
    return 0;
}

/// The definition as it is compared with what a host can give. QEMU's own emulation shows the
/// vendor that it is told, while libvirt compares it with the vendor of the model that it describes
/// the emulation by. What follows from the topology libvirt answers wrongly, both ways.
static char *format_compared(const struct child_work *work)
{
    g_autoptr(cpulift_cpu) cpu = cpu_copy(work->wording.cpu);
    if (strcmp(work->options->virt, "qemu") == 0) {
        g_clear_pointer(&cpu->vendor, g_free);
    }
    size_t kept = 0;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        const struct guest_feature *of = guest_find_feature(cpu->features[i].name);
        if (of != NULL && of->cause == GUEST_SOCKET) {
            g_free(cpu->features[i].name);
        } else {
            cpu->features[kept++] = cpu->features[i];
        }
    }
    cpu->feature_count = kept;
    return cpu_format(cpu, 0);
}

/// Asks a host whether it can give the definition, without starting anything.
static int check_end(const struct journey *journey, const virt_conn *end)
{
    struct child_work *work = journey->work;
    const struct start_options *options = work->options;
    g_autofree char *xml = format_compared(work);
    if (virConnectCompareHypervisorCPU(end->handle, options->emulator, "x86_64", options->machine,
                                       options->virt, xml,
                                       VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE) > 0) {
        return 0;
    }
    TRY(live_judge_refusal(work->run, &work->err));
    g_autofree char *why = g_steal_pointer(&work->run->refusal);
    work->run->refusal =
        g_strdup_printf("'%s' cannot give it, so no guest was started: %s", end->uri, why);
    return 0;
}

/// Only check='full' makes libvirt refuse what a host cannot give; without it the guest starts with
/// less, and what then happens is what is to be seen.
static int check_ends(const struct journey *journey)
{
    const struct child_work *work = journey->work;
    for (size_t i = 0; cpu_is_binding(work->wording.cpu) && work->run->refusal == NULL &&
                       i < G_N_ELEMENTS(journey->ends);
         i++) {
        TRY(check_end(journey, journey->ends[i]));
    }
    return 0;
}

/// What the guest prints from now on, and what libvirt says that it runs.
static int read_guest(const struct journey *journey, const virt_conn *end, probe_run *run)
{
    struct child_work *work = journey->work;
    TRY(live_read_unplanned(journey->domain, work->plan, run, &work->err));
    return journey->serial == SCENE_FILE
               ? console_read_file(work->scene.socket, journey->domain, work->end, run, &work->err)
               : console_read(end, journey->domain, work->end, run, &work->err);
}

/// No autodestroy: libvirt migrates no guest that has it.
static int start_with(struct journey *journey, enum scene_serial serial)
{
    struct child_work *work = journey->work;
    g_autofree char *xml =
        scene_format_domain(&work->scene, work->plan, work->options, &work->wording, serial);
    journey->serial = serial;
    journey->domain = virDomainCreateXML(journey->ends[0]->handle, xml, 0);
    return journey->domain == NULL ? live_judge_refusal(work->run, &work->err)
                                   : read_guest(journey, journey->ends[0], work->run);
}

/// libvirt opens no console where its folder for locks is missing; both ends here, a file does.
static int start(struct journey *journey)
{
    struct child_work *work = journey->work;
    int rc = start_with(journey, SCENE_CONSOLE);
    if (rc != CPULIFT_EMISSING || !live_is_here(journey->ends[0]) ||
        !live_is_here(journey->ends[1])) {
        return rc;
    }
    virDomainDestroy(journey->domain);
    g_clear_pointer(&journey->domain, virDomainFree);
    g_clear_pointer(&work->run->unplanned, g_strfreev);
    cpulift_error_clear(&work->err);
    TRY(scene_make_file(&work->scene, &work->err));
    return start_with(journey, SCENE_FILE);
}

/// In ms, or -1.
static gint64 read_downtime(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    int count = 0, type = 0;
    unsigned long long ms = 0;
    bool is_known =
        virDomainGetJobStats(domain, &type, &params, &count, VIR_DOMAIN_JOB_STATS_COMPLETED) == 0 &&
        virTypedParamsGetULLong(params, count, VIR_DOMAIN_JOB_DOWNTIME, &ms) == 1;
    virTypedParamsFree(params, count);
    return is_known ? (gint64)ms : -1;
}

/// The guest at the end `to`, or NULL.
static virDomainPtr migrate(const struct journey *journey, size_t to)
{
    const char *address = journey->work->options->addresses[to];
    g_autofree char *uri = address != NULL ? g_strdup_printf("tcp://%s", address) : NULL;
    virTypedParameterPtr params = NULL;
    int count = 0, max = 0;
    if (uri != NULL) {
        virTypedParamsAddString(&params, &count, &max, VIR_MIGRATE_PARAM_URI, uri);
    }
    virDomainPtr moved = virDomainMigrate3(journey->domain, journey->ends[to]->handle, params,
                                           (unsigned)count, VIR_MIGRATE_LIVE);
    virTypedParamsFree(params, count);
    return moved;
}

/// Whatever stops a migration is an answer: that the target cannot be reached from the source, too.
static int move(struct journey *journey, size_t to_end)
{
    const virt_conn *from = journey->ends[1 - to_end], *to = journey->ends[to_end];
    struct child_work *work = journey->work;
    struct probe_hop *hop = probe_run_add_hop(work->run, from->uri, to->uri);
    virDomainPtr moved = migrate(journey, to_end);
    if (moved == NULL) {
        hop->run->refusal = conn_get_complaint();
        return 0;
    }
    virDomainFree(journey->domain);
    journey->domain = moved;
    hop->downtime_ms = read_downtime(moved);
    return read_guest(journey, to, hop->run);
}

/// True where the guest printed a record, so that there is something to compare a hop with.
static bool is_well(const probe_run *run)
{
    return run->refusal == NULL && run->hang == NULL;
}

static int travel(struct journey *journey)
{
    const probe_run *run = journey->work->run;
    TRY(check_ends(journey));
    TRY(is_well(run) ? supply_ends(journey) : 0);
    TRY(is_well(run) ? start(journey) : 0);
    TRY(is_well(run) ? move(journey, 1) : 0);
    bool is_there =
        run->hops != NULL && is_well(((const struct probe_hop *)run->hops->pdata[0])->run);
    return is_there ? move(journey, 0) : 0;
}

/// A guest may be at either end, and after a hop that failed half-way at both.
static void close_ends(struct journey *journey)
{
    if (journey->domain != NULL) {
        virDomainFree(journey->domain);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(journey->ends); i++) {
        if (journey->ends[i] != NULL) {
            live_destroy(journey->ends[i], journey->work->scene.name);
            depot_remove(journey->ends[i], &journey->work->scene);
            conn_free(journey->ends[i]);
        }
    }
}

static int do_journey(struct child_work *work)
{
    struct journey journey = {.work = work};
    int rc = open_ends(&journey);
    if (rc == 0) {
        work->run->through = g_strdup(conn_to_string(journey.ends[0]));
        live_read_versions(journey.ends[0], work->run);
        child_choose_wording(work, journey.ends, G_N_ELEMENTS(journey.ends));
        rc = travel(&journey);
    }
    close_ends(&journey);
    return rc;
}

int start_migrate(const cpulift_plan *plan, const struct start_options *options,
                  probe_run **ret_run, cpulift_error **err)
{
    struct child_work work = {.plan = plan,
                              .options = options,
                              .uris = {options->uri, options->target_uri},
                              .uri_count = 2,
                              .act = do_journey};
    return child_run(&work, ret_run, err);
}
