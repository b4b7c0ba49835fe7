// SPDX-License-Identifier: LGPL-2.1-or-later
/// What becomes of a guest's belief beside a host's.
#include "core/protection_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define BUFFERS   "Mitigation: Clear CPU buffers"
#define ATTEMPTED "Vulnerable: Clear CPU buffers attempted, no microcode"
#define DEPENDENT "Unknown: Dependent on hypervisor status"
#define RETPOLINE "Mitigation: Retpolines; STIBP: disabled; RSB filling"

static const struct {
    const char *file, *guest, *host; ///< NULL: no such file
    const char *verdict;
} cases[] = {
    {"retbleed", "Not affected", "Mitigation: IBRS", "wrong"},
    {"retbleed", "Not affected", "Vulnerable", "wrong"},
    {"retbleed", "Not affected", "Not affected", "same"},
    {"retbleed", "Not affected", NULL, "unknown"},
    {"retbleed", "Not affected", "Not affected? Vulnerable", "unknown"},
    {"retbleed", "Not affected, they say", "Vulnerable", "unknown"},
    {"retbleed", NULL, "Mitigation: IBRS", "unknown"},
    {"retbleed", "Vulnerable", "Mitigation: IBRS", "worse"},
    {"retbleed", "Vulnerable", "Vulnerable", "same"},
    // As safe as the host, and no time is spent on it.
    {"retbleed", "Vulnerable", "Not affected", "same"},
    {"retbleed", "Mitigation: IBRS", "Not affected", "slower"},
    {"retbleed", "Mitigation: IBRS", "Vulnerable", "same"},
    {"mds", ATTEMPTED "; SMT Host state unknown", BUFFERS "; SMT vulnerable", "worse"},
    {"mds", ATTEMPTED "; SMT Host state unknown", "Not affected", "slower"},
    {"mds", BUFFERS "; SMT Host state unknown", BUFFERS "; SMT vulnerable", "same"},
    // Words of two kernels for one thing.
    {"spectre_v2", RETPOLINE, "Mitigation: Full generic retpoline, IBPB, IBRS_FW", "worse"},
    {"spectre_v2", RETPOLINE, "Mitigation: IBRS (kernel), IBPB ", "worse"},
    {"spectre_v2", RETPOLINE, "Mitigation: Full generic retpoline, IBPB: disabled", "same"},
    {"spec_rstack_overflow", "Mitigation: safe RET, no microcode",
     "Vulnerable: Safe RET, no microcode", "same"},
    {"spec_rstack_overflow", "Mitigation: safe RET, no microcode", "Mitigation: Safe RET", "worse"},
    {"itlb_multihit", "KVM: Mitigation: VMX unsupported", "KVM: Mitigation: Split huge pages",
     "same"},
    {"itlb_multihit", "Not affected", "KVM: Vulnerable", "wrong"},
    {"indirect_target_selection", "Mitigation: Aligned branch/return thunks",
     "Mitigation; Aligned branch/return thunks", "same"},
    // What hosts alone look at, and what they alone can do.
    {"vmscape", "Not affected", "Mitigation: IBPB before exit to userspace", "same"},
    {"gather_data_sampling", DEPENDENT, "Mitigation: Microcode", "same"},
    {"gather_data_sampling", "Not affected", "Mitigation: Microcode", "wrong"},
    // A kernel that has never heard of the CPU does nothing.
    {"mmio_stale_data", "Unknown: No mitigations", BUFFERS "; SMT vulnerable", "wrong"},
    {"mmio_stale_data", "Unknown: No mitigations", "Unknown: No mitigations", "same"},
    {"mmio_stale_data", "Unknown: No mitigations", "Not affected", "same"},
    // No guest has TSX there.
    {"tsx_async_abort", "Not affected", "Mitigation: TSX disabled", "same"},
    {"tsx_async_abort", "Not affected", BUFFERS "; SMT vulnerable", "wrong"},
    // Parts of one mitigation.
    {"spectre_v2", RETPOLINE "; BHI: Not affected", "Mitigation: IBRS; BHI: SW loop", "wrong"},
    {"spectre_v2", RETPOLINE "; BHI: Retpoline", "Mitigation: IBRS; BHI: SW loop", "same"},
    {"spectre_v2", RETPOLINE, "Mitigation: IBRS; IBPB: conditional; STIBP: conditional", "worse"},
    {"spectre_v2", RETPOLINE, "Mitigation: Full generic retpoline, IBPB: conditional, IBRS_FW",
     "worse"},
    {"spectre_v2", "Mitigation: IBRS; IBPB: conditional", "Mitigation: IBRS; IBPB: always-on",
     "same"},
    {"spectre_v2", RETPOLINE, "Mitigation: Retpolines; IBPB: disabled", "same"},
    {"spectre_v2", "Vulnerable, IBPB: conditional", RETPOLINE, "worse"},
    // Words that no kernel says.
    {"mds", BUFFERS, "\033[31m", "unknown"},
    {"mds", "", BUFFERS, "unknown"},
};

static json_t *make(const char *file, const char *text)
{
    json_t *texts = json_object();
    if (text != NULL) {
        json_object_set_new(texts, file, json_string(text));
    }
    return texts;
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        g_autoptr(json_t) guest = make(cases[i].file, cases[i].guest);
        g_autoptr(json_t) host = make(cases[i].file, cases[i].host);
        enum protection_verdict verdict = protection_judge(cases[i].file, guest, host);
        assert_string_equal(protection_verdict_to_string(verdict), cases[i].verdict);
    }
    assert_int_equal(protection_judge("mds", NULL, NULL), PROTECTION_UNKNOWN);
}

/// Clearing buffers against one clears them against the other.
static void test_cover(void **state)
{
    (void)state;
    g_autoptr(json_t) host = make("tsx_async_abort", BUFFERS "; SMT vulnerable");
    g_autoptr(json_t) guest = make("tsx_async_abort", "Not affected");
    json_object_set_new(guest, "mds", json_string(BUFFERS "; SMT Host state unknown"));
    assert_int_equal(protection_judge("tsx_async_abort", guest, host), PROTECTION_SAME);
    json_object_set_new(guest, "mds", json_string(ATTEMPTED));
    assert_int_equal(protection_judge("tsx_async_abort", guest, host), PROTECTION_SAME);
    json_object_set_new(guest, "mds", json_string("Not affected"));
    assert_int_equal(protection_judge("tsx_async_abort", guest, host), PROTECTION_WRONG);
}

/// What a host does about what its CPU has is not known where nobody asked its kernel.
static void test_predicted(void **state)
{
    (void)state;
    g_autoptr(json_t) host = make("mds", PROTECTION_AFFECTED), open = make("mds", ATTEMPTED);
    g_autoptr(json_t) safe = make("mds", "Not affected"), closed = make("mds", BUFFERS);
    assert_int_equal(protection_judge("mds", open, host), PROTECTION_UNKNOWN);
    assert_int_equal(protection_judge("mds", safe, host), PROTECTION_WRONG);
    assert_int_equal(protection_judge("mds", closed, host), PROTECTION_SAME);
    g_autoptr(json_t) doubtful = make("mds", PROTECTION_SUSPECTED);
    assert_int_equal(protection_judge("mds", safe, doubtful), PROTECTION_UNKNOWN);
    assert_int_equal(protection_judge("mds", open, doubtful), PROTECTION_UNKNOWN);
    assert_int_equal(protection_judge("mds", closed, doubtful), PROTECTION_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_predicted),
    };
    return cmocka_run_group_tests_name("protection_judge", tests, NULL, NULL);
}
