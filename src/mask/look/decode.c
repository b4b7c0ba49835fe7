// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/decode.h"

#include <Zydis/Zydis.h>
#include <glib.h>
#include <string.h>

static ZydisDecoder decoders[2][2]; // [is minimal][is 64 bit]

static const ZydisDecoder *get_decoder(bool is_64, bool is_minimal)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        for (int minimal = 0; minimal < 2; minimal++) {
            ZydisDecoderInit(&decoders[minimal][0], ZYDIS_MACHINE_MODE_LEGACY_32,
                             ZYDIS_STACK_WIDTH_32);
            ZydisDecoderInit(&decoders[minimal][1], ZYDIS_MACHINE_MODE_LONG_64,
                             ZYDIS_STACK_WIDTH_64);
        }
        ZydisDecoderEnableMode(&decoders[1][0], ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
        ZydisDecoderEnableMode(&decoders[1][1], ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
        g_once_init_leave(&once, 1);
    }
    return &decoders[is_minimal][is_64];
}

size_t decode_prefixes(bool is_64, const uint8_t *code, size_t size)
{
    static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3};
    size_t count = 0, room = MIN(size, DECODE_MAX - CPUID_LENGTH);
    while (count < room && (memchr(prefixes, code[count], sizeof prefixes) != NULL ||
                            (is_64 && (code[count] & 0xf0) == 0x40))) { // REX
        count++;
    }
    return count;
}

size_t decode_length(bool is_64, const uint8_t *code, size_t size)
{
    ZydisDecodedInstruction insn;
    ZyanStatus status =
        ZydisDecoderDecodeInstruction(get_decoder(is_64, true), NULL, code, size, &insn);
    return ZYAN_SUCCESS(status) ? insn.length : 0;
}

/// Categories that no user program contains but in data read as code.
static bool is_odd_category(ZydisInstructionCategory category)
{
    static const ZydisInstructionCategory odd[] = {
        ZYDIS_CATEGORY_DECIMAL,    ZYDIS_CATEGORY_INTERRUPT, ZYDIS_CATEGORY_IO,
        ZYDIS_CATEGORY_IOSTRINGOP, ZYDIS_CATEGORY_SEGOP,     ZYDIS_CATEGORY_SYSRET,
        ZYDIS_CATEGORY_VTX,        ZYDIS_CATEGORY_X87_ALU,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        if (category == odd[i]) {
            return true;
        }
    }
    return false;
}

/// Single instructions of the same kind.
static bool is_odd_mnemonic(ZydisMnemonic mnemonic)
{
    static const ZydisMnemonic odd[] = {
        ZYDIS_MNEMONIC_ARPL,   ZYDIS_MNEMONIC_BOUND, ZYDIS_MNEMONIC_CMC,  ZYDIS_MNEMONIC_ENTER,
        ZYDIS_MNEMONIC_FBLD,   ZYDIS_MNEMONIC_FBSTP, ZYDIS_MNEMONIC_JCXZ, ZYDIS_MNEMONIC_JECXZ,
        ZYDIS_MNEMONIC_JRCXZ,  ZYDIS_MNEMONIC_LAHF,  ZYDIS_MNEMONIC_LAR,  ZYDIS_MNEMONIC_LOOPE,
        ZYDIS_MNEMONIC_LOOPNE, ZYDIS_MNEMONIC_SALC,  ZYDIS_MNEMONIC_STD,  ZYDIS_MNEMONIC_UD0,
        ZYDIS_MNEMONIC_UD1,    ZYDIS_MNEMONIC_FWAIT, ZYDIS_MNEMONIC_XLAT,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        if (mnemonic == odd[i]) {
            return true;
        }
    }
    return false;
}

/// String instructions without a repeat prefix, and returns that pop arguments.
static bool is_odd_form(const ZydisDecodedInstruction *insn)
{
    const ZydisInstructionAttributes repeats =
        ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
    return (insn->meta.category == ZYDIS_CATEGORY_STRINGOP && (insn->attributes & repeats) == 0) ||
           (insn->mnemonic == ZYDIS_MNEMONIC_RET && insn->raw.imm[0].size != 0);
}

/// Untouched memory reads as "add %al,(%rax)".
static bool is_zeros(const ZydisDecodedInstruction *insn, const uint8_t *code)
{
    return insn->length == 2 && code[0] == 0 && code[1] == 0;
}

static bool is_implausible(const ZydisDecodedInstruction *insn, const uint8_t *code)
{
    const ZydisInstructionAttributes odd_prefixes =
        ZYDIS_ATTRIB_HAS_SEGMENT_SS | ZYDIS_ATTRIB_HAS_SEGMENT_DS | ZYDIS_ATTRIB_HAS_SEGMENT_ES;
    bool is_trap = insn->mnemonic == ZYDIS_MNEMONIC_INT3 ||
                   (insn->mnemonic == ZYDIS_MNEMONIC_INT && insn->raw.imm[0].value.u == 0x80);
    return is_zeros(insn, code) ||
           (insn->attributes & (ZYDIS_ATTRIB_IS_PRIVILEGED | odd_prefixes)) != 0 ||
           insn->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ||
           (is_odd_category(insn->meta.category) && !is_trap) || is_odd_mnemonic(insn->mnemonic) ||
           is_odd_form(insn);
}

static bool is_padding(const ZydisDecodedInstruction *insn, const uint8_t *code)
{
    return insn->mnemonic == ZYDIS_MNEMONIC_NOP || insn->mnemonic == ZYDIS_MNEMONIC_INT3 ||
           is_zeros(insn, code);
}

static bool is_barrier(ZydisMnemonic mnemonic)
{
    return mnemonic == ZYDIS_MNEMONIC_RET || mnemonic == ZYDIS_MNEMONIC_JMP ||
           mnemonic == ZYDIS_MNEMONIC_UD2;
}

/// rax, rbx, rcx and rdx as bits 0 to 3, whatever part of them `reg` is.
static unsigned register_bit(bool is_64, ZydisRegister reg)
{
    static const ZydisRegister wide[] = {ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_RBX, ZYDIS_REGISTER_RCX,
                                         ZYDIS_REGISTER_RDX};
    static const ZydisRegister narrow[] = {ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_EBX,
                                           ZYDIS_REGISTER_ECX, ZYDIS_REGISTER_EDX};
    const ZydisRegister *answer = is_64 ? wide : narrow;
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(
        is_64 ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32, reg);
    for (unsigned i = 0; i < G_N_ELEMENTS(wide); i++) {
        if (reg != ZYDIS_REGISTER_NONE && whole == answer[i]) {
            return 1U << i;
        }
    }
    return 0;
}

static uint8_t operand_flags(bool is_64, const ZydisDecodedOperand *op)
{
    uint8_t flags = 0;
    if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
        unsigned bit = register_bit(is_64, op->reg.value);
        if ((op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 && (bit & 1) != 0 &&
            op->size >= 32) {
            flags |= DECODE_SETS_LEAF;
        }
        if ((op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0 && bit != 0) {
            flags |= DECODE_USES_ANSWER;
        }
    }
    return flags;
}

static uint32_t magnitude(int64_t distance)
{
    uint64_t positive = distance < 0 ? -(uint64_t)distance : (uint64_t)distance;
    return (uint32_t)MIN(positive, UINT32_MAX);
}

static uint32_t get_reach(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands)
{
    for (unsigned i = 0; i < insn->operand_count; i++) {
        const ZydisDecodedOperand *op = &operands[i];
        if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op->imm.is_relative) {
            return magnitude(op->imm.value.s);
        }
        if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.base == ZYDIS_REGISTER_RIP) {
            return magnitude(op->mem.disp.value);
        }
    }
    return 0;
}

bool decode_full(bool is_64, const uint8_t *code, size_t size, struct decoded *ret)
{
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(get_decoder(is_64, false), code, size, &insn, operands))) {
        return false;
    }
    unsigned flags = 0;
    flags |= insn.mnemonic == ZYDIS_MNEMONIC_CPUID ? DECODE_CPUID : 0;
    flags |= is_barrier(insn.mnemonic) ? DECODE_BARRIER : 0;
    flags |= insn.mnemonic == ZYDIS_MNEMONIC_RET ? DECODE_USES_ANSWER : 0; // the caller does
    flags |= is_padding(&insn, code) ? DECODE_PADDING : 0;
    flags |= is_implausible(&insn, code) ? DECODE_IMPLAUSIBLE : 0;
    // CPUID itself both reads and writes all four, which says nothing of another CPUID.
    for (unsigned i = 0; i < insn.operand_count && (flags & DECODE_CPUID) == 0; i++) {
        flags |= operand_flags(is_64, &operands[i]);
    }
    ret->length = insn.length;
    ret->flags = (uint8_t)flags;
    ret->reach = get_reach(&insn, operands);
    return true;
}
