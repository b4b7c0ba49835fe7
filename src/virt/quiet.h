// SPDX-License-Identifier: LGPL-2.1-or-later
/// libvirt's events on GLib's default main loop, without libvirtd's keepalive messages: by default
/// it sends one every five seconds to whoever takes events by itself, which would wake a program
/// that does nothing but wait (docs/decisions/0014). So libvirt is refused to watch its connection,
/// which then has no keepalive, and the caller does it instead: whatever comes, the next call on
/// the connection reads it, events among it.
#pragma once

/// To be called before libvirt is initialised, once.
void quiet_register(void);

/// The descriptor of the connection that was opened last; -1: it has none (a driver in this
/// process), and its events come by themselves.
int quiet_take_fd(void);
