// SPDX-License-Identifier: LGPL-2.1-or-later
/// The parts of the probe guest. It is freestanding: no library, no headers but the compiler's.
/// circle: one header for all, since start.S calls guest.c, which calls read.c, which tries
/// instructions by start.S.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Where the other CPUs begin, in real mode: a page that nobody uses. QEMU puts what a multiboot
/// loader tells at 0x9000.
#define TRAMPOLINE 0x8000

/// CPUs have numbers below this, those of their local APICs: eight bits, of which the last number
/// means all.
#define CPUS_MAX 255

// start.S
extern volatile int32_t guest_fault;  ///< vector raised by the last probe_try(), or -1
extern volatile uint32_t guest_ticks; ///< timer interrupts so far
extern volatile uint32_t guest_msr;   ///< argument of read_msr()
extern volatile uint32_t guest_msr_low, guest_msr_high;
uint32_t probe_try(uint32_t (*test)(void));
uint32_t read_msr(void);
extern char fault_entries[], timer_entry[];
void guest_reset(void) __attribute__((noreturn));

// guest.c
void guest_main(uint32_t multiboot_info) __attribute__((noreturn));
void guest_other_main(void) __attribute__((noreturn)); ///< of each other CPU whose turn it is
void guest_panic(void) __attribute__((noreturn));

// cpus.c
extern volatile uint8_t guest_present[]; ///< of each number: one of the other CPUs has it
extern volatile uint32_t guest_turn;     ///< the number of the CPU that may print, or CPUS_MAX
extern volatile bool guest_has_begun;    ///< set by the CPU whose turn it is
void guest_find_others(uint32_t wanted); ///< waits for so many
void guest_run_others(void);             ///< each prints what it has to say

// serial.c
void guest_serial_start(void);
void guest_print(const char *text);
void guest_print_hex(uint32_t value);
void guest_print_number(uint32_t value);
int guest_serial_read(void); ///< a byte, or -1 when none is waiting
void guest_record_begin(uint32_t number);
void guest_record_end(uint32_t number);

// read.c
bool guest_has_apic(void);
uint32_t guest_get_number(void);  ///< the number of this CPU's local APIC
void guest_print_cpuid(void);     ///< must come first: the bits that follow CR4 are then off
void guest_enable_cpu(void);      ///< as an operating system would: CR0, CR4, XCR0
void guest_print_registers(void); ///< XCR0 and the model-specific registers that hold features
void guest_reset_cpu(void);       ///< undoes guest_enable_cpu()

static inline void guest_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void guest_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t guest_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
