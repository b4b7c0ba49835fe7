// SPDX-License-Identifier: LGPL-2.1-or-later
/* What could not be written, by whichever file of the program: said at once, and kept for the end.
 */
#ifndef DDG_LOSS_H
#define DDG_LOSS_H

#include <stdio.h>

/* Says on stderr that the file of a parameter could not be written. */
void loss_tell(const char *parameter, const char *path);
/* 1 if anything of this rank was lost so far, else 0. */
int loss_any(void);
/* fclose() that also reports earlier failed writes: 0 or -1. */
int loss_close(FILE *f);

#endif
