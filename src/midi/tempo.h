/* SPDX-License-Identifier: MIT
 *
 * Tempos and frame rates: what the reader, the writer and the roll need to know about time.
 */
#ifndef SPIRAL_MIDI_TEMPO_H
#define SPIRAL_MIDI_TEMPO_H

#include <stdbool.h>

#include "spiral/midi.h"

#define SPIRAL__TEMPO_DEFAULT 500000   /* microseconds per quarter where no tempo is given: 120 bpm */
#define SPIRAL__TEMPO_MAX     0xffffff /* three bytes in the file */

/* ticks_per_s as SMPTE frames per second (24, 25, 30, or 29 for 30000/1001) times ticks per frame (1..255).
 * false: it is not such a product. */
bool spiral__smpte_from_rate(double ticks_per_s, int *frames_per_s, int *ticks_per_frame);
/* The other direction: frames_per_s 24, 25, 29 or 30. */
double spiral__smpte_rate(int frames_per_s, int ticks_per_frame);

/* Four quarters in ticks; in files of SMPTE time, two seconds. */
int64_t spiral__whole_note(const spiral_midi *midi);

/* Fills at_s of every tempo. Everything else in *midi must be valid. */
void spiral__tempo_fill_seconds(spiral_midi *midi);

#endif
