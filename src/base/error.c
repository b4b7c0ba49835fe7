// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"

#include "base/text.h"

int(cpulift_error_set)(cpulift_error **err, int code, const char *format, ...)
{
    if (err == NULL || *err != NULL) {
        return code;
    }
    va_list args;
    va_start(args, format);
    *err = g_new0(cpulift_error, 1);
    (*err)->code = code;
    (*err)->message = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable((*err)->message);
    return code;
}

int cpulift_error_prefix(cpulift_error **err, int code, const char *format, ...)
{
    if (err == NULL || *err == NULL) {
        return code;
    }
    va_list args;
    va_start(args, format);
    g_autofree char *prefix = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable(prefix);
    char *message = g_strconcat(prefix, ": ", (*err)->message, NULL);
    g_free((*err)->message);
    (*err)->message = message;
    return code;
}

void cpulift_error_free(cpulift_error *err)
{
    if (err != NULL) {
        g_free(err->message);
        g_free(err);
    }
}

void cpulift_error_clear(cpulift_error **err)
{
    if (err != NULL) {
        g_clear_pointer(err, cpulift_error_free);
    }
}

int cpulift_error_exit_status(const cpulift_error *err)
{
    return err != NULL && err->code == CPULIFT_EREFUSED ? 1
           : err != NULL && err->code == CPULIFT_EUSAGE ? 64
                                                        : 2;
}
