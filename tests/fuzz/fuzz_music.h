/* SPDX-License-Identifier: MIT
 *
 * The promises of midi.h and roll.h, checked on notes that came from anywhere. All abort (see fuzz.h).
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H
#define SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H

#include "spiral/roll.h"

/* Every field is within its range, notes, tempos and metres are in order. */
void fuzz_midi_valid(const spiral_midi *midi);
/* Written and read again it is the same, without a warning. */
void fuzz_midi_round_trip(const spiral_midi *midi);
/* The roll holds what its report says, and writing it to MIDI bytes and drawing those gives the same roll.
 * A roll too long to try is left out. */
void fuzz_roll(const spiral_midi *midi, const spiral_roll_options *options);

#endif
