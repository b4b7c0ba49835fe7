// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/store.h"

#include <string.h>

const struct record store_key_record = {
    RECORD_ROWS({"uri", &record_string, RECORD_AT(store_key, uri), RECORD_REQUIRED, .min = 1,
                 .meaning = "by which it is reached"},
                {"id", &record_string, RECORD_AT(store_key, id),
                 .meaning = "the same however the URI is spelled; absent: not known"}),
    .size = sizeof(store_key),
};

bool store_key_equal(const store_key *a, const store_key *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a->uri, b->uri) == 0 || (a->id != NULL && g_strcmp0(a->id, b->id) == 0);
}

store_key *store_key_copy(const store_key *key)
{
    store_key *copy = key != NULL ? record_new(&store_key_record) : NULL;
    if (copy != NULL) {
        *copy = (store_key){g_strdup(key->uri), g_strdup(key->id)};
    }
    return copy;
}

/// The files below a root.
struct files {
    struct store base;
    const root_dir *root;
};

static const root_dir *get_root(const struct store *self)
{
    return ((const struct files *)self)->root;
}

static int load_file(const struct store *self, const char *target, struct root_file *ret_file,
                     cpulift_error **err)
{
    return root_load(get_root(self), target, ret_file, err);
}

static int replace_file(const struct store *self, const char *target, const struct root_file *file,
                        const struct root_file *expected, const char *staged, cpulift_error **err)
{
    return staged != NULL ? root_commit(get_root(self), target, staged, expected, err)
                          : root_replace(get_root(self), target, file, expected, err);
}

static int stage_file(const struct store *self, const char *target, const struct root_file *file,
                      char **ret_staged, cpulift_error **err)
{
    *ret_staged = NULL;
    return file->exists ? root_stage(get_root(self), target, file, ret_staged, err) : 0;
}

static void discard_file(const struct store *self, const char *target, const char *staged)
{
    if (staged != NULL) {
        root_discard(get_root(self), target, staged);
    } else {
        root_discard_all(get_root(self), target);
    }
}

static void close_files(struct store *self)
{
    g_free(self);
}

static struct store *files_new(const root_dir *root)
{
    struct files *files = g_new(struct files, 1);
    *files = (struct files){
        .base = {.load = load_file,
                 .replace = replace_file,
                 .stage = stage_file,
                 .discard = discard_file,
                 .close = close_files},
        .root = root,
    };
    return &files->base;
}

/// One that was asked for.
struct opened {
    store_key *key;      ///< NULL: the files
    struct store *store; ///< NULL: it could not be opened
    cpulift_error *why;
};

static void opened_free(void *data)
{
    struct opened *opened = data;
    record_free(&store_key_record, opened->key);
    if (opened->store != NULL) {
        opened->store->close(opened->store);
    }
    cpulift_error_clear(&opened->why);
    g_free(opened);
}

static struct opened *add(struct stores *self, const store_key *key, struct store *store,
                          cpulift_error *why)
{
    struct opened *opened = g_new(struct opened, 1);
    *opened = (struct opened){store_key_copy(key), store, why};
    g_ptr_array_add(self->opened, opened);
    return opened;
}

struct stores *stores_new(const root_dir *root,
                          int (*open)(const store_key *key, struct store **ret_store,
                                      cpulift_error **err))
{
    struct stores *self = g_new(struct stores, 1);
    *self = (struct stores){root, open, g_ptr_array_new_with_free_func(opened_free)};
    add(self, NULL, files_new(root), NULL);
    return self;
}

void stores_free(struct stores *self)
{
    if (self != NULL) {
        g_ptr_array_free(self->opened, TRUE);
        g_free(self);
    }
}

void stores_add(struct stores *self, const store_key *key, struct store *opened)
{
    add(self, key, opened, NULL);
}

static const struct opened *find(const struct stores *self, const store_key *key)
{
    for (size_t i = 0; i < self->opened->len; i++) {
        const struct opened *opened = g_ptr_array_index(self->opened, i);
        if (store_key_equal(opened->key, key)) {
            return opened;
        }
    }
    return NULL;
}

static const struct opened *open_one(struct stores *self, const store_key *key)
{
    struct store *opened = NULL;
    cpulift_error *why = NULL;
    if (self->open != NULL) {
        (void)self->open(key, &opened, &why);
    } else {
        cpulift_error_set(&why, CPULIFT_EMISSING, "'%s' cannot be reached by this program",
                          key->uri);
    }
    return add(self, key, opened, why);
}

int stores_get(struct stores *self, const store_key *key, const struct store **ret_store,
               cpulift_error **err)
{
    const struct opened *opened = find(self, key);
    if (opened == NULL) {
        opened = open_one(self, key);
    }
    if (opened->store == NULL) {
        return cpulift_error_set(err, opened->why->code, "%s", opened->why->message);
    }
    *ret_store = opened->store;
    return 0;
}
