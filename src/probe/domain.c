// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest through libvirt.
#include "base/auto.h"
#include "probe/child.h"
#include "probe/collect.h"
#include "probe/live.h"
#include "probe/orphans.h"
#include "probe/start.h"

#include <unistd.h>

static int watch(struct child_work *work, virDomainPtr domain, int listener)
{
    probe_run *run = work->run;
    TRY(live_read_unplanned(domain, work->plan, run, &work->err));
    autoclose int serial = scene_accept(listener, collect_left_ms(work->end));
    if (serial < 0 || virDomainResume(domain) != 0) {
        return conn_fail(&work->err, "cannot let the guest run with", run->through);
    }
    GString *text = g_string_new(NULL);
    struct collect collect = {collect_get_end(work->options->kernel),
                              collect_receive_fd,
                              &serial,
                              work->end,
                              live_find_stop,
                              domain};
    collect_read(&collect, text, &run->hang);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    return 0;
}

/// The embedded driver has no autodestroy: there, the guest ends with the destroy below or by
/// its keeper.
static int start_and_watch(struct child_work *work, virt_conn *conn, int listener)
{
    child_choose_wording(work, &conn, 1);
    g_autofree char *xml =
        scene_format_domain(&work->scene, work->plan, work->options, &work->wording, SCENE_SOCKET);
    unsigned flags = VIR_DOMAIN_START_PAUSED;
    flags |= conn->is_embedded ? 0 : VIR_DOMAIN_START_AUTODESTROY;
    virDomainPtr domain = virDomainCreateXML(conn->handle, xml, flags);
    if (domain == NULL) {
        return live_judge_refusal(work->run, &work->err);
    }
    int rc = watch(work, domain, listener);
    virDomainDestroy(domain);
    virDomainFree(domain);
    return rc;
}

static int do_work(struct child_work *work)
{
    g_autoptr(virt_conn) conn = NULL;
    TRY(conn_open(work->options->uri, CONN_FULL, (unsigned)collect_left_ms(work->end), &conn,
                  &work->err));
    TRY(live_check_here(conn, &work->err));
    work->run->through = g_strdup(conn_to_string(conn));
    live_read_versions(conn, work->run);
    if (conn->is_embedded) {
        orphans_collect();
    }
    int listener = scene_listen(&work->scene, &work->err);
    if (listener < 0) {
        return listener;
    }
    int rc = start_and_watch(work, conn, listener);
    close(listener);
    return rc;
}

int start_domain(const cpulift_plan *plan, const struct start_options *options, probe_run **ret_run,
                 cpulift_error **err)
{
    struct child_work work = {
        .plan = plan, .options = options, .uris = {options->uri}, .uri_count = 1, .act = do_work};
    return child_run(&work, ret_run, err);
}
