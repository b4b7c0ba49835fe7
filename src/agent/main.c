// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpuliftd: reads what it is told, starts the agent and runs its loop until a signal ends it.
#include "agent/agent.h"
#include "agent/plans.h"
#include "agent/say.h"
#include "agent/source.h"
#include "base/text.h"
#include "config.h"

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

enum { EXIT_NOT_STARTED = 2, EXIT_WRONG_USAGE = 64 };

static struct {
    char *config;
    gboolean check, example, version;
} options;

static const GOptionEntry entries[] = {
    {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config,
     "read this file instead of " SETTINGS_PATH, "FILE"},
    {"check", 0, 0, G_OPTION_ARG_NONE, &options.check,
     "read the configuration, say what is wrong with it, and end", NULL},
    {"example", 0, 0, G_OPTION_ARG_NONE, &options.example,
     "print a configuration with every key, its default and its meaning", NULL},
    {"version", 'V', 0, G_OPTION_ARG_NONE, &options.version, "print the version", NULL},
    {0},
};

static int fail(const cpulift_error *err)
{
    say(SAY_ERROR, "%s", err->message);
    return EXIT_NOT_STARTED;
}

static gboolean quit(void *loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static int run(const agent_settings *settings)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(agent) running = NULL;
    g_unix_signal_add(SIGINT, quit, loop);
    g_unix_signal_add(SIGTERM, quit, loop);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    if (agent_start(settings, &running, &err) != 0) {
        return fail(err);
    }
    sd_notify(0, "READY=1");
    g_main_loop_run(loop);
    sd_notify(0, "STOPPING=1");
    return 0;
}

/// What would keep it from starting, as far as the configuration and the files that it names tell.
static int check(const agent_settings *settings)
{
    g_autoptr(cpulift_error) err = NULL;
    return plans_check(settings, &err) == 0 && source_check(settings, &err) == 0 &&
                   server_check(settings, &err) == 0
               ? 0
               : fail(err);
}

/// The help of the options, with the keys of the configuration below them.
static GOptionContext *make_context(void)
{
    GOptionContext *context = g_option_context_new(NULL);
    g_autofree char *example = settings_format_example();
    g_autofree char *keys = g_strconcat("Configuration (" SETTINGS_PATH "):\n\n", example, NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context,
        "The node agent: watches the guests of this host, keeps a ledger of the CPU that each "
        "got beside the plan, and serves it.");
    g_option_context_set_description(context, keys);
    return context;
}

int main(int argc, char **argv)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(agent_settings) settings = NULL;
    g_autoptr(GOptionContext) context = make_context();
    setlocale(LC_MESSAGES, "C");
    setlocale(LC_CTYPE, "");
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
        say(SAY_ERROR, "%s; see 'cpuliftd --help'",
            error != NULL ? error->message : "it takes no arguments");
        return EXIT_WRONG_USAGE;
    }
    if (options.version) {
        puts("cpuliftd " CPULIFT_VERSION);
        return 0;
    }
    if (options.example) {
        g_autofree char *example = settings_format_example();
        fputs(example, stdout);
        return 0;
    }
    if (settings_load(options.config, &settings, &err) != 0) {
        return fail(err);
    }
    return options.check ? check(settings) : run(settings);
}
