// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clip.h"

#include "child.h"
#include "scene.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// Part of the name in the cache: to be raised whenever the scene or the encoder's settings change.
#define CLIP_VERSION 1

unsigned clip_get_frames(const struct clip *clip)
{
    return (unsigned)(clip->seconds * CLIP_RATE + 0.5);
}

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "cpulift-transcode: cannot %s '%s': %s\n", what, path, strerror(errno));
    return -1;
}

/// As `mkdir -p`, for the two folders that may be missing.
static int make_folder(const char *folder)
{
    char *parent = strdup(folder);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        mkdir(parent, 0700);
    }
    free(parent);
    return mkdir(folder, 0700) == 0 || errno == EEXIST ? 0 : fail("make the folder", folder);
}

char *clip_get_path(const struct clip *clip)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = NULL, *path = NULL;
    if (cache != NULL && *cache == '/') {
        folder = asprintf(&folder, "%s/cpulift", cache) < 0 ? NULL : folder;
    } else if (home != NULL && *home == '/') {
        folder = asprintf(&folder, "%s/.cache/cpulift", home) < 0 ? NULL : folder;
    } else {
        fputs("cpulift-transcode: neither XDG_CACHE_HOME nor HOME says where to keep the clip; set "
              "one\n",
              stderr);
    }
    if (folder != NULL && make_folder(folder) == 0 &&
        asprintf(&path, "%s/clip-v%d-%us-%u.mts", folder, CLIP_VERSION, clip->seconds, clip->seed) <
            0) {
        path = NULL;
    }
    free(folder);
    return path;
}

/// Feeds every frame to the encoder. False when it went away (its own log says why).
static bool draw_all(const struct clip *clip, FILE *to)
{
    struct scene *scene = scene_new(clip->seed);
    uint8_t *frame = malloc(SCENE_FRAME_BYTES);
    bool ok = scene != NULL && frame != NULL;
    for (unsigned i = 0; ok && i < clip_get_frames(clip); i++) {
        scene_draw(scene, i, frame);
        ok = fwrite(frame, SCENE_FRAME_BYTES, 1, to) == 1;
    }
    free(frame);
    scene_free(scene);
    return ok;
}

/// Quality-driven (variable) bit rate under a cap, as a camcorder or a broadcaster has it; PCM as
/// Blu-ray and AVCHD put it into a transport stream. Two threads, always: the bytes depend on it.
static int start_encoder(const struct clip *clip, const char *path, int in, FILE *log)
{
    char sound[96];
    snprintf(sound, sizeof sound, "anoisesrc=color=pink:amplitude=0.3:seed=%u:r=48000:d=%u",
             clip->seed, clip->seconds);
    const char *const argv[] = {"ffmpeg",     "-hide_banner",
                                "-y",         "-f",
                                "rawvideo",   "-pix_fmt",
                                "yuv420p",    "-s",
                                "1920x1080",  "-r",
                                "30000/1001", "-i",
                                "pipe:0",     "-f",
                                "lavfi",      "-i",
                                sound,        "-map",
                                "0:v",        "-map",
                                "1:a",        "-c:v",
                                "libx264",    "-preset",
                                "veryfast",   "-threads",
                                "2",          "-crf",
                                "21",         "-maxrate",
                                "17M",        "-bufsize",
                                "17M",        "-g",
                                "30",         "-bf",
                                "2",          "-c:a",
                                "pcm_bluray", "-sample_fmt",
                                "s16",        "-ac",
                                "2",          "-f",
                                "mpegts",     "-mpegts_m2ts_mode",
                                "1",          path,
                                NULL};
    const struct child child = {.argv = argv, .in = in, .log = log};
    return child_start(&child);
}

static int make_into(const struct clip *clip, const char *path, FILE *log)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail("make a pipe for", path);
    }
    int pid = start_encoder(clip, path, ends[0], log);
    close(ends[0]);
    FILE *to = fdopen(ends[1], "w");
    if (pid < 0 || to == NULL) {
        close(ends[1]);
        return -1;
    }
    signal(SIGPIPE, SIG_IGN);
    bool ok = draw_all(clip, to);
    ok = fclose(to) == 0 && ok;
    if (child_wait(pid, child_now(), NULL) != 0 || !ok) {
        fprintf(stderr, "cpulift-transcode: ffmpeg could not make the clip '%s'; it said:\n", path);
        child_print_log(log);
        return -1;
    }
    return 0;
}

/// True for an MPEG transport stream with time stamps, as cameras and we make it: packets of 192
/// bytes, each with 0x47 behind its stamp.
static bool is_clip(const char *path)
{
    unsigned char packets[4][192];
    FILE *f = fopen(path, "re");
    bool ok = f != NULL && fread(packets, sizeof packets, 1, f) == 1;
    for (size_t i = 0; ok && i < sizeof packets / sizeof *packets; i++) {
        ok = packets[i][4] == 0x47;
    }
    if (f != NULL) {
        fclose(f);
    }
    return ok;
}

/// 1 if the clip is there and needs not be made, 0 if nothing is there, negative where it must not
/// be replaced.
static int is_there(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? 0 : fail("look at", path);
    }
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return fail("make the clip", path);
    }
    if (access(path, R_OK) != 0) {
        return fail("read", path);
    }
    if (!is_clip(path)) {
        fprintf(stderr,
                "cpulift-transcode: '%s' is there and is no clip (an MTS stream, as this program "
                "makes it); remove it, or name another\n",
                path);
        return -1;
    }
    return 1;
}

int clip_make(const struct clip *clip, const char *name)
{
    int there = is_there(name);
    if (there != 0) {
        return there > 0 ? 0 : there;
    }
    char *temporary = NULL, *path = target_find(name);
    if (path == NULL) {
        return fail("follow", name);
    }
    FILE *log = tmpfile();
    int fd = asprintf(&temporary, "%s.XXXXXX", path) < 0 ? -1 : mkstemp(temporary);
    int rc = fd < 0 || log == NULL ? fail("create a file beside", path)
                                   : make_into(clip, temporary, log);
    if (rc == 0 && rename(temporary, path) != 0) {
        rc = fail("replace", path);
    }
    if (fd >= 0) {
        close(fd);
        if (rc != 0) {
            unlink(temporary);
        }
    }
    if (log != NULL) {
        fclose(log);
    }
    free(temporary);
    free(path);
    return rc;
}
