/* SPDX-License-Identifier: MIT
 *
 * Which note-off ends which note: in correct files, first in, first out; in files in which an event is lost
 * or doubled, such that only one note changes; by controllers; across tracks; and for each port. Times are in
 * ticks, 96 per quarter.
 */
#include <stdbool.h>

#include "testing.h"

#include "base/rng.h"
#include "smf_check.h"

/* ---- correct files ---- */

static void test_restruck_key_ends_first_in_first_out(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x01\x08\x3c\x02\x08\x3c\x03\x08\x3c\x00\x08\x3c\x00\x08\x3c\x00" SMF_EOT);
    check("", "0:0 60/1 0-24, 0:0 60/2 8-32, 0:0 60/3 16-40");
}

static void test_note_offs_end_notes_of_their_own_channel_and_track(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x01\x00\x91\x3c\x02\x10\x81\x3c\x00\x10\x80\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x04\x90\x3c\x03\x04\x80\x3c\x00" SMF_EOT);
    check("", "0:0 60/1 0-32, 0:1 60/2 0-16, 1:0 60/3 4-8");
}

/* ---- a lost or doubled event ---- */

static void test_note_off_without_a_note_changes_nothing(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x80\x3c\x40\x00\x90\x3c\x64\x10\x3c\x00\x00\x3c\x00\x10\x3c\x65\x10\x3c\x00" SMF_EOT);
    check("NOTE_NEVER_STARTS 2", "0:0 60/100 0-16, 0:0 60/101 32-48");
}

/* Key 60 at 0, 32, 64 and 96 for 16 ticks each; the first note-off is missing, then the third. */
static void test_lost_note_off_ends_its_note_where_the_key_is_struck_again(void **state) {
    (void)state;
    SMF_ONE(
        &f,
        "\x00\x90\x3c\x01\x20\x3c\x02\x10\x3c\x00\x10\x3c\x03\x10\x3c\x00\x10\x3c\x04\x10\x3c\x00" SMF_EOT);
    check("NOTE_SHORTENED 1", "0:0 60/1 0-32, 0:0 60/2 32-48, 0:0 60/3 64-80, 0:0 60/4 96-112");
    SMF_ONE(
        &f,
        "\x00\x90\x3c\x01\x10\x3c\x00\x10\x3c\x02\x10\x3c\x00\x10\x3c\x03\x20\x3c\x04\x10\x3c\x00" SMF_EOT);
    check("NOTE_SHORTENED 1", "0:0 60/1 0-16, 0:0 60/2 32-48, 0:0 60/3 64-96, 0:0 60/4 96-112");
}

/* A unison written as on, on, off: the second note-on is the one that ends. */
static void test_doubled_note_on_is_dropped_and_later_notes_keep_their_ends(void **state) {
    (void)state;
    char notes[4000] = "0:0 60/90 0-96", *text = notes;
    smf track = {.size = 0};
    SMF_ADD(&track, "\x00\x90\x3c\x5a\x00\x90\x3c\x5a\x60\x80\x3c\x00");
    for (int i = 0; i < 112; i++) {
        char key = i % 4 ? 72 : 60;
        smf_add(&track, (char[]){0, (char)0x90, key, 90, 96, (char)0x80, key, 64}, 8);
        text += strlen(text);
        snprintf(text, 40, ", 0:0 %d/90 %d-%d", key, 96 * (i + 1), 96 * (i + 2));
    }
    SMF_ADD(&track, SMF_EOT);
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    spiral_midi midi = read_file();
    char read[4000];
    assert_string_equal(notes_text(&midi, read, sizeof read), notes);
    assert_string_equal(warnings_text(&midi, read, sizeof read), "NOTE_DROPPED 1");
    spiral_midi_clear(&midi);
}

static void test_doubled_note_off_changes_nothing(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x01\x10\x3c\x00\x00\x3c\x00\x10\x3c\x02\x10\x3c\x00" SMF_EOT);
    check("NOTE_NEVER_STARTS 1", "0:0 60/1 0-16, 0:0 60/2 32-48");
}

static void test_lost_note_on_loses_its_note_alone(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x01\x10\x3c\x00\x20\x3c\x00\x10\x3c\x03\x10\x3c\x00" SMF_EOT);
    check("NOTE_NEVER_STARTS 1", "0:0 60/1 0-16, 0:0 60/3 64-80");
}

/* Drum notes of zero length, each note-off at the tick of its note-on; the second note-off is missing. */
static void test_lost_note_off_among_notes_of_zero_length(void **state) {
    (void)state;
    SMF_ONE(
        &f,
        "\x00\x99\x26\x01\x00\x26\x00\x20\x26\x02\x20\x26\x03\x00\x26\x00\x20\x26\x04\x00\x26\x00" SMF_EOT);
    check("NOTE_SHORTENED 1", "0:9 38/1 0-0, 0:9 38/2 32-64, 0:9 38/3 64-64, 0:9 38/4 96-96");
}

/* A track of CHAIN notes of key 60, 20 and 12 ticks apart in turn, that last `length` ticks each; note `lost`
 * has no note-off. */
enum { CHAIN = 12 };
static int chain_tick(int i) { return 16 * i + i % 2 * 4; }
static void add_chain(int length, int lost) {
    smf track = {.size = 0};
    int now = 0;
    for (int tick = 0; tick <= chain_tick(CHAIN) + length; tick++)
        for (int i = 0; i < CHAIN; i++) {
            bool on = tick == chain_tick(i), off = tick == chain_tick(i) + length && i != lost;
            if (!on && !off) continue;
            smf_add(&track, (char[]){(char)(tick - now), (char)0x90, 60, on ? (char)(i + 1) : 0}, 4);
            now = tick;
        }
    SMF_ADD(&track, SMF_EOT);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
}

/* Asserts that the notes of f are those of the chain, that note `lost` ends at lost_off, and that they can be
 * written. */
static void check_chain(int length, int lost, int lost_off, const char *warnings) {
    char expected[1000] = "", *text = expected;
    for (int i = 0; i < CHAIN; i++) {
        text += strlen(text);
        snprintf(text, 40, "%s0:0 60/%d %d-%d", i ? ", " : "", i + 1, chain_tick(i),
                 i == lost ? lost_off : chain_tick(i) + length);
    }
    spiral_midi midi = read_file();
    check_text(&midi, warnings, expected);
    spiral_midi back = written_and_read(&midi);
    check_text(&back, "", expected);
    spiral_midi_clear(&back);
    spiral_midi_clear(&midi);
}

/* Each note overlaps the next, and the note-off of the sixth is missing. Only the lengths of the others show
 * which one is missing. */
static void test_lost_note_off_in_a_chain_of_overlapping_notes(void **state) {
    (void)state;
    smf_header(&f, 0, 1, 96);
    add_chain(24, 5);
    check_chain(24, 5, chain_tick(6), "NOTE_SHORTENED 1");
}

/* When the key is struck again, the note before the sixth still sounds. A file cannot say that the sixth ends
 * before that one does. */
static void test_note_without_a_note_off_ends_no_earlier_than_the_note_before_it(void **state) {
    (void)state;
    smf_header(&f, 0, 1, 96);
    add_chain(40, 5);
    check_chain(40, 5, chain_tick(4) + 40, "NOTE_SHORTENED 1");
    smf_header(&f, 0, 1, 96);
    add_chain(40, CHAIN - 1); /* the last one: its key is not struck again */
    check_chain(40, CHAIN - 1, chain_tick(CHAIN - 2) + 40, "NOTE_NEVER_ENDS 1");
    /* a note-off or all notes off on another track, while the note before it sounds, does not end it */
    smf_header(&f, 1, 2, 96);
    add_chain(40, 5);
    SMF_TRACK(&f, "\x58\x80\x3c\x40" SMF_EOT);
    check_chain(40, 5, chain_tick(4) + 40, "NOTE_NEVER_STARTS 1, NOTE_SHORTENED 1");
    smf_header(&f, 1, 2, 96);
    add_chain(40, 5);
    SMF_TRACK(&f, "\x58\xb0\x7b\x00" SMF_EOT);
    check_chain(40, 5, chain_tick(4) + 40, "NOTE_SHORTENED 1");
}

/* ---- notes that nothing ends ---- */

static void test_open_note_ends_with_the_music_of_its_track(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x00\x3e\x64\x10\x3e\x00\x87\x40\xff\x2f\x00"); /* the track: 976 ticks */
    SMF_TRACK(&f, "\x00\x90\x40\x64\x7f\x40\x00" SMF_EOT);
    check("NOTE_NEVER_ENDS 1", "0:0 60/100 0-16, 0:0 62/100 0-16, 1:0 64/100 0-127");
}

/* The last event of music is a note-on. The note lasts 384 ticks, a whole note, or to the end of the
 * track. */
static void test_open_note_does_not_last_until_a_late_end_of_track(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x60\x3c\x00\x00\x48\x64\x84\x80\x00\xff\x2f\x00");
    spiral_midi midi = read_file();
    check_text(&midi, "NOTE_NEVER_ENDS 1", "0:0 60/100 0-96, 0:0 72/100 96-480");
    assert_int_equal(midi.end_ticks, 96 + 65536);
    assert_int_equal(spiral_midi_music_end(&midi), 480);
    spiral_midi_clear(&midi);
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x65\x00\x9f\x7f\x01\x10\xff\x2f\x00");
    check("NOTE_NEVER_ENDS 2, NOTE_SHORTENED 1", "0:0 60/100 0-16, 0:0 60/101 16-32, 0:15 127/1 16-32");
    smf_header(&f, 0, 1, 0xe728); /* 1000 ticks a second: two seconds */
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x84\x80\x00\xff\x2f\x00");
    check("NOTE_NEVER_ENDS 1", "0:0 60/100 0-2000");
}

/* A tempo an hour after the last note does not make the music longer. */
static void test_tempos_behind_the_notes_are_no_music(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x51\x03\x07\xa1\x20\x8f\xff\x7f\xff\x51\x03\x03\xd0\x90" SMF_EOT);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x60\x3c\x00" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "1:0 60/100 0-96");
    assert_int_equal(midi.end_ticks, 262143);
    assert_int_equal(spiral_midi_music_end(&midi), 96);
    spiral_midi_clear(&midi);
    assert_int_equal(spiral_midi_music_end(&midi), 0);
}

/* ---- controllers ---- */

/* "All sound off", "all notes off" and the mode messages, which end all notes too. */
static void test_controllers_120_and_123_to_127_end_the_notes_of_their_channel(void **state) {
    (void)state;
    static const unsigned char numbers[] = {120, 123, 124, 125, 126, 127};
    for (size_t i = 0; i < sizeof numbers; i++) {
        SMF_ONE(&f, "\x00\x90\x3c\x64\x00\x40\x64\x00\x91\x3c\x64\x10\xb0?\x00\x10\x90\x3c\x65\x10\xb0?"
                    "\x00\x00\x81\x3c\x40" SMF_EOT);
        for (size_t k = 0; k < f.size; k++)
            if (f.bytes[k] == '?') f.bytes[k] = numbers[i];
        check("", "0:0 60/100 0-16, 0:1 60/100 0-48, 0:0 64/100 0-16, 0:0 60/101 32-48");
    }
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\xb0\x79\x00\x10\x90\x3c\x00" SMF_EOT); /* a reset ends no note */
    check("", "0:0 60/100 0-32");
}

/* A note-off is missing. The controller ends the last note, and the note without a note-off ends where the
 * key is struck again. */
static void test_controller_123_after_a_lost_note_off(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x01\x20\x3c\x02\x10\x3c\x00\x10\x3c\x03\x08\xb0\x7b\x00\x10\x90\x3c\x04\x10\x3c"
                "\x00" SMF_EOT);
    check("NOTE_SHORTENED 1", "0:0 60/1 0-32, 0:0 60/2 32-48, 0:0 60/3 64-72, 0:0 60/4 88-104");
    SMF_ONE(&f, "\x00\x90\x3c\x01\x00\x3c\x02\x10\xb0\x7b\x00" SMF_EOT);
    check("NOTE_DROPPED 1", "0:0 60/2 0-16");
}

static void test_controller_123_on_another_track_ends_notes_that_nothing_else_ends(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x00\x3e\x64\x00\x91\x3c\x64\x60\x90\x3e\x00\x00\x91\x3c\x00\x00\x90\x40"
                  "\x64\x60\x40\x00" SMF_EOT);
    SMF_TRACK(&f, "\x10\xb0\x7b\x00" SMF_EOT);
    check("", "0:0 60/100 0-16, 0:1 60/100 0-96, 0:0 62/100 0-96, 0:0 64/100 96-192");
}

/* ---- across tracks ---- */

static void test_note_off_on_another_track_ends_a_note_that_has_none_on_its_own(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x60\x90\x3c\x5a\x60\x3e\x5a\x60\x40\x5a\x8f\x00\xff\x2f\x00");
    SMF_TRACK(&f, "\x81\x40\x80\x3c\x40\x60\x3e\x40\x60\x40\x40\x8f\x00\xff\x2f\x00");
    check("NOTE_OTHER_TRACK 3", "0:0 60/90 96-192, 0:0 62/90 192-288, 0:0 64/90 288-384");
    /* not if it is of another channel */
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x5a\x60\xff\x2f\x00");
    SMF_TRACK(&f, "\x10\x81\x3c\x40" SMF_EOT);
    check("NOTE_NEVER_ENDS 1, NOTE_NEVER_STARTS 1", "0:0 60/90 0-96");
    /* nor if it comes before the note */
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x10\x90\x3c\x5a\x60\xff\x2f\x00");
    SMF_TRACK(&f, "\x10\x80\x3c\x40" SMF_EOT);
    check("NOTE_NEVER_ENDS 1, NOTE_NEVER_STARTS 1", "0:0 60/90 16-112");
}

/* On its own track the key is struck again before the other track's note-off comes. */
static void test_note_off_on_another_track_comes_after_the_key_is_struck_again(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x01\x20\x3c\x02\x10\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x60\x80\x3c\x40" SMF_EOT);
    check("NOTE_NEVER_STARTS 1, NOTE_SHORTENED 1", "0:0 60/1 0-32, 0:0 60/2 32-48");
}

static void test_sequences_of_format_2_do_not_end_each_others_notes(void **state) {
    (void)state;
    smf_header(&f, 2, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x5a\x60\xff\x2f\x00");
    SMF_TRACK(&f, "\x10\x80\x3c\x40" SMF_EOT);
    check("NOTE_NEVER_ENDS 1, NOTE_NEVER_STARTS 1", "0:0 60/90 0-96");
}

/* ---- ports ---- */

static void test_ports_keep_channels_apart(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x00\x00\x90\x3c\x01\x60\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x01\x00\x90\x3c\x02\x10\x3e\x03\x60\xff\x2f\x00"); /* no note-offs */
    check("NOTE_NEVER_ENDS 2", "0:0 60/1 0-96, 1:0 60/2 0-112 port 1, 1:0 62/3 16-112 port 1");
}

/* One track may address several ports: key 60 sounds on two of them. */
static void test_ports_change_within_a_track(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x01\x00\xff\x21\x01\x05\x08\x90\x3c\x02\x08\xff\x21\x01\x00\x00\x90\x3c\x00"
                "\x00\xff\x21\x01\x05\x10\x90\x3c\x00" SMF_EOT);
    check("", "0:0 60/1 0-16, 0:0 60/2 8-32 port 5");
    /* "all notes off" acts on its port */
    SMF_ONE(&f, "\x00\x90\x3c\x01\x00\xff\x21\x01\x05\x00\x90\x3e\x02\x08\xb0\x7b\x00\x08\xff\x21\x01\x00\x00"
                "\x90\x3c\x00" SMF_EOT);
    check("", "0:0 60/1 0-16, 0:0 62/2 0-8 port 5");
}

static void test_ports_beyond_the_limit_are_counted(void **state) {
    (void)state;
    smf track = {.size = 0};
    for (int port = 0; port < 20; port++)
        smf_add(&track, (char[]){0, (char)0xff, 0x21, 1, (char)port, 0, (char)0x90, 60, 1, 1, 60, 0}, 12);
    SMF_ADD(&track, "\x00\xff\x21\x01\x80\x00\xff\x21\x01\x00" SMF_EOT); /* port 128 does not exist */
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    spiral_midi midi = read_file();
    assert_int_equal(midi.note_count, 20);
    assert_int_equal(midi.notes[15].port, 15);
    assert_int_equal(midi.notes[19].port, 15);
    assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_BAD_DATA], 4 + 1);
    spiral_midi_clear(&midi);
}

/* ---- random faults ---- */

typedef struct piece_event {
    int tick, key, on;
} piece_event;

static int by_tick(const void *left, const void *right) {
    const piece_event *a = left, *b = right;
    if (a->tick != b->tick) return a->tick - b->tick;
    return a->on != b->on ? a->on - b->on : a->key - b->key;
}

/* The notes of a track of these events, without event `lost`, and with `doubled` twice. */
static spiral_midi read_events(const piece_event *e, int count, int lost, int doubled) {
    smf track = {.size = 0};
    for (int i = 0, now = 0; i < count; i++) {
        if (i == lost) continue;
        for (int times = 0; times <= (i == doubled); times++) {
            int delta = e[i].tick - now;
            smf_add(&track, (unsigned char[]){0x80 | (unsigned)delta >> 7, (unsigned)delta & 127}, 2);
            smf_add(&track, (unsigned char[]){0x90, (unsigned char)e[i].key, e[i].on ? 64 : 0}, 3);
            now = e[i].tick;
        }
    }
    SMF_ADD(&track, SMF_EOT);
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    return read_file();
}

/* How many notes of a are not in b. */
static int missing(const spiral_midi *a, const spiral_midi *b) {
    int n = 0;
    for (size_t i = 0; i < a->note_count; i++) {
        size_t k = 0;
        while (k < b->note_count && memcmp(&a->notes[i], &b->notes[k], sizeof *a->notes)) k++;
        n += k == b->note_count;
    }
    return n;
}

static void test_lost_or_doubled_event_changes_one_note(void **state) {
    (void)state;
    enum { NOTES = 80, KEYS = 5 };
    spiral__rng rng = spiral__rng_init(11, 1);
    for (int round = 0; round < 400; round++) {
        piece_event e[2 * NOTES];
        int free_at[KEYS] = {0}, count = 0;
        for (int i = 0; i < NOTES; i++) { /* a key is struck again when it is silent, perhaps immediately */
            int key = (int)spiral__rng_below(&rng, KEYS),
                on = free_at[key] + (int)spiral__rng_below(&rng, 3) * 24;
            int off = on + 12 + (int)spiral__rng_below(&rng, 4) * 12;
            free_at[key] = off;
            e[count++] = (piece_event){on, 60 + key, 1};
            e[count++] = (piece_event){off, 60 + key, 0};
        }
        qsort(e, (size_t)count, sizeof *e, by_tick);
        int at = (int)spiral__rng_below(&rng, (uint64_t)count), lost = round % 2 ? at : -1;
        spiral_midi whole = read_events(e, count, -1, -1),
                    faulty = read_events(e, count, lost, round % 2 ? -1 : at);
        if (missing(&whole, &faulty) > 1 || missing(&faulty, &whole) > 1)
            fail_msg("round %d: %d notes lost, %d added", round, missing(&whole, &faulty),
                     missing(&faulty, &whole));
        spiral_midi_clear(&whole);
        spiral_midi_clear(&faulty);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restruck_key_ends_first_in_first_out),
        cmocka_unit_test(test_note_offs_end_notes_of_their_own_channel_and_track),
        cmocka_unit_test(test_note_off_without_a_note_changes_nothing),
        cmocka_unit_test(test_lost_note_off_ends_its_note_where_the_key_is_struck_again),
        cmocka_unit_test(test_doubled_note_on_is_dropped_and_later_notes_keep_their_ends),
        cmocka_unit_test(test_doubled_note_off_changes_nothing),
        cmocka_unit_test(test_lost_note_on_loses_its_note_alone),
        cmocka_unit_test(test_lost_note_off_among_notes_of_zero_length),
        cmocka_unit_test(test_lost_note_off_in_a_chain_of_overlapping_notes),
        cmocka_unit_test(test_note_without_a_note_off_ends_no_earlier_than_the_note_before_it),
        cmocka_unit_test(test_open_note_ends_with_the_music_of_its_track),
        cmocka_unit_test(test_open_note_does_not_last_until_a_late_end_of_track),
        cmocka_unit_test(test_tempos_behind_the_notes_are_no_music),
        cmocka_unit_test(test_controllers_120_and_123_to_127_end_the_notes_of_their_channel),
        cmocka_unit_test(test_controller_123_after_a_lost_note_off),
        cmocka_unit_test(test_controller_123_on_another_track_ends_notes_that_nothing_else_ends),
        cmocka_unit_test(test_note_off_on_another_track_ends_a_note_that_has_none_on_its_own),
        cmocka_unit_test(test_note_off_on_another_track_comes_after_the_key_is_struck_again),
        cmocka_unit_test(test_sequences_of_format_2_do_not_end_each_others_notes),
        cmocka_unit_test(test_ports_keep_channels_apart),
        cmocka_unit_test(test_ports_change_within_a_track),
        cmocka_unit_test(test_ports_beyond_the_limit_are_counted),
        cmocka_unit_test(test_lost_or_doubled_event_changes_one_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
