/* SPDX-License-Identifier: MIT
 *
 * Notes as the sustain pedal lets them sound.
 */
#ifndef SPIRAL_MUSIC_PEDAL_H
#define SPIRAL_MUSIC_PEDAL_H

#include "spiral/midi.h"

/* A copy of a valid midi's notes, `sorted` by time, with off_ticks where each falls silent (roll.h says
 * when): note_count notes, which the caller frees. They stay in the order of on_ticks. NO_MEMORY. */
spiral_status spiral__pedal_hold(const spiral_midi *midi, const spiral_note *sorted, spiral_note **held,
                                 spiral_error *err);

#endif
