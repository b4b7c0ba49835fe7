// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/command.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/check.h"    // circle: which sees the struct of a command, and prints its usage
#include "cli/complete.h" // circle: which sees only the struct of a command
#include "cli/help.h"     // circle: likewise
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Weak: NULL where the command is not in this program.
#define COMMAND(name, program, summary)                                                            \
    extern const struct command name##_command __attribute__((weak));
#include "cli/commands.def"
#undef COMMAND

static const struct {
    const char *name, *program, *summary;
    const struct command *command;
} all_commands[] = {
#define COMMAND(name, program, summary) {#name, program, summary, &name##_command},
#include "cli/commands.def"
#undef COMMAND
};

int command_fail(cpulift_error **err)
{
    int status = cpulift_error_exit_status(*err);
    fprintf(stderr, "cpulift: %s\n", *err != NULL ? (*err)->message : "unknown failure");
    cpulift_error_clear(err);
    return status;
}

int command_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable(message);
    fprintf(stderr, "cpulift: %s; see 'cpulift %s --help'\n", message, command);
    return EXIT_USAGE;
}

void command_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable(message);
    fprintf(stderr, "cpulift: warning: %s\n", message);
}

int command_output(const char *path, const char *text, cpulift_error **err)
{
    if (path != NULL && strcmp(path, "-") != 0) {
        return file_save(path, text, strlen(text), 0644, err);
    }
    return file_write_fd(STDOUT_FILENO, "standard output", text, strlen(text), err);
}

int command_check_folder(const char *folder, cpulift_error **err)
{
    static const char *const suffixes[] = {".html", ".json", ".jsonl", ".tsv", NULL};
    bool is_file = strcmp(folder, "-") == 0 || file_has_suffix(folder, suffixes);
    return !is_file || g_file_test(folder, G_FILE_TEST_IS_DIR)
               ? 0
               : cpulift_error_set(err, CPULIFT_EUSAGE,
                                   "'%s' would be a folder, into which files are written: name "
                                   "one, or put a / behind it if it is to be called so",
                                   folder);
}

int command_make_folder(const char *folder, cpulift_error **err)
{
    TRY(command_check_folder(folder, err));
    TRY(file_make_folder(folder, 0755, err));
    return access(folder, W_OK | X_OK) == 0
               ? 0
               : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot write to folder '%s': %s", folder,
                                   g_strerror(errno));
}

int command_output_in(const char *folder, const char *name, const char *text, cpulift_error **err)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    return command_output(path, text, err);
}

void command_begin_change(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
}

int command_finish(const char *path, const char *text, int status)
{
    g_autoptr(cpulift_error) err = NULL;
    if (command_output(path, text, &err) != 0) {
        return command_fail(&err);
    }
    return status;
}

static int say(char *text, bool is_json, cpulift_error **err)
{
    if (!is_json) {
        text_make_lines_printable(text);
    }
    return command_output(NULL, text, err);
}

int command_say(char *text, bool is_json, int status)
{
    g_autoptr(cpulift_error) err = NULL;
    return say(text, is_json, &err) == 0 ? status : command_fail(&err);
}

int command_say_changed(char *text, bool is_json, int status)
{
    g_autoptr(cpulift_error) err = NULL;
    if (say(text, is_json, &err) != 0) {
        command_warn("%s; what was asked for is done ('cpulift status' tells)", err->message);
    }
    return status;
}

/// "name\toption\tvalue" lines of a command, for the check of the man pages.
static void print_options(const struct command *command)
{
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        printf("%s\t--%s%s%s\n", command->name, o->long_name,
               o->arg == G_OPTION_ARG_NONE ? "" : "\t",
               o->arg_description ? o->arg_description : "");
    }
    printf("%s\t--help\n", command->name);
    if (command->json != NULL) {
        printf("%s\t--json\n", command->name);
    }
}

static int print_all_options(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(all_commands); i++) {
        if (all_commands[i].command != NULL) {
            print_options(all_commands[i].command);
        }
    }
    return EXIT_YES;
}

const struct command_values *command_find_values(const struct command *command, const char *kind)
{
    for (const struct command_values *v = command->values; v != NULL && v->kind != NULL; v++) {
        if (g_strcmp0(v->kind, kind) == 0) {
            return v;
        }
    }
    return NULL;
}

static int refuse(const struct command *command, const GError *error)
{
    bool is_unknown = g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION);
    g_autofree char *meant =
        is_unknown ? check_suggest_option(command, error->message) : g_strdup("");
    return command_usage(command->name, "%s%s", error->message, meant);
}

/// A limit of file sizes is an error that is told, not a signal that leaves half a file behind, and
/// children are waited for, whatever who started this does. The program of `run` has both as they
/// were.
static void set_signals(const struct command *command)
{
    if (!command->is_posix) {
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)signal(SIGCHLD, SIG_DFL);
    }
}

int command_run(const struct command *command, char **argv)
{
    set_signals(command);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    gboolean ignored = FALSE, is_help = FALSE;
    const GOptionEntry common[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, command->json != NULL ? command->json : &ignored, NULL,
         NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, &is_help, NULL, NULL},
        {0},
    };
    g_option_context_add_main_entries(context, command->options, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_option_context_set_strict_posix(context, command->is_posix);
    g_option_context_set_help_enabled(context, FALSE);
    g_auto(GStrv) words = g_strdupv(argv);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse_strv(context, &words, &error)) {
        return refuse(command, error);
    }
    size_t parsed = g_strv_length(argv) - (command->is_posix ? g_strv_length(words) : 0);
    if (check_flags(command, argv, parsed) != 0) {
        return EXIT_USAGE;
    }
    if (is_help) {
        help_print(command);
        return EXIT_YES;
    }
    size_t count = g_strv_length(words) - 1;
    size_t first = count > 0 && strcmp(words[1], "--") == 0 ? 2 : 1;
    count = count + 1 - first;
    if (count < command->min || count > command->max) {
        return command_usage(command->name, "%s",
                             command->usage != NULL ? command->usage : "it takes no arguments");
    }
    if (check_empty(command, words + first, count) != 0 || check_values(command) != 0) {
        return EXIT_USAGE;
    }
    return command->run(words + first, count);
}

static int print_help(FILE *to)
{
    fputs("Usage: cpulift COMMAND [OPTION…] [ARGUMENT…]\n\n", to);
    help_print_text("Gives KVM guests the CPU of the hosts they run on, without losing live "
                    "migration.",
                    to);
    fputc('\n', to);
    for (size_t i = 0; i < G_N_ELEMENTS(all_commands); i++) {
        fprintf(to, "  %-10s %s\n", all_commands[i].name, all_commands[i].summary);
    }
    fputs("\n'cpulift help COMMAND' describes one; 'man cpulift' has the whole.\n", to);
    help_print_text("Exit status: 0 done or yes, 1 the answer is no, 2 failed, 3 done for some "
                    "hosts only, 64 wrong usage.",
                    to);
    return to == stdout ? EXIT_YES : EXIT_USAGE;
}

int command_execute(const char *program, char **argv)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    const char *const folders[] = {folder, CPULIFT_LIBEXECDIR};
    g_autofree char *own_name = g_path_get_basename(self != NULL ? self : ".");
    bool is_self = strcmp(own_name, program) == 0;
    errno = ENOSYS;
    for (size_t i = 0; i < G_N_ELEMENTS(folders) && !is_self; i++) {
        g_autofree char *path = g_build_filename(folders[i], program, NULL);
        execv(path, argv);
    }
    fprintf(stderr,
            "cpulift: cannot run '%s', which has the command '%s': %s; build or install it\n",
            program, argv[1], g_strerror(errno));
    return EXIT_FAILED;
}

/// Runs argv[1], here or in the program that has it; NULL-terminated as main()'s.
static int dispatch(char **argv)
{
    const char *names[G_N_ELEMENTS(all_commands) + 1] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(all_commands); i++) {
        names[i] = all_commands[i].name;
        if (strcmp(names[i], argv[1]) == 0) {
            return all_commands[i].command != NULL ? command_run(all_commands[i].command, argv + 1)
                                                   : command_execute(all_commands[i].program, argv);
        }
    }
    g_autofree char *meant = text_suggest(argv[1], names);
    text_make_printable(argv[1]);
    fprintf(stderr, "cpulift: '%s' is no command: 'cpulift --help' lists them%s\n", argv[1], meant);
    return EXIT_USAGE;
}

/// Completion of the line whose words, the last of them begun, follow "--complete".
static int complete(int argc, char **argv)
{
    const char *command = argc > 3 ? argv[2] : "help";
    for (size_t i = 0; i < G_N_ELEMENTS(all_commands); i++) {
        const char *name = all_commands[i].name;
        if (strcmp(command, "help") == 0 && g_str_has_prefix(name, argv[argc - 1])) {
            printf("%s\t%s\n", name, all_commands[i].summary);
        } else if (strcmp(command, name) == 0 && all_commands[i].command == NULL) {
            return command_execute(all_commands[i].program, argv);
        } else if (strcmp(command, name) == 0) {
            complete_print(all_commands[i].command, argv + 3, (size_t)argc - 3);
        }
    }
    return EXIT_YES;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static bool asks_for_help(const char *word)
{
    return is_one_of(word, "help", "--help") || strcmp(word, "-h") == 0;
}

static int start(int argc, char **argv)
{
    bool is_help = argc > 1 && asks_for_help(argv[1]);
    bool is_version = argc > 1 && is_one_of(argv[1], "--version", "-V");
    if (argc > (is_help ? 3 : 2) && (is_help || is_version)) {
        fprintf(stderr, "cpulift: '%s' takes %s; see 'cpulift --help'\n", argv[1],
                is_help ? "one command, or none" : "no arguments");
        return EXIT_USAGE;
    }
    if (is_help && argc > 2 && !asks_for_help(argv[2])) {
        char *line[] = {argv[0], argv[2], (char *)"--help", NULL};
        return dispatch(line);
    }
    if (argc < 2 || is_help) {
        return print_help(argc < 2 ? stderr : stdout);
    }
    if (is_version) {
        puts("cpulift " CPULIFT_VERSION);
        return EXIT_YES;
    }
    if (strcmp(argv[1], "--dump-options") == 0) {
        return print_all_options();
    }
    if (strcmp(argv[1], "--complete") == 0 && argc > 2) {
        return complete(argc, argv);
    }
    return dispatch(argv);
}

int command_main(int argc, char **argv)
{
    setlocale(LC_MESSAGES, "C");
    // Messages may hold names beyond ASCII; numbers stay independent of the locale.
    setlocale(LC_CTYPE, "");
    int status = start(argc, argv);
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (!is_written) {
        fprintf(stderr, "cpulift: cannot write to standard output: %s\n", g_strerror(errno));
    }
    return is_written ? status : EXIT_FAILED;
}
