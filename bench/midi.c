/* SPDX-License-Identifier: MIT
 *
 * The MIDI reader for bench_midi.py: bytes to notes, and files to rolls. Linked to the shared library, so
 * that the installed code is measured.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "spiral/train.h"

BENCH_API long bench_midi_notes(const void *bytes, size_t size);
BENCH_API long bench_midi_frames(const char *const *paths, size_t count, const char *preset, int threads);

/* Reads the file and frees the result. Returns the number of notes, or -1. */
long bench_midi_notes(const void *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err;
    if (spiral_midi_read(bytes, size, &midi, &err) != SPIRAL_OK) return fprintf(stderr, "%s\n", err.text), -1;
    long notes = (long)midi.note_count;
    spiral_midi_clear(&midi);
    return notes;
}

/* Makes the corpus for training from files or folders. Returns its number of frames, or -1. preset: "seed",
 * or "phrase" on the keys of a piano. */
long bench_midi_frames(const char *const *paths, size_t count, const char *preset, int threads) {
    spiral_roll_options options;
    spiral_corpus *corpus;
    spiral_error err;
    long frames = 0;
    spiral_roll_options_default(&options, sizeof options);
    if (!strcmp(preset, "phrase")) {
        options.grid.kind = SPIRAL_GRID_BEATS;
        options.low = 21;
        options.high = 108;
        options.onsets = 1;
    }
    if (spiral_corpus_load(paths, count, &options, options.onsets ? 64 : 36, threads, &corpus, &err) !=
        SPIRAL_OK)
        return fprintf(stderr, "%s\n", err.text), -1;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++)
        frames += (long)spiral_corpus_get_file(corpus, i)->frames;
    spiral_corpus_destroy(corpus);
    return frames;
}
