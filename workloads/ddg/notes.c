// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notes.h"

#include <stdarg.h>
#include <stdio.h>

void notes_add(struct notes *notes, const char *format, ...)
{
    va_list ap;

    if (notes->n == NOTES_MAX)
        return;
    va_start(ap, format);
    vsnprintf(notes->text[notes->n++], sizeof(notes->text[0]), format, ap);
    va_end(ap);
}

void notes_tell(struct notes *notes)
{
    while (notes->told < notes->n)
        fprintf(stderr, "cpulift-ddg: warning: %s\n", notes->text[notes->told++]);
}
