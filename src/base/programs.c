// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/programs.h"

#include "base/text.h"
#include "config.h"

#include <string.h>
#include <unistd.h>

static const struct {
    const char *program; ///< the first of several
    const char *version, *package;
} needs[] = {
#define NEED(name, needed, test, argument, version, why, debian, rpm) {argument, version, debian},
#include "base/needs.def"
#undef NEED
};

static bool is_of(const char *alternatives, const char *program)
{
    size_t len = strlen(program);
    return alternatives != NULL && strncmp(alternatives, program, len) == 0 &&
           (alternatives[len] == '\0' || alternatives[len] == '|');
}

/// What to do where a program is missing. The caller frees it.
static char *get_remedy(const char *program)
{
    for (size_t i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (is_of(needs[i].program, program)) {
            return g_strdup_printf("install the package %s", needs[i].package);
        }
    }
    return g_strdup(g_str_has_prefix(program, "cpulift") ? "build it with 'make build'"
                                                         : "install it or name its path");
}

int programs_find(const char *name, char **ret_path, cpulift_error **err)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    const char *const folders[] = {g_getenv("CPULIFT_EXEC_PATH"), folder, CPULIFT_LIBEXECDIR};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (folders[i] == NULL || *folders[i] == '\0') {
            continue;
        }
        g_autofree char *path = g_build_filename(folders[i], name, NULL);
        if (access(path, X_OK) == 0) {
            *ret_path = g_steal_pointer(&path);
            return 0;
        }
    }
    *ret_path = g_find_program_in_path(name);
    if (*ret_path != NULL) {
        return 0;
    }
    g_autofree char *remedy = get_remedy(name);
    return cpulift_error_set(err, CPULIFT_EMISSING, "'%s' is not there; %s", name, remedy);
}

static char *read_version(const char *program, const char *option)
{
    g_autofree char *path = g_find_program_in_path(program);
    char *argv[] = {path, (char *)option, NULL};
    g_autofree char *text = NULL;
    if (path == NULL || !g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                                      &text, NULL, NULL, NULL)) {
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    text_make_printable(text);
    return *text != '\0' ? g_steal_pointer(&text) : NULL;
}

bool programs_read_version(size_t index, char **ret_program, char **ret_version)
{
    if (index >= G_N_ELEMENTS(needs)) {
        return false;
    }
    const char *names = needs[index].program != NULL ? needs[index].program : "";
    *ret_program = g_strndup(names, strcspn(names, "|"));
    *ret_version =
        *needs[index].version != '\0' ? read_version(*ret_program, needs[index].version) : NULL;
    return true;
}
