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
/* Opens a file for writing; stdout itself where the path leads to what stdout is (/dev/stdout): as
   a file of its own it would be cut, and each would write over the other. NULL with errno. */
FILE *loss_open(const char *path);
/* fclose() that also reports earlier failed writes, and leaves stdout open: 0 or -1. */
int loss_close(FILE *f);

#endif
