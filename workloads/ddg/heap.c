// SPDX-License-Identifier: LGPL-2.1-or-later
#include "heap.h"

#include <malloc.h>

void heap_give_back(void)
{
    const int large = 1 << 20; /* bytes */

    mallopt(M_MMAP_MAX, 1 << 16);
    mallopt(M_MMAP_THRESHOLD, large);
    mallopt(M_TRIM_THRESHOLD, 4 * large);
}
