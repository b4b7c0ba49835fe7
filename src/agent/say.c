// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/say.h"

#include "base/text.h"

#include <stdio.h>

void say(enum say_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable(line);
    if (g_getenv("JOURNAL_STREAM") != NULL) {
        fprintf(stderr, "<%d>%s\n", (int)level, line);
    } else {
        fprintf(stderr, "cpuliftd: %s\n", line);
    }
}
