// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/doctor_tests.h"

#include "core/catalog.h"
#include "virt/conn.h"
#include "virt/trial.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define LIBVIRT_TIMEOUT_MS 20000
#define TRIAL_TIMEOUT_MS   5000

/// Where distributions put QEMU: Debian and Fedora, Red Hat.
#define EMULATORS "qemu-system-x86_64|/usr/libexec/qemu-kvm"

static char *take_message(cpulift_error *err)
{
    return g_strdup(err->message);
}

/// The first alternative that `find` accepts (what it returns is owned), or NULL.
static char *find_any(const char *alternatives, char *(*find)(const char *))
{
    g_auto(GStrv) parts = g_strsplit(alternatives, "|", -1);
    char *found = NULL;
    for (char **part = parts; *part != NULL && found == NULL; part++) {
        found = find(*part);
    }
    return found;
}

static char *test_any(const char *alternatives, char *(*find)(const char *))
{
    g_autofree char *found = find_any(alternatives, find);
    g_auto(GStrv) parts = g_strsplit(alternatives, "|", -1);
    return found != NULL ? NULL : g_strdup_printf("'%s' is not there", parts[0]);
}

static char *find_program(const char *name)
{
    return g_find_program_in_path(name);
}

char *doctor_test_program(const char *argument)
{
    return test_any(argument, find_program);
}

static char *find_file(const char *pattern)
{
    glob_t found;
    bool is_there = glob(pattern, 0, NULL, &found) == 0;
    char *path = is_there ? g_strdup(found.gl_pathv[0]) : NULL;
    if (is_there) {
        globfree(&found);
    }
    return path;
}

char *doctor_test_file(const char *argument)
{
    return test_any(argument, find_file);
}

static char *find_user(const char *name)
{
    return getpwnam(name) != NULL ? g_strdup(name) : NULL;
}

char *doctor_test_user(const char *argument)
{
    return test_any(argument, find_user);
}

char *doctor_test_cpu_map(const char *argument)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    return catalog_load(argument, &map, &err) == 0 ? NULL : take_message(err);
}

char *doctor_test_libvirt(const char *argument)
{
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = conn_open(argument, CONN_FULL, LIBVIRT_TIMEOUT_MS, &conn, &err);
    return rc == 0 ? NULL : take_message(err);
}

char *doctor_test_device(const char *argument)
{
    return access(argument, R_OK | W_OK) == 0
               ? NULL
               : g_strdup_printf("'%s': %s", argument, g_strerror(errno));
}

char *doctor_test_accelerator(const char *argument)
{
    g_autofree char *emulator = find_any(EMULATORS, find_program);
    g_autoptr(cpulift_error) err = NULL;
    if (emulator == NULL) {
        return g_strdup("there is no QEMU to try it");
    }
    return trial_run(emulator, argument, TRIAL_TIMEOUT_MS, &err) == 0 ? NULL : take_message(err);
}
