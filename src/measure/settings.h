// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a series of measurements consists of; part of the samples, so that it can be resumed.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "measure/workload.h"

/// A CPU definition that the workloads run under.
typedef struct bench_definition {
    char *name;     ///< in samples and figures: "default", "tuned", "Haswell"
    char *argument; ///< what was asked for: a model, "host", "bare", or a path
    char *document; ///< text of the plan or XML, so that the samples say what was measured; NULL
                    ///< for one that is known by its argument
    char *dropped;  ///< what `run` says of the features that it leaves out; NULL: nothing
} bench_definition;

typedef struct bench_settings {
    bool is_guest;               ///< in guests; else as processes of this machine
    bool drop_missing;           ///< `run` leaves out what this machine lacks
    bool allow_tcg;              ///< time guests that are emulated, too
    unsigned runs;               ///< that count, after one warm-up
    unsigned timeout;            ///< seconds for one sample
    unsigned memory;             ///< MiB of a guest
    char *uri;                   ///< libvirt's, NULL: chosen
    char *kernel;                ///< a guest's, NULL: chosen
    json_t *vcpus;               ///< a list of numbers of CPUs
    GPtrArray *definitions;      ///< of definition, owned
    GPtrArray *workloads;        ///< of workload, owned
    json_t *environment_removed; ///< see environment_clean
} bench_settings;

extern const struct record settings_record;

bench_settings *settings_new(void);
void settings_free(bench_settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench_settings, settings_free)

/// Adds a definition. `argument`: a word of core/variant, "host", a model's name, a model with
/// features (core/cpu_words), "bare" (no `run` at all), or the path of a plan or an XML file, which
/// is read here. A name of core/variant is taken as its word.
int settings_add_definition(bench_settings *settings, const char *argument, cpulift_error **err);

/// Adds one whose document is at hand.
int settings_add_document(bench_settings *settings, const char *name, const char *document,
                          cpulift_error **err);

/// Parses "1,2,4".
int settings_set_vcpus(bench_settings *settings, const char *list, cpulift_error **err);

/// Adds a workload, which the settings then own. A second command of the same program is called
/// "NAME-2".
void settings_add_workload(bench_settings *settings, bench_workload *workload);

/// Refuses what cannot be run: numbers out of range, an unknown workload, a document that is no
/// definition, what stands twice. A series is held to it when it begins, goes on and is reported.
/// `name` stands in messages.
int settings_check(const bench_settings *settings, const char *name, cpulift_error **err);

/// What a definition of this name is, in a few words; NULL: its name says it.
const char *settings_explain(const char *cpu);

/// The named model of the definition of this name; NULL where it has none. The caller frees it.
char *settings_find_model(const bench_settings *settings, const char *cpu);

/// What of a sample is none of the settings: the key of one of its members; NULL: nothing.
const char *settings_find_stranger(const bench_settings *settings, const char *workload,
                                   const char *cpu, unsigned vcpus, unsigned run);
