// SPDX-License-Identifier: LGPL-2.1-or-later
// A 32-bit program: exits with 40, or 41 if CPUID announces AVX.
        .text
        .globl _start
_start:
        movl    $1, %eax
        xorl    %ecx, %ecx
        cpuid
        shrl    $28, %ecx
        andl    $1, %ecx
        leal    40(%ecx), %ebx
        movl    $1, %eax
        int     $0x80
        ud2
        .section .note.GNU-stack,"",@progbits
