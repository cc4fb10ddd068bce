/* SPDX-License-Identifier: MIT
 *
 * Checks of notes and rolls (see fuzz_music.h). They are written from the headers and do not use the
 * library's own checks, so that errors in those are found.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_music.h"

enum { FRAMES_TRIED = 8192 };

/* ---- notes ---- */

static int in_order(const spiral_note *a, const spiral_note *b) {
    const int64_t x[] = {a->on_ticks,  a->pitch,    a->channel, a->track,
                         a->off_ticks, a->velocity, a->port,    a->drum};
    const int64_t y[] = {b->on_ticks,  b->pitch,    b->channel, b->track,
                         b->off_ticks, b->velocity, b->port,    b->drum};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (x[i] != y[i]) return x[i] < y[i];
    return 1;
}

static void check_note(const spiral_midi *midi, const spiral_note *n) {
    FUZZ_CHECK(n->on_ticks >= 0 && n->on_ticks <= n->off_ticks && n->off_ticks <= midi->end_ticks);
    FUZZ_CHECK(n->track < midi->tracks && n->channel < 16 && n->pitch < 128);
    FUZZ_CHECK(n->velocity >= 1 && n->velocity <= 127);
    FUZZ_CHECK(n->port <= SPIRAL_MIDI_PORT_MAX && n->drum <= SPIRAL_DRUM_NO);
}

static void check_tempos(const spiral_midi *midi) {
    int64_t before = -1;
    double seconds = 0;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        const spiral_tempo *t = &midi->tempos[i];
        FUZZ_CHECK(t->at_ticks > before && t->at_ticks <= midi->end_ticks);
        FUZZ_CHECK(t->us_per_quarter >= 1 && t->us_per_quarter <= 0xffffff);
        FUZZ_CHECK(isfinite(t->at_s) && t->at_s >= seconds);
        FUZZ_CHECK(fabs(spiral_midi_seconds(midi, t->at_ticks) - t->at_s) <= 1e-9 * (1 + t->at_s));
        before = t->at_ticks;
        seconds = t->at_s;
    }
}

static void check_meters(const spiral_midi *midi) {
    int64_t before = -1;
    for (size_t i = 0; i < midi->meter_count; i++) {
        const spiral_meter *m = &midi->meters[i];
        FUZZ_CHECK(m->at_ticks > before && m->at_ticks <= midi->end_ticks);
        FUZZ_CHECK(m->numerator >= 1 && m->numerator <= 255);
        FUZZ_CHECK(m->denominator >= 1 && m->denominator <= 64 && !(m->denominator & (m->denominator - 1)));
        before = m->at_ticks;
    }
}

/* Pedal events are in order, and each changes the state of the pedal of its port and channel. */
static void check_pedals(const spiral_midi *midi) {
    static int down[2][SPIRAL_MIDI_PORT_MAX + 1][16];
    memset(down, 0, sizeof down);
    for (size_t i = 0; i < midi->pedal_count; i++) {
        const spiral_pedal *p = &midi->pedals[i], *before = i ? p - 1 : NULL;
        FUZZ_CHECK(p->at_ticks >= 0 && p->at_ticks <= midi->end_ticks);
        FUZZ_CHECK(p->track < midi->tracks && p->channel < 16 && p->down <= 1);
        FUZZ_CHECK(p->port <= SPIRAL_MIDI_PORT_MAX && p->kind <= SPIRAL_PEDAL_SOSTENUTO);
        FUZZ_CHECK(!before || before->at_ticks < p->at_ticks ||
                   (before->at_ticks == p->at_ticks && before->track <= p->track));
        FUZZ_CHECK(p->down != down[p->kind][p->port][p->channel]);
        down[p->kind][p->port][p->channel] = p->down;
    }
}

/* Events are in order, and none of them is a pedal or a mode message. */
static void check_events(const spiral_midi *midi) {
    for (size_t i = 0; i < midi->event_count; i++) {
        const spiral_channel_event *e = &midi->events[i], *before = i ? e - 1 : NULL;
        const int kind = e->status >> 4;
        FUZZ_CHECK(e->at_ticks >= 0 && e->at_ticks <= midi->end_ticks);
        FUZZ_CHECK(e->track < midi->tracks && e->port <= SPIRAL_MIDI_PORT_MAX);
        FUZZ_CHECK(kind == 0xb || kind == 0xc || kind == 0xe);
        FUZZ_CHECK(e->data[0] < 128 && e->data[1] < 128 && (kind != 0xc || e->data[1] == 0));
        FUZZ_CHECK(kind != 0xb || (e->data[0] < 120 && e->data[0] != 64 && e->data[0] != 66));
        FUZZ_CHECK(!before || before->at_ticks < e->at_ticks ||
                   (before->at_ticks == e->at_ticks && before->track <= e->track));
    }
}

void fuzz_midi_valid(const spiral_midi *midi) {
    FUZZ_CHECK(midi->format >= 0 && midi->format <= 2 && midi->tracks >= 0 && midi->tracks <= 65535);
    FUZZ_CHECK(midi->format != 0 || midi->tracks <= 1);
    FUZZ_CHECK(midi->end_ticks >= 0 && midi->end_ticks <= SPIRAL_MIDI_TICKS_MAX);
    FUZZ_CHECK(midi->ticks_per_quarter ? midi->ticks_per_quarter >= 1 && midi->ticks_per_quarter <= 32767 &&
                                             midi->ticks_per_s == 0
                                       : midi->ticks_per_s >= 24 && midi->ticks_per_s <= 30 * 255);
    FUZZ_CHECK((!midi->name || *midi->name) && (!midi->text || *midi->text));
    for (size_t i = 0; i < midi->note_count; i++) {
        check_note(midi, &midi->notes[i]);
        FUZZ_CHECK(i == 0 || in_order(&midi->notes[i - 1], &midi->notes[i]));
    }
    check_tempos(midi);
    check_meters(midi);
    check_pedals(midi);
    check_events(midi);
}

/* Whether b is a after writing and reading: control characters become spaces. */
static int same_text(const char *a, const char *b) {
    if (!a || !b) return a == b;
    while (*a && *b == (*a > 0 && *a < ' ' && !strchr("\t\n\r", *a) ? ' ' : *a)) a++, b++;
    return !*a && !*b;
}

static int same_note(const spiral_note *a, const spiral_note *b) { return in_order(a, b) && in_order(b, a); }

static void check_same(const spiral_midi *a, const spiral_midi *b) {
    FUZZ_CHECK(b->format == (a->format ? 1 : 0) && b->tracks == (a->tracks ? a->tracks : 1));
    FUZZ_CHECK(a->ticks_per_quarter == b->ticks_per_quarter && a->ticks_per_s == b->ticks_per_s);
    FUZZ_CHECK(a->end_ticks == b->end_ticks && a->note_count == b->note_count);
    FUZZ_CHECK(a->tempo_count == b->tempo_count && a->meter_count == b->meter_count);
    FUZZ_CHECK(a->pedal_count == b->pedal_count && a->event_count == b->event_count);
    FUZZ_CHECK(same_text(a->name, b->name) && same_text(a->text, b->text));
    for (size_t i = 0; i < a->note_count; i++) FUZZ_CHECK(same_note(&a->notes[i], &b->notes[i]));
    for (size_t i = 0; i < a->tempo_count; i++)
        FUZZ_CHECK(a->tempos[i].at_ticks == b->tempos[i].at_ticks && a->tempos[i].at_s == b->tempos[i].at_s &&
                   a->tempos[i].us_per_quarter == b->tempos[i].us_per_quarter);
    for (size_t i = 0; i < a->meter_count; i++)
        FUZZ_CHECK(a->meters[i].at_ticks == b->meters[i].at_ticks &&
                   a->meters[i].numerator == b->meters[i].numerator &&
                   a->meters[i].denominator == b->meters[i].denominator);
    for (size_t i = 0; i < a->pedal_count; i++) {
        const spiral_pedal *x = &a->pedals[i], *y = &b->pedals[i];
        FUZZ_CHECK(x->at_ticks == y->at_ticks && x->track == y->track && x->channel == y->channel);
        FUZZ_CHECK(x->down == y->down && x->port == y->port && x->kind == y->kind);
    }
    for (size_t i = 0; i < a->event_count; i++) {
        const spiral_channel_event *x = &a->events[i], *y = &b->events[i];
        FUZZ_CHECK(x->at_ticks == y->at_ticks && x->track == y->track && x->port == y->port);
        FUZZ_CHECK(x->status == y->status && !memcmp(x->data, y->data, sizeof x->data));
    }
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) FUZZ_CHECK(b->warnings[i] == 0);
}

/* The bytes of *midi and what is read from them. */
static unsigned char *write_and_read(const spiral_midi *midi, size_t *size, spiral_midi *back) {
    spiral_error err = {0};
    FUZZ_CHECK(spiral_midi_size(midi, size, &err) == SPIRAL_OK);
    unsigned char *bytes = malloc(*size);
    FUZZ_CHECK(bytes && spiral_midi_write(midi, bytes, *size, &err) == SPIRAL_OK);
    FUZZ_CHECK(spiral_midi_read(bytes, *size, back, &err) == SPIRAL_OK);
    return bytes;
}

void fuzz_midi_round_trip(const spiral_midi *midi) {
    spiral_midi back, again;
    size_t size, again_size;
    unsigned char *bytes = write_and_read(midi, &size, &back);
    check_same(midi, &back);
    unsigned char *again_bytes = write_and_read(&back, &again_size, &again);
    FUZZ_CHECK(size == again_size && !memcmp(bytes, again_bytes, size));
    spiral_midi_clear(&back);
    spiral_midi_clear(&again);
    free(bytes);
    free(again_bytes);
}

/* ---- rolls ---- */

static size_t count_keys(spiral_keys keys) {
    return (size_t)__builtin_popcountll(keys.word[0]) + (size_t)__builtin_popcountll(keys.word[1]);
}

static int is_within(spiral_keys inner, spiral_keys outer) {
    return !(inner.word[0] & ~outer.word[0]) && !(inner.word[1] & ~outer.word[1]);
}

static int is_drum(const spiral_note *n, const spiral_roll_options *o) {
    if (o->drum_channels) return (o->drum_channels & 1u << n->channel) != 0;
    return n->drum ? n->drum == SPIRAL_DRUM_YES : n->channel == 9;
}

static void check_report(const spiral_midi *midi, const spiral_roll_options *o, const spiral_roll_report *r) {
    size_t drums = 0;
    for (size_t i = 0; i < midi->note_count; i++) drums += (size_t)is_drum(&midi->notes[i], o);
    FUZZ_CHECK(r->notes_drums == (o->drums ? 0 : drums) && r->notes + r->notes_drums == midi->note_count);
    FUZZ_CHECK(r->notes_kept + r->notes_low + r->notes_high == r->notes);
    FUZZ_CHECK(r->notes_short <= r->notes_kept && r->notes_doubled + r->onsets_merged <= r->notes_kept);
    FUZZ_CHECK(!o->onsets || !r->onsets_merged);
    FUZZ_CHECK(r->notes_folded <= r->notes_kept && r->notes_held <= r->notes_kept);
    FUZZ_CHECK(!r->notes_folded || o->out_of_range == SPIRAL_OUT_OF_RANGE_FOLD);
    FUZZ_CHECK(!r->transposed_by || o->out_of_range == SPIRAL_OUT_OF_RANGE_FIT);
    FUZZ_CHECK(!r->notes_held || (o->pedal && midi->pedal_count));
    FUZZ_CHECK(!r->stretches_cut == !r->frames_cut && (!r->stretches_cut || o->unchanged_frames_max));
}

/* The planes have the number of notes of the report, all in range. */
static void check_planes(const spiral_roll *roll, const spiral_roll_options *o, const spiral_roll_report *r) {
    const spiral_keys range = spiral_keys_range(o->low, o->high);
    size_t starts = 0;
    FUZZ_CHECK((roll->frames == 0) == (r->notes_kept == 0) && !roll->onsets == !o->onsets);
    FUZZ_CHECK(!roll->frames || count_keys(roll->sounding[roll->frames - 1]));
    for (size_t t = 0; t < roll->frames; t++) {
        const spiral_keys *before = t ? &roll->sounding[t - 1] : NULL;
        spiral_keys begins =
            spiral_keys_starts(before, &roll->sounding[t], roll->onsets ? &roll->onsets[t] : NULL);
        FUZZ_CHECK(is_within(roll->sounding[t], range));
        FUZZ_CHECK(!roll->onsets || !memcmp(&begins, &roll->onsets[t], sizeof begins));
        starts += count_keys(begins);
    }
    FUZZ_CHECK(starts == r->notes_kept - r->notes_doubled - r->onsets_merged);
}

/* The MIDI written from the roll gives the same roll. */
static void check_round_trip(const spiral_roll *roll) {
    spiral_midi midi, read;
    spiral_roll again;
    spiral_error err = {0};
    const spiral_roll_options all = {
        .struct_size = sizeof all, .grid = roll->grid, .high = 127, .onsets = roll->onsets != NULL};
    size_t size, bytes = roll->frames * sizeof *roll->sounding;
    FUZZ_CHECK(spiral_midi_from_roll(roll, &midi, &err) == SPIRAL_OK);
    fuzz_midi_valid(&midi);
    free(write_and_read(&midi, &size, &read));
    check_same(&midi, &read);
    FUZZ_CHECK(spiral_roll_from_midi(&read, &all, &again, NULL, &err) == SPIRAL_OK);
    FUZZ_CHECK(again.frames == roll->frames && !memcmp(again.sounding, roll->sounding, bytes));
    FUZZ_CHECK(!roll->onsets || !memcmp(again.onsets, roll->onsets, bytes));
    spiral_roll_clear(&again);
    spiral_midi_clear(&read);
    spiral_midi_clear(&midi);
}

/* The approximate number of frames before stretches are cut, by other arithmetic than the library's. With the
 * pedal or with notes moved into the range, the largest possible number. */
static double expected_frames(const spiral_midi *midi, const spiral_roll_options *o) {
    int64_t end = 0;
    for (size_t i = 0; i < midi->note_count; i++) {
        const spiral_note *n = &midi->notes[i];
        int kept = !is_drum(n, o) || o->drums;
        if (o->out_of_range == SPIRAL_OUT_OF_RANGE_DROP) kept &= n->pitch >= o->low && n->pitch <= o->high;
        if (kept && n->off_ticks > end) end = n->off_ticks;
    }
    if (o->pedal) end = midi->end_ticks;
    if (o->grid.kind == SPIRAL_GRID_SECONDS) return spiral_midi_seconds(midi, end) * 1e6 / o->grid.frame_us;
    double quarters =
        midi->ticks_per_quarter ? (double)end / midi->ticks_per_quarter : 2 * (double)end / midi->ticks_per_s;
    return quarters * o->grid.steps_per_quarter;
}

/* The largest number of frames that a roll of so many notes may have without cuts. */
static double frame_limit(size_t notes) {
    double limit = (double)SPIRAL_ROLL_FRAMES_BASE + (double)notes * SPIRAL_ROLL_FRAMES_PER_NOTE;
    return limit < (double)SPIRAL_ROLL_FRAMES_MAX ? limit : (double)SPIRAL_ROLL_FRAMES_MAX;
}

void fuzz_roll(const spiral_midi *midi, const spiral_roll_options *options) {
    spiral_roll roll;
    spiral_roll_report report = {.struct_size = sizeof report};
    spiral_error err = {0};
    double frames = expected_frames(midi, options);
    int cut = options->unchanged_frames_max > 0;
    int too_big = !cut && frames > frame_limit(midi->note_count) + 2;
    int exactly = !options->pedal && options->out_of_range == SPIRAL_OUT_OF_RANGE_DROP;
    if (!cut && frames > FRAMES_TRIED && !(too_big && exactly))
        return; /* would need memory and time, and test nothing further */
    spiral_status status = spiral_roll_from_midi(midi, options, &roll, &report, &err);
    if (too_big) {
        FUZZ_CHECK(fuzz_refusal(status, &err) == SPIRAL_TOO_BIG && !roll.sounding && !roll.frames);
        return;
    }
    FUZZ_CHECK(status == SPIRAL_OK && (double)roll.frames <= frames + 2);
    FUZZ_CHECK(!exactly || fabs((double)(roll.frames + report.frames_cut) - frames) <= 2);
    FUZZ_CHECK(!cut || roll.frames <= 2 * report.notes_kept * (size_t)options->unchanged_frames_max);
    check_report(midi, options, &report);
    check_planes(&roll, options, &report);
    if (roll.frames <= FRAMES_TRIED) check_round_trip(&roll);
    spiral_roll_clear(&roll);
}
