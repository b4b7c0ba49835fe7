// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/journal_folder.h"

#include "base/auto.h"
#include "base/file.h"
#include "platform/step.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/// So often the making of a folder is tried again.
#define TRIES 8

static const struct root_file absent;

static int take(const root_dir *root, int fd, cpulift_error **err)
{
    STEP();
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0
           : errno == EWOULDBLOCK
               ? root_refuse_other(root, err)
               : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot lock '%s/" JOURNAL_FOLDER "': %s",
                                   root->path, g_strerror(errno));
}

static int check_owner(const root_dir *root, int fd, cpulift_error **err)
{
    struct stat st;
    g_autofree char *path = g_strconcat(root->path, "/" JOURNAL_FOLDER, NULL);
    return fstat(fd, &st) == 0 ? file_check_owner(st.st_uid, st.st_mode, path, err)
                               : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot look at '%s': %s",
                                                   path, g_strerror(errno));
}

int journal_folder_check_owner(const root_dir *root, cpulift_error **err)
{
    autoclose int fd = -1;
    TRY(root_open_folder(root, JOURNAL_FOLDER, &fd, err));
    return fd >= 0 ? check_owner(root, fd, err) : 0;
}

static bool is_same_folder(int a, int b)
{
    struct stat first, second;
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

int journal_folder_lock(const root_dir *root, int *ret_fd, cpulift_error **err)
{
    *ret_fd = -1;
    for (;;) {
        autoclose int fd = -1, again = -1;
        bool is_there = false;
        TRY(root_find(root, JOURNAL_FOLDER, &is_there, err));
        if (!is_there) {
            return 0;
        }
        STEP();
        TRY(root_open_folder(root, JOURNAL_FOLDER, &fd, err));
        TRY(fd >= 0 ? check_owner(root, fd, err) : 0);
        TRY(fd >= 0 ? take(root, fd, err) : 0);
        // Who held it may have removed it while we opened it.
        TRY(root_open_folder(root, JOURNAL_FOLDER, &again, err));
        if (fd >= 0 && again >= 0 && is_same_folder(fd, again)) {
            *ret_fd = auto_steal(&fd);
            return 0;
        }
    }
}

/// The journal holds whole files, secrets among them: it is for its owner alone. var/lib/cpulift
/// itself may be entered, for the trace of the hooks.
static mode_t get_mode(const char *folder)
{
    return strcmp(folder, JOURNAL_FOLDER) == 0 ? 0700 : 0755;
}

/// A name beside `folder` that nothing has.
static char *name_beside(const char *folder)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autofree char *name = file_name_temporary(ROOT_TEMPORARY_PREFIX);
    return g_build_filename(parent, name, NULL);
}

/// What is to be made, whole, under another name of its outermost folder.
struct staging {
    const root_dir *root;
    GPtrArray *missing; ///< char *: the folders, outermost first
    char *staged;       ///< that name
    size_t outer;       ///< the length of what it stands for
    int fd;             ///< keeps others' journal_folder_sweep() off it
};

static void staging_clear(struct staging *staging)
{
    g_ptr_array_unref(staging->missing);
    g_free(staging->staged);
    if (staging->fd >= 0) {
        close(staging->fd);
    }
}
typedef struct staging own_staging;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(own_staging, staging_clear)

/// Another's sweep may come between the making of a folder and its lock: then another is made.
static int stage(struct staging *staging, cpulift_error **err)
{
    const char *outermost = g_ptr_array_index(staging->missing, 0);
    int rc = CPULIFT_ECONFLICT;
    staging->outer = strlen(outermost);
    for (int i = 0; i < TRIES && rc == CPULIFT_ECONFLICT; i++) {
        g_free(staging->staged);
        staging->staged = name_beside(outermost);
        cpulift_error_clear(err);
        rc = root_make_locked_folder(staging->root, staging->staged, get_mode(outermost),
                                     &staging->fd, err);
    }
    return rc;
}

static int fill(struct staging *staging, const char *target, const struct root_file *record,
                int *ret_fd, cpulift_error **err)
{
    const root_dir *root = staging->root;
    for (size_t i = 1; i < staging->missing->len; i++) {
        const char *folder = g_ptr_array_index(staging->missing, i);
        g_autofree char *path = g_strconcat(staging->staged, folder + staging->outer, NULL);
        TRY(root_make_folder(root, path, get_mode(folder), err));
    }
    g_autofree char *file = g_strconcat(staging->staged, target + staging->outer, NULL);
    g_autofree char *folder = g_strconcat(staging->staged, &JOURNAL_FOLDER[staging->outer], NULL);
    autoclose int fd = -1;
    TRY(root_replace(root, file, record, &absent, err));
    if (staging->missing->len == 1) { // the journal itself
        *ret_fd = auto_steal(&staging->fd);
        return 0;
    }
    TRY(root_open_folder(root, folder, &fd, err));
    TRY(fd >= 0 ? take(root, fd, err) : root_refuse_other(root, err));
    *ret_fd = auto_steal(&fd);
    return 0;
}

/// Whether the journal is the folder that the descriptor has open.
static bool is_journal(const root_dir *root, int fd)
{
    autoclose int there = -1;
    return fd >= 0 && root_open_folder(root, JOURNAL_FOLDER, &there, NULL) == 0 && there >= 0 &&
           is_same_folder(fd, there);
}

/// What stood there was taken away with the folder in which it was staged, by one that forgot that:
/// whatever failed, failed for that; unless it is `fd`, and in its place.
static int refuse_taken(const struct staging *staging, int fd, int rc, cpulift_error **err)
{
    bool is_there = true;
    if (rc == CPULIFT_ECONFLICT || is_journal(staging->root, fd) ||
        root_find(staging->root, staging->staged, &is_there, NULL) != 0 || is_there) {
        g_autofree char *name = g_path_get_basename(staging->staged);
        root_discard(staging->root, staging->staged, name);
        return rc;
    }
    cpulift_error_clear(err);
    return root_refuse_other(staging->root, err);
}

int journal_folder_make(const root_dir *root, const char *target, const struct root_file *record,
                        int *ret_fd, cpulift_error **err)
{
    g_auto(own_staging)
        staging = {.root = root, .missing = g_ptr_array_new_with_free_func(g_free), .fd = -1};
    autoclose int fd = -1;
    TRY(root_find_missing(root, target, staging.missing, err));
    if (staging.missing->len == 0) {
        return root_refuse_other(root, err);
    }
    TRY(stage(&staging, err));
    int rc = fill(&staging, target, record, &fd, err);
    if (rc != 0 || (rc = root_rename_folder(root, staging.staged,
                                            g_ptr_array_index(staging.missing, 0), err)) != 0) {
        return refuse_taken(&staging, fd, rc, err);
    }
    *ret_fd = auto_steal(&fd);
    return 0;
}

static int find_other_than(const root_dir *root, const char *folder, const char *path,
                           bool *ret_has, cpulift_error **err)
{
    g_autofree char *name = g_path_get_basename(path);
    g_auto(GStrv) names = NULL;
    TRY(root_list(root, folder, &names, err));
    *ret_has = false;
    for (char **other = names; *other != NULL; other++) {
        *ret_has |= strcmp(*other, name) != 0 && !g_str_has_prefix(*other, ROOT_TEMPORARY_PREFIX);
    }
    return 0;
}

/// The outermost of the journal's own folders with which nothing but the record would go; NULL
/// where other things stand even in the innermost, or it was there before.
static int find_outermost(const root_dir *root, const char *target, const GPtrArray *folders,
                          const char **ret_outermost, cpulift_error **err)
{
    const char *inner = target;
    bool has_other = false;
    *ret_outermost = NULL;
    for (size_t i = folders->len; i-- > 0 && !has_other;) {
        const char *folder = g_ptr_array_index(folders, i);
        if (!g_str_has_prefix(JOURNAL_FOLDER, folder)) {
            continue;
        }
        TRY(find_other_than(root, folder, inner, &has_other, err));
        if (!has_other) {
            *ret_outermost = inner = folder;
        }
    }
    return 0;
}

int journal_folder_forget(const root_dir *root, const char *target,
                          const struct root_file *expected, const GPtrArray *folders,
                          cpulift_error **err)
{
    for (size_t i = folders->len; i-- > 0;) {
        const char *folder = g_ptr_array_index(folders, i);
        if (!g_str_has_prefix(JOURNAL_FOLDER, folder)) {
            TRY(root_remove_folder(root, folder, err));
        }
    }
    root_discard_all(root, target);
    const char *outermost = NULL;
    TRY(find_outermost(root, target, folders, &outermost, err));
    if (outermost == NULL) {
        return root_replace(root, target, &absent, expected, err);
    }
    g_autofree char *staged = name_beside(outermost);
    g_autofree char *name = g_path_get_basename(staged);
    TRY(root_rename_folder(root, outermost, staged, err));
    root_discard(root, outermost, name);
    return 0;
}

void journal_folder_sweep(const root_dir *root)
{
    static const char *const parents[] = {".", "var", "var/lib", JOURNAL_STATE_FOLDER};
    for (size_t i = 0; i < G_N_ELEMENTS(parents); i++) {
        root_discard_folders(root, parents[i]);
    }
    (void)root_remove_folder(root, JOURNAL_FOLDER, NULL);
    (void)root_remove_folder(root, JOURNAL_STATE_FOLDER, NULL);
}
