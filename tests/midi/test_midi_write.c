/* SPDX-License-Identifier: MIT
 *
 * The MIDI writer: the exact bytes of a small piece, random pieces written and read again, and what is
 * refused.
 */
#include <unistd.h>

#include "testing.h"

#include "base/rng.h"
#include "midi_text.h"
#include "smf.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned char *write_bytes(const spiral_midi *midi, size_t *size) {
    spiral_error err = {0};
    if (spiral_midi_size(midi, size, &err) != SPIRAL_OK) fail_msg("size: %s", err.text);
    unsigned char *bytes = malloc(*size);
    if (spiral_midi_write(midi, bytes, *size, &err) != SPIRAL_OK) fail_msg("write: %s", err.text);
    return bytes;
}

static void assert_bytes(const spiral_midi *midi, const char *expected, size_t expected_size) {
    size_t size;
    unsigned char *bytes = write_bytes(midi, &size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

static void same_note(const spiral_note *a, const spiral_note *b) {
    assert_int_equal(a->on_ticks, b->on_ticks);
    assert_int_equal(a->off_ticks, b->off_ticks);
    assert_int_equal(a->track, b->track);
    assert_int_equal(a->channel, b->channel);
    assert_int_equal(a->pitch, b->pitch);
    assert_int_equal(a->velocity, b->velocity);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->drum, b->drum);
}

static void same_pedal(const spiral_pedal *a, const spiral_pedal *b) {
    assert_int_equal(a->at_ticks, b->at_ticks);
    assert_int_equal(a->track, b->track);
    assert_int_equal(a->channel, b->channel);
    assert_int_equal(a->down, b->down);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->kind, b->kind);
}

static void same_event(const spiral_channel_event *a, const spiral_channel_event *b) {
    assert_int_equal(a->at_ticks, b->at_ticks);
    assert_int_equal(a->track, b->track);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->data[0], b->data[0]);
    assert_int_equal(a->data[1], b->data[1]);
}

/* Asserts that b is a after writing and reading: control characters become spaces. */
static void same_text(const char *a, const char *b) {
    assert_int_equal(!a, !b);
    if (!a) return;
    assert_int_equal(strlen(a), strlen(b));
    for (; *a; a++, b++) assert_int_equal(*b, *a > 0 && *a < ' ' && !strchr("\t\n\r", *a) ? ' ' : *a);
}

/* Compares everything that the writer keeps; a's notes are in order. */
static void same(const spiral_midi *a, const spiral_midi *b) {
    assert_int_equal(a->ticks_per_quarter, b->ticks_per_quarter);
    assert_true(a->ticks_per_s == b->ticks_per_s);
    assert_int_equal(a->end_ticks, b->end_ticks);
    assert_int_equal(a->note_count, b->note_count);
    for (size_t i = 0; i < a->note_count; i++) same_note(&a->notes[i], &b->notes[i]);
    assert_int_equal(a->tempo_count, b->tempo_count);
    for (size_t i = 0; i < a->tempo_count; i++) {
        assert_int_equal(a->tempos[i].at_ticks, b->tempos[i].at_ticks);
        assert_int_equal(a->tempos[i].us_per_quarter, b->tempos[i].us_per_quarter);
    }
    assert_int_equal(a->meter_count, b->meter_count);
    for (size_t i = 0; i < a->meter_count; i++) {
        assert_int_equal(a->meters[i].at_ticks, b->meters[i].at_ticks);
        assert_int_equal(a->meters[i].numerator, b->meters[i].numerator);
        assert_int_equal(a->meters[i].denominator, b->meters[i].denominator);
    }
    assert_int_equal(a->pedal_count, b->pedal_count);
    for (size_t i = 0; i < a->pedal_count; i++) same_pedal(&a->pedals[i], &b->pedals[i]);
    assert_int_equal(a->event_count, b->event_count);
    for (size_t i = 0; i < a->event_count; i++) same_event(&a->events[i], &b->events[i]);
    same_text(a->name, b->name);
    same_text(a->text, b->text);
}

static void test_exact_bytes_of_a_small_piece(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 96, 0, 0, 60, 100}, {96, 192, 0, 0, 60, 101}, {96, 96, 0, 1, 64, 7}};
    spiral_tempo tempos[] = {{0, 600000, 0}};
    spiral_meter meters[] = {{96, 6, 8}};
    spiral_midi midi = {.ticks_per_quarter = 96,
                        .note_count = COUNT(notes),
                        .notes = notes,
                        .tempo_count = 1,
                        .tempos = tempos,
                        .meter_count = 1,
                        .meters = meters,
                        .end_ticks = 400,
                        .name = "n",
                        .text = "t"};
    static const char expected[] = "MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x34"
                                   "\0\xff\x03\1n\0\xff\x01\1t\0\xff\x51\3\x09\x27\xc0\0\x90\x3c\x64"
                                   "\x60\xff\x58\4\6\3\x18\x08\0\x90\x3c\0\0\x3c\x65\0\x91\x40\7\0\x40\0"
                                   "\x60\x90\x3c\0\x81\x50\xff\x2f\0";
    size_t size;
    unsigned char *bytes = write_bytes(&midi, &size);
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(bytes, expected, size);
    spiral_error err = {0};
    assert_fails(spiral_midi_write(&midi, bytes, size - 1, &err), SPIRAL_BAD_ARG, &err,
                 "the MIDI file takes 74 bytes, not 73");
    free(bytes);
}

/* Two ports, with percussion on channel 11 of the second, set by a message on the first track. */
static void test_exact_bytes_of_ports_and_percussion(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 16, 0, 0, 60, 100, 0, 0}, {8, 16, 0, 10, 36, 100, 2, SPIRAL_DRUM_YES}};
    spiral_pedal pedals[] = {{0, 0, 0, 1, 0, SPIRAL_PEDAL_SOSTENUTO},
                             {16, 0, 10, 0, 2, SPIRAL_PEDAL_SUSTAIN}};
    spiral_midi midi = {.ticks_per_quarter = 96,
                        .note_count = COUNT(notes),
                        .notes = notes,
                        .pedal_count = COUNT(pedals),
                        .pedals = pedals,
                        .end_ticks = 16};
    static const char expected[] =
        "MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x38"
        "\0\xb0\x42\x7f\0\x90\x3c\x64"
        "\x08\xff\x21\1\2\0\xf0\x0a\x41\x10\x42\x12\x40\x1a\x15\1\x10\xf7\0\x9a\x24\x64"
        "\x08\xff\x21\1\0\0\x90\x3c\0"
        "\0\xff\x21\1\2\0\x9a\x24\0\0\xba\x40\0"
        "\0\xff\x2f\0";
    assert_bytes(&midi, expected, sizeof expected - 1);
}

/* At one tick: the note-off, the pedal, the events in their order, the note-on. A program has one data byte,
 * and a second program the same running status. */
static void test_exact_bytes_of_channel_events(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 16, 0, 0, 60, 100}, {16, 32, 0, 0, 62, 100}};
    spiral_pedal pedals[] = {{16, 0, 0, 1, 0, SPIRAL_PEDAL_SUSTAIN}};
    spiral_channel_event events[] = {{0, 0, 0, 0xc0, {5, 0}},     {0, 0, 0, 0xc0, {6, 0}},
                                     {16, 0, 0, 0xb0, {7, 80}},   {16, 0, 0, 0xe0, {1, 64}},
                                     {16, 0, 0, 0xc0, {127, 0}},  {16, 0, 0, 0xbf, {119, 0}},
                                     {16, 0, 3, 0xef, {127, 127}}};
    spiral_midi midi = {.ticks_per_quarter = 96,
                        .note_count = COUNT(notes),
                        .notes = notes,
                        .pedal_count = COUNT(pedals),
                        .pedals = pedals,
                        .event_count = COUNT(events),
                        .events = events,
                        .end_ticks = 32};
    static const char expected[] = "MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x37"
                                   "\0\xc0\5\0\6\0\x90\x3c\x64"
                                   "\x10\x3c\0\0\xb0\x40\x7f\0\7\x50\0\xe0\1\x40\0\xc0\x7f\0\xbf\x77\0"
                                   "\0\xff\x21\1\3\0\xef\x7f\x7f\0\xff\x21\1\0\0\x90\x3e\x64"
                                   "\x10\x3e\0\0\xff\x2f\0";
    assert_bytes(&midi, expected, sizeof expected - 1);
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
}

/* Tracks and ports of their own; and more ports before the first note than may follow it. */
static void test_channel_events_of_tracks_and_ports_come_back(void **state) {
    (void)state;
    enum { PORTS = SPIRAL_MIDI_PORT_MAX + 1 };
    spiral_note notes[] = {{0, 16, 1, 0, 60, 100, 5}};
    spiral_channel_event events[2 * PORTS + 1];
    for (int i = 0; i < 2 * PORTS; i++)
        events[i] = (spiral_channel_event){0, (uint16_t)(1 + i / PORTS), (uint8_t)(i % PORTS), 0xc1, {3, 0}};
    events[2 * PORTS] = (spiral_channel_event){20, 1, 5, 0xb0, {1, 2}};
    spiral_midi midi = {.format = 1,
                        .ticks_per_quarter = 96,
                        .tracks = 3,
                        .note_count = 1,
                        .notes = notes,
                        .event_count = COUNT(events),
                        .events = events,
                        .end_ticks = 20};
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    assert_int_equal(back.tracks, 3);
    spiral_midi_clear(&back);
}

/* Three tracks whose events alternate in time: all events of a tick are in the order of the file. */
static void test_channel_events_are_read_in_order_of_time(void **state) {
    (void)state;
    static smf f;
    smf_header(&f, 1, 3, 96);
    SMF_TRACK(&f, "\x10\xc0\x05\x00\x06\x10\xe1\x00\x40\x00\xb1\x01\x05\x00\x01\x04" SMF_EOT);
    SMF_TRACK(&f,
              "\x08\xc2\x07\x08\xb2\x40\x7f\x00\x0a\x01\x00\xff\x21\x01\x02\x00\x0a\x02\x20\xc2\x01" SMF_EOT);
    SMF_TRACK(&f, "\x00\xb3\x00\x01\x00\x42\x7f\x00\x78\x00\x00\x79\x00\x00\x7f\x00\x00\xd3\x05\x00\xa3\x3c"
                  "\x05" SMF_EOT);
    spiral_midi midi;
    char text[500];
    assert_int_equal(spiral_midi_read(f.bytes, f.size, &midi, NULL), SPIRAL_OK);
    assert_string_equal(
        events_text(&midi, text, sizeof text),
        "2 0 b3 00 01, 1 8 c2 07 00, 0 16 c0 05 00, 0 16 c0 06 00, 1 16 b2 0a 01, "
        "1 16 b2 0a 02 port 2, 0 32 e1 00 40, 0 32 b1 01 05, 0 32 b1 01 04, 1 48 c2 01 00 port 2");
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
    spiral_midi_clear(&midi);
    smf_header(&f, 2, 2, 96); /* sequences follow one another */
    SMF_TRACK(&f, "\x10\xc0\x05\x10\xff\x2f\x00");
    SMF_TRACK(&f, "\x08\xc0\x06" SMF_EOT);
    assert_int_equal(spiral_midi_read(f.bytes, f.size, &midi, NULL), SPIRAL_OK);
    assert_string_equal(events_text(&midi, text, sizeof text), "0 16 c0 05 00, 1 40 c0 06 00");
    spiral_midi_clear(&midi);
}

static void test_overlapping_notes_come_back(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 30, 0, 0, 60, 1},  {0, 30, 0, 0, 60, 2},  {10, 30, 0, 0, 60, 3},
                           {10, 40, 0, 0, 60, 4}, {30, 40, 0, 0, 60, 5}, {40, 40, 0, 0, 60, 6},
                           {40, 40, 0, 0, 60, 7}, {40, 50, 0, 0, 60, 8}};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = COUNT(notes), .notes = notes, .end_ticks = 50};
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
}

static void test_notes_may_be_in_any_order(void **state) {
    (void)state;
    spiral_note sorted[] = {{0, 30, 0, 0, 60, 1}, {0, 40, 0, 0, 60, 2}, {10, 20, 0, 0, 59, 3}};
    spiral_note mixed[] = {sorted[2], sorted[1], sorted[0]};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = 3, .notes = mixed, .end_ticks = 40};
    spiral_midi back = written_and_read(&midi);
    for (int i = 0; i < 3; i++) same_note(&back.notes[i], &sorted[i]);
    assert_int_equal(mixed[0].velocity, 3); /* the caller's array is not changed */
    spiral_midi_clear(&back);
}

static void test_tracks_keep_their_numbers(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 30, 3, 0, 60, 1}, {0, 20, 5, 0, 60, 2}};
    spiral_midi midi = {.format = 1, .ticks_per_quarter = 96, .tracks = 8, .note_count = 2, .notes = notes};
    for (int format = 1; format <= 2; format++) {
        midi.format = format;
        midi.end_ticks = 0; /* before the end of the last note: written as that end */
        spiral_midi back = written_and_read(&midi);
        assert_int_equal(back.format, 1);
        assert_int_equal(back.tracks, 8);
        assert_int_equal(back.end_ticks, 30);
        midi.end_ticks = 30;
        same_note(&back.notes[0], &notes[0]);
        same_note(&back.notes[1], &notes[1]);
        spiral_midi_clear(&back);
    }
}

static void test_pauses_longer_than_one_number_come_back(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 0xfffffff, 0, 0, 60, 1},
                           {0x10000000, 0x30000000, 0, 0, 61, 2},
                           {SPIRAL_MIDI_TICKS_MAX - 1, SPIRAL_MIDI_TICKS_MAX, 0, 0, 62, 3}};
    spiral_midi midi = {.ticks_per_quarter = 1, .note_count = 3, .notes = notes};
    midi.end_ticks = SPIRAL_MIDI_TICKS_MAX;
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
}

static void test_smpte_rates_come_back(void **state) {
    (void)state;
    static const double rates[] = {24, 25 * 40, 30 * 255, 30000.0 * 80 / 1001, 30000.0 / 1001};
    spiral_note notes[] = {{0, 30, 0, 0, 60, 1}};
    for (size_t i = 0; i < COUNT(rates); i++) {
        spiral_midi midi = {.ticks_per_s = rates[i], .note_count = 1, .notes = notes, .end_ticks = 30};
        spiral_midi back = written_and_read(&midi);
        same(&midi, &back);
        spiral_midi_clear(&back);
    }
}

static void test_empty_piece_has_one_track(void **state) {
    (void)state;
    spiral_midi midi = {.ticks_per_quarter = 480, .name = "", .text = ""};
    spiral_midi back = written_and_read(&midi);
    assert_null(back.name);
    assert_null(back.text);
    assert_int_equal(back.tracks, 1);
    assert_int_equal(back.note_count, 0);
    spiral_midi_clear(&back);
}

/* The reader would take a text with control characters for events of wrong length. */
static void test_control_characters_of_texts_become_spaces(void **state) {
    (void)state;
    char name[121], spaces[121];
    memset(name, '\f', 120);
    memset(spaces, ' ', 120);
    memcpy(name + 30, "\x8b\f-\x7f\t\n\r\x1b", 8);
    memcpy(spaces + 30, "\x8b -\x7f\t\n\r ", 8);
    name[120] = spaces[120] = 0;
    spiral_note notes[] = {{0, 120, 0, 0, 48, 56}, {120, 140, 0, 0, 55, 56}};
    spiral_midi midi = {.ticks_per_quarter = 480,
                        .end_ticks = 140,
                        .note_count = 2,
                        .notes = notes,
                        .name = name,
                        .text = "a\x01z"};
    spiral_midi back = written_and_read(&midi);
    assert_string_equal(back.name, spaces);
    assert_string_equal(back.text, "a z");
    assert_int_equal(back.note_count, 2);
    spiral_midi_clear(&back);
}

/* Random events read as MIDI give valid pieces of all kinds, and these can be written. */
static void test_random_pieces_come_back(void **state) {
    (void)state;
    const uint64_t seed = 7;
    print_message("# seed %llu\n", (unsigned long long)seed);
    spiral__rng rng = spiral__rng_init(seed, 0);
    size_t notes = 0, events = 0;
    for (int round = 0; round < 300; round++) {
        static smf f;
        int tracks = (int)spiral__rng_below(&rng, 4), format = (int)spiral__rng_below(&rng, 3);
        smf_header(&f, (unsigned)format, (unsigned)tracks, 1 + (unsigned)spiral__rng_below(&rng, 32767));
        for (int t = 0; t < tracks; t++) {
            smf track = {.size = 0};
            for (int i = (int)spiral__rng_below(&rng, 200); i > 0; i--) {
                unsigned what = (unsigned)spiral__rng_below(&rng, 20);
                unsigned a = (unsigned)spiral__rng_below(&rng, 256),
                         b = (unsigned)spiral__rng_below(&rng, 256);
                track.bytes[track.size++] = (unsigned char)(a & b & 15);
                if (what == 3)
                    smf_add(&track, (unsigned char[]){0xff, 0x21, 1, b % 3}, 4);
                else if (what == 4)
                    smf_add(&track, (unsigned char[]){0xb0 | (a & 1), 64 + (b & 2), a & 127}, 3);
                else if (what == 5) /* banks that are percussion in XG and GM2, and some that are not */
                    smf_add(&track, (unsigned char[]){0xb0 | (a & 1) * 9, 0, 119 + b % 9}, 3);
                else if (what == 7)
                    smf_add(&track, (unsigned char[]){0xb0 | (a & 1), 1 + b % 12, a & 127}, 3);
                else if (what == 8)
                    smf_add(&track, (unsigned char[]){0xe0 | (a & 1), b & 127, a & 127}, 3);
                else if (what == 9)
                    smf_add(&track, (unsigned char[]){0xc0 | (a & 1), b & 127}, 2);
                else if (what == 6 && b < 64) /* sometimes "all notes off" */
                    smf_add(&track, (unsigned char[]){0xb0 | (a & 1), 120 + b % 8, 0}, 3);
                else if (what == 0)
                    smf_add(&track, (unsigned char[]){0xff, 0x51, 3, (uint8_t)a, (uint8_t)b, 1}, 6);
                else if (what == 1)
                    smf_add(&track, (unsigned char[]){0xff, 0x58, 4, 1 + a % 255, b % 7, 24, 8}, 7);
                else if (what == 2)
                    smf_add(&track, (unsigned char[]){0xff, 1 + 2 * (a & 1), 1, 1 + b % 255}, 4);
                else
                    smf_add(&track,
                            (unsigned char[]){0x90 | (a & 1) * 9, 60 + b % 4, a & 128 ? 0 : 1 + a % 127}, 3);
            }
            SMF_ADD(&track, SMF_EOT);
            smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
        }
        spiral_midi midi;
        assert_int_equal(spiral_midi_read(f.bytes, f.size, &midi, NULL), SPIRAL_OK);
        notes += midi.note_count;
        events += midi.event_count;
        spiral_midi back = written_and_read(&midi);
        same(&midi, &back);
        assert_int_equal(back.tracks, midi.tracks ? midi.tracks : 1);
        spiral_midi_clear(&midi);
        spiral_midi_clear(&back);
    }
    assert_true(notes > 10000 && events > 5000);
}

/* spiral_midi_size and spiral_midi_write refuse it; the message contains these words. */
#define REFUSED(midi, ...)                                                                          \
    do {                                                                                            \
        size_t size_ = 1;                                                                           \
        spiral_error err_ = {0};                                                                    \
        assert_fails(spiral_midi_size(&(midi), &size_, &err_), SPIRAL_BAD_ARG, &err_, __VA_ARGS__); \
        assert_int_equal(size_, 0);                                                                 \
        assert_int_equal(spiral_midi_write(&(midi), NULL, 0, NULL), SPIRAL_BAD_ARG);                \
    } while (0)

static void test_note_inside_another_is_refused(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 30, 0, 2, 60, 1}, {10, 20, 0, 2, 60, 2}};
    spiral_midi midi = {.format = 1, .ticks_per_quarter = 96, .note_count = 2, .notes = notes};
    REFUSED(midi, "track 0, channel 2, key 60: the note at tick 10 lies inside an earlier one that ends at "
                  "tick 30, which MIDI cannot express");
    notes[1].track = 1; /* allowed on another track */
    midi.end_ticks = 30;
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
}

static void test_more_ports_than_a_track_may_have_are_refused(void **state) {
    (void)state;
    spiral_note notes[SPIRAL_MIDI_TRACK_PORTS_MAX + 1] = {{0, 0, 0, 0, 0, 0, 0, 0}};
    for (int i = 0; i <= SPIRAL_MIDI_TRACK_PORTS_MAX; i++)
        notes[i] = (spiral_note){10 * i, 10 * i + 5, 0, 0, 60, 1, (uint8_t)(7 * i), 0};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = SPIRAL_MIDI_TRACK_PORTS_MAX, .notes = notes};
    midi.end_ticks = 10 * SPIRAL_MIDI_TRACK_PORTS_MAX - 5;
    spiral_midi back = written_and_read(&midi);
    same(&midi, &back);
    spiral_midi_clear(&back);
    midi.note_count++;
    REFUSED(midi, "track 0 has more than 16 ports from its first note on");
}

static void test_note_out_of_range_is_refused(void **state) {
    (void)state;
    const spiral_note good = {5, 30, 0, 0, 60, 1};
    spiral_note note = good;
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = 1, .notes = &note};
#define BAD(field, value, ...)              \
    do {                                    \
        note = good;                        \
        note.field = value;                 \
        REFUSED(midi, #field, __VA_ARGS__); \
    } while (0)
    BAD(on_ticks, -1, "note 0: on_ticks -1 is not within 0..274877906943");
    BAD(off_ticks, 4, "4", "5..274877906943");
    BAD(off_ticks, SPIRAL_MIDI_TICKS_MAX + 1, "274877906944", "5..274877906943");
    BAD(channel, 16, "16", "0..15");
    BAD(pitch, 128, "128", "0..127");
    BAD(velocity, 0, "0", "1..127");
    BAD(velocity, 128, "128", "1..127");
    BAD(track, 65535, "65535", "0..65534");
    BAD(port, 128, "128", "0..127");
    BAD(drum, 3, "3", "0..2");
    BAD(track, 1, "format 0 has one track, not 2");
#undef BAD
}

static void test_field_out_of_range_is_refused(void **state) {
    (void)state;
    const spiral_midi good = {.ticks_per_quarter = 96};
    spiral_tempo tempos[2] = {{0, 0, 0}, {0, 500000, 0}};
    spiral_meter meters[2] = {{0, 4, 4}, {0, 4, 4}};
    spiral_pedal pedals[2] = {{10, 0, 0, 1}, {20, 1, 3, 0}};
    spiral_midi midi;
#define BAD(field, value, ...)      \
    do {                            \
        midi = good;                \
        midi.field = value;         \
        REFUSED(midi, __VA_ARGS__); \
    } while (0)
    BAD(format, 3, "format 3 is not 0, 1 or 2");
    BAD(tracks, 65536, "65536 tracks are not within 0..65535");
    BAD(end_ticks, -1, "end_ticks -1 is not within 0..274877906943");
    BAD(ticks_per_quarter, 32768, "32768 ticks per quarter are not within 1..32767");
    BAD(ticks_per_quarter, 0, "0 ticks per second are not 24, 25, 30000/1001 or 30 frames times 1..255");
#undef BAD
    midi = (spiral_midi){.ticks_per_s = 1001};
    REFUSED(midi, "1001");
    midi = good, midi.tempo_count = 2, midi.tempos = tempos;
    REFUSED(midi, "tempo 0", "us_per_quarter 0", "1..16777215");
    tempos[0].us_per_quarter = 1;
    REFUSED(midi, "tempo 1", "at_ticks 0", "1..274877906943");
    midi = good, midi.meter_count = 2, midi.meters = meters;
    REFUSED(midi, "meter 1", "at_ticks 0", "1..274877906943");
    meters[0].numerator = 256;
    REFUSED(midi, "meter 0", "numerator 256", "1..255");
    meters[0].numerator = 3, meters[0].denominator = 12;
    REFUSED(midi, "meter 0: denominator 12 is not a power of two");
    meters[0].denominator = 128;
    REFUSED(midi, "meter 0", "denominator 128", "1..64");
    midi = good, midi.pedal_count = 2, midi.pedals = pedals;
    REFUSED(midi, "format 0", "2");
    midi.format = 1;
    const spiral_pedal second = pedals[1];
    pedals[1].at_ticks = 9;
    REFUSED(midi, "pedal 1", "at_ticks 9", "10..274877906943");
    pedals[1] = second, pedals[1].at_ticks = 10, pedals[0].track = 2;
    REFUSED(midi, "pedal 1", "track 1", "2..65534");
    pedals[0].track = 0, pedals[1] = second, pedals[1].track = 65535;
    REFUSED(midi, "pedal 1", "track 65535", "0..65534");
    pedals[1] = second, pedals[1].channel = 16;
    REFUSED(midi, "pedal 1", "channel 16", "0..15");
    pedals[1] = second, pedals[1].down = 2;
    REFUSED(midi, "pedal 1", "down 2", "0..1");
    pedals[1] = second, pedals[1].port = 128;
    REFUSED(midi, "pedal 1", "port 128", "0..127");
    pedals[1] = second, pedals[1].kind = 2;
    REFUSED(midi, "pedal 1", "kind 2", "0..1");
}

static void test_channel_event_out_of_range_is_refused(void **state) {
    (void)state;
    spiral_channel_event events[2];
    const spiral_channel_event good[2] = {{10, 0, 0, 0xb0, {7, 0}}, {20, 1, 0, 0xc3, {127, 0}}};
    spiral_midi midi = {.format = 1, .ticks_per_quarter = 96, .event_count = 2, .events = events};
#define BAD(i, field, value, ...)          \
    do {                                   \
        memcpy(events, good, sizeof good); \
        events[i].field = value;           \
        REFUSED(midi, __VA_ARGS__);        \
    } while (0)
    BAD(0, at_ticks, -1, "event 0: at_ticks -1 is not within 0..274877906943");
    BAD(1, at_ticks, 9, "event 1: at_ticks 9 is not within 10..274877906943");
    BAD(1, track, 65535, "event 1: track 65535 is not within 0..65534");
    BAD(0, port, 128, "event 0: port 128 is not within 0..127");
    static const uint8_t others[] = {0, 0x7f, 0x80, 0x9f, 0xa0, 0xaf, 0xd0, 0xdf, 0xf0, 0xff};
    for (size_t k = 0; k < COUNT(others); k++)
        BAD(0, status, others[k], "event 0: status", "is not that of a controller, program or pitch bend");
    BAD(0, data[0], 120, "event 0: data[0] 120 is not within 0..119");
    BAD(0, data[0], 64, "event 0: controller 64 is a pedal");
    BAD(0, data[0], 66, "event 0: controller 66 is a pedal");
    BAD(0, data[1], 128, "event 0: data[1] 128 is not within 0..127");
    BAD(1, data[0], 128, "event 1: data[0] 128 is not within 0..127");
    BAD(1, data[1], 1, "event 1: data[1] 1 is not within 0..0");
#undef BAD
    memcpy(events, good, sizeof good);
    events[0].track = 2, events[1].at_ticks = 10;
    REFUSED(midi, "event 1: track 1 is not within 2..65534");
    midi.format = 0;
    memcpy(events, good, sizeof good);
    REFUSED(midi, "format 0 has one track, not 2");
}

static void test_save_writes_a_file_or_nothing(void **state) {
    (void)state;
    char path[] = "/tmp/spiral-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    spiral_note notes[] = {{0, 30, 0, 0, 60, 1}};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = 1, .notes = notes, .end_ticks = 30}, back;
    assert_int_equal(spiral_midi_save(&midi, path, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_load(path, &back, NULL), SPIRAL_OK);
    same(&midi, &back);
    spiral_midi_clear(&back);
    unlink(path);
    spiral_error err = {0};
    assert_fails(spiral_midi_save(&midi, "/no/such/folder/a.mid", &err), SPIRAL_IO, &err,
                 "/no/such/folder/a.mid");
    notes[0].velocity = 0;
    assert_fails(spiral_midi_save(&midi, path, &err), SPIRAL_BAD_ARG, &err, "velocity 0");
    assert_int_equal(access(path, F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_bytes_of_a_small_piece),
        cmocka_unit_test(test_exact_bytes_of_ports_and_percussion),
        cmocka_unit_test(test_exact_bytes_of_channel_events),
        cmocka_unit_test(test_channel_events_of_tracks_and_ports_come_back),
        cmocka_unit_test(test_channel_events_are_read_in_order_of_time),
        cmocka_unit_test(test_overlapping_notes_come_back),
        cmocka_unit_test(test_notes_may_be_in_any_order),
        cmocka_unit_test(test_tracks_keep_their_numbers),
        cmocka_unit_test(test_pauses_longer_than_one_number_come_back),
        cmocka_unit_test(test_smpte_rates_come_back),
        cmocka_unit_test(test_empty_piece_has_one_track),
        cmocka_unit_test(test_control_characters_of_texts_become_spaces),
        cmocka_unit_test(test_random_pieces_come_back),
        cmocka_unit_test(test_note_inside_another_is_refused),
        cmocka_unit_test(test_more_ports_than_a_track_may_have_are_refused),
        cmocka_unit_test(test_note_out_of_range_is_refused),
        cmocka_unit_test(test_field_out_of_range_is_refused),
        cmocka_unit_test(test_channel_event_out_of_range_is_refused),
        cmocka_unit_test(test_save_writes_a_file_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
