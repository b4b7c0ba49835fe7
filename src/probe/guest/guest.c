// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest: a program on the bare machine that prints on COM1 what each of its CPUs
/// announces and which instructions it executes, then switches the machine off. probe/transcript.h
/// describes what it prints. Its command line: "sets=NAME,NAME,…" names the sets to execute,
/// "cpus=N" says how many CPUs there should be, "loop" repeats the record about five times a second
/// until 'q' arrives on COM1, "loop=N" N times at most.
#include "guest.h"

#define PIC1           0x20
#define PIC2           0xa0
#define TIMER_VECTOR   0x20
#define TICKS_PER_TURN 4 ///< of 54.9 ms, the timer's period as the firmware leaves it

#ifdef __x86_64__
#define PROBE_SET64(id, name, expected, ...) uint32_t try_##id(void);
#else
#define PROBE_SET64(id, name, expected, ...)
#endif
#define PROBE_SET(id, name, expected, ...) uint32_t try_##id(void);
#include "sets.def"
#undef PROBE_SET
#undef PROBE_SET64

static const struct {
    const char *name;
    uint32_t expected;
    uint32_t (*test)(void);
} sets[] = {
#define PROBE_SET(id, name, expected, ...) {name, expected, try_##id},
#ifdef __x86_64__
#define PROBE_SET64(id, name, expected, ...) {name, expected, try_##id},
#else
#define PROBE_SET64(id, name, expected, ...) {name, expected, 0},
#endif
#include "sets.def"
};

/// True when `text` begins with `prefix`; *ret_rest is what follows.
static bool has_prefix(const char *text, const char *prefix, const char **ret_rest)
{
    while (*prefix != '\0') {
        if (*text++ != *prefix++) {
            return false;
        }
    }
    *ret_rest = text;
    return true;
}

static bool is_end(char byte)
{
    return byte == '\0' || byte == ' ' || byte == ',';
}

/// The word of the command line that begins with `prefix`: what follows the prefix, or NULL. The
/// loader puts the image's path first.
static const char *find_word(const char *line, const char *prefix)
{
    const char *rest = 0;
    for (bool is_start = true; *line != '\0'; is_start = *line++ == ' ') {
        if (is_start && has_prefix(line, prefix, &rest)) {
            return rest;
        }
    }
    return 0;
}

static void execute(unsigned i)
{
    uint32_t result = probe_try(sets[i].test);
    if (guest_fault >= 0) {
        guest_print(" fault ");
        guest_print_number((uint32_t)guest_fault);
    } else if (result != sets[i].expected) {
        guest_print(" wrong ");
        guest_print_hex(result);
    } else {
        guest_print(" ok");
    }
}

/// Executes the set whose name stands at `name`, up to a comma, blank or the end.
static void execute_named(const char *name)
{
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        const char *rest = 0;
        if (has_prefix(name, sets[i].name, &rest) && is_end(*rest)) {
            guest_print("set ");
            guest_print(sets[i].name);
            if (sets[i].test == 0) {
                guest_print(" skipped");
            } else {
                execute(i);
            }
            guest_print("\n");
        }
    }
}

static void execute_list(const char *list)
{
    while (list != 0 && *list != '\0' && *list != ' ') {
        execute_named(list);
        while (!is_end(*list)) {
            list++;
        }
        list += *list == ',';
    }
}

/// Gates of the interrupt table. Source: Intel SDM volume 3, 6.11 and 6.14.1.
static uint32_t gates[(TIMER_VECTOR + 1) * sizeof(long) / 2];

static void set_gate(unsigned vector, unsigned long address)
{
    uint32_t *gate = &gates[vector * sizeof(long) / 2];
    uint32_t selector = sizeof(long) == 8 ? 0x18 : 0x08;
    gate[0] = (selector << 16) | (address & 0xffff);
    gate[1] = (address & 0xffff0000) | 0x8e00;
}

static void load_gates(void)
{
    struct {
        uint16_t limit;
        unsigned long base;
    } __attribute__((packed)) pointer = {sizeof(gates) - 1, (unsigned long)gates};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static void start_interrupts(void)
{
    for (unsigned vector = 0; vector < 32; vector++) {
        set_gate(vector, (unsigned long)fault_entries + vector * 16UL);
    }
    set_gate(TIMER_VECTOR, (unsigned long)timer_entry);
    load_gates();
    static const uint16_t setup[][2] = {
        {PIC1, 0x11},     {PIC2, 0x11},  {PIC1 + 1, TIMER_VECTOR},
        {PIC2 + 1, 0x28}, {PIC1 + 1, 4}, {PIC2 + 1, 2},
        {PIC1 + 1, 1},    {PIC2 + 1, 1}, {PIC1 + 1, 0xff - 1},
        {PIC2 + 1, 0xff},
    };
    for (unsigned i = 0; i < sizeof(setup) / sizeof(setup[0]); i++) {
        guest_out8(setup[i][0], (uint8_t)setup[i][1]);
    }
}

static void wait_turn(void)
{
    for (uint32_t end = guest_ticks + TICKS_PER_TURN; (int32_t)(guest_ticks - end) < 0;) {
        __asm__ volatile("sti; hlt; cli");
    }
}

/// ACPI's soft off: PM1a_CNT as SeaBIOS (pc, q35) and older firmware place it.
static __attribute__((noreturn)) void power_off(void)
{
    guest_out16(0x604, 0x2000);
    guest_out16(0xb004, 0x2000);
    guest_reset();
}

void guest_panic(void)
{
    guest_print("panic exception\n");
    power_off();
}

static const char *get_command_line(uint32_t multiboot_info)
{
    const uint32_t *info = (const uint32_t *)(unsigned long)multiboot_info;
    return info[0] & 4 ? (const char *)(unsigned long)info[4] : "";
}

/// The number behind `prefix` on the command line; `absent` where the word is not there.
static uint32_t get_number(const char *line, const char *prefix, uint32_t absent)
{
    const char *rest = find_word(line, prefix);
    uint32_t number = 0;
    for (const char *at = rest; at != 0 && !is_end(*at); at++) {
        number = *at >= '0' && *at <= '9' ? number * 10 + (uint32_t)(*at - '0') : number;
    }
    return rest == 0 ? absent : number;
}

static const char *command_line;

/// What this CPU has to say.
static void print_cpu(void)
{
    guest_print("vcpu ");
    guest_print_hex(guest_get_number());
    guest_print("\n");
    guest_print_cpuid();
    guest_enable_cpu();
    guest_print_registers();
    execute_list(find_word(command_line, "sets="));
    guest_reset_cpu();
}

void guest_other_main(void)
{
    guest_has_begun = true;
    load_gates();
    print_cpu();
    guest_turn = CPUS_MAX;
    for (;;) {
        __asm__ volatile("hlt");
    }
}

void guest_main(uint32_t multiboot_info)
{
    command_line = get_command_line(multiboot_info);
    uint32_t count = get_number(command_line, "loop", 1);
    guest_serial_start();
    start_interrupts();
    guest_find_others(get_number(command_line, "cpus=", 1) - 1);
    for (uint32_t number = 1; number != 0; number++) {
        guest_record_begin(number);
        print_cpu();
        guest_run_others();
        guest_record_end(number);
        if (number == count || guest_serial_read() == 'q') {
            power_off();
        }
        wait_turn();
    }
    power_off();
}
