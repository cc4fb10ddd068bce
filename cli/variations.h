/* SPDX-License-Identifier: MIT
 *
 * What the verbs that write music share: their flags, writing several variations with the note-by-note
 * decoder, and the report about each file.
 */
#ifndef SPIRAL_CLI_VARIATIONS_H
#define SPIRAL_CLI_VARIATIONS_H

#include <math.h>

#include "given.h"
#include "json.h"
#include "load.h"
#include "output.h"
#include "spiral/generate.h"

/* Values of the flags. */
typedef struct cli_variations {
    int64_t n, seed, tries;
    double temperature, density;
    const char *key, *against, *output, *model;
} cli_variations;
#define CLI_VARIATIONS_DEFAULT \
    { .n = 1, .seed = 1, .tries = 4, .temperature = 1, .density = NAN, .output = "." }

/* Flags of every such verb, without -o. */
#define CLI_VARIATIONS_FLAGS(v)                                                                            \
    {"n", CLI_INT, &(v).n, "N", "number of pieces", 1, 100000},                                            \
        {"seed", CLI_INT, &(v).seed, "N", "seed of the first piece; each further piece has the next seed", \
         0,      9e15},                                                                                    \
        {"temperature",                                                                                    \
         CLI_REAL,                                                                                         \
         &(v).temperature,                                                                                 \
         "X",                                                                                              \
         "randomness; 1: that of the model, 0: always the most probable",                                  \
         0,                                                                                                \
         10},                                                                                              \
        {"tries",                                                                                          \
         CLI_INT,                                                                                          \
         &(v).tries,                                                                                       \
         "N",                                                                                              \
         "largest number of tries for a piece that is silent, stuck or too dense",                         \
         1,                                                                                                \
         100},                                                                                             \
    {                                                                                                      \
        "against", CLI_PATH, &(v).against, "PATH",                                                         \
            "training data: for each piece, report the most similar passage in it"                         \
    }

/* Key and density, for verbs that write long passages. */
#define CLI_KEY_DENSITY_FLAGS(v)                                                                      \
    {"key", CLI_TEXT, &(v).key, "KEY", "key to favour: C, \"F# minor\", Ebm"}, {                      \
        "density", CLI_REAL, &(v).density, "X",                                                       \
            "notes at a time: -4 few to 4 many, in standard deviations from the training data", -4, 4 \
    }

extern const char *const cli_decodings[]; /* in the order of the enum */
enum { DECODE_NOTES, DECODE_THRESHOLD, DECODE_MIN_RISK };
#define CLI_DECODE_FLAG(way)                                                                          \
    {                                                                                                 \
        "decode", CLI_CHOICE, &(way), "WAY",                                                          \
            "decoder: note by note, if the model has that decoder; threshold: each cell on its own; " \
            "min-risk: as many notes on near keys as their probabilities sum to",                     \
            0, 0, cli_decodings                                                                       \
    }

/* Sets how cells become notes without the note-by-note decoder. Returns -1 or the exit status. */
int cli_set_decoding(spiral_model *model, int way);

/* Where the files go: a file if -o ends in .mid or .midi or is "-", else a folder. */
#define CLI_VARIATIONS_OUTPUT_FLAG(v) \
    { "o", CLI_PATH, &(v).output, "PATH", "folder to write to; for one piece also a MIDI file, or -" }

/* The session of a verb: model, music to compare with, and the list of files. */
typedef struct cli_writing {
    const cli_variations *v;
    const cli_common *common;
    const char *verb;
    spiral_model *model;
    spiral_corpus *against; /* or NULL */
    json_t *files;
    int made_folder; /* that of -o did not exist */
} cli_writing;

/* Each returns -1 or the exit status. Loads what the flags name. */
int cli_writing_begin(cli_writing *w, const cli_verb *verb, const cli_variations *v, const cli_common *common,
                      const char *model);
/* For verbs that write what is missing of a piece: also loads the piece, and makes the request of the flags.
 */
int cli_writing_begin_given(cli_writing *w, const cli_verb *verb, const cli_variations *v,
                            const cli_common *common, const char *piece, cli_given *given,
                            spiral_generate_request *request);
/* Prints the result and frees all; status: so far. */
int cli_writing_end(cli_writing *w, int status);

/* Whether the model has a note-by-note decoder; _need prints that the verb needs one. */
int cli_writing_has_decoder(const cli_writing *w);
int cli_writing_need_decoder(const cli_writing *w);

/* The request of the flags. Returns -1 or the exit status: --key cannot be read. */
int cli_writing_request(const cli_writing *w, spiral_generate_request *request);

/* Checks that the MIDI files of the verb may be written where -o says. */
int cli_check_output(const char *verb, const cli_variations *v, const cli_common *common);

/* Writes n variations of a request. given: the piece the request was made from, NULL: none. text: the
 * verb's own flags, for the command that is written into the file and makes it again. only_new: leaves out
 * the frames before the first open one. */
int cli_write_variations(cli_writing *w, const spiral_generate_request *request, const cli_given *given,
                         int only_new, const char *text);

/* The path of a file of the verb, whose folder is made; digits as in cli_numbered_path. Checks that the file
 * may be written. */
int cli_writing_path(cli_writing *w, char *path, const char *stem, int digits, uint64_t number);
/* The same for all n files of the verb, before the work. */
int cli_check_paths(cli_writing *w, const char *stem, int digits, uint64_t first);
/* Prints a line about a file that was written and returns its JSON entry, to which the verb may add. roll:
 * what is compared with --against, may be NULL; result may be NULL. */
json_t *cli_report_file(cli_writing *w, const char *path, size_t notes, double seconds,
                        const spiral_generate_result *result, const spiral_roll *roll);

#endif
