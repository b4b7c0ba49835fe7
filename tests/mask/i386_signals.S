// SPDX-License-Identifier: LGPL-2.1-or-later
// A 32-bit program that ignores SIGILL, then handles it, all signals blocked: exits with 0 if CPUID leaves the action and the mask, else
// with 1 and 2.
#define SETS_ACTION 174
#define SETS_MASK   175
        .text
        .globl _start
_start:
        movl    $SETS_MASK, %eax
        movl    $2, %ebx                // SIG_SETMASK
        movl    $all, %ecx
        xorl    %edx, %edx
        movl    $8, %esi
        int     $0x80
        call    try
        movl    $_start, action         // any handler will do: it is never called
        call    try
        xorl    %ebx, %ebx
        jmp     end
try:
        movl    $SETS_ACTION, %eax
        movl    $4, %ebx                // SIGILL
        movl    $action, %ecx
        xorl    %edx, %edx
        movl    $8, %esi
        int     $0x80
        movl    $1, %eax
        xorl    %ecx, %ecx
        cpuid
        movl    $SETS_ACTION, %eax
        movl    $4, %ebx
        xorl    %ecx, %ecx
        movl    $action_now, %edx
        movl    $8, %esi
        int     $0x80
        movl    $1, %ebx
        movl    $action, %esi
        movl    $action_now, %edi
        movl    $5, %ecx
        repe    cmpsl
        jne     end
        movl    $SETS_MASK, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        movl    $mask_now, %edx
        movl    $8, %esi
        int     $0x80
        movl    $2, %ebx
        testl   $8, mask_now
        jz      end
        ret
end:
        movl    $1, %eax                // exit
        int     $0x80
        .data
all:    .long   -1, -1
action: .long   1, 0x10000000, 0, 0x800, 0 // SIG_IGN, SA_RESTART
        .bss
action_now:
        .skip   20
mask_now:
        .skip   8
        .section .note.GNU-stack,"",@progbits
