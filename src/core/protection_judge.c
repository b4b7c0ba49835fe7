// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/protection_judge.h"

#include <string.h>

static const char *const verdicts[] = {
    [PROTECTION_SLOWER] = "slower", [PROTECTION_SAME] = "same",   [PROTECTION_UNKNOWN] = "unknown",
    [PROTECTION_WORSE] = "worse",   [PROTECTION_WRONG] = "wrong",
};

const char *protection_verdict_to_string(enum protection_verdict verdict)
{
    return verdicts[verdict];
}

/// What a text says, whatever its words.
enum meaning {
    NOT_KNOWN,   ///< no text, or one that no kernel is known to print
    SAFE,        ///< the CPU has it not, or not what it needs
    MITIGATED,   ///< something is done about it
    ATTEMPTED,   ///< something is done that does not help, at a price
    OPEN,        ///< nothing is done about it that helps
    AFFECTED,    ///< the CPU has it, and nobody says what is done about it
    SUSPECTED,   ///< likewise, or it is immune
    UNHEEDED,    ///< the kernel does not know whether the CPU has it, and does nothing
    OF_THE_HOST, ///< the kernel knows that its host decides
    CLASSES,
};

/// The first that fits. Kernels before 6.9 call some of what does not help a mitigation.
/// Source: arch/x86/kernel/cpu/bugs.c of Linux 4.15 to 6.12.
static const struct {
    const char *begin;  ///< of the text
    const char *within; ///< in it; NULL: anything
    enum meaning meaning;
} texts[] = {
    {"Mitigation: TSX disabled", NULL, SAFE},
    {"Mitigation: SMT disabled", NULL, MITIGATED},
    {"Mitigation", "no microcode", ATTEMPTED},
    {"Mitigation", NULL, MITIGATED},
    {"KVM: Mitigation", NULL, MITIGATED},
    {"KVM: Vulnerable", NULL, OPEN},
    {"Processor vulnerable", NULL, OPEN},
    {"Vulnerable", "attempted", ATTEMPTED},
    {"Vulnerable", "Safe RET", ATTEMPTED},
    {"Vulnerable", NULL, OPEN},
    {PROTECTION_SUSPECTED, NULL, SUSPECTED},
    {PROTECTION_AFFECTED, NULL, AFFECTED},
    {"Unknown: Dependent on hypervisor status", NULL, OF_THE_HOST},
    {"Unknown: No mitigations", NULL, UNHEEDED},
};

static enum meaning classify(const char *text)
{
    if (g_strcmp0(text, "Not affected") == 0) { // nothing else: what follows could take it back
        return SAFE;
    }
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(texts); i++) {
        if (g_str_has_prefix(text, texts[i].begin) &&
            (texts[i].within == NULL || strstr(text, texts[i].within) != NULL)) {
            return texts[i].meaning;
        }
    }
    return NOT_KNOWN;
}

#define SLOWER  PROTECTION_SLOWER
#define SAME    PROTECTION_SAME
#define UNKNOWN PROTECTION_UNKNOWN
#define WORSE   PROTECTION_WORSE
#define WRONG   PROTECTION_WRONG

/// Guest by host. Neither knows of an attempt whether it helps: it counts as open, but for its
/// price.
static const enum protection_verdict judgements[CLASSES][CLASSES] = {
    // NOT_KNOWN, SAFE, MITIGATED, ATTEMPTED, OPEN, AFFECTED, SUSPECTED, UNHEEDED, OF_THE_HOST
    [NOT_KNOWN] = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
    [SAFE] = {UNKNOWN, SAME, WRONG, WRONG, WRONG, WRONG, UNKNOWN, UNKNOWN, UNKNOWN},
    [MITIGATED] = {UNKNOWN, SLOWER, SAME, SAME, SAME, SAME, SAME, SAME, SAME},
    [ATTEMPTED] = {UNKNOWN, SLOWER, WORSE, SAME, SAME, UNKNOWN, UNKNOWN, SAME, SAME},
    [OPEN] = {UNKNOWN, SAME, WORSE, SAME, SAME, UNKNOWN, UNKNOWN, SAME, SAME},
    [AFFECTED] = {UNKNOWN, SAME, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
    [SUSPECTED] = {UNKNOWN, SAME, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
    [UNHEEDED] = {UNKNOWN, SAME, WRONG, WRONG, WRONG, WRONG, UNKNOWN, SAME, SAME},
    [OF_THE_HOST] = {UNKNOWN, SAME, SAME, SAME, SAME, SAME, SAME, SAME, SAME},
};

/// Where the texts alone mislead.
static const struct {
    const char *file;
    bool is_of_hosts;    ///< only what runs guests looks at it
    const char *covered; ///< what a guest does or tries against this it does for that, too
} files[] = {
    {"tsx_async_abort", false, "mds"},
    {"vmscape", true, NULL},
};

/// Parts of a mitigation, each a thing of its own: "; KEY: state".
static const struct {
    const char *file, *key;
} parts[] = {
    {"spectre_v2", "BHI"},
    {"spectre_v2", "IBPB"},
};

static const char *get_text(const json_t *all, const char *file)
{
    return all != NULL ? json_get_string(all, file) : NULL;
}

/// The state of a part: "conditional"; "" of kernels before 5.0, which only name it. Kernels before
/// 6.9 part by commas. NULL: the text has none. The caller frees it.
static char *find_part(const char *text, const char *key)
{
    g_auto(GStrv) all = g_strsplit_set(text, ";,", -1);
    for (char **part = all; *part != NULL; part++) {
        const char *at = g_strstrip(*part);
        size_t len = strlen(key);
        if (strncmp(at, key, len) == 0 && (at[len] == ':' || at[len] == '\0')) {
            return g_strdup(g_strchug((char *)at + len + (at[len] == ':')));
        }
    }
    return NULL;
}

static bool is_off(const char *state)
{
    return state == NULL || g_str_has_prefix(state, "disabled") ||
           g_str_has_prefix(state, "Vulnerable");
}

static bool is_safe(const char *state)
{
    return state != NULL && strcmp(state, "Not affected") == 0;
}

/// What is missing in a guest's mitigation that its host's has. A part that the guest's kernel does
/// not tell of may be none that it knows.
static enum protection_verdict judge_parts(const char *file, const char *guest, const char *host)
{
    enum protection_verdict verdict = SAME;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (strcmp(parts[i].file, file) != 0) {
            continue;
        }
        g_autofree char *in_guest = find_part(guest, parts[i].key);
        g_autofree char *in_host = find_part(host, parts[i].key);
        bool has_need = !is_off(in_host) && !is_safe(in_host);
        if (has_need && is_safe(in_guest)) {
            verdict = WRONG;
        } else if (has_need && is_off(in_guest)) {
            verdict = MAX(verdict, WORSE);
        }
    }
    return verdict;
}

static bool is_covered(const char *by, const json_t *guest)
{
    const char *text = by != NULL ? get_text(guest, by) : NULL;
    return text != NULL && (classify(text) == MITIGATED || classify(text) == ATTEMPTED);
}

enum protection_verdict protection_judge(const char *file, const json_t *guest, const json_t *host)
{
    const char *in_guest = get_text(guest, file), *in_host = get_text(host, file);
    enum meaning of_guest = classify(in_guest), of_host = classify(in_host);
    enum protection_verdict verdict = judgements[of_guest][of_host];
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        bool is_it = strcmp(files[i].file, file) == 0 && of_guest != NOT_KNOWN;
        if (is_it &&
            (files[i].is_of_hosts || (verdict == WRONG && is_covered(files[i].covered, guest)))) {
            return SAME;
        }
    }
    return of_guest == MITIGATED && of_host == MITIGATED ? judge_parts(file, in_guest, in_host)
                                                         : verdict;
}
