// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest's two images, made at build time from probe/guest.
#pragma once

#include <stddef.h>

extern const unsigned char image_32[], image_64[];
extern const size_t image_32_size, image_64_size;
