/* SPDX-License-Identifier: MIT
 *
 * Internals of files and corpora.
 */
#ifndef SPIRAL_DATA_CORPUS_H
#define SPIRAL_DATA_CORPUS_H

#include <stdatomic.h>

#include "data/paths.h"
#include "spiral/data.h"

/* A file as it was read. */
typedef struct spiral__file_notes {
    char *path; /* owned */
    spiral_midi midi;
    double seconds;
    spiral_status status; /* of reading */
    char *reason;         /* why it could not be read, owned; NULL if it was */
    int no_descriptor;    /* the process cannot open more files: not a fault of this file */
} spiral__file_notes;

struct spiral_files {
    size_t count;
    spiral__file_notes *files; /* (count) */
    size_t skipped_count;
    spiral__skipped_path *skipped; /* (skipped_count) owned */
};

/* Files that the threads of a pool read, and the callback. */
typedef struct spiral__reading {
    spiral_files_callback callback; /* NULL: none */
    void *context;
    size_t count;
    atomic_size_t done;
    atomic_int stopped; /* the callback asked to stop */
} spiral__reading;

/* A file of a corpus. */
typedef struct spiral__corpus_entry {
    spiral_corpus_file file;         /* its texts, report and warnings are those below */
    char *path, *left_out, *same_as; /* owned */
    spiral_roll roll;
    int mapped; /* nonzero: the planes of the roll are in the corpus' mapping, not owned */
    spiral_roll_report report;
    uint32_t warnings[SPIRAL_MIDI_WARNING_CAPACITY];
} spiral__corpus_entry;

/* The bytes of a corpus file, shared by the corpora that a split has made. */
typedef struct spiral__mapping {
    void *bytes;
    size_t size;
    int users; /* corpora; one thread at a time may make or destroy them */
    void (*release)(struct spiral__mapping *mapping); /* called by the last user; frees the struct too */
} spiral__mapping;

/* Frames in which windows can begin: from `frame` of a file on, as many as there are positions up to the next
 * run. */
typedef struct spiral__window_run {
    size_t position; /* of the first */
    size_t file, frame;
} spiral__window_run;

struct spiral_corpus {
    size_t count;
    spiral__corpus_entry *entries; /* (count) */
    int T;                         /* frames of a window */
    spiral_roll_options options;   /* that the rolls were made with */
    spiral__mapping *mapping;      /* NULL: none */
    size_t positions;              /* where a window can begin, over all files; see spiral__corpus_index */
    size_t run_count;
    spiral__window_run *runs; /* (run_count) of positions, by position, owned */
};

/* As spiral_midi_load_compressed, from bytes. */
spiral_status spiral__midi_read_compressed(const unsigned char *bytes, size_t size, spiral_midi *midi,
                                           spiral_error *err);

/* Updates the public fields of an entry. Call it after its texts or its roll changed, or after it was moved.
 * T: frames of a window. */
void spiral__corpus_entry_update(spiral__corpus_entry *entry, int T);

/* Frees the roll of an entry, or forgets its mapped planes. */
void spiral__corpus_entry_clear_roll(spiral__corpus_entry *entry);

/* Reads a file's notes; the status and its reason are in the struct, whose path is set. */
void spiral__file_notes_read(spiral__file_notes *notes);
/* NO_MEMORY or IO if it was not read because memory or descriptors ran out: then all reading has failed. */
spiral_status spiral__file_notes_check(const spiral__file_notes *notes, spiral_error *err);
void spiral__file_notes_clear(spiral__file_notes *notes);

/* Counts a file as read. worker: of the task; 0 is the calling thread, which calls the callback. */
void spiral__reading_count(spiral__reading *reading, int worker);
/* Call when all are read: calls the callback with all files done. INTERRUPTED, if it has ended the work. */
spiral_status spiral__reading_finish(spiral__reading *reading, spiral_error *err);

/* Lists the files that `paths` name, without reading them. */
spiral_status spiral__files_list(const char *const *paths, size_t count, spiral_files **files,
                                 spiral_error *err);

/* Makes the roll of a file whose notes were read, or leaves the file out with the reason. Returns why it was
 * left out; NO_MEMORY. T: frames of a window. */
spiral_status spiral__corpus_entry_create(const spiral__file_notes *notes, const spiral_roll_options *options,
                                          int T, spiral__corpus_entry *entry);

/* Takes a file out of the corpus; it stays in the list. NO_MEMORY. */
spiral_status spiral__corpus_leave_out(spiral__corpus_entry *entry, const char *reason, int T,
                                       spiral_error *err);

/* How many files are not left out. */
size_t spiral__corpus_files_left(const spiral_corpus *corpus);

/* NO_DATA with a reason if no file is left. */
spiral_status spiral__corpus_check_files_left(const spiral_corpus *corpus, spiral_error *err);

/* Numbers the positions at which a window can begin: in a roll of at least T frames each from which the
 * window stays inside and has a sounding key; in a shorter one its beginning. Call after the set of rolls
 * changed. NO_MEMORY. */
spiral_status spiral__corpus_index(spiral_corpus *corpus, spiral_error *err);

/* The file and frame of a position, 0 .. positions - 1. */
size_t spiral__corpus_locate(const spiral_corpus *corpus, size_t position, size_t *frame);

int spiral__grids_equal(const spiral_grid *a, const spiral_grid *b);

/* BAD_ARG if a roll has another grid than this, or another number of planes. */
spiral_status spiral__corpus_check(const spiral_corpus *corpus, const spiral_grid *grid, int planes,
                                   spiral_error *err);

#endif
