// SPDX-License-Identifier: LGPL-2.1-or-later
/// What makes a figure less than it seems.
#include "base/json.h"
#include "measure/finding.h"
#include "measure/summary.h"
#include "measure/workload.h"

#include <string.h>

static void warn(GPtrArray *warnings, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void warn(GPtrArray *warnings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

static void warn_of_row(GPtrArray *warnings, const struct summary_row *row)
{
    double spread = stats_compute_spread(&row->value);
    const char *s = row->vcpus == 1 ? "" : "s";
    if (row->unknown > 0) {
        warn(warnings,
             "Failed: %u sample(s) of %s under %s on %u CPU%s: %s. Kept, and left out of all "
             "figures.",
             row->unknown, row->workload, row->cpu, row->vcpus, s, row->reason);
    }
    if (row->value.count > 0 && row->value.count < STATS_COUNT_MIN) {
        warn(warnings, "Few runs: %s under %s on %u CPU%s has %zu; there is no interval.",
             row->workload, row->cpu, row->vcpus, s, row->value.count);
    }
    if (spread > SUMMARY_SPREAD_MAX) {
        warn(warnings, "Noise: the runs of %s under %s on %u CPU%s lie %.0f %% apart.",
             row->workload, row->cpu, row->vcpus, s, spread * 100);
    }
}

static void warn_of_places(GPtrArray *warnings, const bench_samples *s)
{
    bool is_tcg = false, is_oversubscribed = false;
    unsigned loaded = 0;
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        is_tcg |= strcmp(item->accelerator, "tcg") == 0;
        is_oversubscribed |= item->is_oversubscribed;
        loaded += sample_is_usable(item) && samples_is_loaded(s, item);
    }
    if (is_tcg) {
        warn(warnings, "TCG: guests were emulated, not run by KVM. Their times say nothing of a "
                       "CPU's speed.");
    }
    if (is_oversubscribed) {
        warn(warnings, "Oversubscription: cells marked * ran more threads or vCPUs than there were "
                       "CPUs; their times include waiting for one another.");
    }
    if (loaded > 0) {
        warn(warnings,
             "Foreign load: %u sample(s) of the cells marked ! began while other programs kept the "
             "machine busy.",
             loaded);
    }
}

static void warn_of_machine(GPtrArray *warnings, const bench_samples *s)
{
    const char *hypervisor = json_get_string(s->machine, "hypervisor");
    const char *load = json_get_string(s->machine, "loadavg");
    const char *governor = json_get_string(s->machine, "governor");
    double busy = load != NULL ? g_ascii_strtod(load, NULL) : 0;
    if (hypervisor != NULL) {
        warn(warnings,
             "Neighbours: this machine is itself a guest (%s); what else its host does "
             "shows in these figures.",
             hypervisor);
    }
    if (busy > 0.5) {
        warn(warnings, "Load: the machine was busy when the series began (load average %.2f).",
             busy);
    }
    if (governor != NULL && strcmp(governor, "performance") != 0) {
        warn(warnings, "Clock: the frequency governor was '%s', not 'performance'.", governor);
    }
}

GPtrArray *summary_get_warnings(const bench_summary *sum, const bench_samples *s)
{
    GPtrArray *warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) findings = finding_list(s);
    for (unsigned i = 0; i < findings->len; i++) {
        warn(warnings, "Finding: %s.", (const char *)findings->pdata[i]);
    }
    warn_of_places(warnings, s);
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (strcmp(row->figure, summary_get_figure(row->workload)) == 0) {
            warn_of_row(warnings, row);
        }
    }
    warn_of_machine(warnings, s);
    return warnings;
}
