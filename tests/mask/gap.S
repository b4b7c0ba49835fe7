// SPDX-License-Identifier: LGPL-2.1-or-later
// Hand-written code as in x264 or nettle: no unwind entry, no type, no size; and data between it
// that holds the bytes of CPUID.
        .text
        .balign 16
        .globl gap_table
gap_table:
        .long 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1
        .long 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
        .long 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786
        .byte 0x6f, 0x0f, 0xa2, 0x8e, 0x9b, 0x06, 0x0f, 0xa2, 0x0f, 0xa2, 0xce, 0x62
        .ascii "AES for x86_64, CRYPTOGAMS"
        .balign 16
        .globl gap_code_start
gap_code_start:
        .fill 16, 1, 0x90
        .globl gap_cpuid
gap_cpuid:                              // void gap_cpuid(uint32_t leaf, uint32_t regs[4])
        pushq   %rbx
        movq    %rsi, %r8
        movl    %edi, %eax
        xorl    %ecx, %ecx
1:      cpuid
        movl    %eax, (%r8)
        movl    %ebx, 4(%r8)
        movl    %ecx, 8(%r8)
        movl    %edx, 12(%r8)
        popq    %rbx
        ret
        .globl gap_code_end
gap_code_end:
        .section .rodata
        .balign 8
        .globl gap_offset
gap_offset:                             // of the instruction in the function: a symbol there would stand in its way
        .quad 1b - gap_cpuid
        .section .note.GNU-stack,"",@progbits
