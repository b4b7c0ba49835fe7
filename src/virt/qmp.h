// SPDX-License-Identifier: LGPL-2.1-or-later
/// QEMU's own answers, from a QEMU that runs no guest (QEMU machine protocol, QMP, over a pipe).
#pragma once

#include "base/auto.h"
#include "base/error.h"

/// The longest line that QEMU may send: an expanded CPU is 15 KiB, the list of models 60 KiB.
#define QMP_LINE_MAX ((size_t)4 << 20)

typedef struct qmp qmp;

/// Starts `emulator` with `machine` ("pc") and `accelerator` ("kvm", "tcg"), stopped and without
/// devices. All calls on it together may take `timeout_ms`. The process ends with qmp_free, or with
/// the thread that started it.
int qmp_start(const char *emulator, const char *machine, const char *accelerator,
              unsigned timeout_ms, qmp **ret_qmp, cpulift_error **err);

/// Executes one command. `arguments` (may be NULL) is consumed. *ret_answer is what QEMU returned
/// and the caller's.
int qmp_execute(qmp *session, const char *command, json_t *arguments, json_t **ret_answer,
                cpulift_error **err);

/// Kills the process, which has nothing to lose, and waits for it.
void qmp_free(qmp *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qmp, qmp_free)

/// Parses one line from QEMU. A command's answer gives *ret_answer (the caller's); a greeting or an
/// event gives NULL; QEMU's refusal and everything else is an error.
int qmp_parse_line(const char *line, size_t len, json_t **ret_answer, cpulift_error **err);
