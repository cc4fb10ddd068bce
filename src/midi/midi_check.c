/* SPDX-License-Identifier: MIT
 *
 * Whether all fields of a spiral_midi, which a caller may have made, are within the ranges of midi.h.
 */
#include "base/error.h"
#include "midi/midi_check.h"
#include "midi/tempo.h"

static spiral_status check_range(spiral_error *err, const char *thing, size_t i, const char *field,
                                 int64_t value, int64_t low, int64_t high) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s %zu: %s %lld is not within %lld..%lld", thing, i, field,
                        (long long)value, (long long)low, (long long)high);
}

static spiral_status check_note(const spiral_note *n, size_t i, spiral_error *err) {
    SPIRAL_TRY(check_range(err, "note", i, "on_ticks", n->on_ticks, 0, SPIRAL_MIDI_TICKS_MAX));
    SPIRAL_TRY(check_range(err, "note", i, "off_ticks", n->off_ticks, n->on_ticks, SPIRAL_MIDI_TICKS_MAX));
    SPIRAL_TRY(check_range(err, "note", i, "track", n->track, 0, UINT16_MAX - 1));
    SPIRAL_TRY(check_range(err, "note", i, "channel", n->channel, 0, 15));
    SPIRAL_TRY(check_range(err, "note", i, "pitch", n->pitch, 0, 127));
    SPIRAL_TRY(check_range(err, "note", i, "velocity", n->velocity, 1, 127));
    SPIRAL_TRY(check_range(err, "note", i, "port", n->port, 0, SPIRAL_MIDI_PORT_MAX));
    return check_range(err, "note", i, "drum", n->drum, SPIRAL_DRUM_BY_CHANNEL, SPIRAL_DRUM_NO);
}

static spiral_status check_tempos(const spiral_midi *midi, spiral_error *err) {
    int64_t earliest = 0;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        const spiral_tempo *t = &midi->tempos[i];
        SPIRAL_TRY(check_range(err, "tempo", i, "at_ticks", t->at_ticks, earliest, SPIRAL_MIDI_TICKS_MAX));
        SPIRAL_TRY(check_range(err, "tempo", i, "us_per_quarter", t->us_per_quarter, 1, SPIRAL__TEMPO_MAX));
        earliest = t->at_ticks + 1;
    }
    return SPIRAL_OK;
}

static spiral_status check_meters(const spiral_midi *midi, spiral_error *err) {
    int64_t earliest = 0;
    for (size_t i = 0; i < midi->meter_count; i++) {
        const spiral_meter *m = &midi->meters[i];
        SPIRAL_TRY(check_range(err, "meter", i, "at_ticks", m->at_ticks, earliest, SPIRAL_MIDI_TICKS_MAX));
        SPIRAL_TRY(check_range(err, "meter", i, "numerator", m->numerator, 1, 255));
        SPIRAL_TRY(check_range(err, "meter", i, "denominator", m->denominator, 1, 64));
        if (m->denominator & (m->denominator - 1))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "meter %zu: denominator %d is not a power of two", i,
                                m->denominator);
        earliest = m->at_ticks + 1;
    }
    return SPIRAL_OK;
}

/* Pedals and events are sorted by time, then by track. *before: the place of the one before; 0, 0 at first.
 */
typedef struct place {
    int64_t at_ticks, track;
} place;

static spiral_status check_place(spiral_error *err, const char *thing, size_t i, place now, place *before) {
    const int64_t first_track = now.at_ticks > before->at_ticks ? 0 : before->track;
    SPIRAL_TRY(check_range(err, thing, i, "at_ticks", now.at_ticks, before->at_ticks, SPIRAL_MIDI_TICKS_MAX));
    SPIRAL_TRY(check_range(err, thing, i, "track", now.track, first_track, UINT16_MAX - 1));
    *before = now;
    return SPIRAL_OK;
}

static spiral_status check_pedals(const spiral_midi *midi, spiral_error *err) {
    place before = {0, 0};
    for (size_t i = 0; i < midi->pedal_count; i++) {
        const spiral_pedal *p = &midi->pedals[i];
        SPIRAL_TRY(check_place(err, "pedal", i, (place){p->at_ticks, p->track}, &before));
        SPIRAL_TRY(check_range(err, "pedal", i, "channel", p->channel, 0, 15));
        SPIRAL_TRY(check_range(err, "pedal", i, "down", p->down, 0, 1));
        SPIRAL_TRY(check_range(err, "pedal", i, "port", p->port, 0, SPIRAL_MIDI_PORT_MAX));
        SPIRAL_TRY(
            check_range(err, "pedal", i, "kind", p->kind, SPIRAL_PEDAL_SUSTAIN, SPIRAL_PEDAL_SOSTENUTO));
    }
    return SPIRAL_OK;
}

static spiral_status check_event(const spiral_channel_event *e, size_t i, spiral_error *err) {
    const unsigned kind = e->status & 0xf0u;
    if (kind != 0xb0 && kind != 0xc0 && kind != 0xe0)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "event %zu: status %d is not that of a controller, program "
                            "or pitch bend, within 176..207 or 224..239",
                            i, e->status);
    SPIRAL_TRY(check_range(err, "event", i, "data[0]", e->data[0], 0, kind == 0xb0 ? 119 : 127));
    if (kind == 0xb0 && (e->data[0] == 64 || e->data[0] == 66))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "event %zu: controller %d is a pedal and must be in pedals", i, e->data[0]);
    return check_range(err, "event", i, "data[1]", e->data[1], 0, kind == 0xc0 ? 0 : 127);
}

static spiral_status check_events(const spiral_midi *midi, spiral_error *err) {
    place before = {0, 0};
    for (size_t i = 0; i < midi->event_count; i++) {
        const spiral_channel_event *e = &midi->events[i];
        SPIRAL_TRY(check_place(err, "event", i, (place){e->at_ticks, e->track}, &before));
        SPIRAL_TRY(check_range(err, "event", i, "port", e->port, 0, SPIRAL_MIDI_PORT_MAX));
        SPIRAL_TRY(check_event(e, i, err));
    }
    return SPIRAL_OK;
}

static spiral_status check_division(const spiral_midi *midi, spiral_error *err) {
    int frames_per_s, ticks_per_frame;
    if (midi->ticks_per_quarter < 0 || midi->ticks_per_quarter > INT16_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d ticks per quarter are not within 1..%d",
                            midi->ticks_per_quarter, INT16_MAX);
    if (midi->ticks_per_quarter == 0 &&
        !spiral__smpte_from_rate(midi->ticks_per_s, &frames_per_s, &ticks_per_frame))
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
    SPIRAL_TRY(check_pedals(midi, err));
    return check_events(midi, err);
}
