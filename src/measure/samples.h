// SPDX-License-Identifier: LGPL-2.1-or-later
/// What was measured: every sample, the settings and the machine. Document cpulift.samples/1.
///
/// Raw numbers are kept; statistics are computed when they are reported.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "measure/result.h"
#include "measure/settings.h"

#define SAMPLES_SCHEMA "cpulift.samples/1"

typedef struct bench_sample {
    char *workload;
    char *cpu;              ///< name of the definition it ran under
    unsigned vcpus;         ///< CPUs of the guest, or threads of the process
    unsigned run;           ///< 0 is the warm-up; the runs of one number were made side by side
    bool is_oversubscribed; ///< more vCPUs than CPUs to run them on
    char *accelerator;      ///< "none" (a process), "kvm" or "tcg"
    gint64 load;            ///< of others, when it began: per cent of one CPU; -1: not known
    bool is_ok;             ///< its figures count
    char *reason;           ///< why it failed; NULL where it did not
    result *result;         ///< what the workload said, or NULL
} bench_sample;

typedef struct bench_samples {
    json_t *machine;          ///< what it ran on: see machine_read
    bench_settings *settings; ///< what was asked for
    GPtrArray *list;          ///< of struct sample, in the order they were made; owned
} bench_samples;

extern const struct record samples_record;

/// An empty one; takes both.
bench_samples *samples_new(json_t *machine, bench_settings *settings);
void samples_free(bench_samples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench_samples, samples_free)

/// Parses a document; `name` stands in messages.
int samples_parse(const char *text, size_t len, const char *name, bench_samples **ret_samples,
                  cpulift_error **err);

/// Reads and parses the document at `path` ("-" is stdin).
int samples_load(const char *path, bench_samples **ret_samples, cpulift_error **err);

/// The document's text; the caller frees it.
char *samples_format(const bench_samples *samples);

/// Replaces the document at `path` in one step, so that a killed run leaves a whole one.
int samples_save(const bench_samples *samples, const char *path, cpulift_error **err);

/// The right to write a document: two series in one file would each undo the other's samples.
typedef struct samples_lock {
    char *path; ///< a file beside the document
    int fd;     ///< -1: not taken
} samples_lock;

/// Refuses (CPULIFT_ECONFLICT) where another process has it. It ends with the process, however that
/// ends: what a killed one leaves behind stands in nobody's way.
int samples_lock_take(const char *path, samples_lock *ret_lock, cpulift_error **err);
void samples_lock_clear(samples_lock *lock);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(samples_lock, samples_lock_clear)

/// The sample of that cell and run, borrowed, or NULL.
const bench_sample *samples_find(const bench_samples *samples, const char *workload,
                                 const char *cpu, unsigned vcpus, unsigned run);

/// True when others kept more than half a CPU busy as it began (on a large machine: more than a
/// twentieth of all).
bool samples_is_loaded(const bench_samples *samples, const bench_sample *sample);

/// True when its figures may be used: a finished, verified run that is no warm-up.
bool sample_is_usable(const bench_sample *sample);
