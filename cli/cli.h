/* SPDX-License-Identifier: MIT
 *
 * What the verbs of the program share: flags, messages, presets, loading. The program sees include/spiral/
 * only; it alone parses arguments, prints and exits.
 *
 * Exit status: 0 done, 1 the work failed, 2 the command line was wrong.
 */
#ifndef SPIRAL_CLI_H
#define SPIRAL_CLI_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "spiral/spiral.h"
#include "spiral/generate.h"
#include "spiral/model.h"
#include "spiral/audio.h"
#include "spiral/train.h"
#include "spiral/eval.h"
#include "spiral/plot.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- flags (args.c) --------------------------------------------------------------------------------------
 */

typedef enum cli_kind {
    CLI_SWITCH, /* int: set to 1 */
    CLI_INT,    /* int64_t within low..high */
    CLI_REAL,   /* double within low..high */
    CLI_TIME,   /* double, seconds: 10ms, 120s, 5min, 1h; low..high in seconds */
    CLI_TEXT,   /* const char *, borrowed from argv */
    CLI_CHOICE, /* int: index in choices */
} cli_kind;

typedef struct cli_flag {
    const char *name; /* long name; one letter: a short flag */
    cli_kind kind;
    void *value;
    const char *placeholder, *help;
    double low, high;
    const char *const *choices; /* NULL-terminated */
} cli_flag;

/* What every verb takes. */
typedef struct cli_common {
    int json, quiet, help, strict; /* strict: CLI_STRICT_FLAG, of the verbs that read music */
    int64_t threads;
} cli_common;

typedef struct cli_verb {
    const char *name, *arguments, *summary, *example;
    int (*run)(int argc, char **argv);
} cli_verb;

extern const cli_verb cli_verbs[]; /* ends with a NULL name */
const cli_verb *cli_current(void); /* the verb that runs */

/* Parses argv[1..] into flags (ended by a NULL name) and *common. Leaves *first at the first argument that is
 * no flag. Returns -1 to go on, or the exit status: 0 after --help, 2 after a mistake, which it has printed.
 */
int cli_parse(int argc, char **argv, const cli_flag *flags, cli_common *common, int *first);

/* The number of arguments must lie in least..most; prints the usage and returns 2 if not, else -1. */
int cli_count(int argc, int first, int least, int most);

/* "30s", "500ms", "2min" -> seconds; "8bars" -> *bars. Exactly one is set, the other 0. Zero on success. */
int cli_length(const char *text, double *seconds, double *bars);

/* ---- messages (say.c) ------------------------------------------------------------------------------------
 */

/* "spiral VERB: ..." on stderr; returns the exit status named. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);
__attribute__((format(printf, 1, 2))) int cli_usage(const char *format, ...);
int cli_error(const spiral_error *err);                      /* the library's sentence; the work failed */
int cli_error_in(const char *path, const spiral_error *err); /* the same, where it does not name the file */
/* A remark on stderr, unless --quiet. */
__attribute__((format(printf, 2, 3))) void cli_note(const cli_common *common, const char *format, ...);
/* Standard output is written out; returns the exit status after saying what went wrong, if it did. */
int cli_flush(void);
/* A JSON number, or null for what is no number; a JSON text, also of bytes that are no UTF-8. */
json_t *cli_number(double x);
json_t *cli_text(const char *text);
/* Whether the human-readable result of a verb that writes files is wanted on stdout. */
static inline int cli_talks(const cli_common *common) { return !common->json && !common->quiet; }
/* Prints and frees the one JSON object of a verb; if `common` does not ask for JSON, only frees it. Returns
 * the exit status: writing to a full disk or a closed pipe is a failure. */
int cli_finish(const cli_common *common, json_t *result);
/* "1,234,567" in a static buffer of which four are alive at a time. */
const char *cli_thousands(uint64_t n);
/* "83 s", "12 min", "1.5 h", "9 days" likewise. */
const char *cli_duration(double seconds);

/* ---- presets and files (load.c) --------------------------------------------------------------------------
 */

extern const char *const cli_presets[]; /* 36x36, bar, phrase */
enum { PRESET_36X36, PRESET_BAR, PRESET_PHRASE };

extern const char *const cli_out_of_range[]; /* in the order of spiral_out_of_range */

/* What the flags --preset --grid --low --high --columns --planes ask for; -1 and NULL: as the preset says. */
typedef struct cli_rolling {
    int preset;
    const char *grid;
    int64_t low, high, columns, planes;
    int pedal, out_of_range;
    int keep_duplicates; /* CLI_SIFTING_FLAGS; 0: as said there */
} cli_rolling;
#define CLI_ROLLING_DEFAULT \
    { .preset = PRESET_BAR, .low = -1, .high = -1, .columns = -1, .planes = -1 }
#define CLI_ROLLING_FLAGS(r)                                                                               \
    {"preset",                                                                                             \
     CLI_CHOICE,                                                                                           \
     &(r).preset,                                                                                          \
     "NAME",                                                                                               \
     "36x36: keys 48..83, 36 columns of 10 ms; bar, phrase: one, "                                         \
     "four bars of sixteenths, keys as the music has them, frames and onsets",                             \
     0,                                                                                                    \
     0,                                                                                                    \
     cli_presets},                                                                                         \
        {"grid", CLI_TEXT, &(r).grid, "STEP", "a column: 10ms, or 1/16 of a whole note", 0, 0, NULL},      \
        {"low", CLI_INT, &(r).low, "KEY", "lowest MIDI key", 0, 127, NULL},                                \
        {"high", CLI_INT, &(r).high, "KEY", "highest MIDI key", 0, 127, NULL},                             \
        {"columns", CLI_INT, &(r).columns, "N", "columns of a window", 1, 512, NULL},                      \
        {"planes", CLI_INT, &(r).planes, "N", "1: frames; 2: frames and onsets", 1, 2, NULL},              \
        {"pedal", CLI_SWITCH, &(r).pedal, NULL, "the sustain pedal holds notes", 0, 0, NULL}, {            \
        "out-of-range", CLI_CHOICE, &(r).out_of_range, "WAY",                                              \
            "notes outside the keys: drop them, fold them by octaves, fit each file by transposing it", 0, \
            0, cli_out_of_range                                                                            \
    }

/* What the MIDI reader had to mend counts as what cannot be read. */
#define CLI_STRICT_FLAG(common) \
    { "strict", CLI_SWITCH, &(common).strict, NULL, "refuse MIDI files that have to be mended", 0, 0, NULL }

/* Which of the files a corpus is made of. */
#define CLI_SIFTING_FLAGS(r, common)                                                             \
    CLI_STRICT_FLAG(common), {                                                                   \
        "keep-duplicates", CLI_SWITCH, &(r).keep_duplicates, NULL,                               \
            "keep files whose notes an earlier file has too; else they are left out", 0, 0, NULL \
    }

/* Reads the files of a corpus. Returns -1 or the exit status after printing why. */
int cli_files(char **paths, int count, const cli_common *common, spiral_files **files);
/* What of the flags can be checked before the files are read. Returns -1 or the exit status. */
int cli_check_rolling(const cli_rolling *rolling);
/* Whether the key range is chosen from the music, since neither preset nor flags name it. */
int cli_range_from_music(const cli_rolling *rolling);
/* Fills roll options and columns. A key range to choose from the music is the smallest one with 99.5 % of the
 * notes of the files; if there is none to choose, files may be NULL. Returns -1 or the exit status. */
int cli_roll_options(const cli_rolling *rolling, const cli_common *common, const spiral_files *files,
                     spiral_roll_options *options, int *columns);
/* Reads files and makes a corpus of all of them; prints each file left out. Returns -1 or the exit status. */
int cli_corpus(char **paths, int count, const spiral_roll_options *options, int columns,
               const cli_common *common, spiral_corpus **corpus);
/* Makes a corpus of files and leaves out what `rolling` asks for; what is in `of` (or NULL) is a duplicate
 * too. */
spiral_status cli_sift_corpus(const cli_rolling *rolling, const spiral_files *files,
                              const spiral_roll_options *options, int columns, const spiral_corpus *of,
                              const cli_common *common, spiral_corpus **corpus, spiral_error *err);
/* The same; prints each file left out. Returns -1 or the exit status. */
int cli_sifted_corpus(const cli_rolling *rolling, const spiral_files *files,
                      const spiral_roll_options *options, int columns, const spiral_corpus *of,
                      const cli_common *common, spiral_corpus **corpus);
/* Remarks on how many files of the one or two (NULL: none) corpora were mended while reading. */
void cli_note_mended(const cli_common *common, const spiral_corpus *a, const spiral_corpus *b);
/* Loads a MIDI file, or a text score if the name ends in .txt; remarks on a file that is mended. Returns
 * -1 or the exit status. */
int cli_midi(const char *path, const cli_common *common, spiral_midi *midi);
/* Loads a piece as a roll of the model's kind. Returns -1 or the exit status. */
int cli_roll(const spiral_model *model, const char *path, const cli_common *common, spiral_roll *roll);
int cli_model(const char *path, spiral_model **model);
json_t *cli_measures_json(const spiral_metrics *m);

/* ---- outputs (output.c) ----------------------------------------------------------------------------------
 */

enum { CLI_PATH_SIZE = 4096 };

/* Whether a file can be made at `path`, found out by making one beside it. Returns -1 or the exit status. */
int cli_can_write(const char *path);
/* Makes a folder if it is not there. Returns -1 or the exit status. */
int cli_folder(const char *path);
/* "folder/stem-number.mid" in path[CLI_PATH_SIZE]. Returns -1 or the exit status. */
int cli_numbered(char *path, const char *folder, const char *stem, int digits, uint64_t number);
/* Writes a roll as MIDI with `text` as its text event; fills notes and seconds if not NULL. */
int cli_save_roll(const spiral_roll *roll, const char *text, const char *path, size_t *notes,
                  double *seconds);

/* ---- the verbs -------------------------------------------------------------------------------------------
 */

int verb_inspect(int argc, char **argv);
int verb_train(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_eval(int argc, char **argv);
int verb_reconstruct(int argc, char **argv);
int verb_sample(int argc, char **argv);
int verb_interpolate(int argc, char **argv);
int verb_loss(int argc, char **argv);
int verb_render(int argc, char **argv);

#endif
