// SPDX-License-Identifier: LGPL-2.1-or-later
/// COM1, a 16550: collects a record, so that a count and a checksum can end it.
#include "guest.h"

#define COM1        0x3f8
#define LINE_STATUS (COM1 + 5)
#define HAS_DATA    0x01
#define FIFO_EMPTY  0x20
#define FIFO_BYTES  16
#define PATIENCE    1000000u    ///< polls of the line status before a byte is sent regardless
#define FNV_START   2166136261u ///< FNV-1a, 32 bits
#define FNV_PRIME   16777619u

static uint32_t line_count, checksum;
static unsigned fifo_used;

void guest_serial_start(void)
{
    static const uint8_t setup[][2] = {
        {3, 0x80}, {0, 1}, {1, 0}, {3, 0x03}, {2, 0x07}, {4, 0x03}, {1, 0}, // 115200 8n1, FIFO
    };
    for (unsigned i = 0; i < sizeof(setup) / sizeof(setup[0]); i++) {
        guest_out8(COM1 + setup[i][0], setup[i][1]);
    }
}

static void send(char byte)
{
    if (fifo_used == 0) {
        for (uint32_t i = 0; i < PATIENCE && !(guest_in8(LINE_STATUS) & FIFO_EMPTY); i++) {
            __asm__ volatile("pause");
        }
    }
    guest_out8(COM1, (uint8_t)byte);
    fifo_used = (fifo_used + 1) % FIFO_BYTES;
    checksum = (checksum ^ (uint8_t)byte) * FNV_PRIME;
    line_count += byte == '\n';
}

void guest_print(const char *text)
{
    while (*text != '\0') {
        send(*text++);
    }
}

void guest_print_hex(uint32_t value)
{
    char text[9] = {0};
    for (int i = 7; i >= 0; i--, value >>= 4) {
        text[i] = "0123456789abcdef"[value & 15];
    }
    guest_print(text);
}

void guest_print_number(uint32_t value)
{
    char text[11];
    char *at = text + sizeof(text) - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    guest_print(at);
}

int guest_serial_read(void)
{
    return guest_in8(LINE_STATUS) & HAS_DATA ? guest_in8(COM1) : -1;
}

void guest_record_begin(uint32_t number)
{
    line_count = 0;
    checksum = FNV_START;
    guest_print("cpulift-probe 2 record ");
    guest_print_number(number);
    guest_print(sizeof(void *) == 8 ? " bits 64\n" : " bits 32\n");
}

void guest_record_end(uint32_t number)
{
    uint32_t lines = line_count, sum = checksum;
    guest_print("end ");
    guest_print_number(number);
    guest_print(" ");
    guest_print_number(lines);
    guest_print(" ");
    guest_print_hex(sum);
    guest_print("\n");
}
