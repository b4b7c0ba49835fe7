// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_THREADS_H
#define DDG_THREADS_H

/* Ranks are the parallelism: ends the threads that OpenBLAS made when it was loaded, which is
 * before main() and therefore before any variable that this program could set. Other BLAS
 * libraries, which make none by themselves, are left alone. */
void threads_off(void);

#endif
