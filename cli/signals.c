/* SPDX-License-Identifier: MIT
 *
 * Standard descriptors and signals (see signals.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "signals.h"
#include "spiral/file.h"

static const int ENDING[] = {SIGINT, SIGTERM, SIGHUP};
enum { COUNT = sizeof ENDING / sizeof *ENDING };

static volatile sig_atomic_t deferring, received;
static _Atomic(const char *) to_remove;

void cli_signals_remove_files(void) {
    spiral_temporary_files_remove();
    const char *path = to_remove;
    if (path) unlink(path);
}

static void on_signal(int number) {
    int before = errno;
    if (deferring && !received) {
        received = 1;
        errno = before;
        return;
    }
    cli_signals_remove_files();
    signal(number, SIG_DFL); /* the caller sees which signal it was */
    raise(number);
    errno = before;
}

/* 0 is opened for writing, and 1 and 2 for reading, so that reading or writing them fails with EBADF. */
static void open_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            int opened = open("/dev/null", fd ? O_RDONLY : O_WRONLY);
            if (opened >= 0 && opened != fd) {
                dup2(opened, fd);
                close(opened);
            }
        }
}

void cli_signals_init(void) {
    open_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < COUNT; i++) {
        struct sigaction before, action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        if (!sigaction(ENDING[i], NULL, &before) && before.sa_handler != SIG_IGN)
            sigaction(ENDING[i], &action, NULL);
    }
}

/* ---- guard ---- */

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGABRT, SIGPROF, SIGXCPU};
enum { FAULT_COUNT = sizeof FAULTS / sizeof *FAULTS };
static const char *guard_sentence;
static struct sigaction before_guard[FAULT_COUNT];

/* Several threads may come here at once: one ends the program. All signals are blocked meanwhile. */
static void on_fault(int number) {
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    (void)number;
    while (atomic_flag_test_and_set(&ending)) pause();
    if (write(STDERR_FILENO, guard_sentence, strlen(guard_sentence)) < 0) _exit(1);
    cli_signals_remove_files();
    _exit(1);
}

void cli_signals_file_was_cut(const char *sentence) {
    struct sigaction action = {.sa_handler = on_fault};
    sigfillset(&action.sa_mask);
    guard_sentence = sentence;
    sigaction(SIGBUS, &action, NULL);
}

static void limit_time(int seconds) {
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
    setitimer(ITIMER_PROF, &timer, NULL);
}

void cli_signals_guard_begin(const char *sentence, int seconds) {
    guard_sentence = sentence;
    for (int i = 0; i < FAULT_COUNT; i++) {
        struct sigaction action = {.sa_handler = on_fault};
        sigfillset(&action.sa_mask);
        sigaction(FAULTS[i], &action, &before_guard[i]);
    }
    limit_time(seconds);
}

void cli_signals_guard_end(void) {
    limit_time(0);
    for (int i = 0; i < FAULT_COUNT; i++) sigaction(FAULTS[i], &before_guard[i], NULL);
}

void cli_signals_defer_begin(void) { deferring = 1; }
void cli_signals_defer_end(void) { deferring = 0; }
int cli_signals_received(void) { return received; }
void cli_signals_remove(const char *path) { to_remove = path; }
