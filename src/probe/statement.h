// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest's Linux kernel says of its CPU, as its first process prints it (probe/kernel/init.c
/// has the lines). A guest may be stopped at any byte, and what comes from a guest is hostile until
/// parsed.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "probe/transcript.h"

/// The longest console that is read: an ordinary one has some 6 KiB.
#define STATEMENT_MAX ((size_t)1 << 20)

/// Of one kind.
#define STATEMENT_ROWS_MAX 1024

typedef struct statement {
    char *release;           ///< the kernel's
    json_t *vulnerabilities; ///< file → its line, as in a host's document
    GArray *leaves;          ///< struct probe_leaf: the first CPU's CPUID
    GArray *msrs;            ///< struct probe_msr: those that could be read; empty: not known
    GPtrArray *log;          ///< char *: what the kernel logged of vulnerabilities
} statement;

/// Parses a console; what stands before the statement is skipped, what stands behind it is not
/// read. A statement that is not there, not whole, or has a line that no such guest prints or one
/// twice, is CPULIFT_EINPUT. *ret_statement is the caller's.
int statement_parse(const char *text, size_t len, statement **ret_statement, cpulift_error **err);

void statement_free(statement *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(statement, statement_free)

/// True where the console holds the end of a statement: nothing more need be waited for.
bool statement_has_end(const char *text, size_t len);
