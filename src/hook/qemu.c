// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hook/qemu.h"

#include "base/text.h"
#include "base/xml.h"
#include "hook/trace.h"
#include "platform/emulator.h"
#include "platform/node.h"

#include <string.h>
#include <unistd.h>

#define MEMORY "cpulift-emulator.json"

/// The program that the domain names, else the node's usual one; NULL: neither. The caller's.
static char *find_emulator(const root_dir *root, const domain_document *document)
{
    const xmlNode *devices = xml_find_child(xmlDocGetRootElement(document->tree), "devices");
    const xmlNode *emulator = devices != NULL ? xml_find_child(devices, "emulator") : NULL;
    return emulator != NULL ? xml_get_text(emulator) : g_strdup(emulator_find(root));
}

/// Best effort: who cannot remember looks again at the next start.
static void remember(const root_dir *folder, const node_qemu *found)
{
    g_auto(root_file) before = {0};
    g_autofree char *text = node_format(found);
    const root_file after = {.exists = true,
                             .bytes = text,
                             .len = strlen(text),
                             .mode = 0644,
                             .uid = geteuid(),
                             .gid = getegid()};
    if (root_load(folder, MEMORY, &before, NULL) == 0) {
        (void)root_replace(folder, MEMORY, &after, &before, NULL);
    }
}

/// "10.0.2" and "10.0.3" make no other guests.
static unsigned get_series(unsigned version)
{
    return version / 1000;
}

static void leave_note(const cpulift_plan *plan, const char *guest, const node_qemu *recorded,
                       const node_qemu *found)
{
    unsigned was = get_series(node_get_version(recorded));
    unsigned now = get_series(node_get_version(found));
    unsigned min = plan->qemu.min != NULL ? get_series(text_parse_version(plan->qemu.min)) : 0;
    unsigned max = plan->qemu.max != NULL ? get_series(text_parse_version(plan->qemu.max)) : 0;
    bool is_other = was != 0 && was != now;
    bool is_outside = min != 0 && max != 0 && (now < min || now > max);
    if (is_other || is_outside) {
        g_autofree char *why = g_strdup_printf(
            "%s is QEMU %s, and the plan is older: it was made for %s; scan this "
            "host, plan and apply again",
            found->emulator, found->version, is_other ? recorded->version : "the pool's others");
        trace_note(guest, why);
    }
}

unsigned qemu_find(const cpulift_plan *plan, const domain_document *document, const char *node)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(root_dir) folder = NULL;
    if (root_open(node, &root, NULL) != 0) {
        return 0;
    }
    g_autofree char *emulator = find_emulator(root, document);
    g_autofree char *stamp = emulator != NULL ? emulator_get_stamp(root, emulator) : NULL;
    g_autoptr(node_qemu) recorded = node_load(root, NODE_TARGET);
    if (stamp == NULL || node_is_of(recorded, emulator, stamp)) {
        return stamp != NULL ? node_get_version(recorded) : 0;
    }
    bool can_remember = root_open(trace_get_folder(), &folder, NULL) == 0;
    g_autoptr(node_qemu) known = can_remember ? node_load(folder, MEMORY) : NULL;
    if (node_is_of(known, emulator, stamp)) {
        return node_get_version(known);
    }
    g_autoptr(node_qemu) found = node_look(root, emulator);
    if (found != NULL && can_remember) {
        folder->is_volatile = true;
        remember(folder, found);
    }
    if (found != NULL) {
        leave_note(plan, document->guest, recorded, found);
    }
    return node_get_version(found);
}
