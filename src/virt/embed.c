// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/embed.h"

#include "base/auto.h"
#include "base/file.h"
#include "virt/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/// libvirt puts Unix sockets below the folder, whose paths the kernel limits to 107 bytes.
#define ROOT_LENGTH_MAX 50

/// How many embedded drivers of one user may run at the same time.
#define SLOT_COUNT 32

static const char config_root[] = "user = \"root\"\ngroup = \"root\"\n";
static const char config_common[] = "stdio_handler = \"file\"\nsecurity_driver = \"none\"\n"
                                    "namespaces = []\ncgroup_controllers = []\n"
                                    "dynamic_ownership = 0\n";

static int fail_folder(const char *path, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot use '%s' for the embedded QEMU driver: %s; set "
                             "CPULIFT_EMBED_ROOT to a short path of a folder that is yours",
                             path, g_strerror(errno));
}

/// The folder exists afterwards, belongs to this user and nobody else may write to it.
static int make_private(const char *path, cpulift_error **err)
{
    struct stat info;
    if ((mkdir(path, 0700) != 0 && errno != EEXIST) || lstat(path, &info) != 0) {
        return fail_folder(path, err);
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022) != 0) {
        errno = EPERM;
        return fail_folder(path, err);
    }
    return 0;
}

/// Where the slots stand: a cache that lasts where there is one with a short path, else a fresh
/// folder.
static char *find_base(void)
{
    const char *asked = g_getenv("CPULIFT_EMBED_ROOT");
    if (asked != NULL && asked[0] == '/') {
        return g_strdup(asked);
    }
    if (geteuid() == 0) {
        return g_strdup("/var/cache/cpulift");
    }
    char *path = g_build_filename(g_get_user_cache_dir(), "cpulift", NULL);
    if (strlen(path) <= ROOT_LENGTH_MAX && g_mkdir_with_parents(path, 0700) == 0) {
        return path;
    }
    g_free(path);
    return g_dir_make_tmp("cpulift-XXXXXX", NULL);
}

/// Takes the first slot that no running process has; the lock ends with the process and its keeper.
/// *ret_path is the slot's folder.
static int take_slot(const char *base, char **ret_path, int *ret_lock, cpulift_error **err)
{
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        g_autofree char *lock = g_strdup_printf("%s/%u.lock", base, slot);
        autoclose int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            return fail_folder(lock, err);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            *ret_lock = auto_steal(&fd);
            *ret_path = g_strdup_printf("%s/%u", base, slot);
            return 0;
        }
    }
    errno = EBUSY;
    return fail_folder(base, err);
}

/// `link_path` leads to `target` afterwards. An answer that is there already is kept.
static int make_link(const char *target, const char *link_path, cpulift_error **err)
{
    if (symlink(target, link_path) != 0 && errno != EEXIST) {
        return fail_folder(link_path, err);
    }
    return 0;
}

static int fill_root(const char *base, const char *root, cpulift_error **err)
{
    g_autofree char *etc = g_build_filename(root, "etc", NULL);
    g_autofree char *conf = g_build_filename(etc, "qemu.conf", NULL);
    g_autofree char *cache = g_build_filename(base, "cache", NULL);
    g_autofree char *cache_link = g_build_filename(root, "cache", NULL);
    g_autofree char *text = g_strconcat(geteuid() == 0 ? config_root : "", config_common, NULL);
    TRY(make_private(root, err));
    TRY(make_private(etc, err));
    TRY(make_private(cache, err));
    TRY(make_link("../cache", cache_link, err));
    return file_save(conf, text, strlen(text), 0600, err);
}

static int make_root(char **ret_root, cpulift_error **err)
{
    g_autofree char *base = find_base();
    if (base == NULL || strlen(base) > ROOT_LENGTH_MAX) {
        errno = base == NULL ? errno : ENAMETOOLONG;
        return fail_folder(base == NULL ? g_get_tmp_dir() : base, err);
    }
    g_autofree char *root = NULL;
    int lock = -1;
    TRY(make_private(base, err));
    TRY(take_slot(base, &root, &lock, err));
    TRY(fill_root(base, root, err));
    TRY(keeper_start(root, lock, err));
    *ret_root = g_steal_pointer(&root);
    return 0;
}

int embed_get_uri(char **ret_uri, cpulift_error **err)
{
    static GMutex lock;
    static char *root;
    g_mutex_lock(&lock);
    int rc = root == NULL ? make_root(&root, err) : 0;
    g_mutex_unlock(&lock);
    TRY(rc);
    *ret_uri = g_strconcat("qemu:///embed?root=", root, NULL);
    return 0;
}
