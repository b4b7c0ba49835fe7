// SPDX-License-Identifier: LGPL-2.1-or-later
#include "threads.h"

#include <dlfcn.h>

void threads_off(void)
{
    /* POSIX's way from an object pointer to a function pointer */
    union {
        void *symbol;
        void (*with_number)(int);
        int (*plain)(void);
    } set = {dlsym(RTLD_DEFAULT, "openblas_set_num_threads")},
      end = {dlsym(RTLD_DEFAULT, "blas_thread_shutdown_")};

    if (!set.symbol)
        return;
    set.with_number(1);
    if (end.symbol)
        end.plain(); /* what OpenBLAS itself does before a fork; with one thread it makes no new */
}
