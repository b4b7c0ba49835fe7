// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift doctor: what is missing on this machine, and what to install.
#include "base/json.h"
#include "cli/commands.h"
#include "cli/doctor_tests.h"
#include "cli/printed.h"
#include "cli/table.h"

static struct {
    gboolean json;
} options;

static const GOptionEntry entries[] = {
    {0},
};

static const struct check {
    const char *name;
    bool is_needed; ///< else needed for `why` only
    char *(*test)(const char *argument);
    const char *argument;
    const char *why;
    const char *debian, *rpm; ///< packages
} checks[] = {
#define NEED(name, needed, test, argument, version, why, debian, rpm)                              \
    {name, needed, doctor_test_##test, argument, why, debian, rpm},
#include "base/needs.def"
#undef NEED
};

static const char *get_state(const struct check *check, const char *problem)
{
    if (problem == NULL) {
        return "ok";
    }
    return check->is_needed ? "missing" : "absent";
}

static char *format_remedy(const struct check *check, const char *problem)
{
    if (problem == NULL) {
        return NULL;
    }
    return check->debian[0] == '\0'
               ? g_strdup(problem)
               : g_strdup_printf("%s; install %s (rpm: %s)", problem, check->debian, check->rpm);
}

static char *format_table(char **problems)
{
    static const char *const headers[] = {"CHECK", "STATE", "NEEDED FOR", "REMEDY", NULL};
    g_autoptr(table) rows = table_new(headers);
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        const char *color = checks[i].is_needed ? "red" : "yellow";
        g_autofree char *remedy = format_remedy(&checks[i], problems[i]);
        const char *const cells[] = {checks[i].name, get_state(&checks[i], problems[i]),
                                     checks[i].why, remedy};
        table_add(rows, cells);
        table_add_color(rows, 1, problems[i] == NULL ? "green" : color);
    }
    return table_format(rows);
}

static char *format_document(char **problems, bool is_well)
{
    struct printed_doctor *told = record_new(&printed_doctor_record);
    told->is_well = is_well;
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        bool is_bad = problems[i] != NULL;
        const struct printed_check one = {g_strdup(checks[i].name),
                                          checks[i].is_needed,
                                          g_strdup(get_state(&checks[i], problems[i])),
                                          g_strdup(checks[i].why),
                                          g_strdup(problems[i]),
                                          g_strdup(is_bad ? checks[i].debian : NULL),
                                          g_strdup(is_bad ? checks[i].rpm : NULL)};
        g_ptr_array_add(told->checks, g_memdup2(&one, sizeof one));
    }
    g_autoptr(json_t) document = record_format(&printed_doctor_record, told, NULL);
    record_free(&printed_doctor_record, told);
    return json_format_document(document);
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    bool is_well = true;
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        char *problem = checks[i].test(checks[i].argument);
        is_well = is_well && (problem == NULL || !checks[i].is_needed);
        g_ptr_array_add(found, problem);
    }
    char **problems = (char **)found->pdata;
    g_autofree char *text =
        options.json ? format_document(problems, is_well) : format_table(problems);
    return command_finish(NULL, text, is_well ? EXIT_YES : EXIT_NO);
}

const struct command doctor_command = {
    .name = "doctor",
    .arguments = "",
    .description = "Says what is missing on this machine and which package has it. The answer is "
                   "no (1) where something is missing without which scan, plan or prove fail.",
    .options = entries,
    .json = &options.json,
    .run = run,
};
