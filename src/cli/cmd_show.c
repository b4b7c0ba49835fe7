#include "cli/commands.h"
const struct command show_command={.name="show"};
