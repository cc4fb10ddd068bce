/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a compressed MIDI file: refused, or decompressed and read. fuzz_midi.c checks what is read
 * from MIDI bytes.
 */
#include "data/corpus.h"
#include "fuzz.h"
#include "fuzz_music.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_any;

enum { RATIO_MAX = 1032 /* of deflate */, READER = 24 /* memory per byte: midi.h */ };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err = {0};
    fuzz_memory_begin();
    spiral_status status = spiral__midi_read_compressed(bytes, size, &midi, &err);
    fuzz_memory_end((READER + 2) * RATIO_MAX * size + ((size_t)1 << 20), status != SPIRAL_OK);
    if (status != SPIRAL_OK) {
        FUZZ_CHECK(fuzz_refusal(status, &err) == SPIRAL_FORMAT || status == SPIRAL_TOO_BIG);
        FUZZ_CHECK(!midi.notes && !midi.note_count && !midi.tempos && !midi.meters && !midi.pedals &&
                   !midi.events && !midi.name && !midi.text);
        return 0;
    }
    fuzz_midi_valid(&midi);
    spiral_midi_clear(&midi);
    fuzz_memory_end(SIZE_MAX / 2, 1);
    return 0;
}
