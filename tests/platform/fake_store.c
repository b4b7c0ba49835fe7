// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_store.h"

#include <string.h>
#include <sys/mman.h>

char (*fake_texts)[2048];
char *fake_refused;
static void (*reached)(void);

void fake_set_up(void (*step)(void))
{
    reached = step;
    fake_refused = NULL;
    if (fake_texts == NULL) {
        fake_texts = mmap(NULL, 2 * sizeof(*fake_texts), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert(fake_texts != MAP_FAILED);
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *text = fake_domain("Penryn", "");
        g_strlcpy(fake_texts[i], text, sizeof(fake_texts[i]));
    }
}

char *fake_domain(const char *model, const char *rest)
{
    return g_strdup_printf("<domain type='kvm'><name>g</name><cpu><model>%s</model></cpu>%s"
                           "</domain>",
                           model, rest);
}

static char *find(const char *target)
{
    return fake_texts[target[0] - 'a'];
}

static int load(const struct store *self, const char *target, struct root_file *ret_file,
                cpulift_error **err)
{
    (void)self, (void)err;
    const char *text = find(target);
    *ret_file = (struct root_file){0};
    if (*text != '\0') {
        *ret_file =
            (struct root_file){.exists = true, .bytes = g_strdup(text), .len = strlen(text)};
    }
    return 0;
}

static int replace(const struct store *self, const char *target, const struct root_file *file,
                   const struct root_file *expected, const char *staged, cpulift_error **err)
{
    (void)self;
    g_assert(staged == NULL && file->exists);
    char *text = find(target);
    if (!expected->exists || strcmp(text, expected->bytes) != 0) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT, "guest '%s' changed", target);
    }
    if (g_strcmp0(fake_refused, target) == 0) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "guest '%s' is not taken", target);
    }
    if (reached != NULL) {
        reached();
    }
    g_strlcpy(text, file->bytes, sizeof(*fake_texts));
    return 0;
}

static void close_fake(struct store *self)
{
    g_free(self);
}

int fake_open(const store_key *key, struct store **ret_store, cpulift_error **err)
{
    if (strcmp(key->uri, FAKE_URI) != 0) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' does not answer", key->uri);
    }
    *ret_store = g_new(struct store, 1);
    **ret_store = (struct store){
        .is_each_alone = true, .load = load, .replace = replace, .close = close_fake};
    return 0;
}

void fake_add(changeset *set, const char *uuid, const char *text)
{
    static const store_key key = {.uri = (char *)FAKE_URI};
    g_autofree char *name = g_strdup_printf("guest-%s", uuid);
    if (strcmp(find(uuid), text) != 0) {
        changeset_add_definition(set, &key, uuid, name, find(uuid), text);
    }
}
