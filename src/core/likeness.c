// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/likeness.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define NAME "\"name\""
#define DATE "\"scanned\""
#define NODE "\"node\""

static uint64_t fold(uint64_t lane, const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    lane = (lane ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return lane ^ lane >> 32;
}

/// A hash, in lanes that do not wait for each other: every document of a fleet goes through here.
static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    uint64_t a = hash, b = ~hash, c = hash + len, d = hash - len;
    char rest[32] = {0};
    for (; len >= sizeof rest; bytes += sizeof rest, len -= sizeof rest) {
        a = fold(a, bytes);
        b = fold(b, bytes + 8);
        c = fold(c, bytes + 16);
        d = fold(d, bytes + 24);
    }
    memcpy(rest, bytes, len);
    a = fold(a, rest);
    b = fold(b, rest + 8);
    c = fold(c, rest + 16);
    d = fold(d, rest + 24);
    return ((a * 3 ^ b) * 5 ^ c) * 7 ^ d;
}

/// The string that is the value of the member that ends at `at`: *ret_len bytes; NULL: it is none.
static const char *find_value(const char *at, size_t *ret_len)
{
    at += strspn(at, ": ");
    const char *quote = *at == '"' ? strchr(at + 1, '"') : NULL;
    *ret_len = quote != NULL ? (size_t)(quote - at - 1) : 0;
    return quote != NULL ? at + 1 : NULL;
}

/// Behind the word and the blanks after it; NULL: it does not stand there.
static const char *skip(const char *at, const char *word)
{
    size_t len = strlen(word);
    bool is_there = at != NULL && strncmp(at, word, len) == 0;
    return is_there ? at + len + strspn(at + len, " \n") : NULL;
}

/// Behind a number of at most `max` and the blanks after it.
static const char *skip_number(const char *at, guint64 max, guint64 *ret_value)
{
    size_t len = at != NULL ? strspn(at, "0123456789") : 0;
    g_autofree char *digits = g_strndup(at, len);
    bool is_one = len > 0 && (*at != '0' || len == 1) && text_to_uint(digits, max, ret_value);
    return is_one ? at + len + strspn(at + len, " \n") : NULL;
}

/// Behind the size, if it is the member that begins at `at`, as it is written: what is not so is
/// left to the parser.
static const char *skip_size(const char *at, struct host_size *ret_size)
{
    guint64 cpus = 0, memory = 0;
    at = skip(skip(skip(skip(skip(at, NODE), ":"), "{"), "\"cpus\""), ":");
    at = skip(skip_number(at, HOST_CPUS_MAX, &cpus), ",");
    at = skip_number(skip(skip(at, "\"memory\""), ":"), HOST_MEMORY_MAX, &memory);
    at = skip(skip(at, "}"), ",");
    if (at != NULL) {
        *ret_size = (struct host_size){memory, (unsigned)cpus};
    }
    return at;
}

/// Behind the date, if it is the member that begins at `at`.
static const char *skip_date(const char *at, struct likeness *like)
{
    size_t len = 0;
    bool is_one = strncmp(at, DATE, strlen(DATE)) == 0;
    const char *value = is_one ? find_value(at + strlen(DATE), &len) : NULL;
    const char *next = value != NULL ? skip(skip(value + len, "\""), ",") : NULL;
    if (next == NULL || *next != '"') {
        return NULL;
    }
    like->date = value;
    like->date_len = len;
    return next;
}

/// Cuts out size and date if they are the members that follow the name, as in every document of
/// ours.
static void cut(struct likeness *like, GString *rest)
{
    const char *member = skip(skip(like->after, "\""), ",");
    const char *end = like->after + like->after_len;
    const char *behind_size = member != NULL ? skip_size(member, &like->size) : NULL;
    const char *next = behind_size != NULL ? behind_size : member;
    const char *behind_date = next != NULL ? skip_date(next, like) : NULL;
    next = behind_date != NULL ? behind_date : next;
    if (next == member) {
        return;
    }
    g_string_truncate(rest, 0);
    g_string_append_len(rest, like->after, member - like->after);
    g_string_append_len(rest, next, end - next);
    like->after = rest->str;
    like->after_len = rest->len;
}

bool likeness_read(const char *text, size_t len, GString *rest, struct likeness *ret_like)
{
    const char *member = strstr(text, NAME); // unlike memmem(), with the processor's vectors
    struct likeness like = {.before = text};
    like.name = member != NULL ? find_value(member + strlen(NAME), &like.name_len) : NULL;
    if (like.name == NULL) {
        return false;
    }
    like.before_len = (size_t)(like.name - text);
    like.after = like.name + like.name_len;
    like.after_len = len - like.before_len - like.name_len;
    cut(&like, rest);
    like.hash = (guint)mix(mix(0, like.before, like.before_len), like.after, like.after_len);
    *ret_like = like;
    return true;
}

bool likeness_is_certain(const struct likeness *like)
{
    return memchr(like->before, '\\', like->before_len) == NULL &&
           memchr(like->after, '\\', like->after_len) == NULL &&
           memmem(like->after, like->after_len, NAME, strlen(NAME)) == NULL;
}

guint likeness_hash(const void *like)
{
    return ((const struct likeness *)like)->hash;
}

gboolean likeness_equal(const void *a, const void *b)
{
    const struct likeness *la = a, *lb = b;
    return la->before_len == lb->before_len && la->after_len == lb->after_len &&
           memcmp(la->before, lb->before, la->before_len) == 0 &&
           memcmp(la->after, lb->after, la->after_len) == 0;
}
