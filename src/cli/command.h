// SPDX-License-Identifier: LGPL-2.1-or-later
/// A command of the front program: one table drives dispatch, parsing, --help, completion and the
/// man pages' check.
///
/// Commands that need libvirt (or Zydis …) live in programs of their own beside the front program,
/// as git's do, so that `rewrite` in a hook loads none of it: commands.def says which program has
/// which command.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    EXIT_YES = 0,
    EXIT_NO = 1,
    EXIT_FAILED = 2,
    EXIT_SOME = 3,
    EXIT_USAGE = 64,
};

enum { COMMAND_MANY = G_MAXINT }; ///< as `max`: any number of arguments

/// Values that may stand for a kind of value, a word in capitals of the option table or the usage
/// line: FEATURE. `list` adds strings; `arguments` (`count`) are those that stand already.
struct command_values {
    const char *kind;
    void (*list)(const char *const *arguments, size_t count, GPtrArray *values);
    /// What may follow behind a comma, "+" or "-" before it or not; NULL: nothing.
    void (*list_more)(const char *const *arguments, size_t count, GPtrArray *values);
    bool is_in_help; ///< few: the option's help ends with them
    bool is_closed;  ///< an option takes nothing else
};

/// Each command keeps what its options say in one `static struct { … } options`, to whose members
/// its table `entries` points; cmd_status.c is the model.
struct command {
    const char *name;
    const char *arguments;               ///< "PLAN [FEATURE|HOST]", for the usage line
    const char *description;             ///< a paragraph for --help
    const GOptionEntry *options;         ///< ends with { NULL }; --json and --help are not in it
    const struct command_values *values; ///< of its kinds, ends with { NULL }; NULL: none
    gboolean *json;  ///< set by --json; NULL: accepted, for scripts that pass it to all, and unsaid
                     ///< commands, but changes nothing
    bool is_posix;   ///< the first argument ends the options: it is a program with its own
    size_t min, max; ///< how many arguments are taken
    const char
        *usage; ///< what is said of another number: "one plan is needed"; NULL where max is 0

    /// `count` arguments are left after the options. Returns the exit status.
    int (*run)(char **arguments, size_t count);
};

/// Parses argv (NULL-terminated) by the command's option table and runs it. Returns the exit
/// status.
int command_run(const struct command *command, char **argv);

/// The values of a kind (NULL is none), or NULL where the command's table says nothing of it.
const struct command_values *command_find_values(const struct command *command, const char *kind);

/// main() of a program: runs the command argv[1] that was linked into it, and executes the program
/// that has it where it was not (commands.def).
int command_main(int argc, char **argv);

/// Prints "cpulift: message" (and frees the error); returns its exit status. The one place that
/// prints errors.
int command_fail(cpulift_error **err);

/// Prints "cpulift COMMAND: …; see …" for wrong usage; returns EXIT_USAGE.
int command_usage(const char *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// "cpulift: warning: …" on stderr.
void command_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);

/// Writes data to `path` ("-" or NULL is stdout) and reports a full disk or closed pipe; returns 0
/// or a negative code.
int command_output(const char *path, const char *text, cpulift_error **err);

/// Refuses what is no folder yet and is called as a file would be: it is meant as one.
int command_check_folder(const char *folder, cpulift_error **err);

/// Makes the folder where it is missing, and checks that it can be written to, before work is put
/// into what goes there.
int command_make_folder(const char *folder, cpulift_error **err);

/// What --json does, where it does something.
#define COMMAND_JSON_TEXT "print JSON"

/// Writes FOLDER/NAME.json.
int command_output_in(const char *folder, const char *name, const char *text, cpulift_error **err);

/// As command_output for a command's last act: returns the exit status, `status` when all went
/// well.
int command_finish(const char *path, const char *text, int status);

/// The same to standard output, of JSON or else of a text for people: what a document, a file or a
/// log of others brings into it must not move their terminal.
int command_say(char *text, bool is_json, int status);

/// For a command that is about to change things: a reader that went is an error from here on, not a
/// signal that ends it midway.
void command_begin_change(void);

/// As command_say() where a change is made: that its report cannot be written is a warning then.
int command_say_changed(char *text, bool is_json, int status);

/// Becomes the program that has the command argv[1]: beside this one, or where `make install` put
/// it; never this one, which would run itself for ever. Returns only on failure, with the exit
/// status.
int command_execute(const char *program, char **argv);
