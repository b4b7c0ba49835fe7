// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_log(const char *program, const char *what, const char *path, int status, FILE *log)
{
    fprintf(stderr, "cpulift-transcode: %s could not %s '%s' (status %d); it said:\n", program,
            what, path, status);
    child_print_log(log);
    return -1;
}

int encode_check_readable(const char *path)
{
    struct stat st;
    int rc = stat(path, &st);
    if (rc == 0 && !S_ISREG(st.st_mode)) {
        fprintf(stderr, "cpulift-transcode: '%s' is no file\n", path);
        return -1;
    }
    if (rc != 0 || access(path, R_OK) != 0) {
        fprintf(
            stderr,
            "cpulift-transcode: cannot read '%s': %s; 'cpulift-transcode clip' makes the source\n",
            path, strerror(errno));
        return -1;
    }
    return 0;
}

/// Every setting is named, so that no preset of the installed HandBrake decides: x264's own medium,
/// constant quality 20, AAC with variable bit rate, no filter but the scaling to the paper's size.
static int run_handbrake(const char *source, const char *output, unsigned threads, FILE *log,
                         struct child_usage *ret_usage)
{
    char options[32], width[16], height[16];
    snprintf(options, sizeof options, "threads=%u", threads);
    snprintf(width, sizeof width, "%d", OUTPUT_WIDTH);
    snprintf(height, sizeof height, "%d", OUTPUT_HEIGHT);
    const char *const argv[] = {"HandBrakeCLI",
                                "--input",
                                source,
                                "--output",
                                output,
                                "--format",
                                "av_mp4",
                                "--min-duration",
                                "0",
                                "--previews",
                                "2:0",
                                "--encoder",
                                "x264",
                                "--encoder-preset",
                                "medium",
                                "--encopts",
                                options,
                                "--quality",
                                "20",
                                "--cfr",
                                "--rate",
                                "29.97",
                                "--crop",
                                "0:0:0:0",
                                "--custom-anamorphic",
                                "--pixel-aspect",
                                "1:1",
                                "--no-keep-display-aspect",
                                "--modulus",
                                "16",
                                "--width",
                                width,
                                "--height",
                                height,
                                "--no-comb-detect",
                                "--no-decomb",
                                "--no-detelecine",
                                "--no-deinterlace",
                                "--no-hqdn3d",
                                "--no-nlmeans",
                                "--audio",
                                "1",
                                "--aencoder",
                                "av_aac",
                                "--aq",
                                "2",
                                "--mixdown",
                                "stereo",
                                "--subtitle",
                                "none",
                                NULL};
    const struct child child = {.argv = argv, .in = -1, .log = log};
    return child_run(&child, ret_usage);
}

int encode(const char *source, const char *output, unsigned threads, struct child_usage *ret_usage)
{
    // An old result must not pass for a new one. A device, FIFO or folder cannot be cut: it stays.
    if (truncate(output, 0) != 0 && errno != ENOENT) {
        fprintf(stderr, "cpulift-transcode: cannot write '%s': %s; name a file\n", output,
                strerror(errno));
        return -1;
    }
    FILE *log = tmpfile();
    if (log == NULL) {
        fprintf(stderr, "cpulift-transcode: cannot keep HandBrake's log: %s\n", strerror(errno));
        return -1;
    }
    int rc = encode_check_readable(source);
    int status = rc == 0 ? run_handbrake(source, output, threads, log, ret_usage) : -1;
    struct stat st;
    if (status >= 0) {
        // HandBrake ends with 0 for some sources that it could not read.
        rc = status != 0 || stat(output, &st) != 0 || st.st_size == 0
                 ? fail_log("HandBrakeCLI", "transcode", source, status, log)
                 : 0;
    } else {
        rc = -1;
    }
    fclose(log);
    return rc;
}

/// Reads "key=value" lines as ffprobe prints them, one stream after the other.
static void parse_streams(FILE *text, struct check *check)
{
    char line[256], codec[32] = "";
    bool is_video = false;
    rewind(text);
    while (fgets(line, sizeof line, text) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        char *value = strchr(line, '=');
        if (value == NULL) {
            continue;
        }
        *value++ = '\0';
        if (strcmp(line, "codec_name") == 0) {
            snprintf(codec, sizeof codec, "%s", value);
        } else if (strcmp(line, "codec_type") == 0) {
            is_video = strcmp(value, "video") == 0;
            memcpy(is_video ? check->codec : check->audio, codec, sizeof codec);
        } else if (strcmp(line, "width") == 0) {
            check->width = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(line, "height") == 0) {
            check->height = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(line, "bit_rate") == 0 && is_video) {
            check->bit_rate = strtod(value, NULL) * 1e-6;
        } else if (strcmp(line, "nb_read_packets") == 0 && is_video) {
            check->frames = (unsigned)strtoul(value, NULL, 10);
        }
    }
}

static int probe(const char *output, struct check *check, FILE *log)
{
    FILE *text = tmpfile();
    if (text == NULL) {
        fprintf(stderr, "cpulift-transcode: cannot make a file: %s\n", strerror(errno));
        return -1;
    }
    const char *const argv[] = {
        "ffprobe",       "-v",
        "error",         "-count_packets",
        "-show_entries", "stream=codec_name,codec_type,width,height,bit_rate,nb_read_packets",
        "-of",           "default=noprint_wrappers=1",
        output,          NULL};
    const struct child child = {.argv = argv, .in = -1, .out = text, .log = log};
    int status = child_run(&child, NULL);
    if (status == 0) {
        parse_streams(text, check);
    } else if (status > 0) {
        fail_log("ffprobe", "look at", output, status, log);
    }
    fclose(text);
    return status == 0 ? 0 : -1;
}

/// The frames of a source that we did not draw.
static int count_frames(const char *source, unsigned *ret_frames, FILE *log)
{
    struct check look = {0};
    if (probe(source, &look, log) != 0) {
        return -1;
    }
    if (look.frames == 0) {
        fprintf(stderr, "cpulift-transcode: '%s' has no picture to compare with\n", source);
        return -1;
    }
    *ret_frames = look.frames;
    return 0;
}

/// The number after "average:" in the psnr filter's last line; "inf" is an exact copy.
static double parse_psnr(FILE *log)
{
    char line[1024];
    double psnr = NAN;
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        const char *at = strstr(line, "PSNR y:");
        at = at != NULL ? strstr(at, "average:") : NULL;
        if (at != NULL) {
            psnr = strtod(at + strlen("average:"), NULL);
        }
    }
    return psnr;
}

/// Frames are paired by their number, whatever their time stamps say. An ffmpeg that ends well
/// without a number has compared nothing: that is no answer, least of all a wrong one.
static int compare(const char *source, const char *output, struct check *check, FILE *log)
{
    char filter[160];
    snprintf(filter, sizeof filter,
             "[0:v]settb=AVTB,setpts=N[a];[1:v]settb=AVTB,setpts=N,scale=%d:%d[b];[a][b]psnr",
             OUTPUT_WIDTH, OUTPUT_HEIGHT);
    const char *const argv[] = {
        "ffmpeg",          "-nostdin", "-hide_banner", "-nostats", "-i",   output, "-i", source,
        "-filter_complex", filter,     "-an",          "-f",       "null", "-",    NULL};
    const struct child child = {.argv = argv, .in = -1, .log = log};
    int status = child_run(&child, NULL);
    check->psnr = status == 0 ? parse_psnr(log) : NAN;
    return status > 0 || (status == 0 && isnan(check->psnr))
               ? fail_log("ffmpeg", "compare", output, status, log)
               : status;
}

int encode_check(const char *source, const char *output, unsigned frames, struct check *ret_check)
{
    FILE *log = tmpfile();
    struct check check = {.psnr = NAN, .frames_expected = frames};
    int rc = log != NULL && encode_check_readable(source) == 0 && encode_check_readable(output) == 0
                 ? 0
                 : -1;
    if (rc == 0) {
        rc = probe(output, &check, log);
    }
    if (rc == 0 && frames == 0) {
        rc = count_frames(source, &check.frames_expected, log);
    }
    // Without a frame, or with frames of another size, it is wrong whatever a comparison would say.
    if (rc == 0 && check.frames > 0 && check.width == OUTPUT_WIDTH &&
        check.height == OUTPUT_HEIGHT) {
        rc = compare(source, output, &check, log);
    }
    if (log != NULL) {
        fclose(log);
    }
    if (rc == 0) {
        check.is_right = strcmp(check.codec, "h264") == 0 && strcmp(check.audio, "aac") == 0 &&
                         check.frames == check.frames_expected && check.psnr >= PSNR_MIN;
        *ret_check = check;
    }
    return rc;
}
