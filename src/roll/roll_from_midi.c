/* SPDX-License-Identifier: MIT
 *
 * Notes -> roll: which key and which frames each note has, and what is left out (see roll.h).
 *
 * Marking every frame of every note would take time in proportion to notes times length. Instead a first pass
 * over the notes toggles, for each key, the frames in which it begins and ceases to sound, and one pass over
 * the frames turns that into the keys that sound. The other direction: midi_from_roll.c.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/sized.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/pedal.h"
#include "midi/tempo.h"
#include "roll/frame_cuts.h"
#include "roll/frame_map.h"
#include "roll/roll_check.h"

/* Sizes of the structs in the first version with struct_size. A field added later begins where they end. */
enum { OPTIONS_FIRST = sizeof(spiral_roll_options), REPORT_FIRST = sizeof(spiral_roll_report) };

const char *spiral_out_of_range_name(spiral_out_of_range what) {
    static const char *const names[] = {
#define SPIRAL_X(id, name) name,
        SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    return (unsigned)what < SPIRAL_OUT_OF_RANGE_COUNT ? names[what] : "unknown";
}

static const spiral_roll_options default_options = {
    .grid = {.kind = SPIRAL_GRID_SECONDS, .frame_us = 10000, .steps_per_quarter = 4},
    .low = 48,
    .high = 83,
};

void spiral_roll_options_default(spiral_roll_options *options, size_t struct_size) {
    spiral__sized_write(&default_options, sizeof default_options, options, struct_size);
}

static spiral_status check_options(const spiral_roll_options *options, spiral_error *err) {
    SPIRAL_TRY(spiral__roll_check(options->grid, 0, err));
    if (options->low < 0 || options->high > 127 || options->low > options->high)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "keys %d..%d are not a range within 0..127",
                            options->low, options->high);
    if ((unsigned)options->out_of_range >= SPIRAL_OUT_OF_RANGE_COUNT)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "out_of_range %d is not drop, fold or fit",
                            (int)options->out_of_range);
    if (options->drum_channels > 0xffff)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "drum_channels 0x%lx has bits beyond those of 16 channels",
                            (unsigned long)options->drum_channels);
    if (options->unchanged_frames_max < 0)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "unchanged_frames_max %d is below 0",
                            options->unchanged_frames_max);
    return SPIRAL_OK;
}

/* ---- the frames of a note ---- */

/* The frames begin .. end - 1. 64 bits, because the length of the roll is checked after this. */
typedef struct span {
    uint64_t begin, end;
    bool is_short; /* the note is shorter than one frame */
} span;

/* 64 bits, because the length of the roll is checked after this. */
static uint64_t round_to_frame(int64_t numerator, int64_t denominator) {
    return (2 * (uint64_t)numerator + (uint64_t)denominator) / (2 * (uint64_t)denominator);
}

/* Before cuts. segments: of the note's on and off, for spiral__frame_map_at. */
static span note_span(const spiral__frame_map *map, const spiral_note *note, size_t segments[2]) {
    int64_t on = spiral__frame_map_at(map, note->on_ticks, &segments[0]);
    int64_t off = spiral__frame_map_at(map, note->off_ticks, &segments[1]);
    span s = {round_to_frame(on, map->denominator), round_to_frame(off, map->denominator),
              off - on < map->denominator};
    if (s.end <= s.begin) s.end = s.begin + 1;
    return s;
}

/* ---- the key of a note ---- */

/* The key moved into low..high by as few octaves as possible, or, if no number of octaves moves it inside,
 * the key itself. */
static int fold(int key, int low, int high) {
    int folded = key;
    if (key < low) folded += (low - key + 11) / 12 * 12;
    if (key > high) folded -= (key - high + 11) / 12 * 12;
    return folded >= low && folded <= high ? folded : key;
}

static bool is_drum(const spiral_note *note, const spiral_roll_options *options) {
    if (options->drum_channels == 0) return spiral_note_is_drum(note);
    return options->drum_channels >> note->channel & 1;
}

/* The semitones that move most notes into the range; of several, the fewest. */
static int best_transposition(const spiral_midi *midi, const spiral_roll_options *options) {
    size_t notes[SPIRAL_KEY_COUNT] = {0}, most = 0;
    int best = 0;
    for (size_t i = 0; i < midi->note_count; i++)
        notes[midi->notes[i].pitch] += !is_drum(&midi->notes[i], options);
    for (int i = 0; i < 2 * SPIRAL_KEY_COUNT; i++) { /* 0, 1, -1, 2, -2, ... */
        int semitones = i % 2 ? (i + 1) / 2 : -i / 2;
        size_t inside = 0;
        for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
            if (key + semitones >= options->low && key + semitones <= options->high) inside += notes[key];
        if (inside <= most) continue;
        most = inside;
        best = semitones;
    }
    return best;
}

/* The key of the note in the roll, or -1 if it is left out. Counts the note in *report. */
static int choose_key(const spiral_note *note, const spiral_roll_options *options,
                      spiral_roll_report *report) {
    bool drum = is_drum(note, options);
    if (drum && !options->drums) {
        report->notes_drums++;
        return -1;
    }
    int transposed = note->pitch + (drum ? 0 : report->transposed_by), key = transposed;
    if (!drum && options->out_of_range == SPIRAL_OUT_OF_RANGE_FOLD)
        key = fold(transposed, options->low, options->high);
    bool too_low = key<options->low, too_high = key> options->high;
    report->notes++;
    report->notes_low += too_low;
    report->notes_high += too_high;
    report->notes_kept += !too_low && !too_high;
    report->notes_folded += key != transposed;
    return too_low || too_high ? -1 : key;
}

/* ---- notes -> planes ---- */

/* Of one key: 1 + the first frame of its latest note, 0 before the first; and the end of all its notes. */
typedef struct key_state {
    uint64_t latest_begin_plus_1, end;
} key_state;

static void toggle(spiral_roll *roll, uint64_t frame, int key) {
    if (frame < roll->frames) roll->sounding[frame].word[key >> 6] ^= UINT64_C(1) << (key & 63);
}

/* Toggles the frames in which the key begins and ceases to sound. Notes come in order of time, so of the
 * note's frames those before state->end sound already. */
static void mark_note(spiral_roll *roll, int key, span s, key_state *state, spiral_roll_report *report) {
    bool doubled = state->latest_begin_plus_1 == s.begin + 1;
    bool sounds_before = s.begin > 0 && state->end >= s.begin;
    report->notes_short += s.is_short;
    report->notes_doubled += doubled;
    report->onsets_merged += !doubled && sounds_before && !roll->onsets;
    state->latest_begin_plus_1 = s.begin + 1;
    if (roll->onsets) spiral_keys_set(&roll->onsets[s.begin], key, 1);
    if (s.end <= state->end) return;
    toggle(roll, s.begin > state->end ? s.begin : state->end, key);
    toggle(roll, s.end, key);
    state->end = s.end;
}

/* From toggled frames to the keys that sound: each frame is the one before, with its toggles applied. */
static void apply_toggles(spiral_roll *roll) {
    spiral_keys sounding = {{0, 0}};
    for (size_t t = 0; t < roll->frames; t++) {
        sounding.word[0] ^= roll->sounding[t].word[0];
        sounding.word[1] ^= roll->sounding[t].word[1];
        roll->sounding[t] = sounding;
    }
}

/* Quarters per minute from the start to `ticks`; 120 in files of SMPTE time. */
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
    const spiral_note *sorted; /* midi's notes in order */
    const spiral_note *notes;  /* the same, prolonged by the pedals if requested */
    spiral_note *copy, *held;  /* owned, or NULL */
    spiral__frame_map map;
    spiral__frame_cuts cuts;
} source;

/* How long the roll is before cuts. */
typedef struct extent {
    uint64_t frames; /* up to the end of the last note */
    uint64_t longest,
        longest_at;    /* the longest stretch in which no note begins, and the frame it begins in */
    int64_t end_ticks; /* the latest note-off */
} extent;

/* Goes through the notes that are kept, in order, and counts all of them in *report. */
static extent find_extent(const source *in, const spiral_roll_options *options, spiral_roll_report *report) {
    extent e = {0};
    size_t segments[2] = {0, 0};
    uint64_t before = 0;
    for (size_t i = 0; i < in->midi->note_count; i++) {
        const spiral_note *note = &in->notes[i];
        if (choose_key(note, options, report) < 0) continue;
        const span s = note_span(&in->map, note, segments);
        report->notes_held += note->off_ticks > in->sorted[i].off_ticks;
        if (s.begin - before > e.longest) e.longest = s.begin - (e.longest_at = before);
        if (s.end > e.frames) e.frames = s.end;
        if (note->off_ticks > e.end_ticks) e.end_ticks = note->off_ticks;
        before = s.begin;
    }
    if (e.frames - before > e.longest) e.longest = e.frames - (e.longest_at = before);
    return e;
}

/* Finds what is to be cut out of the roll and shortens *e by it. */
static spiral_status find_cuts(source *in, const spiral_roll_options *options, extent *e,
                               spiral_roll_report *report, spiral_error *err) {
    size_t count = 0, segments[2] = {0, 0};
    spiral_roll_report counted_again = {.transposed_by = report->transposed_by};
    if (options->unchanged_frames_max == 0 || e->longest <= (uint64_t)options->unchanged_frames_max)
        return SPIRAL_OK;
    uint64_t *changes = malloc(2 * report->notes_kept * sizeof *changes);
    if (!changes) return spiral__no_memory(err, 2 * report->notes_kept * sizeof *changes);
    for (size_t i = 0; i < in->midi->note_count; i++) {
        if (choose_key(&in->notes[i], options, &counted_again) < 0) continue;
        const span s = note_span(&in->map, &in->notes[i], segments);
        changes[count++] = s.begin;
        changes[count++] = s.end;
    }
    spiral_status status =
        spiral__frame_cuts_create(changes, count, (uint64_t)options->unchanged_frames_max, &in->cuts, err);
    free(changes);
    if (status != SPIRAL_OK) return status;
    const uint64_t frames = spiral__frame_cuts_apply(&in->cuts, e->frames);
    report->stretches_cut = in->cuts.count;
    report->frames_cut = e->frames - frames;
    e->frames = frames;
    return SPIRAL_OK;
}

/* TOO_BIG: more frames than this number of notes may have. */
static spiral_status check_extent(const extent *e, size_t notes, spiral_grid grid, spiral_error *err) {
    const uint64_t limit = SPIRAL_ROLL_FRAMES_BASE + (uint64_t)notes * SPIRAL_ROLL_FRAMES_PER_NOTE;
    if (e->frames > limit)
        return spiral__fail(
            err, SPIRAL_TOO_BIG, -1,
            "a roll of %llu frames is longer than the limit for %zu note%s, %llu: no note begins "
            "in %llu frames from frame %llu on",
            (unsigned long long)e->frames, notes, notes == 1 ? "" : "s", (unsigned long long)limit,
            (unsigned long long)e->longest, (unsigned long long)e->longest_at);
    return spiral__roll_check(grid, e->frames, err);
}

static spiral_status make_roll(source *in, const spiral_roll_options *options, spiral_roll *roll,
                               spiral_roll_report *report, spiral_error *err) {
    key_state keys[SPIRAL_KEY_COUNT] = {0};
    spiral_roll_report counted_again = {.transposed_by = report->transposed_by};
    size_t segments[2] = {0, 0};
    extent e = find_extent(in, options, report);
    SPIRAL_TRY(find_cuts(in, options, &e, report, err));
    SPIRAL_TRY(check_extent(&e, report->notes_kept, options->grid, err));
    SPIRAL_TRY(spiral_roll_create(options->grid, (size_t)e.frames, options->onsets, roll, err));
    roll->quarters_per_min = mean_tempo(in->midi, e.end_ticks);
    for (size_t i = 0; i < in->midi->note_count; i++) {
        int key = choose_key(&in->notes[i], options, &counted_again);
        if (key < 0) continue;
        span s = note_span(&in->map, &in->notes[i], segments);
        s.begin = spiral__frame_cuts_apply(&in->cuts, s.begin);
        s.end = spiral__frame_cuts_apply(&in->cuts, s.end);
        mark_note(roll, key, s, &keys[key], report);
    }
    apply_toggles(roll);
    return SPIRAL_OK;
}

/* Everything after the checks of struct sizes. */
static spiral_status roll_from_midi(const spiral_midi *midi, const spiral_roll_options *options,
                                    spiral_roll *roll, spiral_roll_report *report, spiral_error *err) {
    source in = {.midi = midi};
    SPIRAL_TRY(check_options(options, err));
    SPIRAL_TRY(spiral__midi_check(midi, err));
    SPIRAL_TRY(spiral__frame_map_create(midi, options->grid, &in.map, err));
    spiral_status status = spiral__notes_sorted(midi, &in.sorted, &in.copy, err);
    in.notes = in.sorted;
    if (options->out_of_range == SPIRAL_OUT_OF_RANGE_FIT)
        report->transposed_by = best_transposition(midi, options);
    if (status == SPIRAL_OK && options->pedal && midi->pedal_count && midi->note_count) {
        status = spiral__pedal_hold(midi, in.sorted, &in.held, err);
        in.notes = in.held;
    }
    if (status == SPIRAL_OK) status = make_roll(&in, options, roll, report, err);
    spiral__frame_map_destroy(&in.map);
    spiral__frame_cuts_destroy(&in.cuts);
    free(in.copy);
    free(in.held);
    return status;
}

spiral_status spiral_roll_from_midi(const spiral_midi *midi, const spiral_roll_options *options,
                                    spiral_roll *roll, spiral_roll_report *report, spiral_error *err) {
    spiral_roll_options known = default_options;
    spiral_roll_report made = {0};
    *roll = (spiral_roll){0};
    SPIRAL_TRY(spiral__sized_read("roll options", options, OPTIONS_FIRST, &known, sizeof known, err));
    if (report)
        SPIRAL_TRY(spiral__sized_check("roll report", report->struct_size, REPORT_FIRST, sizeof made, err));
    spiral_status status = roll_from_midi(midi, &known, roll, &made, err);
    if (report) spiral__sized_write(&made, sizeof made, report, report->struct_size);
    return status;
}
