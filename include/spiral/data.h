/* SPDX-License-Identifier: MIT
 *
 * Music to train and evaluate on: MIDI files, read once, and corpora made of them, the files' rolls in a
 * fixed order. From the same files corpora of different grids and key ranges can be made without reading them
 * again.
 */
#ifndef SPIRAL_DATA_H
#define SPIRAL_DATA_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_WINDOW_FRAMES_MAX 512

typedef struct spiral_files spiral_files;   /* the notes of many files */
typedef struct spiral_corpus spiral_corpus; /* the rolls of many files */

/* Reads a MIDI file as spiral_midi_load does ("-": standard input), and one that is compressed with gzip. IO,
 * FORMAT, TOO_BIG (also: more than 256 MiB when decompressed), NO_MEMORY; UNSUPPORTED: it is compressed, and
 * this build has no zlib. *midi is then empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_load_compressed(const char *path, spiral_midi *midi,
                                                                       spiral_error *err);

/* Entries of folders that are not read. X(name, text) */
#define SPIRAL_SKIPPED_LIST(X)                                                    \
    X(FOLDER, "folder that cannot be read")                                       \
    X(LINK, "link whose target is missing")                                       \
    X(SPECIAL, "pipe, socket or device with the name of a MIDI file")             \
    X(NO_ENDING, "MIDI file whose name has no ending; it is read if it is named") \
    X(UNREACHABLE, "file or folder that the system does not give access to")

typedef enum spiral_skipped {
#define SPIRAL_X(name, text) SPIRAL_SKIPPED_##name,
    SPIRAL_SKIPPED_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_SKIPPED_COUNT
} spiral_skipped;

/* The text of the list; "unknown" for other values. Static storage. */
SPIRAL_API const char *spiral_skipped_name(spiral_skipped kind);

/* Reads files and folders ("-": standard input); folders are searched for .mid .midi .kar .rmi .smf and the
 * same with .gz, in byte order of the names. A file that cannot be read stays in the list with its reason,
 * for spiral_corpus_create to report; other entries of folders are skipped (spiral_files_get_skipped).
 * threads: 0..1024, 0 is one per processor. IO: a path that does not exist, or a folder given here that
 * cannot be read, or the process may open no more files; NO_DATA: not a single file; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_files_load(const char *const *paths, size_t count,
                                                             int threads, spiral_files **files,
                                                             spiral_error *err);
SPIRAL_API void spiral_files_destroy(spiral_files *files); /* NULL is fine */

/* Called in the calling thread, about once for each file that this thread has read: `done` of `count` files
 * are read, by all threads. done never decreases, and is `count` in the last call. Nonzero ends the work,
 * with INTERRUPTED. */
typedef int (*spiral_files_callback)(void *context, size_t done, size_t count);

/* As spiral_files_load, with a callback (NULL: none) while the files are read. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_files_load_with_callback(
    const char *const *paths, size_t count, int threads, spiral_files_callback callback, void *context,
    spiral_files **files, spiral_error *err);

SPIRAL_API size_t spiral_files_skipped_count(const spiral_files *files);
/* The path of what was skipped, owned by the files, and its kind. index < spiral_files_skipped_count. */
SPIRAL_API const char *spiral_files_get_skipped(const spiral_files *files, size_t index,
                                                spiral_skipped *kind);

/* The result for one file. Owned by the corpus. */
typedef struct spiral_corpus_file {
    const char *path;
    double seconds;                   /* up to the end of the last note, without what was cut */
    size_t frames;                    /* of its roll; 0 if it was left out */
    size_t windows, windows_silent;   /* consecutive: with a note; without one, which are not used */
    const spiral_roll_report *report; /* what the roll kept and left out */
    const uint32_t *warnings;         /* (SPIRAL_MIDI_WARNING_CAPACITY) repairs of the reader */
    const char *left_out;             /* why it is not in the corpus, in one sentence; NULL if it is */
    const char *same_as; /* left out as a duplicate: the file that has the same notes; else NULL */
} spiral_corpus_file;

/* The rolls of all files. frames: length of the windows they will be cut into, 1..SPIRAL_WINDOW_FRAMES_MAX.
 * Windows in which no key sounds are used neither to train nor to validate. A file that could not be read or
 * has no note in range is left out, with the reason. The files are not needed afterwards. BAD_ARG: an option
 * or frames is out of range; NO_DATA: no file is left, with the first reason; if there is one file only, its
 * own status. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_create(const spiral_files *files,
                                                                const spiral_roll_options *options,
                                                                int frames, int threads,
                                                                spiral_corpus **corpus, spiral_error *err);
/* Both of the above in one call, for files that are needed for one corpus only. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_load(const char *const *paths, size_t count,
                                                              const spiral_roll_options *options, int frames,
                                                              int threads, spiral_corpus **corpus,
                                                              spiral_error *err);
SPIRAL_API void spiral_corpus_destroy(spiral_corpus *corpus); /* NULL is fine */

/* All files, in order, including those left out. */
SPIRAL_API size_t spiral_corpus_file_count(const spiral_corpus *corpus);
/* index < spiral_corpus_file_count. */
SPIRAL_API const spiral_corpus_file *spiral_corpus_get_file(const spiral_corpus *corpus, size_t index);
/* The roll of a file, owned by the corpus; NULL if the file was left out. */
SPIRAL_API const spiral_roll *spiral_corpus_get_roll(const spiral_corpus *corpus, size_t index);

/* What the rolls kept and left out, summed over the files that are in the corpus; transposed_by is 0. The
 * caller sets report->struct_size. */
SPIRAL_API void spiral_corpus_get_report(const spiral_corpus *corpus, spiral_roll_report *report);

/* The options with which the rolls were made, and the frames of a window. Owned by the corpus. */
SPIRAL_API const spiral_roll_options *spiral_corpus_get_options(const spiral_corpus *corpus);
SPIRAL_API int spiral_corpus_get_frames(const spiral_corpus *corpus);

/* The smallest key range with 99.5 % of the note onsets of the corpus, at least an octave: the rarer of the
 * two outermost keys is dropped repeatedly. */
SPIRAL_API void spiral_corpus_choose_range(const spiral_corpus *corpus, int *low, int *high);

/* Leaves out the files that the MIDI reader had to repair; the reason counts the repairs by kind. *count, if
 * not NULL, is set to the number of files. NO_DATA: no file is left, with a reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_repaired(spiral_corpus *corpus, size_t *count,
                                                                       spiral_error *err);
/* Leaves out each file whose roll has the same bits, apart from silence before the first note, as that of an
 * earlier file of the corpus or of any file of `of` (NULL: no other corpus). Call it before a split:
 * otherwise a piece that is validated on may also be trained on. Tempo and velocity are not in a roll and
 * make no difference. *count, if not NULL, is set to the number of files. NO_DATA: no file is left, with a
 * reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_duplicates(spiral_corpus *corpus,
                                                                         const spiral_corpus *of,
                                                                         size_t *count, spiral_error *err);
/* Moves every n-th file that is not left out to a new corpus, to validate on; every: n, 2 or more. If the
 * corpus has fewer than n such files, the last one is moved; if it has only one, the last tenth of its
 * frames. BAD_ARG: every is below 2; NO_DATA: a tenth of the one file is less than a window, or no note
 * sounds in it or in the rest of the file. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_split(spiral_corpus *corpus, size_t every,
                                                               spiral_corpus **held_out, spiral_error *err);

/* Random windows as training draws them: window r is a pure function of corpus, seed and first + r, at a
 * position drawn uniformly from all at which a window can begin, transposed by -transpose..transpose
 * semitones drawn uniformly (0..24). Several threads may draw from one corpus. files: the index of each
 * window's file, or NULL. BAD_ARG: transpose is out of range. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_draw_windows(
    const spiral_corpus *corpus, int transpose, uint64_t seed, uint64_t first, size_t count,
    spiral_keys *windows /* (count, planes * frames) */, size_t *files /* (count) */, spiral_error *err);

/* ---- corpus packs ----
 *
 * A corpus in one file, for music that is used many times, or by many processes at once: the rolls as they
 * are in memory, and an index. It is read by mapping it, so processes on one machine share its memory, and a
 * roll is read from disk when a window is cut from it. docs/formats.md describes its bytes.
 */

typedef struct spiral_corpus_pack_options {
    size_t struct_size;
    const spiral_roll_options *roll; /* NULL: the default */
    int frames;                      /* of a window, 1..SPIRAL_WINDOW_FRAMES_MAX */
    int drop_repaired;               /* nonzero: as spiral_corpus_drop_repaired */
    int keep_duplicates;             /* zero: as spiral_corpus_drop_duplicates */
    int threads;                     /* 0..1024; 0: one per processor */
    spiral_files_callback callback;  /* called while the files are read; NULL: none */
    void *context;                   /* of the callback */
} spiral_corpus_pack_options;

/* Fills struct_size bytes of *options: the default roll, 36 frames. */
SPIRAL_API void spiral_corpus_pack_options_default(spiral_corpus_pack_options *options, size_t struct_size);

/* Reads files and folders as spiral_files_load does (not "-") and writes their corpus to `path`, which is
 * replaced when all is written. Memory holds the rolls of a few hundred files at a time. *corpus, if not
 * NULL, is set to the corpus; skipped, if not NULL, to files that contain only the entries that were skipped
 * (spiral_files_get_skipped). The caller destroys both. IO; NO_DATA: no file is left, with the first reason;
 * BAD_ARG; NO_MEMORY; INTERRUPTED by the callback. After a failure `path` is as it was. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_pack_create(
    const char *const *paths, size_t count, const spiral_corpus_pack_options *options, const char *path,
    spiral_corpus **corpus, spiral_files **skipped, spiral_error *err);

/* Opens a corpus pack. frames: of a window, 0: as it was written. check: nonzero: every byte is read and
 * compared with its hash; else only the index is, and the rolls are taken as they are. The file must not be
 * changed while the corpus is used; replacing it by renaming another to its name is fine. Of several
 * processes on one machine it is enough if one checks. threads: for the check. IO; FORMAT: not a corpus pack,
 * or damaged, the error says what; UNSUPPORTED: of a newer version, or of a machine with another byte order;
 * BAD_ARG; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_pack_open(const char *path, int frames, int check,
                                                                   int threads, spiral_corpus **corpus,
                                                                   spiral_error *err);
/* Whether a regular file begins as a corpus pack does. */
SPIRAL_API int spiral_corpus_is_pack(const char *path);

/* Deprecated: spiral_corpus_nearest_passage, which also says where the passage is, and in which
 * transposition. How close a roll comes to its nearest window of the corpus. Of each window of `frames`
 * frames of the roll that is not silent: the number of cells in which it differs from the nearest window of
 * the corpus, at any position, divided by the number of its sounding cells. The result is the smallest of
 * these: 0 if the roll has a window of the corpus unchanged, infinity if there is nothing to compare. Onsets
 * are ignored. */
SPIRAL_DEPRECATED("use spiral_corpus_nearest_passage")
SPIRAL_API double spiral_corpus_nearest(const spiral_corpus *corpus, const spiral_roll *roll, int frames);

/* The passage of a corpus that is most similar to a passage of a roll. */
typedef struct spiral_passage {
    size_t struct_size;      /* sizeof(spiral_passage), set by the caller */
    size_t begin;            /* first frame in the roll */
    size_t file, file_begin; /* where it is in the corpus: index of the file, first frame */
    int transposition;       /* semitones by which the corpus' passage is higher, -127..127 */
    double share; /* cells that sound in both, per cell that sounds in either: 0..1, 1 for a copy */
} spiral_passage;

/* Searches all passages of `frames` frames of the corpus, at any frame and any transposition, for the one
 * most similar to a passage of the roll; those begin at multiples of frames/4. Onsets are ignored. Passages
 * of the roll that are silent are left out. Of equally good ones, it is the one with the first file, then the
 * first frame of the file, then of the roll, then the smallest transposition. threads: 0..1024, 0 is one per
 * processor; the result is the same for any number. Fills *passage, whose struct_size must be set.
 *
 * The search takes about (notes of the roll) x (frames of the corpus) x (its key range) additions of 16 bits,
 * and 2 bytes per frame of the longest file and key of the range, for each thread.
 *
 * BAD_ARG: frames is not a multiple of 4 in 4..SPIRAL_WINDOW_FRAMES_MAX, or the grids differ; NO_DATA: the
 * roll has no passage that sounds, or no file of the corpus has `frames` frames; NO_MEMORY. *passage is then
 * unchanged. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_nearest_passage(const spiral_corpus *corpus,
                                                                         const spiral_roll *roll, int frames,
                                                                         int threads, spiral_passage *passage,
                                                                         spiral_error *err);

/* The share that `percentile` (0..100) percent of the files of `unseen` do not exceed with their nearest
 * passages in `corpus`; between two files it is interpolated linearly. With the pieces that a model was
 * validated on, and percentile 99, music whose share is greater is more similar to the training set than new
 * music of its kind is. Files without a passage that sounds are left out. BAD_ARG: as above, or percentile is
 * out of range; NO_DATA: no file is left; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_passage_percentile(const spiral_corpus *corpus,
                                                                            const spiral_corpus *unseen,
                                                                            int frames, double percentile,
                                                                            int threads, double *share,
                                                                            spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
