// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/undone.h"

#include "base/json.h"
#include "cli/printed.h"

char *undone_format(const struct undone *undone, bool is_json)
{
    const GPtrArray *actions = undone->actions;
    if (is_json) {
        // Files of nodes need not be UTF-8; the document must.
        g_autofree char *diff = g_utf8_make_valid(undone->diff->str, -1);
        const struct printed_rollback told = {undone->is_committed, diff, undone->actions};
        g_autoptr(json_t) document = record_format(&printed_rollback_record, &told, NULL);
        return json_format_document(document);
    }
    GString *out = g_string_new(undone->is_committed ? "" : undone->diff->str);
    for (size_t i = 0; i < actions->len; i++) {
        g_string_append_printf(out, "%s\n", (const char *)g_ptr_array_index(actions, i));
    }
    g_string_append(out, actions->len == 0      ? "nothing to undo\n"
                         : undone->is_committed ? undone->then
                                                : "Nothing was changed; --commit does it.\n");
    return g_string_free(out, FALSE);
}
