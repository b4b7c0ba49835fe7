// SPDX-License-Identifier: LGPL-2.1-or-later
/// Host documents from files, folders and standard input into an inventory.
#pragma once

#include "core/inventory.h"

/// Adds a host document, a folder of them (*.json, *.jsonl), or a file with one on each line
/// (*.jsonl; "-" is stdin, either).
int inventory_load(inventory *inv, const char *path, cpulift_error **err);
