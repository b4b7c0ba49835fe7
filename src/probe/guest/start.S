// SPDX-License-Identifier: LGPL-2.1-or-later
// Entry of the probe guest: multiboot 1 header (address fields, so that a flat 64-bit image is
// accepted too), mode switch, the other CPUs' entry, exception entries, and probe_try(), which
// survives a fault. Sources: Multiboot Specification 0.6.96, Intel SDM volume 3 chapters 6, 8.4, 9.8.

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00010000
#define CODE32          0x08
#define DATA            0x10
#define CODE64          0x18
#define COM1            0x3f8
#define TRAMPOLINE      0x8000 // guest.h has it too
#define CACHES_OFF      0x60000000

    .section .multiboot, "a"
    .balign 4
multiboot_header:
    .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
    .long multiboot_header, image_start, image_end, bss_end, guest_entry

    .text
    .code32
    .globl guest_entry
guest_entry:
    cli
    cld
    mov $stack_top, %esp
    mov $image_end, %edi
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
    lgdt gdt_pointer
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %ebx, %esi
    mov $guest_main, %ebp

#ifdef __x86_64__
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode

    // The first GiB is mapped one to one with 2 MiB pages.
    movl $page_pointers + 3, page_root
    movl $page_folder + 3, page_pointers
    mov $page_folder, %edi
    mov $0x83, %eax
    mov $512, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    movl $apic_folder + 3, page_pointers + 24
    movl $0xfee00093, apic_folder + 0xfb8 // the local APIC, not cached

// With the stack in esp, a function in ebp and its argument in esi.
enter_mode:
    mov %cr4, %eax
    or $(1 << 5), %eax              // PAE
    mov %eax, %cr4
    mov $page_root, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx           // EFER
    rdmsr
    or $(1 << 8), %eax              // LME
    wrmsr
    mov %cr0, %eax
    or $(1 << 31), %eax             // PG
    mov %eax, %cr0
    ljmp $CODE64, $enter64

no_long_mode:
    mov $no_long_mode_text, %esi
    mov $COM1, %edx
1:  lodsb
    test %al, %al
    jz guest_reset
    out %al, %dx
    jmp 1b

    .code64
enter64:
    mov %esp, %esp
    mov %ebp, %ebp
    mov %esi, %edi
    call *%rbp
#else
enter_mode:
    ljmp $CODE32, $enter32
enter32:
    push %esi
    call *%ebp
#endif

    // A triple fault ends what the power button did not: QEMU runs with -no-reboot, libvirt with
    // on_reboot=destroy.
    .globl guest_reset
guest_reset:
    lidt empty_idt
    ud2
1:  hlt
    jmp 1b

// The other CPUs begin in real mode, at a page below 1 MiB to which this is copied, each time that
// they are started: see cpus.c.
    .globl trampoline, trampoline_end
    .code16
trampoline:
    cli
    xor %eax, %eax
    mov %ax, %ds
    lgdtl TRAMPOLINE + trampoline_pointer - trampoline
    mov %cr0, %eax
    and $~CACHES_OFF, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl $CODE32, $other_entry
trampoline_pointer:
    .word gdt_end - gdt - 1
    .long gdt
trampoline_end:

    .code32
other_entry:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $1, %eax
    cpuid
    shr $24, %ebx                   // the APIC's number
    cmp %ebx, guest_turn
    je 2f
    movb $1, guest_present(%ebx)    // all are told to show that they are there
1:  hlt
    jmp 1b
2:  mov $other_stack_top, %esp      // one at a time is told to print
    mov %ebx, %esi
    mov $guest_other_main, %ebp
    jmp enter_mode
#ifdef __x86_64__
    .code64
#endif

// uint32_t probe_try(uint32_t (*test)(void)): the test's result; guest_fault is the vector that it
// raised, or -1.
    .globl probe_try
#ifdef __x86_64__
probe_try:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, try_stack
    movl $-1, guest_fault
    call *%rdi
try_end:
    movq $0, try_stack
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
fault_common:
    pop %rdi
    cmpq $0, try_stack
    je guest_panic
    mov %edi, guest_fault
    mov try_stack, %rsp
    jmp try_end
#else
probe_try:
    push %ebx
    push %ebp
    push %esi
    push %edi
    mov %esp, try_stack
    movl $-1, guest_fault
    call *20(%esp)
try_end:
    movl $0, try_stack
    cld
    pop %edi
    pop %esi
    pop %ebp
    pop %ebx
    ret
fault_common:
    cmpl $0, try_stack
    jne 1f
    push $0
    jmp guest_panic
1:  pop guest_fault
    mov try_stack, %esp
    jmp try_end
#endif

// 32 entries of 16 bytes, one for each exception; an error code below the vector is never needed,
// the stack is thrown away.
    .balign 16
    .globl fault_entries
fault_entries:
    .set vector, 0
    .rept 32
    .balign 16
    push $vector
    jmp fault_common
    .set vector, vector + 1
    .endr

// The timer: counts, and wakes the guest from hlt.
    .balign 16
    .globl timer_entry
timer_entry:
#ifdef __x86_64__
    push %rax
    incl guest_ticks
    mov $0x20, %al
    out %al, $0x20
    pop %rax
    iretq
#else
    push %eax
    incl guest_ticks
    mov $0x20, %al
    out %al, $0x20
    pop %eax
    iretl
#endif

// AMD's XOP instructions begin like a POP: elsewhere they do not fault, they wreck the stack.
#define NEED_XOP_SPACE(bit)                                                                        \
    mov $0x80000001, %eax; cpuid; bt $bit, %ecx; jc 9f; ud2; 9:

// The instructions under test.
#ifdef __x86_64__
#define AX  %rax
#define CX  %rcx
#define X16 %xmm16
#define Y16 %ymm16
#define Z16 %zmm16
#define PROBE_SET64(id, name, expected, ...) try_##id: __VA_ARGS__; ret; .globl try_##id;
#else
#define AX  %eax
#define CX  %ecx
#define X16 %xmm6
#define Y16 %ymm6
#define Z16 %zmm6
#define PROBE_SET64(id, name, expected, ...)
#endif
#define PROBE_SET(id, name, expected, ...) try_##id: __VA_ARGS__; ret; .globl try_##id;
#include "sets.def"

// uint32_t read_msr(void), on guest_msr.
    .globl read_msr
read_msr:
    mov guest_msr, %ecx
    rdmsr
    mov %eax, guest_msr_low
    mov %edx, guest_msr_high
    ret

    .section .rodata
no_long_mode_text:
    .asciz "cpulift-probe 2 record 1 bits 64\npanic no-long-mode\n"
    .balign 8
gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt, 0
empty_idt:
    .long 0, 0, 0
    .balign 64
vec_one:
    .rept 16
    .long 0x3f800000
    .endr
vec_two:
    .rept 16
    .long 0x40000000
    .endr
vec_zero:
    .skip 64
// Palette 1; three tiles of one row of four bytes.
vec_tiles:
    .byte 1, 0
    .skip 14
    .word 4, 4, 4
    .skip 26
    .byte 1, 1, 1
    .skip 13

    .bss
    .balign 4096
#ifdef __x86_64__
page_root:
    .skip 4096
page_pointers:
    .skip 4096
page_folder:
    .skip 4096
apic_folder:
    .skip 4096
#endif
    .balign 64
vec_out:
    .skip 64
vec_state:
    .skip 4096
    .balign 16
try_stack:
    .skip 8
    .globl guest_fault, guest_ticks, guest_msr, guest_msr_low, guest_msr_high
guest_fault:
    .skip 4
guest_ticks:
    .skip 4
guest_msr:
    .skip 4
guest_msr_low:
    .skip 4
guest_msr_high:
    .skip 4
    .balign 16
    .skip 8192
other_stack_top:
    .skip 8192
stack_top:
    .section .note.GNU-stack, "", @progbits
