#include "cli/commands.h"
const struct command explain_command={.name="explain"};
