// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a static program leaves out of the libraries (decision 0006).
///
/// ICU's converters: there are none. libxml2 asks ICU only for encodings that neither it nor iconv
/// has, and gets "unsupported"; the real library would add 30 MiB of tables.
#include <unicode/ucnv.h>

/// Parts of libxml2 that nothing here asks for, and what it needs for them: each gives nothing and
/// would be two fifths of the program, which is read from the disk at a node's first start of a
/// guest. They are weak: where a library's file is needed for something else, its own take their
/// place.
#define LEFT_OUT(name)                                                                             \
    __attribute__((weak)) void *name(void);                                                        \
    void *name(void)                                                                               \
    {                                                                                              \
        return NULL;                                                                               \
    }
#include "left_out.def"

UConverter *ucnv_open(const char *name, UErrorCode *err)
{
    (void)name;
    *err = U_FILE_ACCESS_ERROR;
    return NULL;
}

void ucnv_close(UConverter *converter)
{
    (void)converter;
}

void ucnv_convertEx(UConverter *target_converter, UConverter *source_converter, char **target,
                    const char *target_limit, const char **source, const char *source_limit,
                    UChar *pivot_start, UChar **pivot_source, UChar **pivot_target,
                    const UChar *pivot_limit, UBool reset, UBool flush, UErrorCode *err)
{
    (void)target_converter, (void)source_converter, (void)target, (void)target_limit;
    (void)source, (void)source_limit, (void)pivot_start, (void)pivot_source, (void)pivot_target;
    (void)pivot_limit, (void)reset, (void)flush;
    *err = U_UNSUPPORTED_ERROR;
}

void ucnv_setToUCallBack(UConverter *converter, UConverterToUCallback action, const void *context,
                         UConverterToUCallback *old_action, const void **old_context,
                         UErrorCode *err)
{
    (void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
    *err = U_UNSUPPORTED_ERROR;
}

void ucnv_setFromUCallBack(UConverter *converter, UConverterFromUCallback action,
                           const void *context, UConverterFromUCallback *old_action,
                           const void **old_context, UErrorCode *err)
{
    (void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
    *err = U_UNSUPPORTED_ERROR;
}

void UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *arguments,
                             const char *units, int32_t length, UConverterCallbackReason reason,
                             UErrorCode *err)
{
    (void)context, (void)arguments, (void)units, (void)length, (void)reason, (void)err;
}

void UCNV_FROM_U_CALLBACK_STOP(const void *context, UConverterFromUnicodeArgs *arguments,
                               const UChar *units, int32_t length, UChar32 point,
                               UConverterCallbackReason reason, UErrorCode *err)
{
    (void)context, (void)arguments, (void)units, (void)length, (void)point, (void)reason, (void)err;
}
