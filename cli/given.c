/* SPDX-License-Identifier: MIT
 *
 * Pieces with given notes (see given.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"
#include "load.h"
#include "messages.h"
#include "output.h"

/* ---- time ---- */

/* The tick at a time in seconds, by binary search: spiral_midi_seconds increases with the tick. */
static int64_t tick_at(const spiral_midi *midi, double seconds) {
    int64_t low = 0, high = SPIRAL_MIDI_TICKS_MAX;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (spiral_midi_seconds(midi, middle) < seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && seconds - spiral_midi_seconds(midi, low - 1) < spiral_midi_seconds(midi, low) - seconds)
        low--;
    return low;
}

/* Seconds per quarter in files of SMPTE time, as in spiral_roll_from_midi. */
static const double SMPTE_QUARTER_S = 0.5;

/* The tick at which a frame begins, by the file's own time. frame may lie between two frames. */
static int64_t tick_of_frame(const cli_given *g, double frame) {
    const spiral_grid *grid = &g->roll.grid;
    if (frame <= 0) return 0;
    if (grid->kind == SPIRAL_GRID_SECONDS) return tick_at(&g->midi, frame * grid->frame_us * 1e-6);
    const double quarters = frame / grid->steps_per_quarter;
    if (g->midi.ticks_per_quarter > 0) return (int64_t)llround(quarters * g->midi.ticks_per_quarter);
    return tick_at(&g->midi, quarters * SMPTE_QUARTER_S);
}

static double bar_quarters(const spiral_meter *meter) { return 4.0 * meter->numerator / meter->denominator; }

/* Quarters before the end of bar number `bars`, by the time signatures: 4/4 before the first. A new one
 * begins a bar, so the bar before it may be shorter. */
static double quarters_of_bars(const spiral_midi *midi, double bars) {
    const double quarter = midi->ticks_per_quarter;
    spiral_meter now = {0, 4, 4};
    for (size_t i = 0; i < midi->meter_count && quarter > 0; i++) {
        const double length = (double)(midi->meters[i].at_ticks - now.at_ticks) / quarter;
        const double whole = ceil(length / bar_quarters(&now));
        if (bars < whole) return (double)now.at_ticks / quarter + fmin(bars * bar_quarters(&now), length);
        bars -= whole;
        now = midi->meters[i];
    }
    return (quarter > 0 ? (double)now.at_ticks / quarter : 0) + bars * bar_quarters(&now);
}

double cli_given_last_bar_quarters(const cli_given *g) {
    const spiral_midi *midi = &g->midi;
    const int has_meter = midi->ticks_per_quarter > 0 && midi->meter_count > 0;
    return has_meter ? bar_quarters(&midi->meters[midi->meter_count - 1]) : 4;
}

double cli_given_frame_at(const cli_given *g, double seconds, double bars) {
    const spiral_grid *grid = &g->roll.grid;
    const spiral_midi *midi = &g->midi;
    double quarters = quarters_of_bars(midi, bars);
    if (grid->kind == SPIRAL_GRID_SECONDS) {
        if (bars > 0 && midi->ticks_per_quarter > 0)
            seconds = spiral_midi_seconds(midi, llround(quarters * midi->ticks_per_quarter));
        else if (bars > 0)
            seconds = quarters * SMPTE_QUARTER_S;
        return round(seconds * 1e6 / grid->frame_us);
    }
    if (bars <= 0)
        quarters = midi->ticks_per_quarter > 0 ? (double)tick_at(midi, seconds) / midi->ticks_per_quarter
                                               : seconds / SMPTE_QUARTER_S;
    return round(quarters * grid->steps_per_quarter);
}

double cli_given_seconds_at(const cli_given *g, size_t frame) {
    return spiral_midi_seconds(&g->midi, tick_of_frame(g, (double)frame));
}

/* ---- loading ---- */

/* The roll of the notes that are left, of g->frames frames. The transposition stays that of the whole piece.
 */
static int make_roll(const spiral_model *model, cli_given *g) {
    spiral_roll_options options;
    spiral_midi moved = g->midi;
    spiral_error err = {.text = ""};
    spiral_roll roll = {0};
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(spiral_model_get_config(model), &options);
    if (options.out_of_range == SPIRAL_OUT_OF_RANGE_FIT) options.out_of_range = SPIRAL_OUT_OF_RANGE_DROP;
    moved.notes = malloc((g->midi.note_count + 1) * sizeof *moved.notes);
    if (!moved.notes) return cli_fail("out of memory");
    moved.note_count = 0;
    for (size_t i = 0; i < g->midi.note_count; i++) {
        spiral_note note = g->midi.notes[i];
        const int drum = cli_is_drum(spiral_model_get_config(model), &note);
        const int pitch = drum ? note.pitch : note.pitch + g->transposed_by;
        if (pitch < 0 || pitch > 127) continue;
        note.pitch = (uint8_t)pitch;
        moved.notes[moved.note_count++] = note;
    }
    const spiral_status status = spiral_roll_from_midi(&moved, &options, &roll, NULL, &err);
    free(moved.notes);
    if (status != SPIRAL_OK) return cli_error_in(g->path, &err);
    roll.quarters_per_min = g->roll.quarters_per_min > 0 ? g->roll.quarters_per_min : roll.quarters_per_min;
    spiral_roll_clear(&g->roll);
    g->roll = roll;
    return cli_given_extend(g, g->frames);
}

int cli_given_extend(cli_given *g, size_t frames) {
    spiral_error err = {.text = ""};
    spiral_roll longer;
    if (frames > SPIRAL_GENERATE_FRAMES_MAX)
        return cli_fail("%s: it would have %zu frames of the model's grid, at most %zu are possible", g->path,
                        frames, SPIRAL_GENERATE_FRAMES_MAX);
    if (spiral_roll_create(g->roll.grid, frames, g->roll.onsets != NULL, &longer, &err) != SPIRAL_OK)
        return cli_error_in(g->path, &err);
    const size_t both = g->roll.frames < frames ? g->roll.frames : frames;
    longer.quarters_per_min = g->roll.quarters_per_min;
    memcpy(longer.sounding, g->roll.sounding, both * sizeof *longer.sounding);
    if (longer.onsets) memcpy(longer.onsets, g->roll.onsets, both * sizeof *longer.onsets);
    spiral_roll_clear(&g->roll);
    g->roll = longer;
    g->frames = frames;
    free(g->known);
    g->known = calloc(frames, sizeof *g->known);
    return g->known ? -1 : cli_fail("out of memory");
}

int cli_given_load(const spiral_model *model, const char *path, const cli_common *common, cli_given *g) {
    spiral_roll_report report = {.struct_size = sizeof report};
    memset(g, 0, sizeof *g);
    g->path = path;
    int status = cli_load_midi_and_roll(model, path, common, &g->midi, &g->roll, &report);
    if (status >= 0) return status;
    g->transposed_by = report.transposed_by;
    return cli_given_extend(g, g->roll.frames);
}

void cli_given_clear(cli_given *g) {
    spiral_midi_clear(&g->midi);
    spiral_roll_clear(&g->roll);
    free(g->known);
    memset(g, 0, sizeof *g);
}

int cli_given_open(const spiral_model *model, size_t from, size_t to, int low, int high, cli_given *g) {
    /* Half a frame earlier or later is still rounded to the frame; but a note that is wholly outside stays.
     */
    const int64_t first = tick_of_frame(g, (double)from - 0.5), last = tick_of_frame(g, (double)to + 0.5);
    const int64_t begin = tick_of_frame(g, (double)from), end = tick_of_frame(g, (double)to);
    const spiral_model_config *config = spiral_model_get_config(model);
    size_t kept = 0;
    for (size_t i = 0; i < g->midi.note_count; i++) {
        const spiral_note note = g->midi.notes[i];
        const int key = note.pitch + g->transposed_by;
        const int other = key < low || key > high || (!config->drums && cli_is_drum(config, &note));
        const int outside = note.off_ticks <= begin || note.on_ticks >= end;
        if (other || outside || note.on_ticks < first || note.off_ticks >= last) g->midi.notes[kept++] = note;
    }
    g->midi.note_count = kept;
    int status = make_roll(model, g);
    if (status >= 0) return status;
    const spiral_keys region = spiral_keys_range(low, high);
    for (size_t t = 0; t < g->frames; t++)
        for (int i = 0; i < 2; i++) {
            const uint64_t open = t >= from && t < to ? region.word[i] : 0;
            g->known[t].word[i] = ~open | g->roll.sounding[t].word[i];
        }
    return -1;
}

void cli_given_request(const cli_given *g, spiral_generate_request *q) {
    q->frames = g->frames;
    q->known = g->known;
    q->sounding = g->roll.sounding;
    q->onsets = g->roll.onsets;
    if (g->roll.quarters_per_min > 0) q->quarters_per_min = g->roll.quarters_per_min;
}

/* ---- writing ---- */

/* Makes a roll of the open cells alone, which have the new notes. */
static int open_part(const cli_given *g, const spiral_roll *roll, spiral_roll *open) {
    spiral_error err = {.text = ""};
    if (spiral_roll_create(roll->grid, roll->frames, roll->onsets != NULL, open, &err) != SPIRAL_OK)
        return cli_error(&err);
    for (size_t t = 0; t < roll->frames; t++)
        for (int i = 0; i < 2; i++) {
            open->sounding[t].word[i] = roll->sounding[t].word[i] & ~g->known[t].word[i];
            if (roll->onsets) open->onsets[t].word[i] = roll->onsets[t].word[i] & open->sounding[t].word[i];
        }
    return -1;
}

static int starts_at(const spiral_roll *roll, size_t t, int key) {
    const spiral_keys starts = spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                                                  roll->onsets ? &roll->onsets[t] : NULL);
    return spiral_keys_get(&starts, key);
}

/* Appends the notes of one key to midi, whose array is large enough. like: track, channel and velocity. */
static void add_notes(const cli_given *g, const spiral_roll *open, int key, spiral_note like,
                      spiral_midi *midi) {
    const int pitch = key - g->transposed_by;
    for (size_t t = 0; t < open->frames; t++) {
        if (!starts_at(open, t, key)) continue;
        size_t end = t + 1;
        while (end < open->frames && spiral_keys_get(&open->sounding[end], key) && !starts_at(open, end, key))
            end++;
        like.on_ticks = tick_of_frame(g, (double)t);
        like.off_ticks = tick_of_frame(g, (double)end);
        like.pitch = (uint8_t)pitch;
        if (pitch >= 0 && pitch <= 127) midi->notes[midi->note_count++] = like;
        if (like.off_ticks > midi->end_ticks) midi->end_ticks = like.off_ticks;
    }
}

/* Channel of the first note that is not percussion, and the mean velocity of such notes. */
static spiral_note typical_note(const spiral_midi *midi) {
    spiral_note note = {.track = (uint16_t)midi->tracks, .channel = 0, .velocity = 80};
    size_t count = 0, sum = 0;
    for (size_t i = 0; i < midi->note_count; i++) {
        if (midi->notes[i].channel == SPIRAL_DRUM_CHANNEL) continue;
        if (!count++) note.channel = midi->notes[i].channel;
        sum += midi->notes[i].velocity;
    }
    if (count) note.velocity = (uint8_t)((sum + count / 2) / count);
    return note;
}

static size_t count_starts(const spiral_roll *roll) {
    size_t count = 0;
    for (size_t t = 0; t < roll->frames; t++) {
        const spiral_keys starts = spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                                                      roll->onsets ? &roll->onsets[t] : NULL);
        count += (size_t)spiral_keys_count(starts);
    }
    return count;
}

int cli_given_save(const cli_given *g, const spiral_roll *roll, const char *text, const char *path,
                   size_t *notes, double *seconds) {
    spiral_roll open = {0};
    spiral_midi midi = g->midi; /* borrowed, except notes and text */
    spiral_error err = {.text = ""};
    int status = cli_check_target(path, CLI_OUTPUT_MIDI);
    if (status < 0) status = open_part(g, roll, &open);
    if (status >= 0) return status;
    midi.text = (char *)(uintptr_t)text;
    if (midi.format == 0) midi.format = 1;
    spiral_note like = typical_note(&g->midi);
    if (midi.tracks < 65535)
        midi.tracks++;
    else
        like.track = 65534;
    midi.notes = malloc((midi.note_count + count_starts(&open) + 1) * sizeof *midi.notes);
    if (midi.notes) {
        memcpy(midi.notes, g->midi.notes, midi.note_count * sizeof *midi.notes);
        for (int key = 0; key < SPIRAL_KEY_COUNT; key++) add_notes(g, &open, key, like, &midi);
        if (spiral_midi_save(&midi, path, &err) != SPIRAL_OK) status = cli_error(&err);
        *notes = midi.note_count;
        *seconds = spiral_midi_seconds(&midi, midi.end_ticks);
    } else {
        status = cli_fail("out of memory");
    }
    free(midi.notes);
    spiral_roll_clear(&open);
    return status;
}

void cli_given_note_not_kept(const cli_given *g, const cli_common *common) {
    uint32_t counts[SPIRAL_MIDI_NOT_KEPT_CAPACITY];
    memcpy(counts, g->midi.not_kept, sizeof counts);
    counts[SPIRAL_MIDI_NOT_KEPT_TEXT] += g->midi.text != NULL; /* the command replaces it */
    cli_note_not_kept(common, g->path, "written", counts);
}
