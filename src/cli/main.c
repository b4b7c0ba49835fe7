// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift`: the commands that need no libvirt; the others are executed beside it.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {
        rewrite_command,
    };
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
