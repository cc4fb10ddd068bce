/* SPDX-License-Identifier: MIT
 *
 * Errors in a text score (see score_error.h).
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "score/score_error.h"

spiral_status spiral__score_fail(spiral_error *err, const char *text, const char *at, const char *format,
                                 ...) {
    char sentence[sizeof err->text];
    int line = 1;
    for (const char *c = text; c < at; c++) line += *c == '\n';
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return spiral__fail(err, SPIRAL_FORMAT, at - text, "line %d%s", line, sentence);
}
