// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/gone.h"

#include "base/auto.h"

#include <unistd.h>

/// True where the place is free, or has this content.
static bool is_fit(const root_dir *root, const char *place, const struct root_file *file)
{
    g_auto(root_file) there = {0};
    return root_load(root, place, &there, NULL) == 0 &&
           (!there.exists || root_file_same_bytes(&there, file));
}

char *gone_find_place(const root_dir *root, const char *target, const struct root_file *file)
{
    char *place = g_strconcat(GONE_FOLDER "/", target, NULL);
    for (unsigned i = 1; !is_fit(root, place, file) && i < G_MAXUINT16; i++) {
        g_free(place);
        place = g_strdup_printf(GONE_FOLDER "/%s.%u", target, i);
    }
    return place;
}

int gone_keep(const root_dir *root, const char *place, const struct root_file *file,
              cpulift_error **err)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(g_free);
    g_auto(root_file) there = {0};
    struct root_file kept = *file;
    kept.mode = 0600;
    kept.uid = geteuid();
    kept.gid = getegid();
    TRY(root_find_missing(root, place, missing, err));
    for (size_t i = 0; i < missing->len; i++) {
        TRY(root_make_folder(root, missing->pdata[i], 0700, err));
    }
    TRY(root_load(root, place, &there, err));
    return there.exists ? 0 : root_replace(root, place, &kept, &there, err);
}
