/* SPDX-License-Identifier: MIT
 *
 * For the tests of every module: cmocka with the headers it needs, and a check of failed calls.
 */
#ifndef SPIRAL_TESTS_TESTING_H
#define SPIRAL_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spiral/status.h"

/* Whether a sanitizer instruments the code. It is slow then and has another allocator. */
#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Whether the tests are built for valgrind (tools/test.sh), which runs them twenty to fifty times more
 * slowly. Then sizes are smaller, and tests that need hundreds of training steps are left out. */
#ifdef SPIRAL_TEST_VALGRIND
#define VALGRIND 1
#else
#define VALGRIND 0
#endif
/* Leaves a test out and says why. cmocka's skip() writes "not ok", which Meson counts as a failure. */
#define LEAVE_OUT(why)                                   \
    do {                                                 \
        print_message("# SKIP %s: %s\n", __func__, why); \
        return;                                          \
    } while (0)
/* To be the first statement of a test. */
#define NOT_UNDER_VALGRIND()                                \
    do {                                                    \
        if (VALGRIND) LEAVE_OUT("too slow under valgrind"); \
    } while (0)

/* Instrumented and emulated code (tools/aarch64.ini) is slow too, so it gets fewer rounds. */
#if SANITIZED || VALGRIND || defined(SPIRAL_TEST_EMULATED)
#define SLOW 1
#else
#define SLOW 0
#endif

/* assert_fails(status, wanted, &err, "word", ...): the call returned the wanted status, *err has it too, and
 * the message contains each of the words, such as the name of the bad argument and its value. The rest of the
 * message is checked by one test only (tests/loss/test_options.c, for example). */
#define assert_fails(status, wanted, err, ...) \
    check_failure(status, wanted, err, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

static inline void check_failure(spiral_status status, spiral_status wanted, const spiral_error *err,
                                 const char *const *words, const char *file, int line) {
    _assert_int_equal(status, wanted, file, line);
    _assert_int_equal(err->status, wanted, file, line);
    for (; *words; words++)
        if (!strstr(err->text, *words)) {
            print_error("\"%s\" does not name \"%s\"\n", err->text, *words);
            _fail(file, line);
        }
}

#endif
