/* SPDX-License-Identifier: MIT
 *
 * Collecting the notes, tempos, metres, pedals and channel events of a file and putting them in order (see
 * midi_builder.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/growth.h"
#include "midi/midi_builder.h"
#include "midi/note_order.h"
#include "midi/tempo.h"

/* Most notes take eight bytes: on, off and their delta times. */
enum { NOTE_BYTES_USUAL = 8 };

spiral_status spiral__midi_builder_init(spiral__midi_builder *builder, spiral_midi *midi, size_t size,
                                        spiral_error *err) {
    *builder = (spiral__midi_builder){.midi = midi, .err = err, .last_off_ticks = -1};
    builder->open = &builder->first_open;
    builder->note_capacity = size / NOTE_BYTES_USUAL + 1;
    midi->notes = malloc(builder->note_capacity * sizeof *midi->notes);
    return midi->notes ? SPIRAL_OK : spiral__no_memory(err, builder->note_capacity * sizeof *midi->notes);
}

void spiral__midi_builder_clear(spiral__midi_builder *builder) {
    free(builder->tempos.items);
    free(builder->meters.items);
    free(builder->pedals.items);
    spiral__percussion_clear(&builder->percussion);
    spiral__unpaired_clear(&builder->unpaired);
    for (int i = 0; i < builder->other_count; i++) free(builder->other_open[i]);
}

/* ---- notes ---- */

spiral_status spiral__midi_builder_grow_notes(spiral__midi_builder *b, size_t rest) {
    size_t capacity = spiral__larger_capacity(b->note_capacity, rest);
    spiral_note *notes = realloc(b->midi->notes, capacity * sizeof *notes);
    if (!notes) return spiral__no_memory(b->err, capacity * sizeof *notes);
    b->midi->notes = notes;
    b->note_capacity = capacity;
    return SPIRAL_OK;
}

spiral_status spiral__midi_builder_unpaired_off(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                                unsigned slot) {
    b->last_off_ticks = at_ticks;
    return spiral__unpaired_add_off(&b->unpaired, rest, b->open->port, slot, at_ticks, b->err);
}

static void begin_port(spiral__open_notes *open, unsigned port, size_t first_note) {
    open->port = (uint8_t)port;
    for (int channel = 0; channel < 16; channel++) open->begin[channel] = (uint32_t)first_note;
}

/* The table of a further port of this track, allocated or reused; NULL: no memory. */
static spiral__open_notes *other_port(spiral__midi_builder *b, unsigned port) {
    if (b->other_used == b->other_count) {
        spiral__open_notes *open = calloc(1, sizeof *open);
        if (!open) return NULL;
        b->other_open[b->other_count++] = open;
    }
    spiral__open_notes *open = b->other_open[b->other_used++];
    begin_port(open, port, b->begin.notes);
    return open;
}

bool spiral__midi_builder_port(spiral__midi_builder *b, unsigned port, spiral_status *status) {
    *status = SPIRAL_OK;
    if (b->midi->note_count == b->begin.notes) return b->first_open.port = (uint8_t)port, true;
    spiral__open_notes *open = b->first_open.port == port ? &b->first_open : NULL;
    for (int i = 0; !open && i < b->other_used; i++)
        if (b->other_open[i]->port == port) open = b->other_open[i];
    if (!open && b->other_used == SPIRAL_MIDI_TRACK_PORTS_MAX - 1) return false;
    if (!open) open = other_port(b, port);
    if (!open) return *status = spiral__no_memory(b->err, sizeof *open), true;
    b->open = open;
    return true;
}

spiral_status spiral__midi_builder_all_off(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                           unsigned channel) {
    SPIRAL_TRY(spiral__pairing_end_channel(b->open, b->midi, channel, at_ticks, b->err));
    return spiral__unpaired_add_all_off(&b->unpaired, rest, b->open->port, channel, at_ticks, b->err);
}

/* Where the music of a track ends, for notes that nothing ends: with its last note-off, if that is the last
 * event of a note; else a whole note after the last note-on, but not after the track. */
static int64_t music_end(const spiral__midi_builder *b, int64_t track_end_ticks) {
    const spiral_midi *midi = b->midi;
    if (midi->note_count == b->begin.notes) return track_end_ticks;
    int64_t last_on = midi->notes[midi->note_count - 1].on_ticks, last = last_on + spiral__whole_note(midi);
    if (b->last_off_ticks > last_on) return b->last_off_ticks;
    return last < track_end_ticks ? last : track_end_ticks;
}

/* Makes port 0 the current one, without open notes. */
static void reset_ports(spiral__midi_builder *b) {
    b->open = &b->first_open;
    b->other_used = 0;
    b->last_off_ticks = -1;
    begin_port(&b->first_open, 0, b->begin.notes);
}

void spiral__midi_builder_begin_track(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    b->begin = (spiral__builder_state){.notes = midi->note_count,
                                       .events = midi->event_count,
                                       .tempos = b->tempos.count,
                                       .meters = b->meters.count,
                                       .pedals = b->pedals.count,
                                       .percussion = b->percussion.settings.count,
                                       .offs = b->unpaired.off_count,
                                       .all_offs = b->unpaired.all_off_count,
                                       .had_name = midi->name != NULL,
                                       .had_text = midi->text != NULL};
    memcpy(b->begin.warnings, midi->warnings, sizeof b->begin.warnings);
    memcpy(b->begin.not_kept, midi->not_kept, sizeof b->begin.not_kept);
    reset_ports(b);
}

static void close_all(spiral__open_notes *open) {
    if (open->count) memset(open->first, 0, sizeof open->first);
    open->count = 0;
}

static void free_text(char **text, bool keep) {
    if (keep) return;
    free(*text);
    *text = NULL;
}

void spiral__midi_builder_undo_track(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    midi->note_count = b->begin.notes;
    midi->event_count = b->begin.events;
    b->tempos.count = b->begin.tempos;
    b->meters.count = b->begin.meters;
    b->pedals.count = b->begin.pedals;
    b->percussion.settings.count = b->begin.percussion;
    b->unpaired.off_count = b->begin.offs;
    b->unpaired.all_off_count = b->begin.all_offs;
    free_text(&midi->name, b->begin.had_name);
    free_text(&midi->text, b->begin.had_text);
    memcpy(midi->warnings, b->begin.warnings, sizeof b->begin.warnings);
    memcpy(midi->not_kept, b->begin.not_kept, sizeof b->begin.not_kept);
    close_all(&b->first_open);
    for (int i = 0; i < b->other_used; i++) close_all(b->other_open[i]);
    reset_ports(b);
}

bool spiral__midi_builder_has_open_notes(const spiral__midi_builder *b) {
    size_t open = b->first_open.count;
    for (int i = 0; i < b->other_used; i++) open += b->other_open[i]->count;
    return open > 0;
}

spiral_status spiral__midi_builder_end_track(spiral__midi_builder *b, int64_t at_ticks) {
    const int64_t end = music_end(b, at_ticks);
    SPIRAL_TRY(spiral__pairing_end_track(&b->first_open, b->midi, end, &b->unpaired, b->err));
    for (int i = 0; i < b->other_used; i++)
        SPIRAL_TRY(spiral__pairing_end_track(b->other_open[i], b->midi, end, &b->unpaired, b->err));
    return SPIRAL_OK;
}

/* Frees the unused end of the array, and sorts. */
static spiral_status finish_notes(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    SPIRAL_TRY(spiral__pairing_finish(&b->unpaired, midi, midi->format != 2, b->err));
    if (midi->note_count == 0) {
        free(midi->notes);
        midi->notes = NULL;
        return SPIRAL_OK;
    }
    spiral_note *notes = realloc(midi->notes, midi->note_count * sizeof *notes);
    if (notes) midi->notes = notes;
    SPIRAL_TRY(spiral__notes_sort(midi->notes, midi->note_count, b->err));
    spiral__percussion_mark(&b->percussion, midi->notes, midi->note_count);
    return SPIRAL_OK;
}

/* ---- tempos, metres, pedals ---- */

spiral_status spiral__midi_builder_tempo(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         uint32_t us_per_quarter) {
    return spiral__timed_events_add(&b->tempos, rest, at_ticks, us_per_quarter, b->err);
}

spiral_status spiral__midi_builder_meter(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         unsigned numerator, unsigned log2_denominator) {
    return spiral__timed_events_add(&b->meters, rest, at_ticks, numerator << 8 | log2_denominator, b->err);
}

/* A pedal event as a number. Track 16 bits, port 7, all ports and channels 1, channel 4, pedals 2, down 1. */
enum { ALL_PORTS = 1 << 7 };
static uint32_t pedal_value(unsigned track, unsigned port, unsigned channel, unsigned pedals, bool down) {
    return track << 16 | port << 9 | channel << 3 | pedals << 1 | down;
}

spiral_status spiral__midi_builder_pedal(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned channel, unsigned pedals, bool down) {
    return spiral__timed_events_add(&b->pedals, rest, at_ticks,
                                    pedal_value(track, b->open->port, channel, pedals, down), b->err);
}

spiral_status spiral__midi_builder_begin_sequence(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                                  uint16_t track) {
    enum { QUARTERS_LOG2 = 2 };
    if (b->pedals.count)
        SPIRAL_TRY(spiral__timed_events_add(&b->pedals, rest, at_ticks,
                                            pedal_value(track, 0, 0, SPIRAL__PEDAL_BITS, false) | ALL_PORTS,
                                            b->err));
    SPIRAL_TRY(spiral__percussion_reset(&b->percussion, rest, at_ticks, b->err));
    SPIRAL_TRY(spiral__midi_builder_tempo(b, rest, at_ticks, SPIRAL__TEMPO_DEFAULT));
    return spiral__midi_builder_meter(b, rest, at_ticks, 4, QUARTERS_LOG2);
}

static spiral_status finish_tempos(spiral__midi_builder *b) {
    spiral__timed_events *list = &b->tempos;
    spiral_midi *midi = b->midi;
    if (list->count == 0) return SPIRAL_OK;
    spiral__timed_events_sort_and_keep_last(list);
    midi->tempos = malloc(list->count * sizeof *midi->tempos);
    if (!midi->tempos) return spiral__no_memory(b->err, list->count * sizeof *midi->tempos);
    midi->tempo_count = list->count;
    for (size_t i = 0; i < list->count; i++)
        midi->tempos[i] = (spiral_tempo){list->items[i].at_ticks, (int32_t)list->items[i].value, 0};
    spiral__tempo_fill_seconds(midi);
    return SPIRAL_OK;
}

static spiral_status finish_meters(spiral__midi_builder *b) {
    spiral__timed_events *list = &b->meters;
    spiral_midi *midi = b->midi;
    if (list->count == 0) return SPIRAL_OK;
    spiral__timed_events_sort_and_keep_last(list);
    midi->meters = malloc(list->count * sizeof *midi->meters);
    if (!midi->meters) return spiral__no_memory(b->err, list->count * sizeof *midi->meters);
    midi->meter_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        const spiral__timed_event *e = &list->items[i];
        midi->meters[i] = (spiral_meter){e->at_ticks, (int)(e->value >> 8), 1 << (e->value & 255)};
    }
    return SPIRAL_OK;
}

/* Which pedals are down: a bit per channel. */
typedef struct pedal_state {
    uint16_t down[2][SPIRAL_MIDI_PORT_MAX + 1]; /* by spiral_pedal_kind and port */
} pedal_state;

/* Applies an event to one port, and writes what it changes to pedals, unless that is NULL. channels: a bit
 * for each. Returns the number of changes. */
static size_t move_pedals(pedal_state *state, const spiral__timed_event *e, unsigned port, unsigned channels,
                          spiral_pedal *pedals) {
    size_t n = 0;
    const bool down = e->value & 1;
    for (unsigned kind = 0; kind < 2; kind++) {
        uint16_t *now = &state->down[kind][port];
        unsigned moved = e->value >> (1 + kind) & 1 ? channels & (down ? ~*now : *now) : 0;
        *now = (uint16_t)(*now ^ moved);
        for (; moved; moved &= moved - 1, n++) {
            const uint16_t track = (uint16_t)(e->value >> 16);
            const uint8_t channel = (uint8_t)__builtin_ctz(moved);
            if (pedals)
                pedals[n] = (spiral_pedal){e->at_ticks, track, channel, down, (uint8_t)port, (uint8_t)kind};
        }
    }
    return n;
}

/* Writes the changes of all pedals to pedals, unless that is NULL; returns their number. */
static size_t list_pedal_changes(const spiral__timed_events *list, spiral_pedal *pedals) {
    size_t n = 0;
    pedal_state state = {0};
    for (size_t i = 0; i < list->count; i++) {
        const spiral__timed_event *e = &list->items[i];
        const bool all = e->value & ALL_PORTS;
        const unsigned channels = all ? 0xffff : 1u << (e->value >> 3 & 15);
        unsigned port = all ? 0 : e->value >> 9 & SPIRAL_MIDI_PORT_MAX;
        const unsigned last = all ? SPIRAL_MIDI_PORT_MAX : port;
        for (; port <= last; port++) n += move_pedals(&state, e, port, channels, pedals ? pedals + n : NULL);
    }
    return n;
}

static spiral_status finish_pedals(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    spiral__timed_events_sort(&b->pedals);
    size_t n = list_pedal_changes(&b->pedals, NULL);
    if (n == 0) return SPIRAL_OK;
    midi->pedals = malloc(n * sizeof *midi->pedals);
    if (!midi->pedals) return spiral__no_memory(b->err, n * sizeof *midi->pedals);
    midi->pedal_count = list_pedal_changes(&b->pedals, midi->pedals);
    return SPIRAL_OK;
}

/* ---- channel events ---- */

spiral_status spiral__midi_builder_event(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned status, unsigned first, unsigned second) {
    enum { COUNT_FIRST = 16 };
    spiral_midi *midi = b->midi;
    if (midi->event_count == b->event_capacity) {
        size_t capacity = spiral__larger_capacity(midi->event_count ? midi->event_count : COUNT_FIRST, rest);
        spiral_channel_event *events = realloc(midi->events, capacity * sizeof *events);
        if (!events) return spiral__no_memory(b->err, capacity * sizeof *events);
        midi->events = events;
        b->event_capacity = capacity;
    }
    midi->events[midi->event_count++] = (spiral_channel_event){
        at_ticks, track, b->open->port, (uint8_t)status, {(uint8_t)first, (uint8_t)second}};
    return SPIRAL_OK;
}

/* Sorts by time and keeps the order of the file at each tick. Tracks are in order, so most halves need no
 * merging. left: memory for n / 2 events. */
static void sort_events(spiral_channel_event *e, size_t n, spiral_channel_event *left) {
    const size_t half = n / 2;
    if (n < 2) return;
    sort_events(e, half, left);
    sort_events(e + half, n - half, left);
    if (e[half - 1].at_ticks <= e[half].at_ticks) return;
    memcpy(left, e, half * sizeof *e);
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        e[k] = j < n && e[j].at_ticks < left[i].at_ticks ? e[j++] : left[i++];
}

static spiral_status finish_events(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    const size_t n = midi->event_count;
    size_t i = 1;
    if (n == 0) {
        free(midi->events); /* those of a track that was read again without any */
        midi->events = NULL;
        return SPIRAL_OK;
    }
    spiral_channel_event *events = realloc(midi->events, n * sizeof *events);
    if (events) midi->events = events;
    while (i < n && midi->events[i - 1].at_ticks <= midi->events[i].at_ticks) i++;
    if (i >= n) return SPIRAL_OK;
    spiral_channel_event *left = malloc(n / 2 * sizeof *left);
    if (!left) return spiral__no_memory(b->err, n / 2 * sizeof *left);
    sort_events(midi->events, n, left);
    free(left);
    return SPIRAL_OK;
}

spiral_status spiral__midi_builder_finish(spiral__midi_builder *b) {
    SPIRAL_TRY(finish_notes(b));
    SPIRAL_TRY(finish_tempos(b));
    SPIRAL_TRY(finish_meters(b));
    SPIRAL_TRY(finish_pedals(b));
    return finish_events(b);
}
