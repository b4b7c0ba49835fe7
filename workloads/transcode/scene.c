// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scene.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIZE = 2048, ///< of a texture, in pixels; a power of two, so that it tiles by masking
    MASK = SIZE - 1,
    PLANES = 3,
    OBJECTS = 7,
    SHOT = 67, ///< frames from cut to cut: 2.2 s
    HORIZON = SCENE_HEIGHT * 2 / 5,
    RIPPLE = 6, ///< the ground's sideways sway, in pixels
    GRAIN = 7,  ///< peak of the triangular grain, in luma steps
};

struct scene {
    uint64_t seed;
    uint8_t *texture[PLANES]; ///< Y, U, V: fractal noise, tiling
    int8_t *grain;            ///< SIZE × SIZE
};

/// A part of the picture that moves as one: texture coordinates in 1/65536 pixel.
struct patch {
    int32_t u, v; ///< of the picture's first pixel
    int32_t step; ///< for one pixel to the right or down
    int contrast; ///< 256 is the texture's own
    int shift;    ///< added to each plane's value
};

struct object {
    double x, y, rx, ry; ///< centre and radii, in pixels
    struct patch patch;
};

static uint64_t hash(uint64_t seed, uint64_t index)
{
    uint64_t z = (seed << 32) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/// Uniform in [from, to).
static double choose(uint64_t seed, uint64_t index, double from, double to)
{
    return from + (to - from) * (double)(hash(seed, index) >> 11) * 0x1p-53;
}

/// Adds one octave of value noise: random values on a lattice of `cell` pixels, smoothly between.
static void add_octave(float *sum, uint64_t seed, int cell, float amplitude)
{
    uint64_t cells = SIZE / (uint64_t)cell;
    for (int y = 0; y < SIZE; y++) {
        uint64_t cy = (uint64_t)(y / cell);
        float fy = (float)(y % cell) / (float)cell;
        fy = fy * fy * (3 - 2 * fy);
        float corner[4] = {0};
        for (int x = 0; x < SIZE; x++) {
            if (x % cell == 0) {
                uint64_t cx = (uint64_t)(x / cell);
                for (unsigned i = 0; i < 4; i++) {
                    uint64_t at = (cy + i / 2) % cells * cells + (cx + i % 2) % cells;
                    corner[i] = (float)(hash(seed, at) >> 40) * 0x1p-24F - 0.5F;
                }
            }
            float fx = (float)(x % cell) / (float)cell;
            fx = fx * fx * (3 - 2 * fx);
            float top = corner[0] + fx * (corner[1] - corner[0]);
            float bottom = corner[2] + fx * (corner[3] - corner[2]);
            sum[y * SIZE + x] += amplitude * (top + fy * (bottom - top));
        }
    }
}

/// Fractal noise with a spectrum near 1/f, as pictures of nature have, down to cells of `finest`.
static bool fill_texture(uint8_t *texture, uint64_t seed, int finest, float contrast)
{
    float *sum = calloc((size_t)SIZE * SIZE, sizeof *sum);
    if (sum == NULL) {
        return false;
    }
    float amplitude = contrast;
    for (int cell = 256; cell >= finest; cell /= 2) {
        add_octave(sum, seed + (uint64_t)cell, cell, amplitude);
        amplitude *= 0.74F;
    }
    for (size_t i = 0; i < (size_t)SIZE * SIZE; i++) {
        float value = 128 + sum[i];
        texture[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    free(sum);
    return true;
}

static bool fill_all(struct scene *s)
{
    bool ok = true;
    for (int i = 0; i < PLANES; i++) {
        s->texture[i] = malloc((size_t)SIZE * SIZE);
        ok = ok && s->texture[i] != NULL &&
             fill_texture(s->texture[i], s->seed * 16 + (uint64_t)i, i == 0 ? 2 : 32,
                          i == 0 ? 130 : 70);
    }
    s->grain = malloc((size_t)SIZE * SIZE);
    for (size_t i = 0; s->grain != NULL && i < (size_t)SIZE * SIZE; i++) {
        uint64_t h = hash(s->seed + 99, i);
        s->grain[i] = (int8_t)((int)(h % GRAIN) - (int)(h / GRAIN % GRAIN));
    }
    return ok && s->grain != NULL;
}

struct scene *scene_new(uint64_t seed)
{
    struct scene *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->seed = seed;
    if (!fill_all(s)) {
        scene_free(s);
        return NULL;
    }
    return s;
}

void scene_free(struct scene *s)
{
    if (s != NULL) {
        for (int i = 0; i < PLANES; i++) {
            free(s->texture[i]);
        }
        free(s->grain);
        free(s);
    }
}

/// The texture between its pixels; u and v in 1/65536 pixel.
static int sample(const uint8_t *texture, int32_t u, int32_t v)
{
    int x = (u >> 16) & MASK, y = (v >> 16) & MASK;
    int fx = (u >> 8) & 255, fy = (v >> 8) & 255;
    const uint8_t *row = texture + (size_t)y * SIZE;
    const uint8_t *next = texture + (size_t)((y + 1) & MASK) * SIZE;
    int right = (x + 1) & MASK;
    int top = row[x] * (256 - fx) + row[right] * fx;
    int bottom = next[x] * (256 - fx) + next[right] * fx;
    return (top * (256 - fy) + bottom * fy) >> 16;
}

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 16 ? 16 : value > 235 ? 235 : value);
}

static uint8_t shade(const struct patch *p, int value)
{
    return clamp(128 + ((value - 128) * p->contrast >> 8) + p->shift);
}

/// One plane's row `y` from x `from` to `to`; `scale` is 2 for the chroma planes.
static void draw_row(const struct scene *s, int plane, const struct patch *p, int y, int from,
                     int to, uint8_t *row)
{
    int scale = plane == 0 ? 1 : 2;
    int32_t v = (int32_t)((uint32_t)p->v + (uint32_t)(p->step * y * scale));
    uint32_t u = (uint32_t)p->u + (uint32_t)(p->step * from * scale);
    for (int x = from; x < to; x++, u += (uint32_t)(p->step * scale)) {
        row[x] = shade(p, sample(s->texture[plane], (int32_t)u, v));
    }
}

/// Texture coordinate that wraps as the texture does.
static int32_t fixed(double pixels)
{
    return (int32_t)(uint32_t)(int64_t)(fmod(pixels, SIZE) * 65536);
}

/// The far background of a shot: a slow pan and zoom.
static struct patch get_background(uint64_t shot_seed, double t)
{
    double zoom = choose(shot_seed, 1, 0.6, 1.1) * (1 + t * choose(shot_seed, 2, -0.0012, 0.0012));
    double pan = choose(shot_seed, 3, -5, 5), tilt = choose(shot_seed, 4, -1, 1);
    return (struct patch){
        .u = fixed(choose(shot_seed, 5, 0, SIZE) + pan * t - SCENE_WIDTH / 2.0 * zoom),
        .v = fixed(choose(shot_seed, 6, 0, SIZE) + tilt * t - SCENE_HEIGHT / 2.0 * zoom),
        .step = (int32_t)(zoom * 65536),
        .contrast = 220,
        .shift = (int)choose(shot_seed, 7, -25, 25),
    };
}

/// Below the horizon nearer rows move faster, and ripple, so that not all motion is a shift.
static struct patch get_ground(const struct patch *background, uint64_t shot_seed, double t, int y)
{
    struct patch p = *background;
    double near = (double)(y - HORIZON) / (SCENE_HEIGHT - HORIZON);
    double speed = choose(shot_seed, 8, -9, 9) * near;
    double wave = RIPPLE * near * sin(0.04 * y + 0.25 * t);
    p.u = (int32_t)((uint32_t)p.u + (uint32_t)fixed(speed * t + wave + 700));
    p.contrast = 170;
    p.shift += (int)(12 * near);
    return p;
}

static struct object get_object(uint64_t shot_seed, double t, unsigned i)
{
    uint64_t seed = hash(shot_seed, 100 + i);
    double size = choose(seed, 1, 60, 230), speed = choose(seed, 2, -11, 11);
    double x = choose(seed, 3, 0, SCENE_WIDTH) + speed * t;
    double y = choose(seed, 4, SCENE_HEIGHT / 3.0, SCENE_HEIGHT - size / 2) +
               choose(seed, 5, 5, 40) * sin(t * choose(seed, 6, 0.05, 0.25));
    return (struct object){
        .x = x,
        .y = y,
        .rx = size * choose(seed, 7, 0.4, 0.7),
        .ry = size,
        .patch =
            {
                .u = fixed(choose(seed, 8, 0, SIZE) - x * 1.3),
                .v = fixed(choose(seed, 9, 0, SIZE) - y * 1.3),
                .step = (int32_t)(1.3 * 65536),
                .contrast = 300,
                .shift = (int)choose(seed, 10, -50, 50),
            },
    };
}

static void draw_object(const struct scene *s, const struct object *o, int plane, uint8_t *pixels)
{
    int scale = plane == 0 ? 1 : 2;
    int width = SCENE_WIDTH / scale, height = SCENE_HEIGHT / scale;
    int top = (int)fmax(0, (o->y - o->ry) / scale), end = (int)fmin(height, (o->y + o->ry) / scale);
    for (int y = top; y < end; y++) {
        double dy = (y * scale - o->y) / o->ry;
        double half = o->rx * sqrt(fmax(0, 1 - dy * dy));
        int from = (int)fmax(0, (o->x - half) / scale);
        int to = (int)fmin(width, (o->x + half) / scale);
        if (from < to) {
            draw_row(s, plane, &o->patch, y, from, to, pixels + (size_t)y * (size_t)width);
        }
    }
}

static void draw_plane(const struct scene *s, int plane, uint64_t shot_seed, double t,
                       uint8_t *pixels)
{
    int scale = plane == 0 ? 1 : 2;
    int width = SCENE_WIDTH / scale, height = SCENE_HEIGHT / scale;
    struct patch background = get_background(shot_seed, t);
    for (int y = 0; y < height; y++) {
        bool is_ground = y * scale >= HORIZON;
        struct patch p = is_ground ? get_ground(&background, shot_seed, t, y * scale) : background;
        draw_row(s, plane, &p, y, 0, width, pixels + (size_t)y * (size_t)width);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct object o = get_object(shot_seed, t, i);
        draw_object(s, &o, plane, pixels);
    }
}

/// Sensor noise: another part of the grain for each frame.
static void add_grain(const struct scene *s, unsigned number, uint8_t *luma)
{
    uint64_t h = hash(s->seed + 7, number);
    unsigned ox = (unsigned)h & MASK, oy = (unsigned)(h >> 20) & MASK;
    for (unsigned y = 0; y < SCENE_HEIGHT; y++) {
        const int8_t *grain = s->grain + (size_t)((y + oy) & MASK) * SIZE;
        for (unsigned x = 0; x < SCENE_WIDTH; x++, luma++) {
            *luma = clamp(*luma + grain[(x + ox) & MASK]);
        }
    }
}

void scene_draw(const struct scene *s, unsigned number, uint8_t *ret_frame)
{
    uint64_t shot_seed = hash(s->seed, 1000 + number / SHOT);
    double t = number % SHOT;
    uint8_t *plane = ret_frame;
    for (int i = 0; i < PLANES; i++) {
        draw_plane(s, i, shot_seed, t, plane);
        plane += i == 0 ? SCENE_WIDTH * SCENE_HEIGHT : SCENE_WIDTH * SCENE_HEIGHT / 4;
    }
    add_grain(s, number, ret_frame);
}
