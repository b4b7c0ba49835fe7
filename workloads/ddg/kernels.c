// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kernels.h"

extern const struct kernels kernels_generic;
#ifdef __x86_64__
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

#ifdef __x86_64__
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

const struct kernels *kernels_get(int choice)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if ((choice == 0 || choice == 3) && has_avx512())
        return &kernels_avx512;
    if ((choice == 0 || choice == 2) && has_avx2())
        return &kernels_avx2;
#endif
    return choice <= 1 ? &kernels_generic : NULL;
}
