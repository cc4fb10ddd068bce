/* SPDX-License-Identifier: MIT
 *
 * Text scores: music that people can read and write (docs/score.md), turned into notes.
 */
#ifndef SPIRAL_SCORE_H
#define SPIRAL_SCORE_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a text score of size bytes into *midi (overwritten; free with spiral_midi_clear): 480 ticks per
 * quarter, format 1, one track and one channel per voice (never the drum channel), the score's title as name
 * and its source as text. Each note is as long as written, or ends where the same voice strikes its key
 * again; none has zero length. FORMAT: the first fault, with its line, the word and what is allowed there;
 * err->offset is the byte offset of the word. NO_DATA: no line of music, or only rests. TOO_BIG: more than 1
 * MiB of text or 2^20 notes. NO_MEMORY. *midi is then empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_read(const char *text, size_t size, spiral_midi *midi,
                                                             spiral_error *err);
/* The same from a file ("-": standard input), whose path precedes the sentence. IO when it cannot be read. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_score_load(const char *path, spiral_midi *midi,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
