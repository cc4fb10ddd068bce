/* SPDX-License-Identifier: MIT
 *
 * The sustain and sostenuto pedals: notes that sound on after their keys come up.
 */
#ifndef SPIRAL_MIDI_PEDAL_H
#define SPIRAL_MIDI_PEDAL_H

#include "spiral/midi.h"

/* Copies the notes of a valid *midi, given in `sorted` in the order of note_order.h, and moves each off_ticks
 * to where the note falls silent (spiral_midi_apply_pedal in midi.h says when). *held: note_count notes in
 * the same order, so that held[i] is sorted[i]; the caller frees it. NO_MEMORY. */
spiral_status spiral__pedal_hold(const spiral_midi *midi, const spiral_note *sorted, spiral_note **held,
                                 spiral_error *err);

#endif
