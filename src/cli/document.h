// SPDX-License-Identifier: LGPL-2.1-or-later
/// What show, diff and explain have in common: any of our documents, or a definition, from a file.
#pragma once

#include "core/compare.h"
#include "core/group.h"

struct document {
    char *virt, *machine; ///< of a domain: its type, and the kind of its machine type
    char *kind;   ///< the schema without version ("cpulift.plan"), or "cpu" for a <cpu> element
    json_t *json; ///< NULL for a <cpu>
    cpulift_plan *plan; ///< for a plan
    cpulift_host *host; ///< for a host that answered
    bool is_silent;     ///< a host that did not
    cpulift_cpu *cpu;   ///< for a <cpu> or a domain
    bool is_overridden; ///< a domain's <qemu:commandline> says another CPU than its <cpu>
};

/// Loads and recognises `path` ("-" is stdin).
int document_load(const char *path, const catalog *map, struct document *ret_document,
                  cpulift_error **err);
void document_clear(struct document *document);

/// True for a regular file that begins as XML does.
bool document_is_xml(const char *path);

/// A document that is cleared when it goes out of scope.
#define DOCUMENT_AUTO __attribute__((cleanup(document_clear))) struct document

/// What it says of a guest's CPU, borrowed from it; of a host the entry for virt and machine (NULL:
/// any). `path` stands in messages. The caller clears it.
int document_take_side(const struct document *document, const char *path, const catalog *map,
                       const char *virt, const char *machine, compare_side *ret_side,
                       cpulift_error **err);

/// The entry about a feature in a plan's list `key` ("losses", "omitted"), borrowed, or NULL.
const json_t *document_find_entry(const json_t *json, const char *key, const char *feature);

/// The features that `names` lists, a string for each group of them, with blanks between. The
/// caller frees it.
char **document_join_groups(const catalog *map, const json_t *names);

/// The strings of a JSON array between blanks. The caller frees it.
char *document_join_strings(const json_t *array);
