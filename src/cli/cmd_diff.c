#include "cli/commands.h"
const struct command diff_command={.name="diff"};
