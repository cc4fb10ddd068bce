/* SPDX-License-Identifier: MIT
 *
 * What midi.h and roll.h promise, checked on notes from any bytes. Every call aborts if a promise is broken
 * (see fuzz.h).
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H
#define SPIRAL_TESTS_FUZZ_FUZZ_MUSIC_H

#include "spiral/roll.h"

/* Every field is within its range; notes, tempos, metres and pedals are in order. */
void fuzz_midi_valid(const spiral_midi *midi);
/* Written and read again, it is the same, without a warning. */
void fuzz_midi_round_trip(const spiral_midi *midi);
/* The roll has what its report says, and from the MIDI that it is written to comes the same roll. Rolls of
 * very many frames are not made, as they take memory and time. */
void fuzz_roll(const spiral_midi *midi, const spiral_roll_options *options);

#endif
