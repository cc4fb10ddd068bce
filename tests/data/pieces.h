/* SPDX-License-Identifier: MIT
 *
 * Pieces for the tests of corpora, training and trained models: chords that change every few frames, as MIDI
 * files in a temporary folder.
 */
#ifndef SPIRAL_TESTS_DATA_PIECES_H
#define SPIRAL_TESTS_DATA_PIECES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "spiral/data.h"

enum { PIECE_LOW = 60, PIECE_HIGH = 71, PIECE_T = 8, PIECE_MAX = 16 };

typedef struct pieces {
    char folder[40];
    char path[PIECE_MAX][80];
    size_t count;
    char model[80]; /* where a model may be saved */
} pieces;

static const spiral_grid PIECE_GRID = {SPIRAL_GRID_BEATS, 0, 4};

/* Sixteenths; every piece is a sequence of triads drawn from six, and its last frame sounds. */
static inline spiral_roll piece_roll(uint64_t seed, size_t frames) {
    static const int chords[6][3] = {{0, 4, 7}, {2, 5, 9}, {4, 7, 11}, {0, 5, 9}, {2, 7, 11}, {0, 4, 9}};
    spiral_roll roll;
    spiral__rng rng = spiral__rng_init(seed, 99);
    assert_int_equal(spiral_roll_create(PIECE_GRID, frames, 0, &roll, NULL), SPIRAL_OK);
    const int *chord = chords[0];
    for (size_t t = 0; t < frames; t++) {
        if (t % 4 == 0) chord = chords[spiral__rng_below(&rng, 6)];
        for (int k = 0; k < 3; k++)
            if (k == 0 || t % 4 < 2 || t + 1 == frames)
                spiral_keys_set(&roll.sounding[t], PIECE_LOW + chord[k], 1);
    }
    return roll;
}

/* The path of the next file, `name` in the folder. */
static inline const char *pieces_name(pieces *p, const char *name) {
    assert_true(p->count < PIECE_MAX);
    char *path = p->path[p->count++];
    size_t n = strlen(p->folder), m = strlen(name);
    assert_true(n + m + 2 <= sizeof p->path[0]);
    memcpy(path, p->folder, n);
    path[n] = '/';
    memcpy(path + n + 1, name, m + 1);
    return path;
}

/* Writes a roll as the next file. */
static inline void pieces_add_roll(pieces *p, const char *name, const spiral_roll *roll) {
    spiral_midi midi = {0};
    const char *path = pieces_name(p, name);
    assert_int_equal(spiral_midi_from_roll(roll, &midi, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_save(&midi, path, NULL), SPIRAL_OK);
    spiral_midi_clear(&midi);
}

/* Writes any bytes as the next file. */
static inline void pieces_add_bytes(pieces *p, const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(pieces_name(p, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void pieces_add(pieces *p, const char *name, uint64_t seed, size_t frames) {
    spiral_roll roll = piece_roll(seed, frames);
    pieces_add_roll(p, name, &roll);
    spiral_roll_clear(&roll);
}

/* The arguments that a spiral_files_callback received. */
typedef struct calls_seen {
    size_t calls, last, count, stop_at; /* stop_at: stop the work when this many files are done; 0: never */
    int fell;                           /* done was smaller than before */
} calls_seen;

static inline int note_call(void *context, size_t done, size_t count) {
    calls_seen *seen = context;
    seen->fell |= done < seen->last || done < 1 || done > count;
    seen->calls++;
    seen->last = done;
    seen->count = count;
    return seen->stop_at && done >= seen->stop_at;
}

static inline void pieces_open(pieces *p) {
    memset(p, 0, sizeof *p);
    strcpy(p->folder, "/tmp/spiral-pieces-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    strcpy(p->model, p->folder);
    strcat(p->model, "/model.safetensors");
}

/* Removes the files and the folder; fails if anything else is in it. */
static inline void pieces_close(pieces *p) {
    for (size_t i = 0; i < p->count; i++) unlink(p->path[i]);
    unlink(p->model);
    assert_int_equal(rmdir(p->folder), 0);
}

static inline spiral_roll_options piece_options(void) {
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    options.grid = PIECE_GRID;
    options.low = PIECE_LOW;
    options.high = PIECE_HIGH;
    return options;
}

static inline spiral_corpus *pieces_corpus(const char *path, int onsets, int T) {
    spiral_roll_options options = piece_options();
    spiral_corpus *corpus = NULL;
    spiral_error err = {.text = ""};
    options.onsets = onsets;
    if (spiral_corpus_load(&path, 1, &options, T, 1, &corpus, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return corpus;
}

#endif
