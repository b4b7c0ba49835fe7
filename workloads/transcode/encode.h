// SPDX-License-Identifier: LGPL-2.1-or-later
/// The timed part and its check.
#pragma once

#include "child.h"

#include <stdbool.h>

/// The paper's picture: 1440x816.
enum { OUTPUT_WIDTH = 1440, OUTPUT_HEIGHT = 816 };

/// What the output shows when it is looked at; see is_right.
struct check {
    double psnr; ///< dB, all planes, against the source scaled by the same factor; NaN: not known
    double bit_rate; ///< of the picture, in Mbit/s
    unsigned frames, frames_expected;
    char codec[32], audio[32];
    unsigned width, height;
    bool is_right; ///< the streams are the paper's, no frame is missing, psnr >= PSNR_MIN
};

/// What HandBrake's quality 20 leaves is above 40 dB on this source; a picture that is one frame
/// off is near 20 dB.
#define PSNR_MIN 35.0

/// Runs HandBrakeCLI from `source` to `output` with that many threads. Returns 0, or -1 after a
/// message.
int encode(const char *source, const char *output, unsigned threads, struct child_usage *ret_usage);

/// 0 if the file is there and can be read, else -1 after a message.
int encode_check_readable(const char *path);

/// Looks at `output` with ffprobe and compares it with `source` by ffmpeg, frame by frame; `frames`
/// is how many there must be, 0: as many as in the source. Returns 0 with *ret_check filled (right
/// or not), or -1 after a message when it could not look.
int encode_check(const char *source, const char *output, unsigned frames, struct check *ret_check);
