/* SPDX-License-Identifier: MIT
 *
 * The order of notes, and the one place that says what a valid spiral_midi is.
 */
#ifndef SPIRAL_MUSIC_NOTES_H
#define SPIRAL_MUSIC_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "spiral/midi.h"

/* The total order of notes: on_ticks, pitch, channel, track, off_ticks, velocity. Equal notes are the same
 * note, so sorting has one result. */
bool spiral__note_before(const spiral_note *a, const spiral_note *b);

/* Sorts in place. Linear when the notes are runs that are nearly in order, as tracks are. NO_MEMORY: needs
 * room for half of them. */
spiral_status spiral__notes_sort(spiral_note *notes, size_t n, spiral_error *err);

/* midi's notes in order: *sorted is midi->notes itself when they are in order, else a copy. Either way the
 * caller frees *copy (NULL when there is none). */
spiral_status spiral__notes_sorted(const spiral_midi *midi, const spiral_note **sorted, spiral_note **copy,
                                   spiral_error *err);

/* BAD_ARG with the field that is out of the range midi.h gives it. Looks at no order of notes. */
spiral_status spiral__midi_check(const spiral_midi *midi, spiral_error *err);

#endif
