/* SPDX-License-Identifier: MIT
 *
 * Checks of what midi.h and roll.h say, for notes from any bytes. Every call aborts on failure (see fuzz.h).
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H
#define SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H

#include "spiral/roll.h"

/* Every field is within its range; notes, tempos, metres and pedals are in order. */
void fuzz_midi_valid(const spiral_midi *midi);
/* After writing and reading, it is the same, without a warning. */
void fuzz_midi_round_trip(const spiral_midi *midi);
/* The roll agrees with its report, and the MIDI written from it gives the same roll. Rolls of very many
 * frames are not made, because they need memory and time. */
void fuzz_roll(const spiral_midi *midi, const spiral_roll_options *options);

#endif
