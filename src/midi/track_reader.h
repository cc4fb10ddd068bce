/* SPDX-License-Identifier: MIT
 *
 * The events of one track of a Standard MIDI File.
 */
#ifndef SPIRAL_MIDI_TRACK_READER_H
#define SPIRAL_MIDI_TRACK_READER_H

#include "base/bytes.h"
#include "midi/midi_builder.h"

/* Reads the events of track number `track` and gives them to the builder. *events: the body of the track's
 * chunk; left at the first byte that was not read. bytes_after: how much of the file follows the body.
 * *ticks: the time at which the track begins, then the time of its last event. NO_MEMORY. */
spiral_status spiral__track_read(spiral__midi_builder *builder, spiral__bytes *events, size_t bytes_after,
                                 uint16_t track, int64_t *ticks);

#endif
