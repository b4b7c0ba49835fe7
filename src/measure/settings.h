// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a series of measurements consists of; part of the samples, so that it can be resumed.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "measure/workload.h"

#include <stdbool.h>

/// A CPU definition that the workloads run under.
typedef struct bench_definition {
    char *name;     ///< in samples and figures: "default", "tuned", "Haswell"
    char *argument; ///< what was asked for: a model, "host", "bare", or a path
    char *document; ///< text of the plan or XML, so that the samples say what was measured; NULL
                    ///< for one that is known by its argument
} bench_definition;

enum { SETTINGS_VCPUS_MAX = 16 };

typedef struct bench_settings {
    bool is_guest;    ///< in guests; else as processes of this machine
    bool allow_tcg;   ///< time guests that are emulated, too
    unsigned runs;    ///< that count, after one warm-up
    unsigned timeout; ///< seconds for one sample
    unsigned memory;  ///< MiB of a guest
    char *uri;        ///< libvirt's, NULL: chosen
    char *kernel;     ///< a guest's, NULL: chosen
    unsigned vcpus[SETTINGS_VCPUS_MAX];
    size_t vcpu_count;
    GPtrArray *definitions; ///< of definition, owned
    GPtrArray *workloads;   ///< of workload, owned
} bench_settings;

bench_settings *settings_new(void);
void settings_free(bench_settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench_settings, settings_free)

/// Adds a definition. `argument`: "default", "paper", "host", a model's name, "bare" (no `run` at
/// all), or the path of a plan or an XML file, which is read here. One that is there already is an
/// error.
int settings_add_definition(bench_settings *settings, const char *argument, cpulift_error **err);

/// Adds one whose document is at hand.
int settings_add_document(bench_settings *settings, const char *name, const char *document,
                          cpulift_error **err);

/// Parses "1,2,4".
int settings_set_vcpus(bench_settings *settings, const char *list, cpulift_error **err);

/// Adds a workload, which the settings then own. One that is there already is an error; a second
/// command of the same program is called "NAME-2".
int settings_add_workload(bench_settings *settings, bench_workload *workload, cpulift_error **err);

/// Refuses numbers of runs, seconds and MiB that are out of range.
int settings_check(const bench_settings *settings, cpulift_error **err);

json_t *settings_to_json(const bench_settings *settings);
int settings_from_json(const json_t *json, bench_settings **ret_settings, cpulift_error **err);
