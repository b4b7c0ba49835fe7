// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/environment.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>
#include <unistd.h>

/// Variables by which a library of the workloads (or the loader) takes other code than the CPU
/// suggests, or another number of threads. One that ends with '_' stands for all that begin so.
static const struct {
    const char *name, *reader;
} steering[] = {
    {"ATLAS_", "ATLAS"},
    {"BLIS_", "BLIS"},
    {"GLIBC_TUNABLES", "glibc: masks CPU features"},
    {"GOMP_", "GCC's OpenMP: affinity, spinning"},
    {"GOTO_", "OpenBLAS (its old name)"},
    {"GOTOBLAS_", "OpenBLAS (its old name)"},
    {"HB_", "HandBrake"},
    {"KMP_", "LLVM's and Intel's OpenMP"},
    {"LD_AUDIT", "the loader"},
    {"LD_BIND_NOW", "the loader"},
    {"LD_HWCAP_MASK", "the loader: chooses library variants"},
    {"LD_LIBRARY_PATH", "the loader"},
    {"LD_PRELOAD", "the loader"},
    {"MALLOC_", "glibc's allocator"},
    {"MKL_", "Intel's MKL"},
    {"NVPL_", "NVIDIA's libraries"},
    {"OMPI_MCA_", "Open MPI"},
    {"OMP_", "OpenMP: threads, affinity"},
    {"OPENBLAS_", "OpenBLAS: core type, threads, cache sizes"},
    {"OPENSSL_ia32cap", "OpenSSL: masks CPU features"},
    {"PETSC_", "PETSc"},
    {"PRTE_MCA_", "Open MPI's launcher"},
    {"VECLIB_", "vecLib"},
    {"X264_", "x264"},
    {"X265_", "x265"},
};

static const char *const root_permissions[] = {"OMPI_ALLOW_RUN_AS_ROOT",
                                               "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"};

bool environment_is_steering(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(steering); i++) {
        bool is_prefix = g_str_has_suffix(steering[i].name, "_");
        if (is_prefix ? g_str_has_prefix(name, steering[i].name)
                      : strcmp(name, steering[i].name) == 0) {
            return true;
        }
    }
    return false;
}

char **environment_clean(char **environment, json_t **ret_removed)
{
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func(g_free);
    char **kept = g_strdupv(environment);
    for (char **variable = environment; *variable != NULL; variable++) {
        g_autofree char *name = g_strndup(*variable, strcspn(*variable, "="));
        if (environment_is_steering(name)) {
            kept = g_environ_unsetenv(kept, name);
            text_make_printable(name);
            g_ptr_array_add(removed, g_steal_pointer(&name));
        }
    }
    g_ptr_array_sort(removed, text_compare);
    *ret_removed = json_new_strings((const char *const *)removed->pdata, removed->len);
    // Open MPI refuses to start anything for root unless told twice.
    for (size_t i = 0; geteuid() == 0 && i < G_N_ELEMENTS(root_permissions); i++) {
        kept = g_environ_setenv(kept, root_permissions[i], "1", TRUE);
    }
    return g_environ_setenv(kept, "LC_ALL", "C", TRUE);
}
