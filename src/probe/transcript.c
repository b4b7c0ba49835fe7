// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/transcript.h"

#include "base/text.h"

#include <string.h>

#define HEADER       "cpulift-probe 2 record "
#define FNV_START    2166136261u
#define FNV_PRIME    16777619u
#define WORDS_MAX    8
#define LINE_MAX_LEN 127

struct parser {
    transcript *record;
    probe_vcpu *vcpu;         ///< whose lines these are, NULL before the first
    uint32_t lines, checksum; ///< of the record so far
    bool is_over;
};

static uint32_t add_checksum(uint32_t sum, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ (uint8_t)text[i]) * FNV_PRIME;
    }
    return sum;
}

/// Eight hexadecimal digits.
static bool parse_hex(const char *word, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        int digit = g_ascii_xdigit_value(word[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    if (word[8] != '\0') {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool parse_number(const char *word, uint32_t *ret_value)
{
    guint64 value = 0;
    if (!g_ascii_isdigit(word[0]) || !text_to_uint(word, G_MAXUINT32, &value)) {
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

static void free_vcpu(void *item)
{
    probe_vcpu *vcpu = item;
    g_array_unref(vcpu->leaves);
    g_array_unref(vcpu->msrs);
    g_array_unref(vcpu->sets);
    g_free(vcpu);
}

/// Numbers that rise, so that none comes twice.
static bool begin_vcpu(struct parser *p, char **words, size_t count)
{
    uint32_t id = 0;
    if (count != 2 || !parse_hex(words[1], &id) || id >= TRANSCRIPT_VCPUS_MAX ||
        (p->vcpu != NULL && (!p->vcpu->has_cpuid || id <= p->vcpu->id))) {
        return false;
    }
    p->vcpu = g_new0(probe_vcpu, 1);
    p->vcpu->id = id;
    p->vcpu->leaves = g_array_new(FALSE, FALSE, sizeof(struct probe_leaf));
    p->vcpu->msrs = g_array_new(FALSE, FALSE, sizeof(struct probe_msr));
    p->vcpu->sets = g_array_new(FALSE, FALSE, sizeof(struct probe_set));
    g_ptr_array_add(p->record->vcpus, p->vcpu);
    return true;
}

static bool add_leaf(struct parser *p, char **words, size_t count)
{
    struct probe_leaf leaf;
    uint32_t *values[] = {&leaf.leaf,    &leaf.subleaf, &leaf.regs[0],
                          &leaf.regs[1], &leaf.regs[2], &leaf.regs[3]};
    bool is_good = count == 7 && p->vcpu->leaves->len < TRANSCRIPT_ROWS_MAX;
    for (size_t i = 0; is_good && i < G_N_ELEMENTS(values); i++) {
        is_good = parse_hex(words[i + 1], values[i]);
    }
    if (is_good) {
        g_array_append_val(p->vcpu->leaves, leaf);
    }
    return is_good;
}

static bool end_cpuid(struct parser *p, char **words, size_t count)
{
    (void)words;
    p->vcpu->has_cpuid = true;
    return count == 1;
}

static bool set_xcr0(struct parser *p, char **words, size_t count)
{
    uint32_t low = 0, high = 0;
    if (count != 3 || !parse_hex(words[1], &low) || !parse_hex(words[2], &high)) {
        return false;
    }
    p->vcpu->xcr0 = (uint64_t)high << 32 | low;
    return true;
}

static bool add_msr(struct parser *p, char **words, size_t count)
{
    struct probe_msr msr = {0};
    uint32_t vector = 0;
    if (count != 4 || !parse_hex(words[1], &msr.index) ||
        p->vcpu->msrs->len >= TRANSCRIPT_ROWS_MAX) {
        return false;
    }
    msr.is_readable = strcmp(words[2], "fault") != 0;
    if (msr.is_readable ? !parse_hex(words[2], &msr.low) || !parse_hex(words[3], &msr.high)
                        : !parse_number(words[3], &vector)) {
        return false;
    }
    g_array_append_val(p->vcpu->msrs, msr);
    return true;
}

static const struct {
    const char *word;
    enum probe_outcome outcome;
    size_t count; ///< words of the line
    bool (*parse)(const char *word, uint32_t *ret_value);
} outcomes[] = {
    {"fault", PROBE_FAULT, 4, parse_number},
    {"ok", PROBE_OK, 3, NULL},
    {"skipped", PROBE_SKIPPED, 3, NULL},
    {"wrong", PROBE_WRONG, 4, parse_hex},
};

static bool add_set(struct parser *p, char **words, size_t count)
{
    if (count < 3 || strlen(words[1]) > TRANSCRIPT_NAME_MAX || !text_is_name(words[1]) ||
        p->vcpu->sets->len >= TRANSCRIPT_ROWS_MAX) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        struct probe_set set = {.outcome = outcomes[i].outcome};
        if (strcmp(words[2], outcomes[i].word) != 0) {
            continue;
        }
        if (count != outcomes[i].count ||
            (outcomes[i].parse != NULL && !outcomes[i].parse(words[3], &set.value))) {
            return false;
        }
        g_strlcpy(set.name, words[1], sizeof(set.name));
        g_array_append_val(p->vcpu->sets, set);
        return true;
    }
    return false;
}

static bool end_record(struct parser *p, char **words, size_t count)
{
    uint32_t number = 0, lines = 0, sum = 0;
    if (count != 4 || !parse_number(words[1], &number) || !parse_number(words[2], &lines) ||
        !parse_hex(words[3], &sum)) {
        return false;
    }
    p->is_over = true;
    p->record->is_complete = number == p->record->number && lines == p->lines &&
                             sum == p->checksum && p->vcpu->has_cpuid;
    return p->record->is_complete;
}

static bool set_panic(struct parser *p, char **words, size_t count)
{
    p->is_over = true;
    p->record->panic = count == 2 ? g_strdup(words[1]) : NULL;
    return count == 2;
}

static const struct {
    const char *word;
    bool (*parse)(struct parser *p, char **words, size_t count);
    bool is_free; ///< of no vCPU
} line_kinds[] = {
    {"cpuid", add_leaf, false}, {"cpuid-end", end_cpuid, false}, {"end", end_record, false},
    {"msr", add_msr, false},    {"panic", set_panic, true},      {"set", add_set, false},
    {"vcpu", begin_vcpu, true}, {"xcr0", set_xcr0, false},
};

static bool parse_line(struct parser *p, char *line)
{
    char *words[WORDS_MAX] = {NULL};
    size_t count = 0;
    for (char *next = line; next != NULL && count < WORDS_MAX; count++) {
        words[count] = next;
        next = strchr(next, ' ');
        if (next != NULL) {
            *next++ = '\0';
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(line_kinds); i++) {
        if (strcmp(words[0], line_kinds[i].word) == 0) {
            return (p->vcpu != NULL || line_kinds[i].is_free) &&
                   line_kinds[i].parse(p, words, count);
        }
    }
    return false;
}

static bool parse_header(transcript *record, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line + strlen(HEADER), " ", 4);
    uint32_t number = 0, bits = 0;
    if (g_strv_length(words) != 3 || !parse_number(words[0], &number) ||
        strcmp(words[1], "bits") != 0 || !parse_number(words[2], &bits) ||
        (bits != 32 && bits != 64)) {
        return false;
    }
    record->number = number;
    record->bits = bits;
    return true;
}

/// Copies the line at `text` (its end is there) into `line`; false where it is no line of ours.
static bool take_line(const char *text, size_t len, char line[LINE_MAX_LEN + 1])
{
    if (len > LINE_MAX_LEN) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    memcpy(line, text, len);
    line[len] = '\0';
    return true;
}

static int fail_line(size_t offset, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "the guest's transcript makes no sense at byte %zu: no probe guest of "
                             "this version printed it, or it was damaged on the way",
                             offset);
}

/// Where the record begins, or `len`: at the start of a line, or in the middle of one after a
/// firmware's unfinished greeting.
static size_t find_header(const char *text, size_t len)
{
    const char *at = memmem(text, len, HEADER, strlen(HEADER));
    return at == NULL ? len : (size_t)(at - text);
}

static transcript *new_record(void)
{
    transcript *record = g_new0(transcript, 1);
    record->vcpus = g_ptr_array_new_with_free_func(free_vcpu);
    return record;
}

int transcript_parse(const char *text, size_t len, size_t *ret_used, transcript **ret_record,
                     cpulift_error **err)
{
    size_t at = find_header(text, len);
    g_autoptr(transcript) record = new_record();
    struct parser p = {.record = record, .checksum = FNV_START};
    bool has_header = false;
    for (const char *end; !p.is_over && at < len; at = (size_t)(end - text) + 1) {
        end = memchr(text + at, '\n', len - at);
        if (end == NULL) {
            break;
        }
        char line[LINE_MAX_LEN + 1];
        size_t line_len = (size_t)(end - text) - at;
        bool is_good = take_line(text + at, line_len, line) &&
                       (has_header ? parse_line(&p, line) : parse_header(record, line));
        if (!is_good) {
            return fail_line(at, err);
        }
        has_header = true;
        p.lines++;
        p.checksum = add_checksum(p.checksum, text + at, line_len + 1);
    }
    if (!has_header) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the guest printed no record");
    }
    if (ret_used != NULL) {
        *ret_used = at;
    }
    *ret_record = g_steal_pointer(&record);
    return 0;
}

void transcript_free(transcript *record)
{
    if (record != NULL) {
        g_ptr_array_unref(record->vcpus);
        g_free(record->panic);
        g_free(record);
    }
}

bool transcript_has_end(const char *text, size_t len)
{
    static const char *const marks[] = {"\nend ", "\npanic "};
    size_t begin = find_header(text, len);
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        const char *at = memmem(text + begin, len - begin, marks[i], strlen(marks[i]));
        if (at != NULL && memchr(at + 1, '\n', len - (size_t)(at + 1 - text)) != NULL) {
            return true;
        }
    }
    return false;
}

const probe_vcpu *transcript_get_vcpu(const transcript *record, size_t index)
{
    return index < record->vcpus->len ? record->vcpus->pdata[index] : NULL;
}

unsigned transcript_count_read(const transcript *record)
{
    const probe_vcpu *last =
        record->vcpus->len > 0 ? record->vcpus->pdata[record->vcpus->len - 1] : NULL;
    return last == NULL ? 0 : record->vcpus->len - !last->has_cpuid;
}

const struct probe_leaf *transcript_find_leaf(const probe_vcpu *vcpu, uint32_t leaf,
                                              uint32_t subleaf)
{
    for (guint i = 0; i < vcpu->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(vcpu->leaves, struct probe_leaf, i);
        if (row->leaf == leaf && row->subleaf == subleaf) {
            return row;
        }
    }
    return NULL;
}

const struct probe_msr *transcript_find_msr(const probe_vcpu *vcpu, uint32_t index)
{
    for (guint i = 0; i < vcpu->msrs->len; i++) {
        const struct probe_msr *row = &g_array_index(vcpu->msrs, struct probe_msr, i);
        if (row->index == index) {
            return row;
        }
    }
    return NULL;
}

const struct probe_set *transcript_find_set(const probe_vcpu *vcpu, const char *name)
{
    for (guint i = 0; i < vcpu->sets->len; i++) {
        const struct probe_set *set = &g_array_index(vcpu->sets, struct probe_set, i);
        if (strcmp(set->name, name) == 0) {
            return set;
        }
    }
    return NULL;
}

void transcript_get_vendor(const probe_vcpu *vcpu, char vendor[TRANSCRIPT_VENDOR_SIZE])
{
    static const unsigned order[] = {1, 3, 2}; // ebx, edx, ecx
    const struct probe_leaf *row = transcript_find_leaf(vcpu, 0, 0);
    memset(vendor, 0, TRANSCRIPT_VENDOR_SIZE);
    for (size_t i = 0; i < TRANSCRIPT_VENDOR_SIZE - 1 && row != NULL; i++) {
        vendor[i] = (char)(row->regs[order[i / 4]] >> (i % 4 * 8));
    }
    text_make_printable(vendor);
}
