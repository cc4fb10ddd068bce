/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a text score: refused with the place of the fault, or notes that can be written as MIDI and
 * made a roll.
 */
#include "fuzz.h"
#include "fuzz_music.h"
#include "spiral/score.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_score;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err = {0};
    fuzz_memory_begin();
    spiral_status status = spiral_score_read((const char *)bytes, size, &midi, &err);
    if (status != SPIRAL_OK) {
        fuzz_refusal(status, &err);
        FUZZ_CHECK(status == SPIRAL_FORMAT || status == SPIRAL_NO_DATA || status == SPIRAL_TOO_BIG);
        FUZZ_CHECK(status != SPIRAL_FORMAT || (err.offset >= 0 && (size_t)err.offset <= size));
        FUZZ_CHECK(!midi.notes && !midi.note_count && !midi.tempos && !midi.meters && !midi.name &&
                   !midi.text);
        fuzz_memory_end(SIZE_MAX / 2, 1);
        return 0;
    }
    FUZZ_CHECK(midi.note_count > 0 && midi.note_count <= 1 << 20 && midi.tempo_count && midi.meter_count);
    for (size_t i = 0; i < midi.note_count; i++)
        FUZZ_CHECK(midi.notes[i].on_ticks < midi.notes[i].off_ticks &&
                   midi.notes[i].channel != SPIRAL_DRUM_CHANNEL);
    fuzz_midi_valid(&midi);
    if (midi.note_count < 50000) { /* more would take seconds and test nothing further */
        const spiral_roll_options options = {
            .struct_size = sizeof options, .grid = {SPIRAL_GRID_BEATS, 0, 16}, .high = 127, .onsets = 1};
        fuzz_midi_round_trip(&midi);
        fuzz_roll(&midi, &options);
    }
    spiral_midi_clear(&midi);
    fuzz_memory_end(SIZE_MAX / 2, 1);
    return 0;
}
