// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift-platform`: the commands that change platforms' files; no libvirt.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {
        apply_command, rollback_command, status_command, detect_command, render_command,
    };
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
