// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/seal.h"

#include "base/file.h"
#include "base/json.h"
#include "base/record.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define PEM_MAX   ((size_t)64 << 10)
#define KEY_BYTES crypto_sign_ed25519_PUBLICKEYBYTES

/// What stands before the 32 bytes of a key in DER.
static const unsigned char public_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                            0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const unsigned char private_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                             0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

struct seal_keys {
    char *name;
    GByteArray *bytes; ///< KEY_BYTES for each
};

/// The 32 bytes of the PEM block that begins at *at, which is moved behind it; 1: no block follows,
/// -1: it is none of an Ed25519 key.
static int take_block(const char **at, const char *label, const unsigned char *head, size_t len,
                      unsigned char *key)
{
    g_autofree char *begin = g_strdup_printf("-----BEGIN %s-----", label);
    const char *start = strstr(*at, "-----BEGIN ");
    if (start == NULL) {
        return 1;
    }
    if (!g_str_has_prefix(start, begin)) {
        return -1;
    }
    start += strlen(begin);
    const char *end = strstr(start, "-----END ");
    if (end == NULL) {
        return -1;
    }
    gsize count = 0;
    g_autofree char *base64 = g_strndup(start, (gsize)(end - start));
    g_autofree guchar *der = g_base64_decode(base64, &count);
    bool is_key = count == len + KEY_BYTES && memcmp(der, head, len) == 0;
    if (is_key) {
        memcpy(key, der + len, KEY_BYTES);
    }
    sodium_memzero(der, count);
    sodium_memzero(base64, strlen(base64));
    *at = end + strlen("-----END ");
    return is_key ? 0 : -1;
}

static int refuse_keys(const char *name, const char *kind, const char *how, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' is no Ed25519 %s of at most 64 KiB; %s makes one", name, kind,
                             how);
}

int seal_keys_parse(const char *text, size_t len, const char *name, seal_keys **ret_keys,
                    cpulift_error **err)
{
    g_autoptr(seal_keys) keys = g_new0(seal_keys, 1);
    g_autofree char *whole = g_strndup(text, len);
    const char *at = whole;
    unsigned char key[KEY_BYTES];
    int rc = 0;
    keys->name = g_strdup(name);
    keys->bytes = g_byte_array_new();
    while ((rc = take_block(&at, "PUBLIC KEY", public_head, sizeof public_head, key)) == 0) {
        g_byte_array_append(keys->bytes, key, sizeof key);
    }
    // What file_load_trusted() would not read is none for apply either.
    if (rc < 0 || keys->bytes->len == 0 || len > PEM_MAX) {
        return refuse_keys(name, "public key in PEM", "'openssl pkey -pubout'", err);
    }
    *ret_keys = g_steal_pointer(&keys);
    return 0;
}

int seal_keys_load(const char *path, seal_keys **ret_keys, cpulift_error **err)
{
    struct stat st;
    g_autofree char *text = NULL;
    size_t len = 0;
    *ret_keys = NULL;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot look for '%s': %s", path,
                                       g_strerror(errno));
    }
    if (S_ISLNK(st.st_mode)) { // apply follows none below a root, and the two must agree
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "'%s' is a symbolic link; put the keys themselves there", path);
    }
    TRY(file_load_trusted(path, PEM_MAX, &text, &len, err));
    return seal_keys_parse(text, len, path, ret_keys, err);
}

void seal_keys_free(seal_keys *keys)
{
    if (keys != NULL) {
        g_free(keys->name);
        g_byte_array_unref(keys->bytes);
        g_free(keys);
    }
}

/// Which guests are meant is each node's own.
static bool is_sealed(const char *member)
{
    return strcmp(member, "guests") != 0 && strcmp(member, "seal") != 0;
}

/// What this program takes from the plan. The caller's.
static json_t *format_taken(const cpulift_plan *plan)
{
    json_t *taken = record_format(&plan_record, plan, NULL);
    json_object_del(taken, "guests");
    json_object_del(taken, "seal");
    return taken;
}

/// The bytes that are signed: what is covered, as the document has it. NULL where it lacks some.
static char *format_covered(const json_t *document, const json_t *covers)
{
    g_autoptr(json_t) covered = json_object();
    size_t i;
    const json_t *name;
    json_array_foreach (covers, i, name) {
        const char *member = json_string_value(name);
        json_t *value = member != NULL ? json_object_get(document, member) : NULL;
        if (value == NULL || !is_sealed(member)) {
            return NULL;
        }
        json_object_set(covered, member, value);
    }
    return json_format_line(covered);
}

static int read_private(const char *path, unsigned char *secret, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    struct stat st = {0};
    unsigned char seed[KEY_BYTES], public[KEY_BYTES];
    if (strcmp(path, "-") != 0 && stat(path, &st) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot open '%s': %s", path,
                                 g_strerror(errno));
    }
    if ((st.st_mode & S_IROTH) != 0) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "'%s' may be read by every user, who could seal plans with it; "
                                 "make another key, which only you can read (chmod 600)",
                                 path);
    }
    TRY(file_load_trusted(path, PEM_MAX, &text, &len, err));
    const char *at = text;
    int rc = take_block(&at, "PRIVATE KEY", private_head, sizeof private_head, seed);
    sodium_memzero(text, len);
    if (rc != 0) {
        return refuse_keys(path, "private key in PEM, without a password,",
                           "'openssl genpkey -algorithm ed25519'", err);
    }
    (void)crypto_sign_ed25519_seed_keypair(public, secret, seed);
    sodium_memzero(seed, sizeof seed);
    return 0;
}

int seal_put(cpulift_plan *plan, const char *key_path, cpulift_error **err)
{
    unsigned char secret[crypto_sign_ed25519_SECRETKEYBYTES];
    unsigned char signature[crypto_sign_ed25519_BYTES];
    g_autoptr(json_t) taken = format_taken(plan), covers = json_array();
    const char *member;
    json_t *value;
    json_object_foreach (taken, member, value) {
        if (json_object_get(plan->document, member) != NULL) {
            json_array_append_new(covers, json_string(member));
        }
    }
    TRY(read_private(key_path, secret, err));
    g_autofree char *text = format_covered(plan->document, covers);
    (void)crypto_sign_ed25519_detached(signature, NULL, (const unsigned char *)text, strlen(text),
                                       secret);
    sodium_memzero(secret, sizeof secret);
    g_autofree char *base64 = g_base64_encode(signature, sizeof signature);
    json_object_set_new(plan->document, "seal",
                        json_pack("{s:O, s:s}", "covers", covers, "ed25519", base64));
    return 0;
}

/// Which key, from 1 on, has signed the text; 0: none.
static unsigned find_key(const seal_keys *keys, const char *text, const char *base64)
{
    gsize len = 0;
    g_autofree guchar *signature = g_base64_decode(base64, &len);
    unsigned count = len == crypto_sign_ed25519_BYTES ? seal_keys_count(keys) : 0;
    for (unsigned i = 0; i < count; i++) {
        if (crypto_sign_ed25519_verify_detached(signature, (const unsigned char *)text,
                                                strlen(text),
                                                keys->bytes->data + (size_t)i * KEY_BYTES) == 0) {
            return i + 1;
        }
    }
    return 0;
}

unsigned seal_keys_count(const seal_keys *keys)
{
    return keys->bytes->len / KEY_BYTES;
}

unsigned seal_find_key(const cpulift_plan *plan, const seal_keys *keys)
{
    const json_t *seal = json_object_get(plan->document, "seal");
    const char *base64 = json_get_string(seal, "ed25519");
    g_autofree char *text = format_covered(plan->document, json_object_get(seal, "covers"));
    return base64 != NULL && text != NULL ? find_key(keys, text, base64) : 0;
}

/// What is taken and not covered; NULL: nothing. The caller's.
static char *find_uncovered(const cpulift_plan *plan, const json_t *covers)
{
    g_autoptr(json_t) taken = format_taken(plan);
    const char *member;
    json_t *value;
    json_object_foreach (taken, member, value) {
        size_t i;
        const json_t *name;
        bool is_covered = false;
        json_array_foreach (covers, i, name) {
            is_covered |= g_strcmp0(json_string_value(name), member) == 0;
        }
        if (!is_covered && json_object_get(plan->document, member) != NULL) {
            return g_strdup(member);
        }
    }
    return NULL;
}

int seal_check(const cpulift_plan *plan, const char *name, const seal_keys *keys,
               cpulift_error **err)
{
    if (keys == NULL) {
        return 0;
    }
    const json_t *seal = json_object_get(plan->document, "seal");
    const json_t *covers = json_object_get(seal, "covers");
    const char *base64 = json_get_string(seal, "ed25519");
    if (base64 == NULL) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "'%s' is not sealed, and '%s' asks for a seal; make it with "
                                 "'cpulift plan --sign KEY'",
                                 name, keys->name);
    }
    g_autofree char *uncovered = find_uncovered(plan, covers);
    if (uncovered != NULL || seal_find_key(plan, keys) == 0) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "'%s' does not have the seal of a key in '%s'%s%s; take the plan "
                                 "as it was made, or seal one "
                                 "with such a key ('cpulift plan --sign KEY')",
                                 name, keys->name, uncovered != NULL ? ", for it has another " : "",
                                 uncovered != NULL ? uncovered : "");
    }
    return 0;
}

void seal_copy(const cpulift_plan *plan, json_t *document)
{
    json_t *seal = json_object_get(plan->document, "seal");
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(seal, "covers"), i, name) {
        const char *member = json_string_value(name);
        if (member != NULL && is_sealed(member)) {
            json_object_set(document, member, json_object_get(plan->document, member));
        }
    }
    if (seal != NULL) {
        json_object_set(document, "seal", seal);
    }
}
