// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/followed.h"

#include "base/auto.h"
#include "core/seal.h"
#include "platform/platform.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int followed_check_owner(const root_dir *root, const char *target, const struct root_file *file,
                         cpulift_error **err)
{
    struct root_file seen = *file;
    uid_t uid = 0;
    gid_t gid = 0;
    TRY(root_get_owner(root, target, &uid, &gid, err));
    seen.uid = file->uid == uid ? geteuid() : file->uid;
    return root_file_check_owner(root, target, &seen, err);
}

int followed_check_place(const root_dir *root, const char *target, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    TRY(root_load(root, target, &file, err));
    return file.exists ? followed_check_owner(root, target, &file, err) : 0;
}

/// Whoever may write the folder of the keys can take them away, and nobody is told.
static int check_folder(const root_dir *root, cpulift_error **err)
{
    struct stat st;
    autoclose int fd = -1;
    g_autofree char *folder = g_path_get_dirname(SEAL_KEYS_TARGET);
    TRY(root_open_folder(root, folder, &fd, err));
    if (fd < 0) {
        return 0;
    }
    if (fstat(fd, &st) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot look at '%s/%s': %s", root->path,
                                 folder, g_strerror(errno));
    }
    const struct root_file seen = {.uid = st.st_uid, .mode = st.st_mode & 07777};
    return followed_check_owner(root, folder, &seen, err);
}

/// *ret_keys is NULL where there are none.
static int load_keys(const root_dir *root, seal_keys **ret_keys, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    *ret_keys = NULL;
    TRY(check_folder(root, err));
    TRY(root_load(root, SEAL_KEYS_TARGET, &file, err));
    if (!file.exists) {
        return 0;
    }
    g_autofree char *name = g_strdup_printf("%s/" SEAL_KEYS_TARGET, root->path);
    TRY(root_file_check_owner(root, SEAL_KEYS_TARGET, &file, err));
    return seal_keys_parse(file.bytes, file.len, name, ret_keys, err);
}

int followed_check_seal(const root_dir *root, const cpulift_plan *plan, const char *name,
                        cpulift_error **err)
{
    g_autoptr(seal_keys) keys = NULL;
    TRY(load_keys(root, &keys, err));
    return seal_check(plan, name, keys, err);
}

/// *ret_plan is NULL where there is none.
static int load(const root_dir *root, const char *target, const seal_keys *keys,
                cpulift_plan **ret_plan, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    TRY(root_load(root, target, &file, err));
    if (!file.exists) {
        return 0;
    }
    TRY(followed_check_owner(root, target, &file, err));
    g_autoptr(cpulift_plan) plan = NULL;
    g_autofree char *name = g_strdup_printf("%s/%s", root->path, target);
    TRY(plan_parse(file.bytes, file.len, name, &plan, err));
    TRY(seal_check(plan, name, keys, err));
    *ret_plan = g_steal_pointer(&plan);
    return 0;
}

struct followed followed_load(const root_dir *root, GPtrArray *whys)
{
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    struct followed found = {0};
    g_autoptr(seal_keys) keys = NULL;
    g_autoptr(cpulift_error) problem = NULL;
    // Without a plan, too, it is said that none would be taken.
    if (load_keys(root, &keys, &problem) != 0) {
        g_ptr_array_add(whys, g_strdup(problem->message));
        return found;
    }
    for (size_t i = 0; i < count && found.plan == NULL; i++) {
        g_autoptr(cpulift_error) err = NULL;
        found.target = all[i]->plan_target;
        if (load(root, found.target, keys, &found.plan, &err) != 0 &&
            !g_ptr_array_find_with_equal_func(whys, err->message, g_str_equal, NULL)) {
            g_ptr_array_add(whys, g_strdup(err->message));
        }
    }
    found.keys = keys != NULL ? seal_keys_count(keys) : 0;
    found.key = keys != NULL && found.plan != NULL ? seal_find_key(found.plan, keys) : 0;
    return found;
}
