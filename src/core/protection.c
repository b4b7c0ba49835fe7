// SPDX-License-Identifier: LGPL-2.1-or-later
/// Source of what is said here and when: Linux 6.1.192 and 6.12.117, arch/x86/kernel/cpu: common.c
/// (cpu_set_bug_bits, init_speculation_control), bugs.c (cpu_select_mitigations and what shows the
/// files), tsx.c, intel.c, amd.c and hygon.c, as Debian builds them.
#include "core/protection.h"

#include <string.h>

struct protection_kernel {
    const char *name;
    bool has_tsa_fill;     ///< a third part of tsa counts
    bool has_srso_classes; ///< spec_rstack_overflow says "Vulnerable" where microcode is missing
};

static const struct protection_kernel kernels[] = {
    {"6.1", .has_tsa_fill = false, .has_srso_classes = false},
    {"6.12", .has_tsa_fill = true, .has_srso_classes = true},
};

const protection_kernel *protection_find_kernel(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kernels); i++) {
        size_t length = strlen(kernels[i].name);
        if (strncmp(name, kernels[i].name, length) == 0 && !g_ascii_isdigit(name[length])) {
            return &kernels[i];
        }
    }
    return NULL;
}

const char *protection_get_name(const protection_kernel *kernel)
{
    return kernel->name;
}

const char *protection_get_kernel_name(size_t index)
{
    return index < G_N_ELEMENTS(kernels) ? kernels[index].name : NULL;
}

enum spectre_mode { RETPOLINES, IBRS, ENHANCED_IBRS };

/// The CPU as the kernel has it when it chooses.
struct view {
    const catalog *map;
    const struct protection_cpu *cpu;
    const protection_kernel *kernel;
    bool is_intel;
    bool is_hypervised;
    bool has_ibrs, has_ibpb, has_stibp, has_ssbd, has_rtm;
    bool has_mmio; ///< mmio_stale_data, known to the kernel's list
    bool has_retbleed;
    bool is_automatic; ///< AMD's way of enhanced IBRS
    enum spectre_mode mode;
};

static bool has(const struct view *v, const char *name)
{
    int id = catalog_find_feature(v->map, name);
    return id >= 0 && feature_set_has(v->cpu->features, (size_t)id);
}

/// A bit of IA32_ARCH_CAPABILITIES, which only a CPU that announces it has.
static bool can(const struct view *v, const char *name)
{
    return has(v, "arch-capabilities") && has(v, name);
}

static bool is_immune(const struct view *v, const char *word)
{
    return vulnerability_is_immune(v->kernel->name, &v->cpu->signature, word);
}

static bool is_listed(const struct view *v, const char *word)
{
    return vulnerability_is_listed(v->kernel->name, &v->cpu->signature, word);
}

/// intel.c distrusts the branch controls of early microcodes, unless a hypervisor is shown.
static bool is_distrusted(const struct view *v)
{
    static const struct {
        unsigned model, stepping;
    } early[] = {
        {45, 6}, {45, 7},  {60, 3},   {61, 4},  {62, 4},   {63, 2},   {63, 4},
        {69, 1}, {70, 1},  {71, 1},   {79, 1},  {85, 3},   {85, 4},   {86, 2},
        {86, 3}, {142, 9}, {142, 10}, {158, 9}, {158, 10}, {158, 11},
    };
    const struct cpu_signature *cpu = &v->cpu->signature;
    bool is_early = false;
    for (size_t i = 0; i < G_N_ELEMENTS(early); i++) {
        is_early = is_early || (early[i].model == cpu->model && early[i].stepping == cpu->stepping);
    }
    return is_early && v->is_intel && cpu->family == 6 && v->cpu->is_guest && !v->is_hypervised;
}

/// AMD's old way, an MSR of families 15h to 17h that TCG lets anybody read.
static bool has_old_ssbd(const struct view *v)
{
    const struct cpu_signature *cpu = &v->cpu->signature;
    bool is_of = strcmp(cpu->vendor, "Hygon") == 0 ||
                 (strcmp(cpu->vendor, "AMD") == 0 && cpu->family >= 0x15 && cpu->family <= 0x17);
    return is_of && (v->cpu->is_emulated || !v->cpu->is_guest);
}

static void find_controls(struct view *v)
{
    bool is_trusted = !is_distrusted(v);
    v->has_ibrs = is_trusted && (has(v, "spec-ctrl") || has(v, "ibrs"));
    v->has_ibpb = is_trusted && (has(v, "spec-ctrl") || has(v, "ibpb"));
    v->has_stibp = is_trusted && (has(v, "stibp") || has(v, "amd-stibp"));
    v->has_ssbd = is_trusted &&
                  (has(v, "ssbd") || has(v, "amd-ssbd") || has(v, "virt-ssbd") || has_old_ssbd(v));
    v->is_automatic = has(v, "auto-ibrs");
    // Debian's kernels start with TSX off where they can.
    v->has_rtm = has(v, "rtm") && !has(v, "rtm-always-abort") && !can(v, "tsx-ctrl");
}

static void choose_mode(struct view *v)
{
    if (can(v, "ibrs-all") || v->is_automatic) {
        v->mode = ENHANCED_IBRS;
    } else if (v->has_retbleed && v->has_ibrs && v->is_intel) {
        v->mode = IBRS;
    } else {
        v->mode = RETPOLINES;
    }
}

static void look(struct view *v)
{
    v->is_intel = strcmp(v->cpu->signature.vendor, "Intel") == 0;
    v->is_hypervised = has(v, "hypervisor");
    bool is_mmio_immune = can(v, "fbsdp-no") && can(v, "psdp-no") && can(v, "sbdr-ssdp-no");
    v->has_mmio = !is_mmio_immune && is_listed(v, "mmio_stale_data");
    v->has_retbleed = !has(v, "btc-no") && (is_listed(v, "retbleed") || can(v, "rsba"));
    find_controls(v);
    choose_mode(v);
}

#define NOT_AFFECTED "Not affected"
#define NO_MICROCODE "Vulnerable: Clear CPU buffers attempted, no microcode"
#define DEPENDENT    "Unknown: Dependent on hypervisor status"

/// A guest cannot know of its host's threads.
static char *add_threads(const struct view *v, const char *text, const char *with_threads)
{
    return g_strdup_printf("%s; SMT %s", text,
                           v->is_hypervised      ? "Host state unknown"
                           : v->cpu->has_threads ? with_threads
                                                 : "disabled");
}

static char *show_gds(const struct view *v)
{
    bool has_bug = is_listed(v, "gather_data_sampling") && !can(v, "gds-no") && has(v, "avx");
    return g_strdup(!has_bug           ? NOT_AFFECTED
                    : v->is_hypervised ? DEPENDENT
                                       : "Vulnerable: No microcode");
}

/// A kernel that knows of a hypervisor takes every host for one that could have it.
static char *show_its(const struct view *v)
{
    bool has_bug = v->is_intel && !can(v, "its-no") && !has(v, "bhi-ctrl") &&
                   (v->is_hypervised || is_listed(v, "indirect_target_selection"));
    return g_strdup(has_bug ? "Mitigation: Aligned branch/return thunks" : NOT_AFFECTED);
}

static char *show_itlb(const struct view *v)
{
    bool has_bug = !is_immune(v, "itlb_multihit") && !can(v, "pschange-mc-no");
    return g_strdup(!has_bug        ? NOT_AFFECTED
                    : has(v, "vmx") ? "KVM: Mitigation: VMX disabled"
                                    : "KVM: Mitigation: VMX unsupported");
}

static bool has_meltdown(const struct view *v)
{
    return !is_immune(v, "meltdown") && !can(v, "rdctl-no");
}

static char *show_l1tf(const struct view *v)
{
    bool has_bug = has_meltdown(v) && !is_immune(v, "l1tf");
    return g_strdup(has_bug ? "Mitigation: PTE Inversion" : NOT_AFFECTED);
}

static char *show_mds(const struct view *v)
{
    if (is_immune(v, "mds") || can(v, "mds-no")) {
        return g_strdup(NOT_AFFECTED);
    }
    return add_threads(v, has(v, "md-clear") ? "Mitigation: Clear CPU buffers" : NO_MICROCODE,
                       is_immune(v, "msbds_only") ? "mitigated" : "vulnerable");
}

static char *show_meltdown(const struct view *v)
{
    return g_strdup(has_meltdown(v) ? "Mitigation: PTI" : NOT_AFFECTED);
}

static char *show_mmio(const struct view *v)
{
    if (!v->has_mmio) {
        bool is_known = is_listed(v, "mmio_stale_data") || is_immune(v, "mmio_stale_data") ||
                        (can(v, "fbsdp-no") && can(v, "psdp-no") && can(v, "sbdr-ssdp-no"));
        return g_strdup(is_known ? NOT_AFFECTED : "Unknown: No mitigations");
    }
    bool is_cleared =
        can(v, "fb-clear") || (has(v, "md-clear") && has(v, "flush-l1d") && !can(v, "mds-no"));
    return add_threads(v, is_cleared ? "Mitigation: Clear CPU buffers" : NO_MICROCODE,
                       "vulnerable");
}

/// Whoever shows rfds-clear says that the CPU has it.
static char *show_rfds(const struct view *v)
{
    bool is_cleared = can(v, "rfds-clear");
    bool has_bug = !can(v, "rfds-no") && (is_cleared || is_listed(v, "reg_file_data_sampling"));
    return g_strdup(!has_bug     ? NOT_AFFECTED
                    : is_cleared ? "Mitigation: Clear Register File"
                                 : "Vulnerable: No microcode");
}

/// Branch predictors that threads share are told apart: "" where nobody asks for it.
static const char *get_stibp(const struct view *v)
{
    bool is_for_all = v->mode == ENHANCED_IBRS && !v->is_automatic;
    if (is_for_all || !v->has_stibp || !v->cpu->has_threads) {
        return is_for_all ? "" : "; STIBP: disabled";
    }
    return has(v, "stibp-always-on") || (v->has_retbleed && !v->is_intel) ? "; STIBP: always-on"
                                                                          : "; STIBP: conditional";
}

static char *show_retbleed(const struct view *v)
{
    static const char *const intel[] = {"Vulnerable", "Mitigation: IBRS",
                                        "Mitigation: Enhanced IBRS"};
    if (!v->has_retbleed || v->is_intel) {
        return g_strdup(v->has_retbleed ? intel[v->mode] : NOT_AFFECTED);
    }
    const char *threads = !v->cpu->has_threads ? "disabled"
                          : strcmp(get_stibp(v), "; STIBP: always-on") == 0
                              ? "enabled with STIBP protection"
                              : "vulnerable";
    return g_strdup_printf("Mitigation: untrained return thunk; SMT %s", threads);
}

/// Whether IBPB flushes return predictions too. 6.1 looks for itself where nothing is announced;
/// 6.12 does so only without a hypervisor.
static bool has_full_ibpb(const struct view *v)
{
    const struct cpu_signature *cpu = &v->cpu->signature;
    if (has(v, "ibpb-brtype") || strcmp(cpu->vendor, "AMD") != 0 ||
        (v->kernel->has_srso_classes && v->is_hypervised)) {
        return has(v, "ibpb-brtype");
    }
    return cpu->family == 0x17 ? has(v, "ibpb")
                               : cpu->family >= 0x19 && (v->cpu->is_emulated || has(v, "sbpb"));
}

/// The words of kernels that tell whether microcode helps.
static const char *get_srso_class(const struct view *v, bool has_microcode)
{
    if (!has(v, "srso-user-kernel-no")) {
        return has_microcode ? "Mitigation: Safe RET" : "Vulnerable: Safe RET, no microcode";
    }
    return has_microcode ? "Mitigation: IBPB on VMEXIT only" : "Vulnerable: No microcode";
}

static char *show_srso(const struct view *v)
{
    if (!is_listed(v, "spec_rstack_overflow") || has(v, "srso-no")) {
        return g_strdup(NOT_AFFECTED);
    }
    bool has_microcode = has_full_ibpb(v);
    if (has_microcode && v->cpu->signature.family < 0x19 && !v->cpu->has_threads) {
        return g_strdup("Mitigation: SMT disabled");
    }
    return g_strdup(v->kernel->has_srso_classes ? get_srso_class(v, has_microcode)
                    : has_microcode             ? "Mitigation: safe RET"
                                                : "Mitigation: safe RET, no microcode");
}

static char *show_ssb(const struct view *v)
{
    bool has_bug = !is_immune(v, "spec_store_bypass") && !can(v, "ssb-no") && !has(v, "amd-no-ssb");
    return g_strdup(!has_bug      ? NOT_AFFECTED
                    : v->has_ssbd ? "Mitigation: Speculative Store Bypass disabled via prctl"
                                  : "Vulnerable");
}

static char *show_spectre_v1(const struct view *v)
{
    (void)v;
    return g_strdup("Mitigation: usercopy/swapgs barriers and __user pointer sanitization");
}

static const char *get_bhi(const struct view *v)
{
    if (is_immune(v, "bhi") || (v->mode != ENHANCED_IBRS && !v->is_hypervised)) {
        return NOT_AFFECTED;
    }
    bool is_safe = v->mode == RETPOLINES && (!can(v, "rrsba") || has(v, "rrsba-ctrl"));
    return is_safe ? "Retpoline" : has(v, "bhi-ctrl") ? "BHI_DIS_S" : "SW loop, KVM: SW loop";
}

static char *show_spectre_v2(const struct view *v)
{
    static const char *const modes[] = {"Retpolines", "IBRS", "Enhanced / Automatic IBRS"};
    if (is_immune(v, "spectre_v2")) {
        return g_strdup(NOT_AFFECTED);
    }
    bool is_barred = v->has_retbleed && v->has_ibpb && !v->is_intel; // IBPB, not IBRS
    bool has_pbrsb = v->mode == ENHANCED_IBRS && !is_immune(v, "pbrsb") && !can(v, "pbrsb-no");
    return g_strdup_printf("Mitigation: %s%s%s%s%s; PBRSB-eIBRS: %s; BHI: %s", modes[v->mode],
                           v->has_ibpb ? "; IBPB: conditional" : "",
                           v->has_ibrs && v->mode == RETPOLINES && !is_barred ? "; IBRS_FW" : "",
                           get_stibp(v), v->mode == ENHANCED_IBRS ? "" : "; RSB filling",
                           has_pbrsb ? "SW sequence" : NOT_AFFECTED, get_bhi(v));
}

static char *show_srbds(const struct view *v)
{
    bool has_bug = is_listed(v, "srbds") && (has(v, "rdrand") || has(v, "rdseed"));
    return g_strdup(!has_bug                                          ? NOT_AFFECTED
                    : can(v, "mds-no") && !v->has_rtm && !v->has_mmio ? "Mitigation: TSX disabled"
                    : v->is_hypervised                                ? DEPENDENT
                                                                      : "Vulnerable: No microcode");
}

static char *show_tsa(const struct view *v)
{
    const struct cpu_signature *cpu = &v->cpu->signature;
    bool is_filled = !v->kernel->has_tsa_fill || has(v, "tsa-fill-no") ||
                     (!v->is_hypervised && cpu->family < 0x1a); // the kernel says so itself
    bool is_told = has(v, "tsa-l1-no") && has(v, "tsa-sq-no") && is_filled;
    bool has_bug = strcmp(cpu->vendor, "AMD") == 0 && is_listed(v, "tsa") && !is_told;
    return g_strdup(!has_bug               ? NOT_AFFECTED
                    : has(v, "verw-clear") ? "Mitigation: Clear CPU buffers"
                                           : NO_MICROCODE);
}

static char *show_taa(const struct view *v)
{
    if (can(v, "taa-no") || (!has(v, "rtm") && !can(v, "tsx-ctrl"))) {
        return g_strdup(NOT_AFFECTED);
    }
    if (!v->has_rtm) {
        return g_strdup("Mitigation: TSX disabled");
    }
    bool is_cleared = has(v, "md-clear") && !can(v, "mds-no");
    return add_threads(v, is_cleared ? "Mitigation: Clear CPU buffers" : NO_MICROCODE,
                       "vulnerable");
}

/// Only what runs guests itself looks at it.
static char *show_vmscape(const struct view *v)
{
    bool has_bug = is_listed(v, "vmscape") && !v->is_hypervised;
    return g_strdup(!has_bug      ? NOT_AFFECTED
                    : v->has_ibpb ? "Mitigation: IBPB before exit to userspace"
                                  : "Vulnerable");
}

/// Sorted.
static const struct {
    const char *name;
    char *(*show)(const struct view *v);
} files[] = {
    {"gather_data_sampling", show_gds},
    {"indirect_target_selection", show_its},
    {"itlb_multihit", show_itlb},
    {"l1tf", show_l1tf},
    {"mds", show_mds},
    {"meltdown", show_meltdown},
    {"mmio_stale_data", show_mmio},
    {"reg_file_data_sampling", show_rfds},
    {"retbleed", show_retbleed},
    {"spec_rstack_overflow", show_srso},
    {"spec_store_bypass", show_ssb},
    {"spectre_v1", show_spectre_v1},
    {"spectre_v2", show_spectre_v2},
    {"srbds", show_srbds},
    {"tsa", show_tsa},
    {"tsx_async_abort", show_taa},
    {"vmscape", show_vmscape},
};

json_t *protection_predict(const catalog *map, const struct protection_cpu *cpu,
                           const protection_kernel *kernel)
{
    const char *vendor = cpu->signature.vendor;
    static const char *const known[] = {"AMD", "Hygon", "Intel", NULL};
    if (vendor == NULL || !g_strv_contains(known, vendor) || cpu->signature.family == 0) {
        return NULL;
    }
    struct view v = {.map = map, .cpu = cpu, .kernel = kernel};
    look(&v);
    json_t *texts = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        bool is_asked = !is_immune(&v, "*") || strcmp(files[i].name, "itlb_multihit") == 0;
        g_autofree char *text = is_asked ? files[i].show(&v) : g_strdup(NOT_AFFECTED);
        json_object_set_new(texts, files[i].name, json_string(text));
    }
    return texts;
}
