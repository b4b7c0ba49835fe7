// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/find.h"

#include "mask/look/decode.h"
#include "mask/look/ranges.h"

#include <string.h>

/// Streams that start this close to a candidate have had no room to fall into step.
#define SYNC_NEAR 16
/// How far back streams start. Four out of five that differ meet within this many bytes.
#define SYNC_FAR 80
/// How many times more streams must agree than disagree.
#define MAJORITY 3
/// So many streams must disagree before a candidate is taken for part of something else.
#define VOTES_MIN 12
/// A function longer than this is not read from its beginning: only hostile files have such.
#define FUNCTION_MAX ((size_t)16 << 20)
/// So many plausible instructions in a row before a candidate are code, whatever stands before.
#define ROW_MIN 8
/// Where compilers and assemblers let functions begin.
#define FUNCTION_ALIGN 16
/// Instructions looked at behind a candidate.
#define LOOK_AHEAD 24
/// So many plausible instructions in a row behind one are code, whatever stands behind them.
#define ROW_FAR_MIN 10
/// Within a known function so many suffice: it may end in a call that does not return.
#define NEAR_MIN 4
/// In a gap fewer than these before something odd are data.
#define FAR_MIN 8
/// Of these, the answer must be used among the first ones.
#define USE_WITHIN 10
/// Instructions before a candidate among which the leaf must be set.
#define SET_WITHIN 16

/// So many bytes are read as code in one file or stretch of memory. Libraries of 200 MB take a
/// tenth of that at most; what is left when it is spent stays undecided.
#define EFFORT_MAX ((uint64_t)32 << 20)

/// Memory of a program that its file does not hold (.bss), generously.
#define BEYOND_FILE ((uint64_t)64 << 20)

enum verdict { VERDICT_DATA, VERDICT_CODE, VERDICT_UNDECIDED };

struct region {
    const uint8_t *data;
    uint64_t start, end; ///< bytes that may be read as code
    uint64_t reach;      ///< no branch and no operand points farther than this
    bool is_64;
    uint64_t *effort; ///< bytes that may still be read
};

static void spend(const struct region *region, uint64_t bytes)
{
    *region->effort -= MIN(*region->effort, bytes);
}

static bool is_odd(const struct region *region, const struct decoded *insn)
{
    return (insn->flags & DECODE_IMPLAUSIBLE) != 0 || insn->reach > region->reach;
}

/// True if nothing but prefixes stands between: what begins at `from` is the candidate itself.
static bool is_prefixed(const struct region *region, uint64_t from, uint64_t target)
{
    return decode_prefixes(region->is_64, region->data + from, target - from) == target - from;
}

/// Reads on from `from`. Returns where the first instruction at or behind `target` begins, or
/// UINT64_MAX where the stream ends before (bytes that are no instruction).
static uint64_t run_to(const struct region *region, uint64_t from, uint64_t target)
{
    spend(region, target - MIN(from, target));
    while (from < target) {
        if (is_prefixed(region, from, target)) {
            return target;
        }
        size_t length = decode_length(region->is_64, region->data + from, region->end - from);
        if (length == 0) {
            return UINT64_MAX;
        }
        from += length;
    }
    return from;
}

/// What the last instructions of the stream from `from` to `target` say.
struct history {
    bool is_whole;     ///< the stream arrives at `target`
    bool is_plausible; ///< all since the last barrier, or ROW_MIN in a row
    bool sets_leaf;    ///< eax is written within the last SET_WITHIN instructions
    bool sets_it_last; ///< by the very last one
};

static struct history read_history(const struct region *region, uint64_t from, uint64_t target)
{
    struct history history = {.is_plausible = true};
    spend(region, target - MIN(from, target));
    const unsigned starts_anew = DECODE_BARRIER | DECODE_PADDING;
    unsigned since_set = SET_WITHIN + 1, row = 0;
    while (from < target) {
        struct decoded insn;
        if (is_prefixed(region, from, target)) {
            from = target;
            break;
        }
        if (!decode_full(region->is_64, region->data + from, region->end - from, &insn)) {
            return (struct history){0};
        }
        bool is_usual = !is_odd(region, &insn);
        row = !is_usual ? 0 : row + 1;
        bool is_filler = (insn.flags & DECODE_PADDING) != 0;
        history.is_plausible =
            (is_usual || is_filler) &&
            (history.is_plausible || (insn.flags & starts_anew) != 0 || row >= ROW_MIN);
        since_set = (insn.flags & DECODE_SETS_LEAF) != 0 ? 0 : since_set + 1;
        from += insn.length;
    }
    history.is_whole = from == target;
    history.sets_leaf = since_set <= SET_WITHIN;
    history.sets_it_last = since_set == 0;
    return history;
}

/// What the instructions from the candidate on say.
struct future {
    bool is_plausible; ///< valid and usual up to a barrier, the end, or LOOK_AHEAD
    unsigned usual;    ///< how many are, before one that is not
    bool uses_answer;
};

static struct future read_future(const struct region *region, uint64_t at)
{
    struct future future = {.is_plausible = true};
    at += CPUID_LENGTH;
    for (unsigned i = 0; i < LOOK_AHEAD && at < region->end; i++) {
        struct decoded insn;
        if (!decode_full(region->is_64, region->data + at, region->end - at, &insn)) {
            // An instruction that is cut off by the end of the region says nothing.
            future.is_plausible = region->end - at < 15;
            break;
        }
        if (is_odd(region, &insn)) {
            future.is_plausible = false;
            break;
        }
        future.usual++;
        future.uses_answer |= i < USE_WITHIN && (insn.flags & DECODE_USES_ANSWER) != 0;
        if ((insn.flags & DECODE_BARRIER) != 0) {
            break;
        }
        at += insn.length;
    }
    return future;
}

/// How the streams that start before the candidate see it.
struct votes {
    unsigned hits, misses;
    uint64_t stream; ///< the farthest start of a stream that arrives, UINT64_MAX if none
};

static void cast_vote(const struct region *region, uint64_t from, uint64_t at, struct votes *votes)
{
    uint64_t arrived = run_to(region, from, at);
    if (arrived == at) {
        votes->hits++;
        votes->stream = from;
    } else if (arrived != UINT64_MAX) {
        votes->misses++;
    }
}

static struct votes take_votes(const struct region *region, uint64_t at)
{
    struct votes votes = {.stream = UINT64_MAX};
    uint64_t room = at - region->start;
    for (uint64_t back = MIN(room, SYNC_NEAR); back <= MIN(room, SYNC_FAR); back++) {
        cast_vote(region, at - back, at, &votes);
    }
    return votes;
}

/// True if code that begins at a multiple of FUNCTION_ALIGN behind padding leads to the candidate.
static bool has_aligned_start(const struct region *region, uint64_t at)
{
    static const uint8_t padding[] = {0x00, 0x90, 0xc3, 0xcc};
    uint64_t from = at & ~(uint64_t)(FUNCTION_ALIGN - 1);
    for (unsigned i = 0; i < 4 && from > region->start && from < at; i++, from -= FUNCTION_ALIGN) {
        if (memchr(padding, region->data[from - 1], sizeof padding) != NULL) {
            struct history history = read_history(region, from, at);
            if (history.is_whole && history.is_plausible && history.sets_leaf) {
                return true;
            }
        }
    }
    return false;
}

/// Decides by what stands around. `from` is where code is known to begin, or UINT64_MAX.
static enum verdict judge_gap(const struct region *region, uint64_t from, uint64_t at)
{
    struct votes votes = take_votes(region, at);
    bool is_agreed = votes.hits > MAJORITY * votes.misses;
    // Close behind data a single stream says little.
    bool is_denied = votes.misses > MAJORITY * votes.hits && votes.misses >= VOTES_MIN;
    uint64_t arrived = from != UINT64_MAX ? run_to(region, from, at) : UINT64_MAX;
    if (is_denied && arrived != at) {
        return VERDICT_DATA;
    }
    struct future future = read_future(region, at);
    if (!future.is_plausible && future.usual < FAR_MIN) {
        return VERDICT_DATA;
    }
    uint64_t stream = arrived == at ? from : votes.stream;
    struct history history =
        stream != UINT64_MAX ? read_history(region, stream, at) : (struct history){0};
    bool is_led_to = (is_agreed || arrived == at) && history.is_whole && history.is_plausible &&
                     history.sets_leaf;
    // CPUID that only orders what the CPU does leaves the answer unused.
    bool has_purpose = future.uses_answer || history.sets_it_last;
    if (!future.is_plausible && !is_led_to) {
        return VERDICT_DATA;
    }
    // Instructions newer than the decoder end a stream that is code all the same.
    bool is_followed = future.is_plausible || (is_led_to && future.usual >= ROW_FAR_MIN);
    return has_purpose && is_followed && (is_led_to || has_aligned_start(region, at))
               ? VERDICT_CODE
               : VERDICT_UNDECIDED;
}

/// Decides within a function whose beginning is known.
static enum verdict judge_function(const struct region *region, uint64_t at)
{
    uint64_t arrived = run_to(region, region->start, at);
    if (arrived == UINT64_MAX) {
        return judge_gap(region, UINT64_MAX, at);
    }
    if (arrived != at) {
        return VERDICT_DATA;
    }
    struct history history = read_history(region, region->start, at);
    struct future future = read_future(region, at);
    bool is_followed = future.is_plausible || future.usual >= NEAR_MIN;
    return history.is_whole && history.is_plausible && is_followed
               ? VERDICT_CODE
               : judge_gap(region, UINT64_MAX, at);
}

struct finder {
    const uint8_t *data;
    bool is_64;
    struct ranges ranges;
    uint64_t entry; ///< see find_in_memory
    uint64_t reach; ///< see struct region
    struct find_result *result;
    uint64_t effort; ///< see struct region
};

static enum verdict judge(struct finder *finder, const struct range *code, uint64_t at)
{
    if (ranges_find(finder->ranges.data, at) != NULL ||
        ranges_find(finder->ranges.sections, at) != NULL) {
        return VERDICT_DATA;
    }
    if (finder->effort == 0) {
        return VERDICT_UNDECIDED;
    }
    struct region region = {.data = finder->data,
                            .start = code->start,
                            .end = code->end,
                            .reach = finder->reach,
                            .is_64 = finder->is_64,
                            .effort = &finder->effort};
    const struct range *function = ranges_find(finder->ranges.functions, at);
    if (function != NULL && function->end - function->start <= FUNCTION_MAX &&
        function->start >= code->start && function->end <= code->end) {
        region.start = function->start;
        region.end = function->end;
        return judge_function(&region, at);
    }
    uint64_t start = ranges_find_start(&finder->ranges, at, code->start);
    bool is_known = start > code->start && at - start <= 65536;
    if (finder->entry == at) {
        return VERDICT_CODE; // it is being executed
    }
    if (finder->entry < at && at - finder->entry <= 65536) {
        return judge_gap(&region, finder->entry, at);
    }
    region.start = MAX(region.start, start);
    return judge_gap(&region, is_known ? start : UINT64_MAX, at);
}

/// Where the next candidate begins, from `at` on; UINT64_MAX: there is none. memchr() for the rarer
/// byte is ten times as fast as memmem() for both.
static uint64_t find_candidate(const uint8_t *data, uint64_t at, uint64_t end)
{
    while (at + CPUID_LENGTH <= end) {
        const uint8_t *hit = memchr(data + at + 1, CPUID_BYTE_1, end - at - 1);
        if (hit == NULL) {
            break;
        }
        at = (uint64_t)(hit - data);
        if (data[at - 1] == CPUID_BYTE_0) {
            return at - 1;
        }
    }
    return UINT64_MAX;
}

static bool has_candidate(const struct finder *finder)
{
    for (unsigned i = 0; i < finder->ranges.code->len; i++) {
        const struct range *code = &g_array_index(finder->ranges.code, struct range, i);
        if (find_candidate(finder->data, code->start, code->end) != UINT64_MAX) {
            return true;
        }
    }
    return false;
}

static void find_in_range(struct finder *finder, const struct range *code)
{
    uint64_t at = code->start;
    while ((at = find_candidate(finder->data, at, code->end)) != UINT64_MAX) {
        enum verdict verdict = judge(finder, code, at);
        if (verdict == VERDICT_CODE) {
            g_array_append_val(finder->result->code, at);
        } else if (verdict == VERDICT_UNDECIDED) {
            g_array_append_val(finder->result->undecided, at);
        }
        at++;
    }
}

static void find_all(struct finder *finder)
{
    for (unsigned i = 0; i < finder->ranges.code->len; i++) {
        find_in_range(finder, &g_array_index(finder->ranges.code, struct range, i));
    }
    ranges_clear(&finder->ranges);
}

static void init_result(struct find_result *result)
{
    *result = (struct find_result){
        .code = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
        .undecided = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
    };
}

void find_in_file(const uint8_t *data, size_t size, struct find_result *ret)
{
    struct elf_file file;
    if (!elf_parse(data, size, &file)) {
        find_in_memory(data, size, true, SIZE_MAX, ret);
        return;
    }
    init_result(ret);
    struct finder finder = {.data = data,
                            .is_64 = file.is_64,
                            .entry = UINT64_MAX,
                            .result = ret,
                            .reach = size + BEYOND_FILE,
                            .effort = EFFORT_MAX};
    if (file.is_excessive) {
        ranges_init_raw(size, &finder.ranges);
    } else {
        ranges_read_code(&file, &finder.ranges);
        if (has_candidate(&finder)) { // most libraries have none
            ranges_read_known(&file, &finder.ranges);
        }
    }
    find_all(&finder);
    elf_clear(&file);
}

void find_in_memory(const uint8_t *data, size_t size, bool is_64, size_t entry,
                    struct find_result *ret)
{
    init_result(ret);
    struct finder finder = {.data = data,
                            .is_64 = is_64,
                            .result = ret,
                            .reach = UINT32_MAX,
                            .effort = EFFORT_MAX,
                            .entry = entry == SIZE_MAX ? UINT64_MAX : entry};
    ranges_init_raw(size, &finder.ranges);
    find_all(&finder);
}

void find_result_clear(struct find_result *result)
{
    g_clear_pointer(&result->code, g_array_unref);
    g_clear_pointer(&result->undecided, g_array_unref);
}
