// SPDX-License-Identifier: LGPL-2.1-or-later
/// The source clip, of the paper's shape: MTS with AVC 1920x1080 at 29.97 frames/s and variable bit
/// rate, and PCM of 48 kHz, 16 bit.
#pragma once

/// The paper's rate, 29.97 Hz, is 30000/1001.
#define CLIP_RATE (30000.0 / 1001.0)

struct clip {
    unsigned seconds;
    unsigned seed;
};

unsigned clip_get_frames(const struct clip *clip);

/// Where the clip is kept: $XDG_CACHE_HOME/cpulift (or ~/.cache/cpulift), by its parameters. The
/// caller frees it; NULL after a message.
char *clip_get_path(const struct clip *clip);

/// Makes the clip unless `path` is there. Returns 0, or -1 after a message; nothing half-made
/// stays.
int clip_make(const struct clip *clip, const char *path);
