// SPDX-License-Identifier: LGPL-2.1-or-later
/// The commands, one per cmd_NAME.c; the tables of the programs' main() name them.
#pragma once

#include "cli/command.h"

extern const struct command apply_command;
extern const struct command bench_command;
extern const struct command detect_command;
extern const struct command diff_command;
extern const struct command doctor_command;
extern const struct command domains_apply_command;
extern const struct command domains_rollback_command;
extern const struct command explain_command;
extern const struct command import_command;
extern const struct command plan_command;
extern const struct command prove_command;
extern const struct command render_command;
extern const struct command report_command;
extern const struct command rewrite_command;
extern const struct command rollback_command;
extern const struct command run_command;
extern const struct command scan_command;
extern const struct command show_command;
extern const struct command status_command;
