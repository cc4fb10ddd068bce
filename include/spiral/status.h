/* SPDX-License-Identifier: MIT
 *
 * How a call reports what went wrong: a status, and on request one sentence.
 *
 * A call that can fail returns a spiral_status. Its results are returned through pointers; on failure they
 * are unchanged or empty unless the call's comment says otherwise. Calls that take a `spiral_error *` accept
 * NULL. A path that is NULL is BAD_ARG, unless the call's comment gives it a meaning. The library never
 * prints and never exits.
 */
#ifndef SPIRAL_STATUS_H
#define SPIRAL_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define SPIRAL_API
#else
#define SPIRAL_API __attribute__((visibility("default")))
#endif
#if defined(__GNUC__) || defined(__clang__)
#define SPIRAL_MUST_CHECK       __attribute__((warn_unused_result))
#define SPIRAL_DEPRECATED(text) __attribute__((deprecated(text)))
#else
#define SPIRAL_MUST_CHECK
#define SPIRAL_DEPRECATED(text)
#endif

/* X(name, value, message). The enum and the texts below are made from this list. */
#define SPIRAL_STATUS_LIST(X)                                                                             \
    X(OK, 0, "ok")                                                                                        \
    X(BAD_ARG, 1, "bad argument")        /* the caller's mistake: a value outside its documented range */ \
    X(NO_MEMORY, 2, "out of memory")     /* an allocation failed; nothing was changed */                  \
    X(IO, 3, "input/output error")       /* the operating system refused a file */                        \
    X(FORMAT, 4, "bad format")           /* the bytes do not have the expected form */                    \
    X(UNSUPPORTED, 5, "not supported")   /* valid, but this build or version cannot do it */              \
    X(TOO_BIG, 6, "too big")             /* valid, but beyond a stated limit */                           \
    X(NUMERIC, 7, "not a finite number") /* NaN or infinity where a number is needed */                   \
    X(NO_DATA, 8, "no data")             /* well-formed, but it holds nothing that can be used */         \
    X(INTERRUPTED, 9, "interrupted")     /* a callback asked to stop; what was to be saved is saved */

typedef enum spiral_status {
#define SPIRAL_X(name, value, text) SPIRAL_##name = value,
    SPIRAL_STATUS_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_status;

/* What went wrong, in one sentence that names the thing, the value and the limit. */
typedef struct spiral_error {
    spiral_status status;
    int64_t offset; /* position in the input, in bytes; -1 if there is none */
    char text[256]; /* one sentence without a full stop, NUL-terminated; "" when status is SPIRAL_OK.
                       Always one line of UTF-8 without control characters */
} spiral_error;

/* The identifier of a status ("BAD_ARG"), and the same in words ("bad argument"). Static storage, never NULL:
 * for other values "UNKNOWN" and "unknown status". */
SPIRAL_API const char *spiral_status_name(spiral_status status);
SPIRAL_API const char *spiral_status_message(spiral_status status);

#ifdef __cplusplus
}
#endif
#endif
