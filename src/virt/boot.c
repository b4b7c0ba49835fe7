// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/boot.h"

#include <libvirt/virterror.h>

#define LOOK_US 100000

static bool has_ended(virDomainPtr domain)
{
    int state = 0, reason = 0;
    return virDomainGetState(domain, &state, &reason, 0) != 0 || state == VIR_DOMAIN_SHUTOFF ||
           state == VIR_DOMAIN_CRASHED || state == VIR_DOMAIN_PAUSED;
}

/// Waits; false when the time is over or somebody stops it.
static bool wait_for_end(virDomainPtr domain, const struct boot_options *options)
{
    gint64 end = g_get_monotonic_time() + (gint64)options->timeout * G_USEC_PER_SEC;
    while (!has_ended(domain)) {
        if (g_get_monotonic_time() > end || (options->is_stopped && options->is_stopped())) {
            return false;
        }
        g_usleep(LOOK_US);
    }
    return true;
}

int boot_run(const virt_conn *conn, const struct boot_options *options, struct boot_end *ret_end,
             cpulift_error **err)
{
    // The embedded driver knows no autodestroy; its keeper ends its guests with us.
    unsigned flags = conn->is_embedded ? 0 : VIR_DOMAIN_START_AUTODESTROY;
    g_autoptr(virDomain) domain = virDomainCreateXML(conn->handle, options->domain, flags);
    if (domain == NULL) {
        ret_end->refusal = conn_get_complaint();
        return 0;
    }
    ret_end->is_timeout = !wait_for_end(domain, options);
    virDomainDestroy(domain);
    if (options->is_stopped != NULL && options->is_stopped()) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "interrupted");
    }
    return 0;
}
