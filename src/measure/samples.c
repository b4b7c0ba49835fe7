// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/samples.h"

#include "base/file.h"
#include "base/json.h"
#include "measure/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define VCPUS_MAX 4096
#define RUNS_MAX  100000

#define SAMPLE(member)  RECORD_AT(bench_sample, member)
#define SAMPLES(member) RECORD_AT(bench_samples, member)

static const char *const statuses[] = {"failed", "ok", NULL};

RECORD_ITEM(sample_record, bench_sample,
            {"workload", &record_name, SAMPLE(workload), RECORD_REQUIRED,
             .meaning = "its name; a program of the user's own is `command-…`"},
            {"cpu", &record_name, SAMPLE(cpu), RECORD_REQUIRED,
             .meaning = "the definition that it ran under, by its name"},
            {"vcpus", &record_uint, SAMPLE(vcpus), RECORD_REQUIRED, .min = 1, .max = VCPUS_MAX,
             .meaning = "CPUs of the guest, or threads of the process"},
            {"run", &record_uint, SAMPLE(run), RECORD_REQUIRED, .max = RUNS_MAX,
             .meaning = "0 is the warm-up, which no number counts"},
            {"status", &record_word, SAMPLE(is_ok), RECORD_REQUIRED, .words = statuses},
            {"reason", &record_string, SAMPLE(reason), RECORD_TEXT,
             .meaning = "of a `failed` one: why"},
            {"oversubscribed", &record_bool, SAMPLE(is_oversubscribed), RECORD_ALWAYS,
             .meaning = "more vCPUs than CPUs"},
            {"load", &record_uint, SAMPLE(load), RECORD_UNSAID,
             .meaning = "CPU time of others, in per cent of one CPU, just before it began"},
            {"accelerator", &record_name, SAMPLE(accelerator), RECORD_REQUIRED,
             .meaning = "`none` (a process), `kvm`, `tcg`"},
            {"result", &record_pointer, SAMPLE(result), .record = &result_record,
             .meaning = "the workload's cpulift.result/1, of a failed sample too where there is "
                        "one"})

const struct record samples_record = {
    .schema = SAMPLES_SCHEMA,
    RECORD_ROWS({"machine", &record_json, SAMPLES(machine), RECORD_REQUIRED,
                 .record = &machine_record, .meaning = "what it ran on"},
                {"settings", &record_pointer, SAMPLES(settings), RECORD_REQUIRED,
                 .record = &settings_record, .meaning = "what was asked for"},
                {"samples", &record_list, SAMPLES(list), RECORD_REQUIRED, .record = &sample_record,
                 .meaning = "in the order in which they were made"}),
    .size = sizeof(bench_samples),
};

bench_samples *samples_new(json_t *machine, bench_settings *settings)
{
    bench_samples *s = record_new(&samples_record);
    s->machine = machine;
    s->settings = settings;
    return s;
}

void samples_free(bench_samples *s)
{
    record_free(&samples_record, s);
}

static int fail(const char *name, size_t index, const char *what, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': sample %zu %s", name, index + 1, what);
}

/// What makes a sample another one than the others; the caller's.
static char *format_key(const bench_sample *s)
{
    return g_strdup_printf("%s %s %u %u", s->workload, s->cpu, s->vcpus, s->run);
}

/// A figure has one unit in all samples of a workload: numbers of two are not compared.
static const char *find_other_unit(GHashTable *units, const bench_sample *s)
{
    for (unsigned i = 0; s->result != NULL && i < s->result->figures->len; i++) {
        const struct figure *figure = s->result->figures->pdata[i];
        g_autofree char *key = g_strdup_printf("%s %s", s->workload, figure->name);
        const char *unit = g_hash_table_lookup(units, key);
        if (unit != NULL && strcmp(unit, figure->unit) != 0) {
            return figure->name;
        }
        g_hash_table_insert(units, g_steal_pointer(&key), figure->unit);
    }
    return NULL;
}

/// What no row can say: a reason goes with failure, figures with success, and each sample is
/// another one of the series that the settings describe.
static int check(const bench_samples *s, const char *name, cpulift_error **err)
{
    TRY(settings_check(s->settings, name, err));
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *sample = s->list->pdata[i];
        if (sample->is_ok == (sample->reason != NULL)) {
            return fail(name, i, "must have a \"reason\" if it failed, and only then", err);
        }
        if (sample->is_ok && (sample->result == NULL || sample->result->figures->len == 0)) {
            return fail(name, i, "is ok but has no \"figures\"", err);
        }
        const char *other = find_other_unit(units, sample);
        if (other != NULL) {
            g_autofree char *what =
                g_strdup_printf("has \"%s\" in another unit than a sample before it", other);
            return fail(name, i, what, err);
        }
        if (!g_hash_table_add(keys, format_key(sample))) {
            return fail(name, i, "is there twice: same workload, CPU and run", err);
        }
        const char *stranger = settings_find_stranger(s->settings, sample->workload, sample->cpu,
                                                      sample->vcpus, sample->run);
        if (stranger != NULL) {
            g_autofree char *what =
                g_strdup_printf("has a \"%s\" that its settings do not have", stranger);
            return fail(name, i, what, err);
        }
    }
    return 0;
}

int samples_parse(const char *text, size_t len, const char *name, bench_samples **ret_samples,
                  cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    g_autoptr(bench_samples) s = samples_new(NULL, NULL);
    TRY(json_parse_text(text, len, name, &json, err));
    TRY(record_parse(&samples_record, json, name, NULL, s, err));
    TRY(check(s, name, err));
    *ret_samples = g_steal_pointer(&s);
    return 0;
}

int samples_load(const char *path, bench_samples **ret_samples, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len;
    TRY(file_load(path, FILE_DOCUMENT_MAX, &text, &len, err));
    return samples_parse(text, len, path, ret_samples, err);
}

char *samples_format(const bench_samples *s)
{
    g_autoptr(json_t) json = record_format(&samples_record, s, NULL);
    return json_format_document(json);
}

int samples_save(const bench_samples *s, const char *path, cpulift_error **err)
{
    g_autofree char *text = samples_format(s);
    return file_save(path, text, strlen(text), 0644, err);
}

/// *ret_is false: whoever had the lock has removed the file since it was opened.
static int find_own(int fd, const char *path, bool *ret_is, cpulift_error **err)
{
    struct stat ours, there;
    bool is_there = lstat(path, &there) == 0;
    if ((!is_there && errno != ENOENT) || fstat(fd, &ours) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot look at '%s': %s", path,
                                 g_strerror(errno));
    }
    *ret_is = is_there && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
    return 0;
}

int samples_lock_take(const char *path, samples_lock *ret_lock, cpulift_error **err)
{
    char *real = realpath(path, NULL); // two names of one file
    g_autofree char *lock = g_strdup_printf("%s.lock", real != NULL ? real : path);
    free(real);
    for (;;) {
        autoclose int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot open '%s': %s", lock,
                                     g_strerror(errno));
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK
                       ? cpulift_error_set(err, CPULIFT_ECONFLICT,
                                           "another bench writes '%s'; wait for its end or choose "
                                           "another --output",
                                           path)
                       : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot lock '%s': %s", lock,
                                           g_strerror(errno));
        }
        bool is_ours = false;
        TRY(find_own(fd, lock, &is_ours, err));
        if (is_ours) {
            *ret_lock = (samples_lock){.path = g_steal_pointer(&lock), .fd = auto_steal(&fd)};
            return 0;
        }
    }
}

void samples_lock_clear(samples_lock *lock)
{
    if (lock->fd >= 0) {
        unlink(lock->path); // still held: nobody else's
    }
    auto_close(&lock->fd);
    g_clear_pointer(&lock->path, g_free);
}

const bench_sample *samples_find(const bench_samples *s, const char *workload, const char *cpu,
                                 unsigned vcpus, unsigned run)
{
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        if (item->run == run && item->vcpus == vcpus && strcmp(item->cpu, cpu) == 0 &&
            strcmp(item->workload, workload) == 0) {
            return item;
        }
    }
    return NULL;
}

bool samples_is_loaded(const bench_samples *s, const bench_sample *sample)
{
    json_int_t cpus = json_integer_value(json_object_get(s->machine, "cpus_online"));
    return sample->load > MAX(50, 5 * cpus);
}

bool sample_is_usable(const bench_sample *s)
{
    return s->is_ok && s->run > 0;
}
