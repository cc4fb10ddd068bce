/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a MIDI file: refused, or read, checked field by field, written and read again, and converted
 * to rolls on eight grids, each of which is written as MIDI and converted again.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_music.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_midi;

enum { PORT_BYTES = 17 * 1024, PORT_EVENT_BYTES = 5 };

#define OPTIONS .struct_size = sizeof(spiral_roll_options)
static const spiral_roll_options options[] = {
    {OPTIONS, .grid = {SPIRAL_GRID_SECONDS, 10000, 0}, .low = 48, .high = 83},
    {OPTIONS, .grid = {SPIRAL_GRID_SECONDS, 1000, 0}, .low = 0, .high = 127, .onsets = 1, .drums = 1},
    {OPTIONS, .grid = {SPIRAL_GRID_BEATS, 0, 4}, .low = 60, .high = 60, .onsets = 1},
    {OPTIONS, .grid = {SPIRAL_GRID_BEATS, 0, 96}, .low = 0, .high = 127, .drums = 1},
    {OPTIONS, .grid = {SPIRAL_GRID_BEATS, 0, 4}, .low = 58, .high = 66, .onsets = 1, .pedal = 1,
     .out_of_range = SPIRAL_OUT_OF_RANGE_FOLD},
    {OPTIONS, .grid = {SPIRAL_GRID_SECONDS, 20000, 0}, .low = 60, .high = 71, .pedal = 1, .drums = 1,
     .out_of_range = SPIRAL_OUT_OF_RANGE_FIT},
    {OPTIONS, .grid = {SPIRAL_GRID_BEATS, 0, 8}, .low = 0, .high = 127, .onsets = 1,
     .unchanged_frames_max = 16},
    {OPTIONS, .grid = {SPIRAL_GRID_SECONDS, 10000, 0}, .low = 0, .high = 127, .pedal = 1,
     .drum_channels = 1 << 1 | 1 << 9, .unchanged_frames_max = 1},
};

/* The memory that midi.h allows; 16 KiB more for each further port. */
static size_t memory_limit(size_t size) {
    size_t ports = size / PORT_EVENT_BYTES;
    if (ports > SPIRAL_MIDI_TRACK_PORTS_MAX - 1) ports = SPIRAL_MIDI_TRACK_PORTS_MAX - 1;
    return 24 * size + 4096 + ports * PORT_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err = {0};
    fuzz_memory_begin();
    spiral_status status = spiral_midi_read(bytes, size, &midi, &err);
    fuzz_memory_end(memory_limit(size), status != SPIRAL_OK);
    if (status != SPIRAL_OK) {
        FUZZ_CHECK(fuzz_refusal(status, &err) == SPIRAL_FORMAT);
        FUZZ_CHECK(err.offset >= 0 && (size_t)err.offset <= size);
        FUZZ_CHECK(!midi.notes && !midi.note_count && !midi.tempos && !midi.meters && !midi.pedals &&
                   !midi.events && !midi.name && !midi.text);
        return 0;
    }
    FUZZ_CHECK(midi.note_count <= size / 3 && midi.event_count <= size / 2);
    fuzz_midi_valid(&midi);
    fuzz_midi_round_trip(&midi);
    for (size_t i = size % 2; i < sizeof options / sizeof *options; i += 2) fuzz_roll(&midi, &options[i]);
    spiral_midi_clear(&midi);
    fuzz_memory_end(SIZE_MAX / 2, 1);
    return 0;
}
