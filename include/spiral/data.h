/* SPDX-License-Identifier: MIT
 *
 * A corpus: the rolls of many MIDI files, in a fixed order, for training and evaluation.
 */
#ifndef SPIRAL_DATA_H
#define SPIRAL_DATA_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spiral_corpus spiral_corpus; /* rolls of many files, in a fixed order; owned */

/* What became of one file. */
typedef struct spiral_corpus_file {
    const char *path;
    double seconds;                /* length of the music */
    size_t frames;                 /* of its roll; 0 if it was skipped */
    size_t windows, windows_empty; /* of T columns, one after another */
    spiral_roll_report report;
    const uint32_t *warnings; /* (SPIRAL_MIDI_WARNING_COUNT) repairs of the reader */
    const char *skipped;      /* why it was left out, one sentence; NULL if it is in the corpus */
    const char *same_as;      /* left out as a duplicate: the file that has its notes; else NULL */
} spiral_corpus_file;

/* Reads files and folders (folders are walked for .mid .midi .kar .rmi, in byte order of the names) and rolls
 * each with `options`; T is the window, for the counts. A file that cannot be read or holds no note in range
 * is left out and says so. IO: a path that does not exist; NO_DATA: nothing is left, with the first reason.
 */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_create(const char *const *paths, size_t count,
                                                                const spiral_roll_options *options, int T,
                                                                int threads, spiral_corpus **corpus,
                                                                spiral_error *err);
SPIRAL_API void spiral_corpus_destroy(spiral_corpus *corpus);
/* All files met, in order, the ones left out too. */
SPIRAL_API size_t spiral_corpus_file_count(const spiral_corpus *corpus);
SPIRAL_API spiral_corpus_file spiral_corpus_get_file(const spiral_corpus *corpus, size_t index);
/* The roll of a file in the corpus, owned by it; NULL if the file was left out. */
SPIRAL_API const spiral_roll *spiral_corpus_get_roll(const spiral_corpus *corpus, size_t index);
/* Leaves out the files that the MIDI reader had to mend; the reason names the faults and counts them. *count,
 * if not NULL, is how many. NO_DATA: nothing is left, with a reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_repaired(spiral_corpus *corpus, size_t *count,
                                                                       spiral_error *err);
/* Leaves out each file whose roll is, bit for bit but for silence before the first note, that of an earlier
 * file of the corpus, or of any file of `of` (NULL: no other corpus): call it before a split, or a piece is
 * validated on that was trained on. Tempos and velocities are not in a roll, so they make no difference.
 * *count, if not NULL, is how many. NO_DATA: nothing is left, with a reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_duplicates(spiral_corpus *corpus,
                                                                         const spiral_corpus *of,
                                                                         size_t *count, spiral_error *err);
/* Moves every `every`-th file that is in the corpus to a new one (the split for validation). With fewer than
 * two files, the last tenth of the columns of the one file goes. NO_DATA: too little for two. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_split(spiral_corpus *corpus, size_t every,
                                                               spiral_corpus **held_out, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
