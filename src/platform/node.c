// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/node.h"

#include "base/json.h"
#include "base/text.h"
#include "platform/emulator.h"

#include <string.h>

/// It has three short members.
#define DOCUMENT_MAX 8192

#define NODE(member) RECORD_AT(node_qemu, member)

const struct record node_record = {
    .schema = "cpulift.node/1",
    RECORD_ROWS(
        {"emulator", &record_string, NODE(emulator), RECORD_REQUIRED, .min = 1,
         .meaning = "the program that starts guests"},
        {"stamp", &record_string, NODE(stamp), RECORD_REQUIRED, .min = 1,
         .meaning = "its time of change, size and number: another when it was replaced"},
        {"version", &record_version, NODE(version), RECORD_REQUIRED, .meaning = "of its QEMU"}),
    .size = sizeof(node_qemu),
};

void node_free(node_qemu *self)
{
    record_free(&node_record, self);
}

node_qemu *node_look(const root_dir *root, const char *emulator)
{
    g_autofree char *stamp = emulator_get_stamp(root, emulator);
    unsigned version = stamp != NULL ? emulator_read_version(root, emulator) : 0;
    if (version == 0) {
        return NULL;
    }
    node_qemu *self = record_new(&node_record);
    self->emulator = g_strdup(emulator);
    self->stamp = g_steal_pointer(&stamp);
    self->version =
        g_strdup_printf("%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
    return self;
}

node_qemu *node_load(const root_dir *root, const char *target)
{
    g_auto(root_file) file = {0};
    g_autoptr(json_t) json = NULL;
    g_autoptr(node_qemu) self = record_new(&node_record);
    bool is_good = root_load(root, target, &file, NULL) == 0 && file.exists &&
                   file.len <= DOCUMENT_MAX &&
                   root_file_check_owner(root, target, &file, NULL) == 0 &&
                   json_parse_text(file.bytes, file.len, target, &json, NULL) == 0 &&
                   record_parse(&node_record, json, target, NULL, self, NULL) == 0;
    return is_good ? g_steal_pointer(&self) : NULL;
}

bool node_is_of(const node_qemu *self, const char *emulator, const char *stamp)
{
    return self != NULL && strcmp(self->emulator, emulator) == 0 && strcmp(self->stamp, stamp) == 0;
}

unsigned node_get_version(const node_qemu *self)
{
    return self != NULL ? text_parse_version(self->version) : 0;
}

char *node_format(const node_qemu *self)
{
    g_autoptr(json_t) json = record_format(&node_record, self, NULL);
    return json_format_document(json);
}
