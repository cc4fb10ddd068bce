/* SPDX-License-Identifier: MIT
 *
 * Sorting notes, and checking a spiral_midi that somebody made by hand.
 *
 * The sort is a merge sort that skips what is in order already: a file's tracks each come in order, so one
 * track costs one pass and k tracks about log2 k merges. Read next: midi_read.c, which needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/notes.h"
#include "midi/tempo.h"

/* Orders notes of different times, pitches or channels, which nearly all are, in one comparison: 38, 7 and 4
 * bits of it. */
static uint64_t order_key(const spiral_note *n) {
    return (uint64_t)n->on_ticks << 11 | (uint64_t)n->pitch << 4 | n->channel;
}

bool spiral__note_before(const spiral_note *a, const spiral_note *b) {
    uint64_t a_key = order_key(a), b_key = order_key(b);
    if (a_key != b_key) return a_key < b_key;
    if (a->track != b->track) return a->track < b->track;
    if (a->off_ticks != b->off_ticks) return a->off_ticks < b->off_ticks;
    return a->velocity < b->velocity;
}

static void insertion_sort(spiral_note *notes, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (!spiral__note_before(&notes[i], &notes[i - 1])) continue;
        spiral_note note = notes[i];
        size_t j = i;
        do notes[j] = notes[j - 1];
        while (--j > 0 && spiral__note_before(&note, &notes[j - 1]));
        notes[j] = note;
    }
}

/* Whether notes[half], the first of the right part, comes before note i of the left part. */
typedef struct halves {
    const spiral_note *notes;
    size_t half;
} halves;

static int right_comes_first(const void *context, size_t i) {
    const halves *h = context;
    return spiral__note_before(&h->notes[h->half], &h->notes[i]);
}

/* Merges the sorted notes[0 .. half) and notes[half .. n); spare holds up to half notes. */
static void merge(spiral_note *notes, size_t half, size_t n, spiral_note *spare) {
    const halves h = {notes, half};
    size_t in_place = spiral__search(half, right_comes_first, &h); /* left notes before the first right one */
    spiral_note *out = notes + in_place, *right = notes + half, *end = notes + n;
    size_t left = half - in_place;
    memcpy(spare, out, left * sizeof *spare);
    while (left && right < end) {
        bool take_right = spiral__note_before(right, spare);
        *out++ = take_right ? *right : *spare;
        right += take_right;
        spare += !take_right;
        left -= !take_right;
    }
    memcpy(out, spare, left * sizeof *spare);
}

static void merge_sort(spiral_note *notes, size_t n, spiral_note *spare) {
    if (n <= 16) {
        insertion_sort(notes, n);
        return;
    }
    size_t half = n / 2;
    merge_sort(notes, half, spare);
    merge_sort(notes + half, n - half, spare);
    if (spiral__note_before(&notes[half], &notes[half - 1])) merge(notes, half, n, spare);
}

spiral_status spiral__notes_sort(spiral_note *notes, size_t n, spiral_error *err) {
    if (n <= 16) {
        insertion_sort(notes, n);
        return SPIRAL_OK;
    }
    spiral_note *spare = malloc(n / 2 * sizeof *spare);
    if (!spare) return spiral__no_memory(err, n / 2 * sizeof *spare);
    merge_sort(notes, n, spare);
    free(spare);
    return SPIRAL_OK;
}

spiral_status spiral__notes_sorted(const spiral_midi *midi, const spiral_note **sorted, spiral_note **copy,
                                   spiral_error *err) {
    size_t i = 1, n = midi->note_count;
    *sorted = midi->notes;
    *copy = NULL;
    while (i < n && !spiral__note_before(&midi->notes[i], &midi->notes[i - 1])) i++;
    if (i >= n) return SPIRAL_OK;
    spiral_note *notes = malloc(n * sizeof *notes);
    if (!notes) return spiral__no_memory(err, n * sizeof *notes);
    memcpy(notes, midi->notes, n * sizeof *notes);
    spiral_status status = spiral__notes_sort(notes, n, err);
    if (status != SPIRAL_OK) return free(notes), status;
    *sorted = *copy = notes;
    return SPIRAL_OK;
}

static spiral_status range(spiral_error *err, const char *thing, size_t i, const char *field, int64_t value,
                           int64_t low, int64_t high) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s %zu: %s %lld is not within %lld..%lld", thing, i, field,
                        (long long)value, (long long)low, (long long)high);
}

static spiral_status check_note(const spiral_note *n, size_t i, spiral_error *err) {
    SPIRAL_TRY(range(err, "note", i, "on_ticks", n->on_ticks, 0, SPIRAL_MIDI_TICKS_MAX));
    SPIRAL_TRY(range(err, "note", i, "off_ticks", n->off_ticks, n->on_ticks, SPIRAL_MIDI_TICKS_MAX));
    SPIRAL_TRY(range(err, "note", i, "track", n->track, 0, UINT16_MAX - 1));
    SPIRAL_TRY(range(err, "note", i, "channel", n->channel, 0, 15));
    SPIRAL_TRY(range(err, "note", i, "pitch", n->pitch, 0, 127));
    return range(err, "note", i, "velocity", n->velocity, 1, 127);
}

static spiral_status check_tempos(const spiral_midi *midi, spiral_error *err) {
    int64_t earliest = 0;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        const spiral_tempo *t = &midi->tempos[i];
        SPIRAL_TRY(range(err, "tempo", i, "at_ticks", t->at_ticks, earliest, SPIRAL_MIDI_TICKS_MAX));
        SPIRAL_TRY(range(err, "tempo", i, "us_per_quarter", t->us_per_quarter, 1, SPIRAL__TEMPO_MAX));
        earliest = t->at_ticks + 1;
    }
    return SPIRAL_OK;
}

static spiral_status check_meters(const spiral_midi *midi, spiral_error *err) {
    int64_t earliest = 0;
    for (size_t i = 0; i < midi->meter_count; i++) {
        const spiral_meter *m = &midi->meters[i];
        SPIRAL_TRY(range(err, "meter", i, "at_ticks", m->at_ticks, earliest, SPIRAL_MIDI_TICKS_MAX));
        SPIRAL_TRY(range(err, "meter", i, "numerator", m->numerator, 1, 255));
        SPIRAL_TRY(range(err, "meter", i, "denominator", m->denominator, 1, 64));
        if (m->denominator & (m->denominator - 1))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "meter %zu: denominator %d is not a power of two", i,
                                m->denominator);
        earliest = m->at_ticks + 1;
    }
    return SPIRAL_OK;
}

static spiral_status check_pedals(const spiral_midi *midi, spiral_error *err) {
    int64_t earliest = 0, track = 0;
    for (size_t i = 0; i < midi->pedal_count; i++) {
        const spiral_pedal *p = &midi->pedals[i];
        SPIRAL_TRY(range(err, "pedal", i, "at_ticks", p->at_ticks, earliest, SPIRAL_MIDI_TICKS_MAX));
        if (p->at_ticks > earliest) track = 0;
        SPIRAL_TRY(range(err, "pedal", i, "track", p->track, track, UINT16_MAX - 1));
        SPIRAL_TRY(range(err, "pedal", i, "channel", p->channel, 0, 15));
        SPIRAL_TRY(range(err, "pedal", i, "down", p->down, 0, 1));
        earliest = p->at_ticks;
        track = p->track;
    }
    return SPIRAL_OK;
}

static spiral_status check_division(const spiral_midi *midi, spiral_error *err) {
    int frames, ticks_per_frame;
    if (midi->ticks_per_quarter < 0 || midi->ticks_per_quarter > INT16_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d ticks per quarter are not within 1..%d",
                            midi->ticks_per_quarter, INT16_MAX);
    if (midi->ticks_per_quarter == 0 && !spiral__smpte(midi->ticks_per_s, &frames, &ticks_per_frame))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "%g ticks per second are not 24, 25, 30000/1001 or 30 frames times 1..255",
                            midi->ticks_per_s);
    return SPIRAL_OK;
}

spiral_status spiral__midi_check(const spiral_midi *midi, spiral_error *err) {
    if (midi->format < 0 || midi->format > 2)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "format %d is not 0, 1 or 2", midi->format);
    if (midi->tracks < 0 || midi->tracks > UINT16_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d tracks are not within 0..%d", midi->tracks,
                            UINT16_MAX);
    if (midi->end_ticks < 0 || midi->end_ticks > SPIRAL_MIDI_TICKS_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "end_ticks %lld is not within 0..%lld",
                            (long long)midi->end_ticks, (long long)SPIRAL_MIDI_TICKS_MAX);
    SPIRAL_TRY(check_division(midi, err));
    for (size_t i = 0; i < midi->note_count; i++) SPIRAL_TRY(check_note(&midi->notes[i], i, err));
    SPIRAL_TRY(check_tempos(midi, err));
    SPIRAL_TRY(check_meters(midi, err));
    return check_pedals(midi, err);
}
