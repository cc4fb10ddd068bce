/* SPDX-License-Identifier: MIT
 *
 * Which notes are percussion: by General MIDI, or by GS, XG or GM2 if the file says so; and that a written
 * file has the same percussion.
 */
#include "testing.h"

#include "smf_check.h"

/* The messages, as events with a delta time of 0. GS_RHYTHM is followed by the part, 10 .. 1F; 15; 0, 1 or 2;
 * the checksum; F7. */
#define GM_ON     "\x00\xf0\x05\x7e\x7f\x09\x01\xf7"
#define GM2_ON    "\x00\xf0\x05\x7e\x7f\x09\x03\xf7"
#define GS_RESET  "\x00\xf0\x0a\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7"
#define XG_ON     "\x00\xf0\x08\x43\x10\x4c\x00\x00\x7e\x00\xf7"
#define GS_RHYTHM "\x00\xf0\x0a\x41\x10\x42\x12\x40"

/* A file with `setup` on its first track, and on the second these events. */
static void make_file(const char *setup, size_t setup_size, const char *events, size_t size) {
    smf track = {.size = 0};
    smf_add(&track, setup, setup_size);
    SMF_ADD(&track, SMF_EOT);
    smf_header(&f, 1, 2, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    track.size = 0;
    smf_add(&track, events, size);
    SMF_ADD(&track, SMF_EOT);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
}
#define CHECK(setup, events, notes)                                      \
    do {                                                                 \
        make_file(setup, sizeof(setup) - 1, events, sizeof(events) - 1); \
        check_and_write(notes);                                          \
    } while (0)

/* Asserts that f has these notes, before and after it is written and read again. */
static void check_and_write(const char *notes) {
    char text[300];
    spiral_midi midi = read_file();
    check_text(&midi, "", notes);
    spiral_midi back = written_and_read(&midi);
    assert_string_equal(notes_text(&back, text, sizeof text), notes);
    spiral_midi_clear(&midi);
    spiral_midi_clear(&back);
}

static void test_channel_10_is_percussion_in_general_midi(void **state) {
    (void)state;
    CHECK("", "\x00\x99\x24\x40\x10\x24\x00\x00\x9a\x24\x40\x10\x24\x00", "1:9 36/64 0-16, 1:10 36/64 16-32");
    spiral_midi midi = read_file();
    assert_int_equal(spiral_note_is_drum(&midi.notes[0]), 1);
    assert_int_equal(spiral_note_is_drum(&midi.notes[1]), 0);
    spiral_midi_clear(&midi);
}

static void test_gs_rhythm_part_makes_its_channel_percussion(void **state) {
    (void)state;
    static const char notes[] =
        "\x00\x9a\x24\x40\x10\x24\x00\x00\x99\x24\x40\x10\x24\x00\x00\x90\x24\x40\x10\x24\x00";
    CHECK(GS_RHYTHM "\x1a\x15\x02\x0f\xf7", notes, "1:10 36/64 0-16 drum, 1:9 36/64 16-32, 1:0 36/64 32-48");
    CHECK(GS_RESET GS_RHYTHM "\x1a\x15\x01\x10\xf7", notes,
          "1:10 36/64 0-16 drum, 1:9 36/64 16-32, 1:0 36/64 32-48");
    CHECK(GS_RHYTHM "\x11\x15\x02\x18\xf7", notes, "1:10 36/64 0-16, 1:9 36/64 16-32, 1:0 36/64 32-48 drum");
    CHECK(GS_RHYTHM "\x1a\x15\x00\x11\xf7", notes, "1:10 36/64 0-16, 1:9 36/64 16-32, 1:0 36/64 32-48");
    /* from 40 1A 13 on, three parameters: 13, 14 and 15 */
    CHECK("\x00\xf0\x0c\x41\x10\x42\x12\x40\x1a\x13\x00\x00\x01\x12\xf7", notes,
          "1:10 36/64 0-16 drum, 1:9 36/64 16-32, 1:0 36/64 32-48");
    /* the same two: 13 and 14 */
    CHECK("\x00\xf0\x0b\x41\x10\x42\x12\x40\x1a\x13\x01\x01\x11\xf7", notes,
          "1:10 36/64 0-16, 1:9 36/64 16-32, 1:0 36/64 32-48");
}

static void test_channel_10_is_melodic_where_gs_says_so(void **state) {
    (void)state;
    static const char notes[] = "\x00\xc9\x00\x00\x99\x3c\x40\x10\x3c\x00";
    CHECK(GS_RHYTHM "\x10\x15\x00\x1b\xf7", notes, "1:9 60/64 0-16 no drum");
    /* until a reset */
    CHECK(GS_RHYTHM "\x10\x15\x00\x1b\xf7" GS_RESET, notes, "1:9 60/64 0-16");
    CHECK(GS_RHYTHM "\x10\x15\x00\x1b\xf7" GM_ON, notes, "1:9 60/64 0-16");
}

static void test_xg_drum_banks_make_their_channel_percussion(void **state) {
    (void)state;
    static const char kit[] = "\x00\xba\x00\x7f\x00\xca\x00\x00\x9a\x24\x40\x10\x24\x00";
    static const char effects[] = "\x00\xba\x00\x7e\x00\x9a\x24\x40\x10\x24\x00";
    static const char melody[] = "\x00\xb9\x00\x00\x00\x99\x3c\x40\x10\x3c\x00";
    CHECK(XG_ON, kit, "1:10 36/64 0-16 drum");
    CHECK(XG_ON, effects, "1:10 36/64 0-16 drum");
    CHECK("", kit, "1:10 36/64 0-16 drum"); /* without a reset message banks count */
    CHECK(XG_ON, melody, "1:9 60/64 0-16 no drum");
    CHECK("", melody, "1:9 60/64 0-16");
    CHECK(GS_RESET, kit, "1:10 36/64 0-16"); /* on a GS module it is a set of old sounds */
    /* part mode: part 0A is a drum part, part 09 a normal one */
    CHECK("\x00\xf0\x08\x43\x10\x4c\x08\x0a\x07\x01\xf7", "\x00\x9a\x24\x40\x10\x24\x00",
          "1:10 36/64 0-16 drum");
    CHECK("\x00\xf0\x08\x43\x10\x4c\x08\x09\x07\x00\xf7", "\x00\x99\x24\x40\x10\x24\x00",
          "1:9 36/64 0-16 no drum");
}

static void test_gm2_banks_choose_percussion_and_melody(void **state) {
    (void)state;
    static const char rhythm[] = "\x00\xba\x00\x78\x00\x9a\x24\x40\x10\x24\x00";
    static const char melody[] = "\x00\xb9\x00\x79\x00\x99\x3c\x40\x10\x3c\x00";
    CHECK(GM2_ON, rhythm, "1:10 36/64 0-16 drum");
    CHECK(GM2_ON, melody, "1:9 60/64 0-16 no drum");
    CHECK("", rhythm, "1:10 36/64 0-16 drum");
    CHECK("", melody, "1:9 60/64 0-16 no drum");
    CHECK(GM2_ON, "\x00\xba\x00\x7f\x00\x9a\x24\x40\x10\x24\x00", "1:10 36/64 0-16");
}

/* A setting acts on the notes of all tracks from its tick on. */
static void test_percussion_changes_with_time(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x10\xba\x00\x7f\x20\xba\x00\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x9a\x24\x40\x10\x24\x00\x00\x26\x40\x10\x26\x00\x10\x28\x40\x10\x28\x00" SMF_EOT);
    check_and_write("1:10 36/64 0-16, 1:10 38/64 16-32 drum, 1:10 40/64 48-64");
}

/* The bank selects of a written file, which has no XG message, would give other percussion. At one tick, on
 * tracks after the first one and before it. */
static void test_bank_selects_that_need_other_messages_are_kept(void **state) {
    (void)state;
    static const char banks[] = "\x00\xb9\x00\x00\x00\xb0\x00\x7f\x00\xba\x00\x7e";
    char events[200], text[300];
    CHECK(XG_ON, "\x00\xb9\x00\x00\x00\x99\x24\x40\x10\x24\x00", "1:9 36/64 0-16 no drum");
    memcpy(events, banks, sizeof banks - 1);
    memcpy(events + sizeof banks - 1, "\x00\x99\x24\x40\x00\x90\x24\x40\x00\x9a\x24\x40\x10\x24\x00", 15);
    make_file(GS_RESET, sizeof GS_RESET - 1, events,
              sizeof banks - 1 + 15); /* GS: the banks change nothing */
    spiral_midi midi = read_file();
    spiral_midi back = written_and_read(&midi);
    assert_string_equal(events_text(&back, text, sizeof text), "1 0 b9 00 00, 1 0 b0 00 7f, 1 0 ba 00 7e");
    assert_int_equal(back.note_count, 3);
    for (size_t i = 0; i < back.note_count; i++) assert_int_equal(back.notes[i].drum, SPIRAL_DRUM_BY_CHANNEL);
    size_t size;
    assert_int_equal(spiral_midi_size(&back, &size, NULL), SPIRAL_OK);
    size_t with_banks = size;
    back.notes[0].drum = back.notes[1].drum = back.notes[2].drum = SPIRAL_DRUM_YES; /* as the banks say */
    assert_int_equal(spiral_midi_size(&back, &size, NULL), SPIRAL_OK);
    assert_true(size < with_banks); /* no message is needed */
    spiral_midi_clear(&midi);
    spiral_midi_clear(&back);
}

/* Each port has its own settings. */
static void test_percussion_of_ports(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x01" GS_RHYTHM "\x1a\x15\x02\x0f\xf7" SMF_EOT);
    SMF_TRACK(&f, "\x00\x9a\x24\x40\x10\x24\x00\x00\xff\x21\x01\x01\x00\x9a\x26\x40\x10\x26\x00" SMF_EOT);
    check_and_write("1:10 36/64 0-16, 1:10 38/64 16-32 port 1 drum");
}

static void test_sequences_of_format_2_begin_as_general_midi(void **state) {
    (void)state;
    smf_header(&f, 2, 2, 96);
    SMF_TRACK(&f, GS_RHYTHM "\x1a\x15\x02\x0f\xf7\x00\x9a\x24\x40\x10\x24\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x9a\x24\x40\x10\x24\x00" SMF_EOT);
    check_and_write("0:10 36/64 0-16 drum, 1:10 36/64 16-32");
}

/* Two notes at one tick on one channel: MIDI cannot express that only one of them is percussion. */
static void test_percussion_that_midi_cannot_express_is_refused(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 16, 0, 3, 36, 64, 0, SPIRAL_DRUM_YES}, {0, 16, 0, 3, 38, 64, 0, 0}};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = 2, .notes = notes};
    size_t size;
    spiral_error err = {0};
    assert_fails(spiral_midi_size(&midi, &size, &err), SPIRAL_BAD_ARG, &err, "channel 3", "tick 0",
                 "percussion");
    notes[1].on_ticks = 1;
    assert_int_equal(spiral_midi_size(&midi, &size, &err), SPIRAL_OK);
    notes[1].drum = 3;
    assert_fails(spiral_midi_size(&midi, &size, &err), SPIRAL_BAD_ARG, &err, "drum 3", "0..2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_10_is_percussion_in_general_midi),
        cmocka_unit_test(test_gs_rhythm_part_makes_its_channel_percussion),
        cmocka_unit_test(test_channel_10_is_melodic_where_gs_says_so),
        cmocka_unit_test(test_xg_drum_banks_make_their_channel_percussion),
        cmocka_unit_test(test_gm2_banks_choose_percussion_and_melody),
        cmocka_unit_test(test_percussion_changes_with_time),
        cmocka_unit_test(test_bank_selects_that_need_other_messages_are_kept),
        cmocka_unit_test(test_percussion_of_ports),
        cmocka_unit_test(test_sequences_of_format_2_begin_as_general_midi),
        cmocka_unit_test(test_percussion_that_midi_cannot_express_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
