/* SPDX-License-Identifier: MIT
 *
 * From the flags of roll_flags.h to roll options: presets, grid, percussion, the key range that is given.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flags.h"
#include "messages.h"
#include "roll_flags.h"

const char *const cli_presets[] = {"36x36", "bar", "phrase", NULL};
const char *const cli_out_of_range[] = {
#define SPIRAL_X(name, word) word,
    SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
        NULL};

/* "10ms" or "1/16" -> grid. Returns -1 or the exit status. */
static int parse_grid(const char *text, spiral_grid *grid) {
    double seconds, bars;
    int note, used = 0;
    if (sscanf(text, "1/%d%n", &note, &used) == 1 && !text[used]) {
        if (note < 4 || note > 384 || note % 4)
            return cli_usage(
                "--grid \"%s\": a fraction must be 1/4 to 1/384, with a denominator divisible by 4", text);
        *grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, note / 4};
        return -1;
    }
    if (cli_length(text, &seconds, &bars) || bars > 0 || seconds < 1e-3 || seconds > 1)
        return cli_usage("--grid \"%s\": must be a time from 1ms to 1s, or a fraction like 1/16", text);
    *grid = (spiral_grid){SPIRAL_GRID_SECONDS, (int32_t)lround(seconds * 1e6), 0};
    return -1;
}

/* "keep", "drop" or "10,11". Returns -1 or the exit status. */
static int parse_drums(const char *text, spiral_roll_options *options) {
    options->drums = text && !strcmp(text, "keep");
    options->drum_channels = 0;
    if (!text || options->drums || !strcmp(text, "drop")) return -1;
    for (const char *at = text;;) {
        int channel, used = 0;
        if (*at < '0' || *at > '9' || sscanf(at, "%2d%n", &channel, &used) != 1 || channel < 1 ||
            channel > 16 || (at[used] && at[used] != ','))
            return cli_usage("--drums \"%s\": must be keep, drop, or channels from 1 to 16 like 10,11", text);
        options->drum_channels |= UINT32_C(1) << (channel - 1);
        if (!at[used]) return -1;
        at += used + 1;
    }
}

int cli_set_longest_silence(const cli_roll_flags *r, spiral_roll_options *options) {
    enum { DEFAULT_BARS = 8, DEFAULT_SECONDS = 30, QUARTERS_PER_BAR = 4, FRAMES_MAX = 1 << 24 };
    const int in_beats = options->grid.kind == SPIRAL_GRID_BEATS;
    const char *text = r->longest_silence;
    double seconds = DEFAULT_SECONDS, bars = DEFAULT_BARS;
    options->unchanged_frames_max = 0;
    if (text && !strcmp(text, "none")) return -1;
    if (text && (cli_length(text, &seconds, &bars) || (in_beats ? bars : seconds) <= 0))
        return cli_usage("--longest-silence \"%s\": must be none, or %s", text,
                         in_beats ? "bars like 8bars, because the grid is one of beats"
                                  : "a time like 30s, because the grid is one of seconds");
    const double frames = in_beats ? bars * QUARTERS_PER_BAR * options->grid.steps_per_quarter
                                   : seconds * 1e6 / options->grid.frame_us;
    if (frames < 1 || frames > FRAMES_MAX)
        return cli_usage("--longest-silence \"%s\": is %.3g frames of the grid, must be 1 to %d", text,
                         frames, FRAMES_MAX);
    options->unchanged_frames_max = (int)frames;
    return -1;
}

/* Sets the key range that preset and flags give; an end that they leave to the music is set to the lowest or
 * highest MIDI key. Returns -1 or the exit status. */
static int given_range(const cli_roll_flags *r, spiral_roll_options *options) {
    if (r->preset != PRESET_36X36) {
        options->low = 0;
        options->high = SPIRAL_KEY_COUNT - 1;
    }
    if (r->low >= 0) options->low = (int)r->low;
    if (r->high >= 0) options->high = (int)r->high;
    if (options->low > options->high)
        return cli_usage("--low %d is above %d, the highest key", options->low, options->high);
    return -1;
}

/* Returns -1 or the exit status. */
static int set_grid(const cli_roll_flags *r, spiral_roll_options *options) {
    if (r->preset != PRESET_36X36) options->grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, 4};
    int status = r->grid ? parse_grid(r->grid, &options->grid) : -1;
    return status < 0 ? cli_set_longest_silence(r, options) : status;
}

int cli_check_roll_flags(const cli_roll_flags *r) {
    spiral_roll_options options;
    int frames;
    return cli_roll_options_given(r, &options, &frames);
}

int cli_range_from_music(const cli_roll_flags *r) {
    return r->preset != PRESET_36X36 && (r->low < 0 || r->high < 0);
}

int cli_roll_options_given(const cli_roll_flags *r, spiral_roll_options *options, int *frames) {
    spiral_roll_options_default(options, sizeof *options);
    *frames = 36;
    if (r->preset != PRESET_36X36) {
        options->onsets = 1;
        *frames = r->preset == PRESET_BAR ? 16 : 64;
    }
    int status = set_grid(r, options);
    if (status < 0) status = parse_drums(r->drums, options);
    if (status >= 0) return status;
    if (r->frames > 0) *frames = (int)r->frames;
    if (r->planes > 0) options->onsets = r->planes == 2;
    options->pedal = r->pedal;
    options->out_of_range = (spiral_out_of_range)r->out_of_range;
    return given_range(r, options);
}
