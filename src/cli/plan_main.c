// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift-plan`: the commands that need the CPU map and tables, but no libvirt.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {
        import_command, plan_command, show_command, explain_command, diff_command,
    };
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
