// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/live.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <sys/prctl.h>

volatile sig_atomic_t live_is_interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    live_is_interrupted = 1;
}

void live_catch_interrupt(void)
{
    signal(SIGTERM, interrupt);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/// libvirt's errors that are no answer about the definition, but trouble of its own.
static const int troubles[] = {
    VIR_ERR_ACCESS_DENIED, VIR_ERR_AUTH_FAILED, VIR_ERR_NO_CONNECT,
    VIR_ERR_NO_MEMORY,     VIR_ERR_RPC,         VIR_ERR_SYSTEM_ERROR,
};

int live_judge_refusal(probe_run *run, cpulift_error **err)
{
    int code = virGetLastErrorCode();
    for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++) {
        if (code == troubles[i]) {
            return conn_fail(err, "cannot start the guest with", run->through);
        }
    }
    run->refusal = conn_get_complaint();
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

int live_read_unplanned(virDomainPtr domain, const cpulift_plan *plan, probe_run *run,
                        cpulift_error **err)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (xml == NULL) {
        return conn_fail(err, "cannot read the running domain", run->through);
    }
    g_autoptr(cpulift_cpu) live = NULL;
    int rc = cpu_parse(xml, strlen(xml), "the running domain", &live, err);
    free(xml);
    TRY(rc);
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

const char *live_find_stop(void *domain)
{
    int state = 0, reason = 0;
    if (live_is_interrupted) {
        return "interrupted";
    }
    if (virDomainGetState(domain, &state, &reason, 0) != 0 || state == VIR_DOMAIN_SHUTOFF ||
        state == VIR_DOMAIN_CRASHED) {
        return "the guest ended";
    }
    return state == VIR_DOMAIN_PAUSED ? "the hypervisor stopped the guest (an instruction it "
                                        "cannot run, or an internal error)"
                                      : NULL;
}

static char *format_version(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

unsigned long live_get_qemu(const virt_conn *conn)
{
    unsigned long version = 0;
    return virConnectGetVersion(conn->handle, &version) == 0 ? version : 0;
}

void live_read_versions(const virt_conn *conn, probe_run *run)
{
    unsigned long version = 0;
    if (virConnectGetLibVersion(conn->handle, &version) == 0) {
        run->libvirt = format_version(version);
    }
    unsigned long qemu = live_get_qemu(conn);
    run->qemu = qemu != 0 ? format_version(qemu) : NULL;
}

bool live_is_here(const virt_conn *conn)
{
    g_autoptr(GUri) uri = g_uri_parse(conn->uri, G_URI_FLAGS_NONE, NULL);
    const char *server = uri == NULL ? NULL : g_uri_get_host(uri);
    return server == NULL || server[0] == '\0';
}

int live_check_here(const virt_conn *conn, cpulift_error **err)
{
    return live_is_here(conn)
               ? 0
               : cpulift_error_set(err, CPULIFT_EMISSING,
                                   "'%s' is another machine, where the probe guest's image is not: "
                                   "run 'cpulift prove' there",
                                   conn->uri);
}

void live_destroy(const virt_conn *conn, const char *name)
{
    virDomainPtr domain = virDomainLookupByName(conn->handle, name);
    if (domain != NULL) {
        virDomainDestroy(domain);
        virDomainFree(domain);
    }
}
