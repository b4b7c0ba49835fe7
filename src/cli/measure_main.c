// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-measure: the commands that time programs, apart from the front program.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {bench_command, report_command};
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
