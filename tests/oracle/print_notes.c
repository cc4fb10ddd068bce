/* SPDX-License-Identifier: MIT
 *
 * Prints the library's reading of MIDI files, for comparison with another reader:
 *
 *     file PATH
 *     error SENTENCE                                  or:
 *     warnings COUNT ...                              in the order of SPIRAL_MIDI_WARNING_LIST
 *     name TEXT                                       if it has one
 *     tempo AT US_PER_QUARTER                         per tempo, in order
 *     meter AT NUMERATOR DENOMINATOR
 *     pedal AT TRACK CHANNEL DOWN
 *     event AT TRACK STATUS DATA DATA                 programs, controllers and pitch bends, in order
 *     note TRACK CHANNEL PITCH VELOCITY ON OFF ON_S OFF_S     per note, in order
 *
 *     print-notes PATH...
 *     print-notes --write FORMAT FROM TO     reads FROM, writes it to TO in this format (0: all on one
 * track), and prints what is read from TO
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spiral/midi.h"

static void print_midi(const spiral_midi *midi) {
    printf("warnings");
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) printf(" %u", (unsigned)midi->warnings[i]);
    printf("\n");
    if (midi->name) printf("name %s\n", midi->name);
    for (size_t i = 0; i < midi->tempo_count; i++)
        printf("tempo %lld %d\n", (long long)midi->tempos[i].at_ticks, (int)midi->tempos[i].us_per_quarter);
    for (size_t i = 0; i < midi->meter_count; i++)
        printf("meter %lld %d %d\n", (long long)midi->meters[i].at_ticks, midi->meters[i].numerator,
               midi->meters[i].denominator);
    for (size_t i = 0; i < midi->pedal_count; i++)
        printf("pedal %lld %d %d %d\n", (long long)midi->pedals[i].at_ticks, midi->pedals[i].track,
               midi->pedals[i].channel, midi->pedals[i].down);
    for (size_t i = 0; i < midi->event_count; i++) {
        const spiral_channel_event *e = &midi->events[i];
        printf("event %lld %d %d %d %d\n", (long long)e->at_ticks, e->track, e->status, e->data[0],
               e->data[1]);
    }
    for (size_t i = 0; i < midi->note_count; i++) {
        const spiral_note *n = &midi->notes[i];
        printf("note %d %d %d %d %lld %lld %.17g %.17g\n", n->track, n->channel, n->pitch, n->velocity,
               (long long)n->on_ticks, (long long)n->off_ticks, spiral_midi_seconds(midi, n->on_ticks),
               spiral_midi_seconds(midi, n->off_ticks));
    }
}

static void print_file(const char *path) {
    spiral_midi midi;
    spiral_error err;
    printf("file %s\n", path);
    if (spiral_midi_load(path, &midi, &err) != SPIRAL_OK) {
        printf("error %s\n", err.text);
        return;
    }
    print_midi(&midi);
    spiral_midi_clear(&midi);
}

static int write_file(int format, const char *from, const char *to) {
    spiral_midi midi;
    spiral_error err;
    if (spiral_midi_load(from, &midi, &err) != SPIRAL_OK) return fprintf(stderr, "%s\n", err.text), 1;
    midi.format = format;
    if (format == 0) {
        midi.tracks = 1;
        for (size_t i = 0; i < midi.note_count; i++) midi.notes[i].track = 0;
        for (size_t i = 0; i < midi.pedal_count; i++) midi.pedals[i].track = 0;
        for (size_t i = 0; i < midi.event_count; i++) midi.events[i].track = 0;
    }
    spiral_status status = spiral_midi_save(&midi, to, &err);
    spiral_midi_clear(&midi);
    if (status != SPIRAL_OK) return fprintf(stderr, "%s\n", err.text), 1;
    print_file(to);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "--write")) return write_file(atoi(argv[2]), argv[3], argv[4]);
    for (int i = 1; i < argc; i++) print_file(argv[i]);
    return 0;
}
