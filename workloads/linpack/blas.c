// SPDX-License-Identifier: LGPL-2.1-or-later
#include "blas.h"

#include "lu.h"

#include <cblas.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FAILED = 2, USAGE = 64 };

/// LAPACK's Fortran symbols; OpenBLAS brings its own blocked and threaded ones.
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivots, int *info);
void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda,
             const int *pivots, double *b, const int *ldb, int *info, size_t trans_len);

/// Sets *ret_function, a pointer to a function, to the library's symbol. False: it has none.
static bool find(void *library, const char *symbol, void *ret_function)
{
    void *address = dlsym(library, symbol);
    memcpy(ret_function, &address, sizeof address);
    return address != NULL;
}

/// "OpenBLAS 0.3.21", of "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …".
static void take_openblas(const char *config, const char *core, struct blas *blas)
{
    size_t len = strcspn(config, " ");
    len += config[len] == ' ' ? 1 + strcspn(config + len + 1, " ") : 0;
    snprintf(blas->name, sizeof blas->name, "%.*s", (int)len, config);
    snprintf(blas->core, sizeof blas->core, "%s", core);
}

static bool describe_openblas(void *library, int threads, struct blas *blas)
{
    char *(*get_config)(void), *(*get_core)(void);
    void (*set_threads)(int);
    if (!find(library, "openblas_get_config", &get_config) ||
        !find(library, "openblas_get_corename", &get_core) ||
        !find(library, "openblas_set_num_threads", &set_threads)) {
        return false;
    }
    take_openblas(get_config(), get_core(), blas);
    set_threads(threads);
    return true;
}

/// Source: BLIS 0.9, frame/base/bli_arch.h, bli_info.h, frame/thread/bli_thread.h. Its dim_t is as
/// wide as a pointer.
static bool describe_blis(void *library, int threads, struct blas *blas)
{
    const char *(*get_version)(void), *(*to_string)(int);
    int (*query_arch)(void);
    void (*set_threads)(intptr_t);
    if (!find(library, "bli_info_get_version_str", &get_version) ||
        !find(library, "bli_arch_query_id", &query_arch) ||
        !find(library, "bli_arch_string", &to_string) ||
        !find(library, "bli_thread_set_num_threads", &set_threads)) {
        return false;
    }
    snprintf(blas->name, sizeof blas->name, "BLIS %s", get_version());
    snprintf(blas->core, sizeof blas->core, "%s", to_string(query_arch()));
    set_threads(threads);
    return true;
}

/// Libraries that can be told how many threads to use, and say what they are.
static const struct {
    const char *word, *file; ///< NULL: only by its path
    const char *package;
    bool (*describe)(void *library, int threads, struct blas *blas);
} kinds[] = {
    {"blis", "libblis.so.4", "libblis4-pthread", describe_blis},
    {NULL, NULL, NULL, describe_openblas},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static bool take_calls(void *library, struct blas_calls *call)
{
    return find(library, "dgemm_", &call->gemm) && find(library, "dtrsm_", &call->trsm) &&
           find(library, "dswap_", &call->swap) && find(library, "dscal_", &call->scal) &&
           find(library, "idamax_", &call->amax);
}

static int open_library(const char *file, const char *package, int threads, struct blas *blas)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "cpulift-linpack: --blas: %s%s%s\n", dlerror(),
                package != NULL ? "; install the package " : "", package != NULL ? package : "");
        return FAILED;
    }
    bool is_known = false;
    for (size_t i = 0; i < KINDS && !is_known; i++) {
        is_known = kinds[i].describe(library, threads, blas);
    }
    if (!is_known || !take_calls(library, &blas->call)) {
        fprintf(stderr,
                "cpulift-linpack: --blas '%s' is neither BLIS nor OpenBLAS with Fortran's names: "
                "its threads cannot be set\n",
                file);
        return FAILED;
    }
    return 0;
}

int blas_open(const char *wanted, int threads, struct blas *ret_blas)
{
    *ret_blas = (struct blas){0};
    if (strcmp(wanted, "openblas") == 0) {
        take_openblas(openblas_get_config(), openblas_get_corename(), ret_blas);
        openblas_set_num_threads(threads);
        return 0;
    }
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].word != NULL && strcmp(kinds[i].word, wanted) == 0) {
            return open_library(kinds[i].file, kinds[i].package, threads, ret_blas);
        }
    }
    if (strchr(wanted, '/') == NULL) {
        fprintf(stderr, "cpulift-linpack: --blas '%s' is neither openblas nor blis nor a path\n",
                wanted);
        return USAGE;
    }
    return open_library(wanted, NULL, threads, ret_blas);
}

int blas_solve(const struct blas *blas, int n, double *matrix, int *pivots, double *b)
{
    int one = 1, info = 0;
    if (blas->call.gemm != NULL) {
        return lu_solve(&blas->call, n, matrix, pivots, b);
    }
    dgetrf_(&n, &n, matrix, &n, pivots, &info);
    if (info == 0) {
        dgetrs_("N", &n, &one, matrix, &n, pivots, b, &n, &info, 1);
    }
    return info;
}
