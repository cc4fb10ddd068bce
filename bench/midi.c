/* SPDX-License-Identifier: MIT
 *
 * The MIDI reader as bench_midi.py calls it: bytes to notes, and files to rolls. Linked to the shared
 * library, so that what is measured is what is installed.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "spiral/train.h"

BENCH_API long bench_midi_notes(const void *bytes, size_t size);
BENCH_API long bench_midi_columns(const char *const *paths, size_t count, const char *preset, int threads);

/* Reads the file and lets go of it; how many notes it holds, or -1. */
long bench_midi_notes(const void *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err;
    if (spiral_midi_read(bytes, size, &midi, &err) != SPIRAL_OK) return fprintf(stderr, "%s\n", err.text), -1;
    long notes = (long)midi.note_count;
    spiral_midi_clear(&midi);
    return notes;
}

/* The corpus that training begins with, from files or folders; how many columns it has, or -1. preset:
 * "seed", or "phrase" on the keys of a piano. */
long bench_midi_columns(const char *const *paths, size_t count, const char *preset, int threads) {
    spiral_roll_options options;
    spiral_corpus *corpus;
    spiral_error err;
    long columns = 0;
    spiral_roll_options_default(&options, sizeof options);
    if (!strcmp(preset, "phrase")) {
        options.grid.kind = SPIRAL_GRID_BEATS;
        options.low = 21;
        options.high = 108;
        options.onsets = 1;
    }
    if (spiral_corpus_create(paths, count, &options, options.onsets ? 64 : 36, threads, &corpus, &err) !=
        SPIRAL_OK)
        return fprintf(stderr, "%s\n", err.text), -1;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++)
        columns += (long)spiral_corpus_get_file(corpus, i).columns;
    spiral_corpus_destroy(corpus);
    return columns;
}
