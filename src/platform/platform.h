// SPDX-License-Identifier: LGPL-2.1-or-later
/// The platforms whose nodes cpulift changes. An adapter reads a platform's files below a root and
/// says, as a changeset and a report, what must become of them; it writes nothing itself.
#pragma once

#include "core/plan.h"
#include "platform/change.h"

/// The plan as the hooks read it at every start of a guest: the definition without its reasons.
#define PLATFORM_PLAN_TARGET "etc/cpulift/plan.json"

struct platform_options {
    const char *version;     ///< the platform's, "4.18"; NULL: as the files tell
    const char *channel;     ///< the adapter's own word for another way in; NULL: the usual one
    const char *hook;        ///< the program cpulift-hook, as the node finds it
    const char *const *only; ///< patterns of guest names to tune, NULL-terminated; NULL: all
    const char *const *skip; ///< patterns of guest names to leave alone; NULL: none
    const char *inventory;   ///< a file with what the platform knows of its hosts; NULL: none
    const catalog *map;      ///< knows what models give; NULL: the node has none
    bool is_strict;          ///< hooks may stop the start of a guest that they cannot tune
    bool is_respectful;      ///< hooks leave a guest alone that asks for a CPU mode of its own
};

/// What an operator must know beside the diff; arrays of strings.
typedef struct platform_report {
    char *version;      ///< of the platform, "" where not known
    GPtrArray *before;  ///< to do before `--commit`
    GPtrArray *after;   ///< restarts and other steps after it
    GPtrArray *effects; ///< what takes effect when
    GPtrArray *limits;  ///< what this platform, or this version of it, cannot express
    GPtrArray *losses;  ///< what its settings asked of the CPU, or the plan says of it, and no
                        ///< guest gets
    GPtrArray *guests;  ///< struct platform_guest *: whose definitions were looked at
} platform_report;

/// A guest whose definition changes, or would if it could.
struct platform_guest {
    char *name, *uuid;
    bool is_active;    ///< it runs now, on the CPU that it was started with
    bool is_unread;    ///< its definition is not known
    char *skipped;     ///< why its definition stays as it is; NULL: it changes
    GPtrArray *notes;  ///< char *: what else to know of it
    GPtrArray *losses; ///< char *: what it asked of its CPU and does not get
};

/// Adds a guest with nothing to say of it, borrowed.
struct platform_guest *platform_add_guest(GPtrArray *guests, const char *name, const char *uuid);

/// What `apply` prints: a changeset, and what is said beside it.
struct platform_applied {
    changeset set;
    bool is_committed;
    platform_report report;
};

extern const struct record platform_applied_record;

struct platform_report *platform_report_new(void);
void platform_report_free(struct platform_report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(platform_report, platform_report_free)

/// Adds a line to one of the report's arrays.
void platform_say(GPtrArray *lines, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// Says of a channel that it cannot state the width of physical addresses, where the plan does.
void platform_report_width(const cpulift_plan *plan, const char *channel,
                           struct platform_report *report);

/// Says what a hook does to guests that it cannot tune, and to those that ask for a CPU mode of
/// their own; `where` they ask.
void platform_report_hook(const struct platform_options *options, const char *where,
                          struct platform_report *report);

struct platform {
    const char *name;
    const char *title;
    const char *channels;    ///< the words for `--channel`, the usual one first: "hook, xsl"
    const char *plan_target; ///< where its hooks find the plan, below the root
    const char *trace;       ///< where its hook writes what it could not tune, below the root

    /// Why a file that was changed for it and is there is not in force, whatever its bytes
    /// (static); NULL: it is not known to be so. May be NULL itself.
    const char *(*find_fault)(const char *target, const root_file *file);

    /// *ret_is: the root holds a node (or front-end) of this platform; then *ret_version (the
    /// caller's) is its version as far as the files tell, or "". NULL counts as that.
    int (*detect)(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err);

    /// Adds to `set` what must change for `plan`; fills the report.
    int (*plan)(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err);
};

/// The platform of this name, or NULL.
const struct platform *platform_find(const char *name);

/// All of them: *ret_count rows.
const struct platform *const *platform_list(size_t *ret_count);

/// What a platform's file that holds nothing but its version says; "" where there is none. The
/// caller's.
int platform_read_version(const root_dir *root, const char *target, char **ret_version,
                          cpulift_error **err);

/// Adds the hooks' plan at `target`, with the name patterns of `options`; where that is a node's
/// own, NODE_TARGET too.
int platform_add_plan(changeset *set, const root_dir *root, const char *target,
                      const cpulift_plan *plan, const struct platform_options *options,
                      cpulift_error **err);

/// Adds an executable that runs cpulift-hook in the role `role` (data/hook.sh).
int platform_add_hook(changeset *set, const root_dir *root, const char *target, const char *role,
                      const struct platform_options *options, cpulift_error **err);

/// Adds one of the files of data/ (a name that is not there is a bug), with "@HOOK@", "@PLAN@",
/// "@STRICT@" (a word or nothing) and "@OPTIONS@" (of `cpulift apply`, quoted for a shell)
/// replaced.
int platform_add_data(changeset *set, const root_dir *root, const char *target, const char *name,
                      mode_t mode, const struct platform_options *options, cpulift_error **err);

/// Takes out what an earlier apply put at `target` and nothing calls any longer. A file that is not
/// cpulift's stays.
int platform_add_removal(changeset *set, const root_dir *root, const char *target,
                         cpulift_error **err);

/// Says that hooks of `set` run `hook`, which is not in `usual`, the folder where it is installed:
/// a build tree goes away.
void platform_report_program(const changeset *set, const char *hook, const char *usual,
                             struct platform_report *report);

/// The names of the definition's features that have this policy, joined by `separator`, each after
/// `prefix`. The caller's.
char *platform_join_features(const cpulift_cpu *cpu, enum cpu_policy policy, const char *prefix,
                             const char *separator);

#define PLATFORM(name) extern const struct platform name##_platform;
#include "platform/platforms.def"
#undef PLATFORM
