// SPDX-License-Identifier: LGPL-2.1-or-later
/// Documents from tables. A record describes one JSON object: for each member a row with its key,
/// its kind, its place in a struct, its limits and its meaning. Reading, checking, writing,
/// freeing and the tables of docs/FORMATS.md all go by the rows. One rule for every
/// document: a member that is absent is not known; one of another type or beyond its limits is
/// refused, with its path; one that no row has is ignored. null is of another type, but for members
/// to which it means something.
#pragma once

#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    RECORD_REQUIRED = 1, ///< absent is an error; always written
    RECORD_ALWAYS = 2,   ///< written even if it is 0, false or empty
    RECORD_NULL = 4,     ///< null says something: not known, not there; written so
    RECORD_NAMES = 8,    ///< the strings of a list or the keys of a map are names (text_is_name)
    RECORD_SORTED = 16,  ///< the strings of a list are a set: kept sorted, each once
    RECORD_MAP = 32,     ///< record_json: an object whose keys are data
    RECORD_UNSAID = 64,  ///< record_uint in a gint64: 0 is a number like others, -1 is absent
    RECORD_TEXT = 128,  ///< strings may have control characters and any length; else each is a line
    RECORD_BELOW = 256, ///< strings are paths below a root: relative, and nothing in them goes up
};

/// Where in a document something stands: a chain on the stack, written out only for a message.
typedef struct record_at {
    const struct record_at *up; ///< NULL: the document itself
    const char *key;            ///< of a member; NULL for an item of a list
    size_t index;               ///< of an item
    const char *name;           ///< the document's, for messages
    void *data;                 ///< what kinds of the caller's own need: a catalogue
} record_at;

/// A member of an object.
typedef struct record_row {
    const char *key; ///< NULL ends the table
    const struct record_kind *kind;
    size_t place, size; ///< RECORD_AT(); size 0: checked, but kept nowhere
    unsigned flags;
    guint64 min, max;              ///< of a number; how many items or bytes; 0: no limit
    const char *const *words;      ///< NULL-terminated; of record_word the struct has the index
    const struct record *record;   ///< of record_object, _pointer, _list, _map and _json
    const struct record_row *each; ///< of record_json: what each item or value is
    const char *meaning;           ///< for docs/FORMATS.md
} record_row;

#define RECORD_AT(type, member) .place = offsetof(type, member), .size = sizeof(((type *)0)->member)

/// The place of record_base64: `len` stands after `bytes`.
#define RECORD_BYTES_AT(type, bytes, len)                                                          \
    .place = offsetof(type, bytes),                                                                \
    .size = offsetof(type, len) + sizeof(((type *)0)->len) - offsetof(type, bytes)

/// A row without a place, in words: with a table of nothing but keys and kinds.
#define RECORD_CHECKED .place = 0

/// An object of a document.
struct record {
    const char *schema; ///< of a whole document, "cpulift.plan/1"; NULL for a part of one
    const record_row *rows;
    size_t size;                 ///< of the struct
    void (*destroy)(void *item); ///< record_free() of this record; for items of lists
};

#define RECORD_ROWS(...)                                                                           \
    .rows = (const record_row[])                                                                   \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/// Defines a part of a document whose structs stand in lists, and `part##_free` for them.
#define RECORD_ITEM(part, type, ...)                                                               \
    static void part##_free(void *item);                                                           \
    static const struct record part = {RECORD_ROWS(__VA_ARGS__), .size = sizeof(type),             \
                                       .destroy = part##_free};                                    \
    static void part##_free(void *item)                                                            \
    {                                                                                              \
        record_free(&part, item);                                                                  \
    }

/// The same for a record_map, whose structs begin with their key.
#define RECORD_MAP_ITEM(part, type, ...)                                                           \
    static void part##_free(void *item);                                                           \
    static const struct record part = {RECORD_ROWS(__VA_ARGS__), .size = sizeof(type),             \
                                       .destroy = part##_free};                                    \
    static void part##_free(void *item)                                                            \
    {                                                                                              \
        g_free(*(char **)item);                                                                    \
        record_free(&part, item);                                                                  \
    }

/// How members of a kind are read, written and kept. `base` is the struct around the member; it is
/// NULL where a document is only checked.
struct record_kind {
    const char *name; ///< for docs/FORMATS.md
    int (*parse)(const record_at *at, const record_row *row, const json_t *value, void *base,
                 cpulift_error **err);
    json_t *(*format)(const record_row *row, const void *base, const void *data); ///< NULL: absent
    void (*clear)(const record_row *row, void *base);                             ///< NULL: plain
};

extern const struct record_kind record_string;  ///< char *
extern const struct record_kind record_name;    ///< char *: text_is_name, or one of the words
extern const struct record_kind record_version; ///< char *: "10.0.2", and more behind it
extern const struct record_kind record_word;    ///< bool or enum: one of the words
extern const struct record_kind record_uint;    ///< unsigned or guint64, at most `max` (0: as much
                                                ///< as it holds, and 2^53)
extern const struct record_kind record_bool;    ///< bool
extern const struct record_kind record_base64;  ///< bytes: RECORD_BYTES_AT()
extern const struct record_kind record_strings; ///< char **, NULL-terminated
extern const struct record_kind record_array;   ///< GPtrArray * of char *, never NULL
extern const struct record_kind record_object; ///< a struct in the struct; without a place: members
                                               ///< that stand in the struct around it
extern const struct record_kind record_pointer; ///< pointer to a struct of its own
extern const struct record_kind record_list; ///< GPtrArray * of pointers to structs; NULL: absent,
                                             ///< unless it is required
extern const struct record_kind record_map;  ///< the same as an object, never NULL; the key is each
                                             ///< struct's first member, a char *
extern const struct record_kind record_json; ///< json_t *, kept as it is; with a record, `each` or
                                             ///< RECORD_MAP it is checked

/// The member's place in the struct at `base`; NULL where it has none.
void *record_get_place(const record_row *row, const void *base);

/// A zeroed, initialised struct: arrays that may not be NULL are there. The caller's.
void *record_new(const struct record *self);

/// Frees what the struct owns; record_free() frees the struct too, and NULL is fine.
void record_clear(const struct record *self, void *base);
void record_free(const struct record *self, void *base);

/// True where both say the same as documents. `data` is that of record_format().
bool record_equal(const struct record *self, const void *a, const void *b, const void *data);

/// Fills the initialised struct at `base` (NULL: checks only) from a document. `name` stands in
/// messages, `data` is for kinds of the caller's own. After an error `base` is filled in part; the
/// caller clears it either way.
int record_parse(const struct record *self, const json_t *json, const char *name, void *data,
                 void *base, cpulift_error **err);

/// Refuses a document with a member that no row has, where what a newer program wrote must not be
/// lost. It has been parsed.
int record_check_known(const struct record *self, const json_t *json, const char *name,
                       cpulift_error **err);

/// As record_parse() for a part of a document, at `at`; for one value by its row.
int record_parse_part(const struct record *self, const record_at *at, const json_t *json,
                      void *base, cpulift_error **err);

int record_parse_value(const record_at *at, const record_row *row, const json_t *value, void *base,
                       cpulift_error **err);

/// The document, or part of one. The caller's.
json_t *record_format(const struct record *self, const void *base, const void *data);

/// Appends the strings of a list, borrowed from it, to `strings`; checks them by the row.
int record_parse_strings(const record_at *at, const record_row *row, const json_t *value,
                         GPtrArray *strings, cpulift_error **err);

/// Adds strings to a vector that is kept sorted and has each once. The vector may be NULL.
void record_merge_strings(char ***vector, const GPtrArray *strings);

/// Refuses what stands at `at`: "'NAME': "PATH" " and `format…`.
int record_refuse(const record_at *at, cpulift_error **err, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
