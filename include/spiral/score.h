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

/* Reads a text score of size bytes into *midi (overwritten; free with spiral_midi_clear): 480 ticks per
 * quarter, format 1, one track and one channel per voice (the drum channel left out), the title as name,
 * where it is from as text. Notes are as long as written, unless the same voice
 * strikes their key again; every note sounds.
 * FORMAT: the first thing that is wrong, with its line, the token and what is allowed there; err->offset is
 * the byte offset of the token. NO_DATA: no line of music, or only rests. TOO_BIG: more than 1 MiB of text
 * or 2^20 notes. *midi is empty then. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_read(const char *text, size_t size, spiral_midi *midi,
                                                             spiral_error *err);
/* The same from a file; the path stands before the sentence. IO when it cannot be read. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_load(const char *path, spiral_midi *midi,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
