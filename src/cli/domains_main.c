// SPDX-License-Identifier: LGPL-2.1-or-later
/// The program `cpulift-domains`: what of apply and rollback needs libvirt.
#include "cli/commands.h"

int main(int argc, char **argv)
{
    const struct command table[] = {
        domains_apply_command,
        domains_rollback_command,
    };
    return command_main(table, G_N_ELEMENTS(table), argc, argv);
}
