/* SPDX-License-Identifier: MIT
 *
 * Errors in a text score: every sentence begins with the line number.
 */
#ifndef SPIRAL_SCORE_SCORE_ERROR_H
#define SPIRAL_SCORE_SCORE_ERROR_H

#include "score/score_word.h"
#include "spiral/status.h"

/* FORMAT with "line N" and the sentence that format makes; text: the whole score, at: the place in it. */
__attribute__((format(printf, 4, 5))) spiral_status
spiral__score_fail(spiral_error *err, const char *text, const char *at, const char *format, ...);

/* A word in a sentence, for "%.*s"; long words are cut. */
#define SPIRAL__WORD(w) (int)((w).end - (w).at > 24 ? 24 : (w).end - (w).at), (w).at

#endif
