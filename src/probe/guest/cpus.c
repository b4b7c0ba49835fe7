// SPDX-License-Identifier: LGPL-2.1-or-later
/// The CPUs beside the first. All are started at once, to show that they are there; then one after
/// the other is started anew, so that each begins as it came out of its reset, and prints what it
/// sees. In between they are asleep. Source: Intel SDM volume 3, 8.4 and 10.6.
#include "guest.h"

#define APIC_BASE     0x1b
#define APIC_IS_X2    (1u << 10)
#define X2_COMMAND    0x830
#define COMMAND_LOW   0x300
#define COMMAND_HIGH  0x310
#define IS_PENDING    (1u << 12)
#define INIT          0x4500
#define STARTUP       (0x4600 | (TRAMPOLINE >> 12))
#define TO_ALL_OTHERS (3u << 18)
#define PATIENCE      100 ///< ticks until a CPU that did not show itself is given up: 5.5 s
#define AGAIN         18  ///< ticks until one that did not begin its turn is told anew: 1 s

volatile uint8_t guest_present[CPUS_MAX];
volatile uint32_t guest_turn = CPUS_MAX;
volatile bool guest_has_begun;

static uint64_t read_msr_now(uint32_t index)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return (uint64_t)high << 32 | low;
}

/// Sends INIT or STARTUP to the CPU `number`, or to all others.
static void command(uint32_t what, uint32_t number)
{
    uint64_t base = read_msr_now(APIC_BASE);
    if (base & APIC_IS_X2) {
        __asm__ volatile("wrmsr" : : "a"(what), "d"(number), "c"(X2_COMMAND));
        return;
    }
    volatile uint32_t *apic = (volatile uint32_t *)(unsigned long)(base & 0xfffff000);
    apic[COMMAND_HIGH / 4] = number << 24;
    apic[COMMAND_LOW / 4] = what;
    while (apic[COMMAND_LOW / 4] & IS_PENDING) {
        __asm__ volatile("pause");
    }
}

static void start(uint32_t target, uint32_t number)
{
    command(INIT | target, number);
    command(STARTUP | target, number);
}

/// Lets the timer's interrupt in: it is held back during the instruction behind STI, which for
/// QEMU's emulation may not be PAUSE.
static void wait_a_moment(void)
{
    __asm__ volatile("sti; nop; pause; cli");
}

static uint32_t count_present(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        count += guest_present[i];
    }
    return count;
}

void guest_find_others(uint32_t wanted)
{
    extern const char trampoline[], trampoline_end[];
    volatile char *page = (volatile char *)TRAMPOLINE;
    if (wanted == 0 || !guest_has_apic()) {
        return;
    }
    for (long i = 0; i < trampoline_end - trampoline; i++) {
        page[i] = trampoline[i];
    }
    start(TO_ALL_OTHERS, 0);
    for (uint32_t end = guest_ticks + PATIENCE; (int32_t)(guest_ticks - end) < 0;) {
        if (count_present() >= wanted) {
            return;
        }
        wait_a_moment();
    }
}

/// A CPU that is migrated while INIT and STARTUP are on their way may obey neither: seen once in 40
/// migrations of two emulated CPUs, QEMU 7.2. One that falls silent later is the host's to notice.
static void run(uint32_t number)
{
    guest_has_begun = false;
    guest_turn = number;
    for (uint32_t next = guest_ticks; guest_turn == number;) {
        if (!guest_has_begun && (int32_t)(guest_ticks - next) >= 0) {
            start(0, number);
            next = guest_ticks + AGAIN;
        }
        wait_a_moment();
    }
}

void guest_run_others(void)
{
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        if (guest_present[i]) {
            run(i);
        }
    }
}
