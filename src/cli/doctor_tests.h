// SPDX-License-Identifier: LGPL-2.1-or-later
/// The questions that `doctor` puts to this machine.
#pragma once

/// Each returns NULL where all is well, else why not, for the caller to free. What `argument` means
/// is said with each.

/// A program in $PATH, or an absolute path of one; several are separated by '|': any will do.
char *doctor_test_program(const char *argument);

/// A file pattern (glob); several are separated by '|': any will do.
char *doctor_test_file(const char *argument);

/// A user; several are separated by '|': any will do.
char *doctor_test_user(const char *argument);

/// libvirt's CPU map; no argument.
char *doctor_test_cpu_map(const char *argument);

/// A connection as `scan` would choose it; no argument.
char *doctor_test_libvirt(const char *argument);

/// A device file that this user may read and write.
char *doctor_test_device(const char *argument);

/// An accelerator ("kvm", "tcg") on which a guest runs.
char *doctor_test_accelerator(const char *argument);
