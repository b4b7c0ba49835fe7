// SPDX-License-Identifier: LGPL-2.1-or-later
/// Modes of the victim: memory with code, which others write: threads, and the kernel.
#include "victim.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/// A counter of one byte, and behind it what write_code writes, shorter: CPUID is in the same eight
/// bytes as the counter.
static const uint8_t counting_code[] = {0,    0x53, 0x89, 0xf8, 0x31, 0xc9, 0x0f,
                                        0xa2, 0x89, 0x06, 0x89, 0x5e, 0x04, 0x89,
                                        0x4e, 0x08, 0x89, 0x56, 0x0c, 0x5b, 0xc3};

/// Code in which much could be CPUID, and cannot be decided.
void mode_doubtful(char **args)
{
    (void)args;
    enum { SIZE = 1 << 20, STEP = 64 };
    static const uint8_t code[] = {0x53, 0x31, 0xc9, 0x0f, 0xa2, 0x31, 0xc0, 0x31, 0xdb, 0x31,
                                   0xc9, 0x31, 0xd2, 0x5b, 0xe9, 0x00, 0x00, 0x00, 0x00};
    uint8_t *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    for (size_t at = 0; at < SIZE; at += STEP) {
        memcpy(memory + at, code, sizeof code);
    }
    REQUIRE(mprotect(memory, SIZE, PROT_READ | PROT_EXEC) == 0);
}

/// Nobody but root may look into the program from some moment on. It goes on, with code from before
/// that and new code.
void mode_closed(char **args)
{
    (void)args;
    uint8_t *before = make_memory(ALL), *unused = make_memory(ALL);
    write_code(before);
    write_code(unused);
    features_by(to_function(before));
    REQUIRE(prctl(PR_SET_DUMPABLE, 0) == 0);
    uint8_t *after = make_memory(ALL);
    write_code(after);
    REQUIRE(features_by(to_function(after)) != 0 && features_by(to_function(unused)) != 0);
    before[CODE_SIZE] = unused[CODE_SIZE] = after[CODE_SIZE] = 0xc3;
    REQUIRE(features_by(to_function(before)) != 0 && read_features() != 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(read_features() != 0 ? 5 : 6);
    }
    require_exit(child, 5);
}

struct counting {
    atomic_uchar *at;
    atomic_bool is_over;
    unsigned done;
};

static void *count_main(void *data)
{
    struct counting *counting = data;
    while (!counting->is_over) {
        atomic_fetch_add(counting->at, 1);
        counting->done++;
    }
    return NULL;
}

/// While one thread executes code, another writes beside it: no write is lost, wherever CPUID is:
/// within eight aligned bytes, across their end, or across the end of a page.
void mode_written(char **args)
{
    (void)args;
    static const int places[] = {64, 65, 4096 - 7};
    for (int i = 0; i < 90; i++) {
        uint8_t *memory = make_memory(ALL), *code = memory + places[i % 3];
        memcpy(code, counting_code, sizeof counting_code);
        struct counting counting = {.at = (atomic_uchar *)code};
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, count_main, &counting) == 0);
        while (atomic_load(counting.at) == 0) {
        }
        for (int k = 0; k < 20; k++) {
            REQUIRE(features_by(to_function(code + 1)) == read_features());
        }
        counting.is_over = true;
        REQUIRE(pthread_join(thread, NULL) == 0);
        REQUIRE(*counting.at == (uint8_t)counting.done);
        REQUIRE(munmap(memory, 3 * 4096) == 0);
    }
}

/// The pipe, or two sockets, through which `fill` gets the code.
static void send_code(int fd)
{
    uint8_t code[CODE_SIZE];
    write_code(code);
    REQUIRE(write(fd, code, sizeof code) == sizeof code);
}

static void fill_by_read(uint8_t *at, int fd)
{
    REQUIRE(read(fd, at, CODE_SIZE) == CODE_SIZE);
}

static void fill_by_recv(uint8_t *at, int fd)
{
    REQUIRE(recv(fd, at, CODE_SIZE, 0) == CODE_SIZE);
}

static void fill_by_readv(uint8_t *at, int fd)
{
    const struct iovec parts[] = {{at, 10}, {at + 10, CODE_SIZE - 10}};
    REQUIRE(readv(fd, parts, 2) == CODE_SIZE);
}

static void fill_by_recvmsg(uint8_t *at, int fd)
{
    struct iovec part = {at, CODE_SIZE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    REQUIRE(recvmsg(fd, &message, 0) == CODE_SIZE);
}

static void fill_by_pread(uint8_t *at, int fd)
{
    uint8_t code[CODE_SIZE];
    FILE *file = tmpfile();
    REQUIRE(file != NULL && read(fd, code, sizeof code) == sizeof code);
    REQUIRE(pwrite(fileno(file), code, sizeof code, 5) == sizeof code);
    REQUIRE(pread(fileno(file), at, CODE_SIZE, 5) == CODE_SIZE);
    fclose(file);
}

static void fill_by_vm(uint8_t *at, int fd)
{
    uint8_t code[CODE_SIZE];
    REQUIRE(read(fd, code, sizeof code) == sizeof code);
    struct iovec here = {at, CODE_SIZE}, there = {code, CODE_SIZE};
    REQUIRE(process_vm_readv(getpid(), &here, 1, &there, 1, 0) == CODE_SIZE);
}

static void (*const ways[])(uint8_t *at, int fd) = {fill_by_read,    fill_by_recv,  fill_by_readv,
                                                    fill_by_recvmsg, fill_by_pread, fill_by_vm};

static uint8_t *make_executed(size_t at)
{
    static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    uint8_t *memory = make_memory(ALL) + at;
    memcpy(memory, code, sizeof code);
    uint32_t ignored[4];
    to_function(memory)(0, ignored);
    return memory;
}

/// Fills memory in each way, `memory` first, which has been executed before.
static void *fill_main(void *memory)
{
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        // One begins in a page and ends in the next.
        uint8_t *at = i == 0 ? memory : make_executed(i == 2 ? 4096 - 9 : 64);
        send_code(pair[1]);
        ways[i](at, pair[0]);
        REQUIRE(features_by(to_function(at)) == read_features());
    }
    close(pair[0]);
    close(pair[1]);
    return NULL;
}

/// The same in more places than there are filters for, far apart.
static void fill_far(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    for (uint64_t i = 0; i < 12; i++) {
        uint8_t *memory = mmap((void *)(uintptr_t)((i + 64) << 38), 4096, ALL,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(memory != MAP_FAILED);
        write_code(memory);
        REQUIRE(features_by(to_function(memory)) == read_features());
        send_code(ends[1]);
        fill_by_read(memory + 64, ends[0]);
        REQUIRE(features_by(to_function(memory + 64)) == read_features());
    }
    close(ends[0]);
    close(ends[1]);
}

/// What the program itself has made read-only stays so.
static void fill_refused(void)
{
    int ends[2];
    uint8_t *memory = make_executed(64) - 64;
    REQUIRE(pipe(ends) == 0);
    send_code(ends[1]);
    REQUIRE(mprotect(memory, 4096, PROT_READ) == 0);
    REQUIRE(read(ends[0], memory, CODE_SIZE) == -1 && errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
}

static void *wait_and_fill(void *memory)
{
    while (*(uint8_t * _Atomic *)memory == NULL) {
    }
    return fill_main(*(uint8_t * _Atomic *)memory);
}

/// Code that the kernel writes into pages that have been executed: in a thread that was there
/// before the first of them, in others, and in a child.
void mode_filled(char **args)
{
    (void)args;
    static uint8_t *_Atomic memory;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, wait_and_fill, (void *)&memory) == 0);
    memory = make_executed(64);
    REQUIRE(pthread_join(thread, NULL) == 0);
    fill_main(make_executed(64));
    pid_t child = fork();
    if (child == 0) {
        fill_main(make_executed(64));
        fill_far();
        fill_refused();
        _exit(0);
    }
    require_exit(child, 0);
}

/// Starts itself in another mode, in a sandbox that forbids nothing.
void mode_sandboxed(char **args)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, code};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    execl("/proc/self/exe", "victim", args[0], NULL);
}

/// Executes and writes memory all the time.
static void *use_main(void *memory)
{
    uint8_t *code = (uint8_t *)memory + 64;
    for (volatile uint8_t *data = (uint8_t *)memory + 1024;; ++*data) {
        uint32_t ignored[4];
        to_function(code)(0, ignored);
    }
    return NULL;
}

/// A sandbox for all threads that kills for what the tracer would call in their name: what is
/// writable and executable stays so, and code that was there before is seen through.
void mode_sandbox(char **args)
{
    (void)args;
    static const uint32_t deadly[] = {SYS_mprotect, SYS_mmap, SYS_seccomp, SYS_rt_sigaction};
    struct sock_filter code[2 + 2 * 4] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    for (int i = 0; i < 4; i++) {
        code[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deadly[i], 0, 1);
        code[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    }
    code[9] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {10, code};
    uint8_t *used = make_executed(64) - 64, *executed = make_executed(64),
            *fresh = make_memory(ALL);
    write_code(fresh + 4096 - 9);
    uint64_t expected = read_features();
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, use_main, used) == 0);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
            0);
    REQUIRE(features_by(to_function(fresh + 4096 - 9)) == expected);
    send_code(ends[1]);
    fill_by_read(executed, ends[0]);
    memset(executed + 1024, 0xc3, 64);
    REQUIRE(read_features() == expected);
    _exit(0);
}
