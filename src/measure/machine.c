// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/machine.h"

#include "base/programs.h"
#include "base/text.h"
#include "config.h"
#include "measure/process.h"

#include <cpuid.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const record_row version_row = {.kind = &record_string};

const struct record machine_record = {
    RECORD_ROWS(
        {"processor", &record_string, .meaning = "its name"},
        {"vendor", &record_string, .meaning = "and the next four: as /proc/cpuinfo says"},
        {"family", &record_string, RECORD_CHECKED}, {"model", &record_string, RECORD_CHECKED},
        {"stepping", &record_string, RECORD_CHECKED}, {"microcode", &record_string, RECORD_CHECKED},
        {"kernel", &record_string, .meaning = "system and release"},
        {"hypervisor", &record_string, .meaning = "where this machine is itself a guest"},
        {"governor", &record_string, .meaning = "of the first CPU's frequency"},
        {"loadavg", &record_string, .meaning = "when the series began"},
        {"cpus_online", &record_uint, RECORD_CHECKED},
        {"cpus_allowed", &record_uint, .meaning = "that this process may use"},
        {"memory_mib", &record_uint, RECORD_CHECKED},
        {"versions", &record_json, .flags = RECORD_MAP, .each = &version_row,
         .meaning = "program → what it says of its version"}),
};

static void set(json_t *json, const char *key, char *text)
{
    g_autofree char *owned = text;
    if (owned != NULL) {
        g_strstrip(owned);
        text_make_printable(owned);
        json_object_set_new(json, key, json_string(owned));
    }
}

/// The value of the first "key : value" line of /proc/cpuinfo.
static char *read_cpuinfo(const char *text, const char *key)
{
    g_autofree char *pattern = g_strdup_printf("\n%s", key);
    const char *at = strstr(text, pattern);
    const char *colon = at != NULL ? strchr(at, ':') : NULL;
    return colon != NULL ? g_strndup(colon + 1, strcspn(colon + 1, "\n")) : NULL;
}

static char *read_file(const char *path)
{
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static void read_processor(json_t *json)
{
    static const struct {
        const char *key, *name;
    } lines[] = {
        {"vendor_id", "vendor"},     {"cpu family", "family"}, {"model\t", "model"},
        {"model name", "processor"}, {"stepping", "stepping"}, {"microcode", "microcode"},
    };
    g_autofree char *text = read_file("/proc/cpuinfo");
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(lines); i++) {
        set(json, lines[i].name, read_cpuinfo(text, lines[i].key));
    }
    json_object_set_new(json, "cpus_online", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(json, "cpus_allowed", json_integer(process_count_cpus()));
}

/// "KVMKVMKVM" and the like, when this machine is itself a guest.
static char *read_hypervisor(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx >> 31) == 0) {
        return NULL;
    }
    char name[13] = "";
    __cpuid(0x40000000, eax, ebx, ecx, edx);
    memcpy(name, &ebx, 4);
    memcpy(name + 4, &ecx, 4);
    memcpy(name + 8, &edx, 4);
    return g_strdup(name);
}

static json_t *read_versions(void)
{
    json_t *versions = json_object();
    char *program = NULL, *version = NULL;
    for (size_t i = 0; programs_read_version(i, &program, &version); i++) {
        set(versions, program, version);
        g_free(program);
    }
    json_object_set_new(versions, "cpulift", json_string(CPULIFT_VERSION));
    return versions;
}

json_t *machine_read(void)
{
    json_t *json = json_object();
    struct utsname name;
    if (uname(&name) == 0) {
        set(json, "kernel", g_strdup_printf("%s %s", name.sysname, name.release));
    }
    read_processor(json);
    set(json, "hypervisor", read_hypervisor());
    set(json, "governor", read_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    set(json, "loadavg", read_file("/proc/loadavg"));
    json_object_set_new(
        json, "memory_mib",
        json_integer(sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024));
    json_object_set_new(json, "versions", read_versions());
    return json;
}

int machine_check_same(const json_t *before, const char *name, cpulift_error **err)
{
    static const char *const keys[] = {"processor", "vendor",      "family",       "model",
                                       "stepping",  "cpus_online", "cpus_allowed", "hypervisor",
                                       "kernel",    "versions"};
    g_autoptr(json_t) now = machine_read();
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const json_t *was = json_object_get(before, keys[i]), *is = json_object_get(now, keys[i]);
        if (was != is && (was == NULL || is == NULL || json_equal(was, is) == 0)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' was begun on another machine, or this one has changed "
                                     "(\"%s\"); begin another with --output",
                                     name, keys[i]);
        }
    }
    return 0;
}
