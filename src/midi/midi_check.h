/* SPDX-License-Identifier: MIT
 *
 * Validity of a spiral_midi.
 */
#ifndef SPIRAL_MIDI_MIDI_CHECK_H
#define SPIRAL_MIDI_MIDI_CHECK_H

#include "spiral/midi.h"

/* Control characters that a name or text does not have: the reader takes them for a sign of damage, and the
 * writer writes spaces instead. */
static inline int spiral__midi_is_control(unsigned char c) {
    return c < ' ' && c != '\t' && c != '\n' && c != '\r';
}

/* BAD_ARG names the first field that is out of the range midi.h gives it. Notes may be in any order. */
spiral_status spiral__midi_check(const spiral_midi *midi, spiral_error *err);

#endif
