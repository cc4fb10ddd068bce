/* SPDX-License-Identifier: MIT
 *
 * The inside of a corpus: rolls of many files, and cutting windows out of them.
 */
#ifndef SPIRAL_TRAIN_CORPUS_H
#define SPIRAL_TRAIN_CORPUS_H

#include "spiral/data.h"
#include "spiral/model.h"

typedef struct spiral__corpus_entry {
    char *path;
    char *skipped; /* NULL: in the corpus */
    char *same_as; /* owned; see spiral_corpus_file */
    double seconds;
    size_t windows, windows_empty;
    spiral_roll roll;
    spiral_roll_report report;
    uint32_t warnings[SPIRAL_MIDI_WARNING_COUNT];
} spiral__corpus_entry;

struct spiral_corpus {
    size_t count;
    spiral__corpus_entry *entries; /* (count) */
    int T;                         /* columns of a window */
    size_t positions;              /* places a window can start, over all files */
    size_t *first_position;        /* (count + 1) of each file */
};

/* Recounts positions; call after the set of rolls changed. NO_MEMORY. */
spiral_status spiral__corpus_index(spiral_corpus *corpus, spiral_error *err);

/* Counts the windows of an entry's roll, one after another, and the silent ones. */
void spiral__corpus_count_windows(spiral__corpus_entry *entry, size_t T);

/* BAD_ARG if a roll of the corpus has another grid or other planes than the model's windows. */
spiral_status spiral__corpus_check(const spiral_corpus *corpus, const spiral_model_config *config,
                                   spiral_error *err);

/* The file and column of a position, 0 .. positions - 1. */
size_t spiral__corpus_locate(const spiral_corpus *corpus, size_t position, size_t *column);

#endif
