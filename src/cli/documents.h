// SPDX-License-Identifier: LGPL-2.1-or-later
/// Every document of ours that a record describes. show checks by them, and docs/FORMATS.md has
/// their members.
#pragma once

#include "base/record.h"

/// NULL-terminated.
extern const struct record *const documents[];
