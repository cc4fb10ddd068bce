/* SPDX-License-Identifier: MIT
 *
 * Flags that say how music becomes a roll: preset, time grid, key range, planes, pedal.
 */
#ifndef SPIRAL_CLI_ROLL_FLAGS_H
#define SPIRAL_CLI_ROLL_FLAGS_H

#include "flag_types.h"
#include "spiral/data.h"

extern const char *const cli_presets[]; /* in the order of the enum */
enum { PRESET_36X36, PRESET_BAR, PRESET_PHRASE };

extern const char *const cli_out_of_range[]; /* in the order of spiral_out_of_range */

/* Values of the flags; -1 and NULL: not given, the preset decides. */
typedef struct cli_roll_flags {
    int preset;
    const char *grid, *drums, *longest_silence;
    int64_t low, high, frames, planes;
    int pedal, out_of_range;
    int keep_duplicates; /* of CLI_FILTER_FLAGS, as longest_silence */
} cli_roll_flags;
#define CLI_ROLL_FLAGS_DEFAULT \
    { .preset = PRESET_BAR, .low = -1, .high = -1, .frames = -1, .planes = -1 }
#define CLI_ROLL_FLAGS(r)                                                                                   \
    {"preset",                                                                                              \
     CLI_CHOICE,                                                                                            \
     &(r).preset,                                                                                           \
     "NAME",                                                                                                \
     "36x36: keys 48 to 83, windows of 36 frames of 10 ms, one plane; bar and phrase: windows of one and "  \
     "four bars of sixteenths, two planes, the key range chosen from the music",                            \
     0,                                                                                                     \
     0,                                                                                                     \
     cli_presets},                                                                                          \
        {"grid", CLI_TEXT, &(r).grid, "STEP",                                                               \
         "length of a frame: a time like 10ms, or 1/16 of a whole note"},                                   \
        {"low", CLI_INT, &(r).low, "KEY", "lowest MIDI key", 0, 127},                                       \
        {"high", CLI_INT, &(r).high, "KEY", "highest MIDI key", 0, 127},                                    \
        {"frames", CLI_INT, &(r).frames, "N", "frames in a window", 1, 512},                                \
        {"planes", CLI_INT, &(r).planes, "N", "1: sounding keys; 2: sounding keys and onsets", 1, 2},       \
        {"drums", CLI_TEXT, &(r).drums, "WHAT",                                                             \
         "percussion: drop (default) leaves it out, keep treats it as pitches; or the channels that are "   \
         "percussion and left out, 1 to 16, like 10,11: whatever the files say"},                           \
        {"pedal", CLI_SWITCH, &(r).pedal, NULL, "the sustain and sostenuto pedals prolong notes"}, {        \
        "out-of-range", CLI_CHOICE, &(r).out_of_range, "WAY",                                               \
            "notes outside the key range: drop them, fold each into it by octaves, or fit: transpose each " \
            "file so that most of its notes are inside",                                                    \
            0, 0, cli_out_of_range                                                                          \
    }

/* For verbs that choose which files of a corpus to use, and which parts of them. */
#define CLI_FILTER_FLAGS(r, common)                                                                     \
    CLI_STRICT_FLAG(common),                                                                            \
        {"keep-duplicates", CLI_SWITCH, &(r).keep_duplicates, NULL,                                     \
         "keep files with the same notes as an earlier file (else they are left out)"},                 \
        CLI_VERBOSE_FLAG(common), {                                                                     \
        "longest-silence", CLI_TEXT, &(r).longest_silence, "LENGTH",                                    \
            "longer stretches in which no note begins or ends are cut to this: bars of four quarters "  \
            "on a grid of beats, seconds on a grid of seconds; none: nothing is cut (default 8bars or " \
            "30s)"                                                                                      \
    }

/* Checks what can be checked before files are read. Returns -1, or the exit status after printing why. */
int cli_check_roll_flags(const cli_roll_flags *flags);
/* Sets options->unchanged_frames_max for the grid of the options. Returns -1, or the exit status after
 * printing why. */
int cli_set_longest_silence(const cli_roll_flags *flags, spiral_roll_options *options);
/* Nonzero if neither preset nor flags give the whole key range, so that it is chosen from the music. */
int cli_range_from_music(const cli_roll_flags *flags);
/* Fills the roll options and the frames of a window with what preset and flags give; an end of the key range
 * that they leave to the music is the lowest or the highest MIDI key (else: roll_options.h). Returns -1, or
 * the exit status after printing why. */
int cli_roll_options_given(const cli_roll_flags *flags, spiral_roll_options *options, int *frames);

#endif
