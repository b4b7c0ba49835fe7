// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift-run`: `cpulift run`, also by itself (`cpulift-run --cpu DEF -- COMMAND`).
#include "cli/commands.h"

/// Words that command_main understands in the place of a command.
static bool is_known(const char *word)
{
    static const char *const words[] = {"run",        "--help",         "--version", "-V",
                                        "--complete", "--dump-options", NULL};
    return g_strv_contains(words, word);
}

int main(int argc, char **argv)
{
    return argc > 1 && is_known(argv[1]) ? command_main(argc, argv)
                                         : command_run(&run_command, argv);
}
