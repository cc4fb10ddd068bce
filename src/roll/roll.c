/* SPDX-License-Identifier: MIT
 *
 * Notes -> roll: each note is laid on the columns it sounds in (see roll.h). The way back is roll_midi.c.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "midi/notes.h"
#include "midi/pedal.h"
#include "roll/roll_check.h"
#include "midi/tempo.h"

static spiral_status check_grid(spiral_grid grid, spiral_error *err) {
    if (grid.kind != SPIRAL_GRID_SECONDS && grid.kind != SPIRAL_GRID_BEATS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "grid kind %d is neither seconds nor beats",
                            (int)grid.kind);
    if (grid.kind == SPIRAL_GRID_SECONDS && (grid.frame_us < 1000 || grid.frame_us > 1000000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frame_us %d is not within 1000..1000000",
                            (int)grid.frame_us);
    if (grid.kind == SPIRAL_GRID_BEATS && (grid.steps_per_quarter < 1 || grid.steps_per_quarter > 96))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "steps_per_quarter %d is not within 1..96",
                            (int)grid.steps_per_quarter);
    return SPIRAL_OK;
}

spiral_status spiral__roll_check(spiral_grid grid, size_t columns, spiral_error *err) {
    SPIRAL_TRY(check_grid(grid, err));
    if (columns <= SPIRAL_ROLL_FRAMES_MAX) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_TOO_BIG, -1, "a roll of %zu columns is longer than the limit, %zu",
                        columns, SPIRAL_ROLL_FRAMES_MAX);
}

const char *spiral_out_of_range_name(spiral_out_of_range what) {
    static const char *const words[] = {
#define SPIRAL_X(name, word) word,
        SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    return (unsigned)what < SPIRAL_OUT_OF_RANGE_COUNT ? words[what] : "unknown";
}

spiral_roll_options spiral_roll_options_default(void) {
    return (spiral_roll_options){
        .grid = {.kind = SPIRAL_GRID_SECONDS, .frame_us = 10000, .steps_per_quarter = 4},
        .low = 48,
        .high = 83,
    };
}

spiral_status spiral_roll_create(spiral_grid grid, size_t columns, int onsets, spiral_roll *roll,
                                 spiral_error *err) {
    *roll = (spiral_roll){0};
    SPIRAL_TRY(spiral__roll_check(grid, columns, err));
    size_t room = columns ? columns : 1;
    spiral_keys *frames = calloc(room, sizeof *frames);
    spiral_keys *starts = onsets ? calloc(room, sizeof *starts) : NULL;
    if (!frames || (onsets && !starts)) {
        free(frames);
        free(starts);
        return spiral__no_memory(err, room * sizeof *frames);
    }
    *roll = (spiral_roll){grid, 120, columns, frames, starts};
    return SPIRAL_OK;
}

void spiral_roll_clear(spiral_roll *roll) {
    if (!roll) return;
    free(roll->sounding);
    free(roll->onsets);
    *roll = (spiral_roll){0};
}

double spiral_roll_frame_s(const spiral_roll *roll) {
    if (roll->grid.kind == SPIRAL_GRID_SECONDS) return roll->grid.frame_us * 1e-6;
    return 60 / (roll->quarters_per_min * roll->grid.steps_per_quarter);
}

/* The columns a note sounds in, first .. last - 1, and whether it is shorter than one column. */
typedef struct span {
    size_t first, last;
    bool brief;
} span;

static size_t nearest_column(int64_t numerator, int64_t denominator) {
    return (size_t)((2 * (uint64_t)numerator + (uint64_t)denominator) / (2 * (uint64_t)denominator));
}

/* near: for on and off, as spiral__ruler_at wants it. */
static span note_span(const spiral__ruler *ruler, const spiral_note *note, size_t near[2]) {
    int64_t on = spiral__ruler_at(ruler, note->on_ticks, &near[0]);
    int64_t off = spiral__ruler_at(ruler, note->off_ticks, &near[1]);
    span s = {nearest_column(on, ruler->denominator), nearest_column(off, ruler->denominator),
              off - on < ruler->denominator};
    if (s.last <= s.first) s.last = s.first + 1;
    return s;
}

/* The key moved into the range by as few octaves as do, or, if none do, the key itself. */
static int fold(int key, int low, int high) {
    int inside = key;
    if (key < low) inside += (low - key + 11) / 12 * 12;
    if (key > high) inside -= (key - high + 11) / 12 * 12;
    return inside >= low && inside <= high ? inside : key;
}

/* Counts the note in *report; the key it is drawn on, or -1. */
static int place(const spiral_note *note, const spiral_roll_options *options, spiral_roll_report *report) {
    bool drum = note->channel == SPIRAL_DRUM_CHANNEL;
    if (drum && !options->drums) {
        report->notes_drums++;
        return -1;
    }
    int moved = note->pitch + (drum ? 0 : report->transposed_by), key = moved;
    if (!drum && options->out_of_range == SPIRAL_OUT_OF_RANGE_FOLD)
        key = fold(moved, options->low, options->high);
    bool low = key<options->low, high = key> options->high;
    report->notes++;
    report->notes_low += low;
    report->notes_high += high;
    report->notes_kept += !low && !high;
    report->notes_folded += key != moved;
    return low || high ? -1 : key;
}

/* The semitones that bring most notes into the range; of several, the least move. */
static int fit(const spiral_midi *midi, const spiral_roll_options *options) {
    size_t notes[SPIRAL_KEY_COUNT] = {0}, most = 0;
    int best = 0;
    for (size_t i = 0; i < midi->note_count; i++)
        notes[midi->notes[i].pitch] += midi->notes[i].channel != SPIRAL_DRUM_CHANNEL;
    for (int i = 0; i < 2 * SPIRAL_KEY_COUNT; i++) { /* 0, 1, -1, 2, -2, ... */
        int move = i % 2 ? (i + 1) / 2 : -i / 2;
        size_t inside = 0;
        for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
            if (key + move >= options->low && key + move <= options->high) inside += notes[key];
        if (inside <= most) continue;
        most = inside;
        best = move;
    }
    return best;
}

/* What is drawn of a key: the first column of its latest note, plus one; the column its notes end before. */
typedef struct drawn {
    size_t start, end;
} drawn;

static void turn(spiral_roll *roll, size_t column, int key) {
    if (column < roll->frames) roll->sounding[column].word[key >> 6] ^= UINT64_C(1) << (key & 63);
}

/* Marks in frames where the key begins and ceases to sound; fill makes columns of that. Notes come in order
 * of time, so of the note's columns those before *key_drawn's end sound already. */
static void draw(spiral_roll *roll, int key, span s, drawn *key_drawn, spiral_roll_report *report) {
    bool doubled = key_drawn->start == s.first + 1;
    bool sounds = s.first > 0 && key_drawn->end >= s.first; /* in the column before */
    report->notes_short += s.brief;
    report->notes_doubled += doubled;
    report->onsets_merged += !doubled && sounds && !roll->onsets;
    key_drawn->start = s.first + 1;
    if (roll->onsets) spiral_keys_set(&roll->onsets[s.first], key, 1);
    if (s.last <= key_drawn->end) return;
    turn(roll, s.first > key_drawn->end ? s.first : key_drawn->end, key);
    turn(roll, s.last, key);
    key_drawn->end = s.last;
}

/* Where keys begin and cease to sound -> which sound: every column is the one before with what turns. */
static void fill(spiral_roll *roll) {
    spiral_keys sounding = {{0, 0}};
    for (size_t c = 0; c < roll->frames; c++) {
        sounding.word[0] ^= roll->sounding[c].word[0];
        sounding.word[1] ^= roll->sounding[c].word[1];
        roll->sounding[c] = sounding;
    }
}

/* The mean tempo from the start to `ticks`: 120 where a quarter is a frame count. */
static double mean_tempo(const spiral_midi *midi, int64_t ticks) {
    int64_t at = 0, us = SPIRAL__TEMPO_DEFAULT, sum = 0;
    if (midi->ticks_per_quarter == 0) return 120;
    for (size_t i = 0; i < midi->tempo_count && midi->tempos[i].at_ticks < (ticks ? ticks : 1); i++) {
        sum += (midi->tempos[i].at_ticks - at) * us;
        at = midi->tempos[i].at_ticks;
        us = midi->tempos[i].us_per_quarter;
    }
    return ticks ? 60e6 / ((double)(sum + (ticks - at) * us) / (double)ticks) : 60e6 / (double)us;
}

typedef struct source {
    const spiral_midi *midi;
    const spiral_note *notes; /* midi's, in order */
    const spiral_note *keys;  /* the same, as their keys say: without the pedal */
    spiral_note *copy, *held; /* owned, or NULL */
    spiral__ruler ruler;
} source;

/* Counts all notes in *report and finds where the roll ends: with the latest off, or a column after the
 * latest on. *end_ticks is the latest off. */
static size_t count_columns(const source *in, const spiral_roll_options *options, spiral_roll_report *report,
                            int64_t *end_ticks) {
    int64_t last_on = -1, last_off = -1;
    size_t near = 0;
    for (size_t i = 0; i < in->midi->note_count; i++) {
        const spiral_note *note = &in->notes[i];
        if (place(note, options, report) < 0) continue;
        report->notes_held += note->off_ticks > in->keys[i].off_ticks;
        if (note->on_ticks > last_on) last_on = note->on_ticks;
        if (note->off_ticks > last_off) last_off = note->off_ticks;
    }
    *end_ticks = 0;
    if (last_on < 0) return 0;
    *end_ticks = last_off;
    int64_t on = spiral__ruler_at(&in->ruler, last_on, &near);
    int64_t off = spiral__ruler_at(&in->ruler, last_off, &near);
    size_t after_on = nearest_column(on, in->ruler.denominator) + 1;
    size_t at_off = nearest_column(off, in->ruler.denominator);
    return after_on > at_off ? after_on : at_off;
}

static spiral_status draw_all(const source *in, const spiral_roll_options *options, spiral_roll *roll,
                              spiral_roll_report *report, spiral_error *err) {
    drawn keys[SPIRAL_KEY_COUNT] = {0};
    spiral_roll_report seen = {.transposed_by = report->transposed_by};
    size_t near[2] = {0, 0};
    int64_t end_ticks;
    size_t columns = count_columns(in, options, report, &end_ticks);
    SPIRAL_TRY(spiral_roll_create(options->grid, columns, options->onsets, roll, err));
    roll->quarters_per_min = mean_tempo(in->midi, end_ticks);
    for (size_t i = 0; i < in->midi->note_count; i++) {
        int key = place(&in->notes[i], options, &seen);
        if (key >= 0) draw(roll, key, note_span(&in->ruler, &in->notes[i], near), &keys[key], report);
    }
    fill(roll);
    return SPIRAL_OK;
}

static spiral_status check_options(const spiral_roll_options *options, spiral_error *err) {
    SPIRAL_TRY(check_grid(options->grid, err));
    if (options->low < 0 || options->high > 127 || options->low > options->high)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "keys %d..%d are no range within 0..127", options->low,
                            options->high);
    if ((unsigned)options->out_of_range >= SPIRAL_OUT_OF_RANGE_COUNT)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "out_of_range %d is not drop, fold or fit",
                            (int)options->out_of_range);
    return SPIRAL_OK;
}

spiral_status spiral_roll_from_midi(const spiral_midi *midi, const spiral_roll_options *options,
                                    spiral_roll *roll, spiral_roll_report *report, spiral_error *err) {
    spiral_roll_report unread;
    source in = {.midi = midi};
    *roll = (spiral_roll){0};
    if (!report) report = &unread;
    *report = (spiral_roll_report){0};
    SPIRAL_TRY(check_options(options, err));
    SPIRAL_TRY(spiral__midi_check(midi, err));
    SPIRAL_TRY(spiral__ruler_create(midi, options->grid, &in.ruler, err));
    spiral_status status = spiral__notes_sorted(midi, &in.keys, &in.copy, err);
    in.notes = in.keys;
    if (options->out_of_range == SPIRAL_OUT_OF_RANGE_FIT) report->transposed_by = fit(midi, options);
    if (status == SPIRAL_OK && options->pedal && midi->pedal_count && midi->note_count) {
        status = spiral__pedal_hold(midi, in.keys, &in.held, err);
        in.notes = in.held;
    }
    if (status == SPIRAL_OK) status = draw_all(&in, options, roll, report, err);
    spiral__ruler_destroy(&in.ruler);
    free(in.copy);
    free(in.held);
    return status;
}
