// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/files.h"

#include "agent/say.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/// What may make a file another, or bring or take its folder. Reading and permissions do not.
#define NEAR                                                                                       \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |       \
     IN_MOVE_SELF)

/// So often what cannot be watched is looked at.
#define LOOK_S 10u

/// By these a file is told from another at the same path.
struct print {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec changed;
};

struct files {
    char **paths;
    struct print *prints;
    unsigned settle_ms;
    void (*changed)(void *data);
    void *data;
    int fd;       ///< -1: the kernel gives none,
    int fd_error; ///< for this reason
    guint source, timer;
    bool is_blind;       ///< some of them cannot be watched
    GHashTable *watched; ///< descriptors of inotify; keys alone
};

static struct print look(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (struct print){st.st_dev, st.st_ino, st.st_size, st.st_ctim}
                                : (struct print){0};
}

static bool is_same(const struct print *a, const struct print *b)
{
    return a->device == b->device && a->number == b->number && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/// Watches the folder of a path, or the nearest above it that is there. The error of one that is
/// there and cannot be watched; 0: none.
static int watch_above(files *self, const char *path)
{
    if (self->fd < 0) {
        return self->fd_error;
    }
    g_autofree char *folder = g_path_get_dirname(path);
    int number = inotify_add_watch(self->fd, folder, NEAR | IN_ONLYDIR);
    while (number < 0 && (errno == ENOENT || errno == ENOTDIR) && strcmp(folder, "/") != 0) {
        char *parent = g_path_get_dirname(folder);
        g_free(folder);
        folder = parent;
        number = inotify_add_watch(self->fd, folder, NEAR | IN_ONLYDIR);
    }
    if (number >= 0) {
        g_hash_table_add(self->watched, GINT_TO_POINTER(number));
    }
    return number >= 0 ? 0 : errno;
}

/// Every step of links, too: who turns one changes another folder than the file's.
static int watch_path(files *self, const char *path)
{
    enum { LINKS_MAX = 40 };
    int error = 0;
    g_autofree char *at = g_strdup(path);
    for (unsigned i = 0; i < LINKS_MAX && at != NULL && error == 0; i++) {
        error = watch_above(self, at);
        g_autofree char *to = g_file_read_link(at, NULL);
        g_autofree char *folder = g_path_get_dirname(at);
        g_free(at);
        at = to != NULL ? g_canonicalize_filename(to, folder) : NULL;
    }
    return error;
}

static gboolean settle(void *data);

/// What cannot be watched is looked at now and then.
static void bear(files *self, const char *path, int error)
{
    if (!self->is_blind) {
        say(SAY_WARNING, "cannot watch '%s': %s; it is looked at every %u s", path,
            g_strerror(error), LOOK_S);
    }
    if (self->timer == 0) {
        self->timer = g_timeout_add_seconds(LOOK_S, settle, self);
    }
}

/// What happened does not matter, nor that inotify lost some of it: all files are looked at.
static gboolean drain(int fd, GIOCondition condition, void *data)
{
    (void)condition;
    files *self = data;
    char events[4096];
    while (read(fd, events, sizeof events) > 0) {
    }
    if (self->timer == 0) {
        self->timer = g_timeout_add(self->settle_ms, settle, self);
    }
    return G_SOURCE_CONTINUE;
}

/// Of an instance of inotify, too, a user has only so many.
static void open_instance(files *self)
{
    self->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    self->fd_error = errno;
    if (self->fd >= 0) {
        self->source = g_unix_fd_add(self->fd, G_IO_IN, drain, self);
    }
}

/// Watches what is to be watched now and nothing else.
static void arm(files *self)
{
    if (self->fd < 0) {
        open_instance(self);
    }
    GHashTable *before = self->watched;
    self->watched = g_hash_table_new(NULL, NULL);
    bool is_blind = false;
    for (char **path = self->paths; *path != NULL; path++) {
        int error = watch_path(self, *path);
        if (error != 0) {
            bear(self, *path, error);
            is_blind = self->is_blind = true;
        }
    }
    self->is_blind = is_blind;
    GHashTableIter iter;
    void *number;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &number, NULL)) {
        if (!g_hash_table_contains(self->watched, number)) {
            (void)inotify_rm_watch(self->fd, GPOINTER_TO_INT(number));
        }
    }
    g_hash_table_unref(before);
}

/// Takes the prints of now; whether one is another.
static bool take_prints(files *self)
{
    bool is_changed = false;
    for (size_t i = 0; self->paths[i] != NULL; i++) {
        struct print now = look(self->paths[i]);
        is_changed = is_changed || !is_same(&now, &self->prints[i]);
        self->prints[i] = now;
    }
    return is_changed;
}

static gboolean settle(void *data)
{
    files *self = data;
    self->timer = 0;
    arm(self);
    if (take_prints(self)) {
        self->changed(self->data);
    }
    return G_SOURCE_REMOVE;
}

files *files_watch(const char *const *paths, unsigned settle_ms, void (*changed)(void *data),
                   void *data)
{
    files *self = g_new0(files, 1);
    self->paths = g_strdupv((char **)paths);
    self->prints = g_new0(struct print, g_strv_length(self->paths) + 1);
    self->settle_ms = settle_ms;
    self->changed = changed;
    self->data = data;
    self->fd = -1;
    self->watched = g_hash_table_new(NULL, NULL);
    arm(self);
    (void)take_prints(self);
    return self;
}

void files_free(files *self)
{
    if (self == NULL) {
        return;
    }
    if (self->fd >= 0) {
        g_source_remove(self->source);
        close(self->fd);
    }
    if (self->timer != 0) {
        g_source_remove(self->timer);
    }
    g_hash_table_unref(self->watched);
    g_strfreev(self->paths);
    g_free(self->prints);
    g_free(self);
}
