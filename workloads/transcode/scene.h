// SPDX-License-Identifier: LGPL-2.1-or-later
/// Moving pictures made from nothing but a seed, that cost an encoder what broadcast video does:
/// texture at all scales that pans, zooms and turns into other scenes, a ground whose rows move at
/// their own speeds, objects that cover and uncover it, and grain.
#pragma once

#include <stdint.h>

enum {
    SCENE_WIDTH = 1920,
    SCENE_HEIGHT = 1080,
    SCENE_FRAME_BYTES = SCENE_WIDTH * SCENE_HEIGHT * 3 / 2, ///< planar 4:2:0, 8 bit
};

struct scene;

/// NULL when there is no memory.
struct scene *scene_new(uint64_t seed);
void scene_free(struct scene *scene);

/// Draws frame `number` into `ret_frame` (SCENE_FRAME_BYTES). The same seed and number give the
/// same bytes.
void scene_draw(const struct scene *scene, unsigned number, uint8_t *ret_frame);
