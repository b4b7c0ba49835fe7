// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place.h"

#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <string.h>

char *at(const struct place *place, const char *name)
{
    return g_build_filename(place->path, name, NULL);
}

void put(const struct place *place, const char *name, const char *text)
{
    g_autofree char *path = at(place, name);
    g_autofree char *folder = g_path_get_dirname(path);
    assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

char *get(const struct place *place, const char *name)
{
    g_autofree char *path = at(place, name);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

bool has(const struct place *place, const char *name)
{
    bool is_there = false;
    return root_find(place->root, name, &is_there, NULL) == 0 && is_there;
}

int set_up(void **state)
{
    struct place *place = g_new0(struct place, 1);
    place->path = g_dir_make_tmp("change.XXXXXX", NULL);
    assert_int_equal(root_open(place->path, &place->root, NULL), 0);
    place->stores = stores_new(place->root, fake_open);
    fake_set_up(NULL);
    *state = place;
    return 0;
}

int tear_down(void **state)
{
    struct place *place = *state;
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", place->path);
    assert_int_equal(system(command), 0);
    stores_free(place->stores);
    root_free(place->root);
    g_free(place->path);
    g_free(place);
    return 0;
}

int add(changeset *set, const struct place *place, const char *target, const char *text,
        enum change_undo undo, cpulift_error **err)
{
    return changeset_add(set, place->root, target, text, strlen(text), 0644, undo, err);
}
