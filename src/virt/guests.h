// SPDX-License-Identifier: LGPL-2.1-or-later
/// The guests that run on a host, each with the XML of what it really has.
#pragma once

#include "base/auto.h"
#include "virt/conn.h"

/// A list of {"name", "xml"}, by name; one that cannot be read has "why" instead, and stops no
/// other; one that ended meanwhile is not there. *ret_guests is the caller's.
int guests_read(const virt_conn *conn, json_t **ret_guests, cpulift_error **err);
