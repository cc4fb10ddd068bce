/* SPDX-License-Identifier: MIT
 *
 * The order of notes, and sorting them.
 */
#ifndef SPIRAL_MIDI_NOTE_ORDER_H
#define SPIRAL_MIDI_NOTE_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "spiral/midi.h"

/* The total order of notes: on_ticks, pitch, channel, track, off_ticks, velocity, port, drum. Notes that are
 * equal in all of these are identical, so sorting has one result. */
bool spiral__note_before(const spiral_note *a, const spiral_note *b);

/* Sorts in place; linear time when the notes are a few runs that are nearly in order, as tracks are.
 * NO_MEMORY: it needs memory for half of the notes. */
spiral_status spiral__notes_sort(spiral_note *notes, size_t n, spiral_error *err);

/* midi's notes in order. *sorted is midi->notes if they are in order already, else *copy. The caller frees
 * *copy, which may be NULL. NO_MEMORY. */
spiral_status spiral__notes_sorted(const spiral_midi *midi, const spiral_note **sorted, spiral_note **copy,
                                   spiral_error *err);

#endif
