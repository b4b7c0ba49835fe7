// SPDX-License-Identifier: LGPL-2.1-or-later
/// A changeset: what shall become of which files below a root and of which guests' definitions.
/// Adapters fill it, a dry run prints it, changeset_apply() makes it true, rollback reverses it.
/// Document schema cpulift.changeset/1, which is also what the journal holds.
#pragma once

#include "base/auto.h"
#include "base/record.h"
#include "core/plan.h"
#include "platform/root.h"
#include "platform/store.h"

#define CHANGESET_SCHEMA "cpulift.changeset/1"

/// How a change is undone when the target is neither as it was nor as we left it.
enum change_undo {
    CHANGE_WHOLE,      ///< not at all: the file is ours alone
    CHANGE_LINES,      ///< our lines are taken out, wherever they stand now
    CHANGE_PROPERTIES, ///< key by key: the platform writes the file itself
    CHANGE_CPU,        ///< <cpu> alone: the rest of a definition is its owner's
};

struct change_key {
    char *key, *before, *after; ///< `before` NULL where the key was not there
};

struct change {
    char *target;     ///< relative to the root; in another store its name there
    char *guest;      ///< the name of the guest whose definition it is; NULL: it is a file
    store_key *store; ///< where it is; NULL: below the root
    struct root_file before, after;
    enum change_undo undo;
    GPtrArray *keys;    ///< struct change_key, of CHANGE_PROPERTIES
    cpulift_error *why; ///< changeset_apply(): its store did not take it; in no document
};

typedef struct changeset {
    char *platform;
    char *plan;         ///< the document of the plan that it puts in force; NULL: it does not say
    GPtrArray *changes; ///< struct change, in the order in which they are made
    GPtrArray *folders; ///< char *: made for the changes, outermost first; filled by
                        ///< changeset_apply
} changeset;

extern const struct record changeset_record, change_record;

/// The rows of a document that begins with a changeset, and those that follow it.
#define CHANGESET_ROWS(...)                                                                        \
    RECORD_ROWS({"platform", &record_name, RECORD_AT(changeset, platform), RECORD_REQUIRED,        \
                 .meaning = "whose files"},                                                        \
                {"plan", &record_string, RECORD_AT(changeset, plan), RECORD_TEXT,                  \
                 .meaning = "the document of the plan that it puts in force"},                     \
                {"changes", &record_list, RECORD_AT(changeset, changes), RECORD_REQUIRED,          \
                 .record = &change_record, .meaning = "in the order in which they are made"},      \
                {"folders", &record_array, RECORD_AT(changeset, folders), RECORD_BELOW,            \
                 .meaning = "made for the changes, outermost first"},                              \
                __VA_ARGS__)

changeset *changeset_new(const char *platform);
void changeset_free(changeset *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(changeset, changeset_free)

/// The set puts this plan in force.
void changeset_set_plan(changeset *set, const cpulift_plan *plan);

/// The plan that the set puts in force, as it says or as a file of it has it; NULL where neither
/// does. The caller's.
cpulift_plan *changeset_find_plan(const changeset *set);

/// `target` shall hold these bytes. A new file gets `mode` and the owner of its folder, one that is
/// there keeps both but for execute bits that `mode` has. What is so already is not added.
int changeset_add(changeset *set, const root_dir *root, const char *target, const char *bytes,
                  size_t len, mode_t mode, enum change_undo undo, cpulift_error **err);

/// `target` shall be gone. What is not there is not added.
int changeset_add_removal(changeset *set, const root_dir *root, const char *target,
                          cpulift_error **err);

/// Refuses the file for having become another since it was read.
int change_refuse_changed(const root_dir *root, const char *target, cpulift_error **err);

/// As changeset_add(), for bytes that were made from those of `read`: refused when the file has
/// changed since, because what somebody else wrote would be lost.
int changeset_add_edit(changeset *set, const root_dir *root, const char *target,
                       const struct root_file *read, const char *bytes, size_t len,
                       enum change_undo undo, cpulift_error **err);

/// The properties file `target`, which must exist, shall have these values: `count` pairs of key
/// and value; a value NULL means that the key, if it is there, becomes empty.
int changeset_add_properties(changeset *set, const root_dir *root, const char *target,
                             const char *const (*pairs)[2], size_t count, cpulift_error **err);

/// The definition of `guest`, which `store` has as `uuid`, shall be `after` instead of `before`.
void changeset_add_definition(changeset *set, const store_key *store, const char *uuid,
                              const char *guest, const char *before, const char *after);

/// Takes a struct change *.
void change_free(void *change);

/// True where both are about the same thing.
bool change_is_of_same(const struct change *a, const struct change *b);

/// What it is about, for people: "/etc/x", or a guest's name. The caller's.
char *change_get_label(const struct change *change);

/// Takes the secrets out of what record_format() made of the change.
void change_hide_secrets(const struct change *change, json_t *json);

/// Appends what becomes of the change's target as a unified diff, with a line for a change of mode.
void change_append_diff(GString *out, const struct change *change, const struct root_file *before,
                        const struct root_file *after);

/// The changes as a unified diff, with a line for changes of mode; "" when there is none. The
/// caller's.
char *changeset_format_diff(const changeset *set);

/// The document. The caller's.
json_t *changeset_to_json(const changeset *set);

/// Reads the document back; `name` stands in messages.
int changeset_from_json(const json_t *json, const char *name, changeset **ret_set,
                        cpulift_error **err);

/// The document as a file of the journal, the caller's; `name` is that file's. Refuses what could
/// not be read back, and so not be undone.
int changeset_to_file(const changeset *set, const char *name, struct root_file *ret_file,
                      cpulift_error **err);
