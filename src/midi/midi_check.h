/* SPDX-License-Identifier: MIT
 *
 * The one place that says what a valid spiral_midi is.
 */
#ifndef SPIRAL_MIDI_MIDI_CHECK_H
#define SPIRAL_MIDI_MIDI_CHECK_H

#include "spiral/midi.h"

/* BAD_ARG names the first field that is out of the range midi.h gives it. Notes may be in any order. */
spiral_status spiral__midi_check(const spiral_midi *midi, spiral_error *err);

#endif
