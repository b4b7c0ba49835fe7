// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift-virt`: the commands that need libvirt.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {
        scan_command,
        prove_command,
        doctor_command,
    };
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
