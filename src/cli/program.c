// SPDX-License-Identifier: LGPL-2.1-or-later
/// main() of every program: it has the commands that were linked into it (src/cli/meson.build).
#include "cli/command.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
