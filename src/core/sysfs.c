// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sysfs.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"
#define KERNEL          "/proc/sys/kernel/osrelease"
#define MICROCODE       "/sys/devices/system/cpu/cpu0/microcode/version"

/// A line of the kernel is short, and there are few.
#define LINE_FILE_MAX ((size_t)16 << 10)
#define FILES_MAX     256

// Each line behind the name of its file; not every kernel has all of them.
const char sysfs_command[] = "grep -Hs . " VULNERABILITIES "/* " KERNEL " " MICROCODE;

static void set_kernel(cpulift_host *host, const char *line)
{
    if (text_parse_version(line) != 0 && text_is_line(line) && strlen(line) < 256) {
        g_free(host->kernel_version);
        host->kernel_version = g_strdup(line);
    }
}

static void set_microcode(cpulift_host *host, const char *line)
{
    text_to_uint(line, HOST_MICROCODE_MAX, &host->microcode);
}

static const struct {
    const char *path;
    void (*set)(cpulift_host *host, const char *line);
} files[] = {
    {KERNEL, set_kernel},
    {MICROCODE, set_microcode},
};

/// The first line, as documents have it.
static char *take_line(const char *text)
{
    char *line = g_strndup(text, strcspn(text, "\n"));
    text_make_printable(line);
    return g_strstrip(line);
}

/// `name` is a file's of the kernel's list, or no vulnerability.
static void add_vulnerability(json_t *list, const char *name, const char *text)
{
    bool is_name = text_is_name(name) && name[strspn(name, G_CSET_a_2_z G_CSET_DIGITS "_")] == '\0';
    g_autofree char *line = take_line(text);
    if (is_name && *line != '\0' && json_object_size(list) < FILES_MAX &&
        json_object_get(list, name) == NULL) {
        json_object_set_new(list, name, json_string(line));
    }
}

/// Whether there is a file of the kernel's. A copy may hold links to whatever this machine has, and
/// FIFOs; what this user may not read, as an old kernel's microcode, is as if it were not there.
static int find_line(const char *path, bool *ret_is_there, cpulift_error **err)
{
    struct stat info = {0};
    bool is_file = lstat(path, &info) == 0 && S_ISREG(info.st_mode);
    bool is_seen = is_file ? access(path, R_OK) == 0 : info.st_mode != 0;
    if (!is_seen && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot look at '%s': %s", path,
                                 g_strerror(errno));
    }
    *ret_is_there = is_file && is_seen;
    return 0;
}

/// *ret_line, the caller's; NULL: there is none.
static int load_line(const char *folder, const char *name, char **ret_line, cpulift_error **err)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) why = NULL;
    bool is_there = false;
    *ret_line = NULL;
    TRY(find_line(path, &is_there, err));
    int rc = is_there ? file_load(path, LINE_FILE_MAX, &text, NULL, &why) : 0;
    *ret_line = text != NULL ? take_line(text) : NULL;
    return rc == CPULIFT_ESYSTEM ? cpulift_error_set(err, rc, "%s", why->message) : 0;
}

static int load_vulnerabilities(const char *folder, json_t *list, cpulift_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(folder, &kind, err));
    TRY(kind == FILE_FOLDER ? file_list_names(folder, names, err) : 0);
    for (size_t i = 0; i < names->len; i++) {
        g_autofree char *line = NULL;
        TRY(load_line(folder, names->pdata[i], &line, err));
        add_vulnerability(list, names->pdata[i], line != NULL ? line : "");
    }
    return 0;
}

/// An empty list is none.
static bool set_vulnerabilities(cpulift_host *host, json_t *list)
{
    bool is_some = json_object_size(list) > 0;
    if (is_some) {
        json_decref(host->vulnerabilities);
        host->vulnerabilities = json_incref(list);
    }
    return is_some;
}

int sysfs_load(const char *root, cpulift_host *host, cpulift_error **err)
{
    g_autofree char *folder = g_build_filename(root, VULNERABILITIES, NULL);
    g_autoptr(json_t) list = json_object();
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(folder, &kind, err));
    TRY(load_vulnerabilities(kind == FILE_FOLDER ? folder : root, list, err));
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *line = NULL;
        TRY(load_line(root, files[i].path, &line, err));
        if (line != NULL) {
            files[i].set(host, line);
        }
    }
    return set_vulnerabilities(host, list)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' is no copy of " VULNERABILITIES
                                   ", nor of a machine's folders that hold it",
                                   root);
}

/// A line "PATH:TEXT".
static void parse_line(cpulift_host *host, json_t *list, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        return;
    }
    g_autofree char *path = g_strndup(line, (size_t)(colon - line));
    g_autofree char *text = take_line(colon + 1);
    if (g_str_has_prefix(path, VULNERABILITIES "/")) {
        add_vulnerability(list, path + strlen(VULNERABILITIES "/"), text);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        if (strcmp(path, files[i].path) == 0) {
            files[i].set(host, text);
        }
    }
}

int sysfs_parse(const char *text, size_t len, const char *name, cpulift_host *host,
                cpulift_error **err)
{
    if (len > SYSFS_TEXT_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' printed more than %zu KiB", name,
                                 SYSFS_TEXT_MAX >> 10);
    }
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    g_autoptr(json_t) list = json_object();
    for (char **line = lines; *line != NULL; line++) {
        parse_line(host, list, *line);
    }
    return set_vulnerabilities(host, list)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' says nothing of its CPU's vulnerabilities: its kernel has "
                                   "no " VULNERABILITIES,
                                   name);
}
