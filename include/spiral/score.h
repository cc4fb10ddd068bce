/* SPDX-License-Identifier: MIT
 *
 * Text scores: music one can read and type (docs/score.md), rendered to notes.
 */
#ifndef SPIRAL_SCORE_H
#define SPIRAL_SCORE_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a text score of size bytes into *midi (overwritten; free with spiral_midi_clear). FORMAT: the error
 * names the line, the token and what is allowed there; offset is the byte offset of the token. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_read(const char *text, size_t size, spiral_midi *midi,
                                                             spiral_error *err);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_load(const char *path, spiral_midi *midi,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
