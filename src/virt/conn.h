// SPDX-License-Identifier: LGPL-2.1-or-later
/// Connections to libvirt that cannot hang the program while they are made, and the choice of one
/// when nobody named any.
#pragma once

#include "base/error.h"

#include <libvirt/libvirt.h>
#include <stdbool.h>

enum conn_access {
    CONN_READ_ONLY, ///< enough to ask questions
    CONN_FULL,      ///< to define and start guests
};

typedef struct virt_conn {
    virConnectPtr handle;
    char *uri;        ///< as it was opened
    bool is_embedded; ///< guests end with this process; see embed.h
    bool is_local;    ///< the hypervisor runs on this machine
} virt_conn;

/// To be called before the first conn_open() by a program that runs GLib's default main loop
/// itself and does nothing but wait for events: see virt/quiet.h. Not for libvirt's drivers of QEMU
/// inside this process.
void conn_be_quiet(void);

/// Opens `uri`; NULL chooses: $LIBVIRT_DEFAULT_URI, else qemu:///system where it answers within 3
/// s, else QEMU's driver inside this process, which "qemu:///embed" names too (see embed.h).
/// `timeout_ms` bounds the whole call: a connection that is made too late is abandoned (its thread
/// lives until it returns), so a program that got a timeout should end soon. libvirt's own messages
/// are silenced and its event loop runs in a thread of its own from the first call on. *ret_conn is
/// the caller's.
int conn_open(const char *uri, enum conn_access access, unsigned timeout_ms, virt_conn **ret_conn,
              cpulift_error **err);

void conn_free(virt_conn *conn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virt_conn, conn_free)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/// One line for people on the connection in use: "qemu:///system", or that it is QEMU inside this
/// process and why. Borrowed from `conn`.
const char *conn_to_string(const virt_conn *conn);

/// The version of the QEMU that starts its guests by default, as text_parse_version counts; 0 where
/// libvirt does not say or it is no QEMU.
unsigned conn_get_qemu(const virt_conn *conn);

/// Which libvirt this is, the same however its URI is spelled: its host (the UUID that libvirt has
/// of it, this machine by its machine-id) and which driver, "…/system". NULL: not known. The caller
/// frees it.
char *conn_get_id(const virt_conn *conn);

/// libvirt's last message in this thread, in one line. The caller frees it.
char *conn_get_complaint(void);

/// Sets an error with libvirt's last message in this thread: "`what` 'subject': why". Returns
/// CPULIFT_EREMOTE.
int conn_fail(cpulift_error **err, const char *what, const char *subject);

/// CPULIFT_EREMOTE where the connection has been lost: then no answer to the last questions means
/// nothing.
int conn_check(const virt_conn *conn, cpulift_error **err);

/// True where `uri` names a hypervisor on this machine: no server, no tunnel, no mock driver.
bool conn_is_local_uri(const char *uri);
