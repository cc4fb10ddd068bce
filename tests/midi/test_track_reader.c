/* SPDX-License-Identifier: MIT
 *
 * Reading the events of a track: rules of the standard that are easily missed, and events that are read with
 * a warning. Headers and chunks: test_midi_read.c; which note-off ends which note: test_pairing.c; wrong or
 * missing bytes: test_track_repair.c.
 */
#include <math.h>

#include "testing.h"

#include "smf_check.h"

static void test_plain_file_fills_all_fields(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x60\x80\x3c\x40\x00\x91\x40\x50\x30\x81\x40\x00" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "0:0 60/100 0-96, 0:1 64/80 96-144");
    assert_int_equal(midi.format, 0);
    assert_int_equal(midi.tracks, 1);
    assert_int_equal(midi.ticks_per_quarter, 96);
    assert_true(midi.ticks_per_s == 0);
    assert_int_equal(midi.end_ticks, 144);
    assert_int_equal(midi.tempo_count + midi.meter_count, 0);
    assert_null(midi.name);
    assert_null(midi.text);
    assert_true(spiral_midi_seconds(&midi, 96) == 0.5); /* 120 bpm without a tempo */
    spiral_midi_clear(&midi);
    assert_null(midi.notes);
    spiral_midi_clear(&midi);
    spiral_midi_clear(NULL);
}

static void test_velocity_0_ends_a_note_and_running_status_holds(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x00\x3e\x65\x10\x3e\x00" SMF_EOT);
    check("", "0:0 60/100 0-16, 0:0 62/101 16-32");
}

static void test_running_status_holds_over_a_meta_event(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x00\xff\x01\x01x\x10\x3c\x00" SMF_EOT);
    check("", "0:0 60/100 0-16");
}

static void test_running_status_over_sysex_is_accepted_with_a_warning(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x00\xf0\x03\x01\x02\xf7\x10\x3c\x00\x00\x3e\x64\x01\x3e\x00" SMF_EOT);
    check("BAD_STATUS 1", "0:0 60/100 0-16, 0:0 62/100 16-17");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x00\xf7\x02\xf3\x01\x10\x90\x3c\x00" SMF_EOT);
    check("", "0:0 60/100 0-16");
}

static void test_running_status_ends_with_the_track(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x40\x64\x10\x90\x40\x64\x10\x40\x00" SMF_EOT);
    /* 40 64 10 are data bytes without a status; 90 is then read as the status of the event, 16 ticks early */
    check("BAD_STATUS 1", "0:0 60/100 0-16, 1:0 64/100 0-16");
}

static void test_channel_events_have_one_or_two_data_bytes(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xc0\x05\x00\x06\x00\xd0\x40\x00\xe0\x00\x40\x00\xb0\x07\x64\x00\xa0\x3c\x40"
                "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("", "0:0 60/100 0-16");
}

static void test_sysex_and_escape_events_are_skipped_whole(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xf0\x81\x00" /* 128 bytes */
                "1234567812345678123456781234567812345678123456781234567812345678"
                "1234567812345678123456781234567812345678123456781234567812345678"
                "\x00\xf7\x03\x90\x3c\x64\x00\x90\x3c\x64\x10\x80\x3c\x00" SMF_EOT);
    check("", "0:0 60/100 0-16"); /* the note-on inside the F7 event is not a note */
}

static void test_status_bytes_of_live_midi_are_skipped(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xf1\x7f\x00\xf2\x7f\x7f\x00\xf3\x7f\x00\xf4\x00\xf5\x00\xf6\x00\xf8\x00\xf9\x00\xfa"
                "\x00\xfb\x00\xfc\x00\xfd\x00\xfe\x00\x90\x3c\x64\x00\xf8\x10\x3c\x00" SMF_EOT);
    check("BAD_STATUS 14", "0:0 60/100 0-16");
}

static void test_zero_length_note_is_kept(void **state) {
    (void)state;
    SMF_ONE(&f, "\x05\x90\x3c\x64\x00\x3c\x00" SMF_EOT);
    check("", "0:0 60/100 5-5");
}

static void test_drums_are_kept(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x99\x24\x64\x10\x24\x00" SMF_EOT);
    check("", "0:9 36/100 0-16");
}

static void test_data_without_status_is_skipped(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x3c\x64\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("BAD_STATUS 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x3c\x64\x00");
    check("TRUNCATED 1, NO_END_OF_TRACK 1, BAD_STATUS 1", "");
}

static void test_track_cut_off_in_an_event_ends_there(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x90\x3e");
    check("TRUNCATED 1, NO_END_OF_TRACK 1, NOTE_NEVER_ENDS 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x00\xff\x01\x05"
                "abcd");
    check("TRUNCATED 1, NO_END_OF_TRACK 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x81");
    check("TRUNCATED 1, NO_END_OF_TRACK 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x10");
    check("TRUNCATED 1, NO_END_OF_TRACK 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x00\xff");
    check("TRUNCATED 1, NO_END_OF_TRACK 1", "0:0 60/100 0-16");
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00\x00\xff\x2f"); /* one byte is missing */
    check("TRUNCATED 1, NO_END_OF_TRACK 1", "0:0 60/100 0-16");
}

static void test_delta_times_of_one_to_four_bytes(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x81\x00\x3c\x00"         /* 128 */
                "\x00\x3c\x64\xff\x7f\x3c\x00"             /* 16383 */
                "\x00\x3c\x64\x81\x80\x00\x3c\x00"         /* 16384 */
                "\x00\x3c\x64\xff\xff\xff\x7f\x3c\x00"     /* 2^28 - 1 */
                "\x80\x00\x3c\x64\x80\x80\x80\x05\x3c\x00" /* 0 and 5, with more bytes than needed */
            SMF_EOT);
    check("", "0:0 60/100 0-128, 0:0 60/100 128-16511, 0:0 60/100 16511-32895, "
              "0:0 60/100 32895-268468350, 0:0 60/100 268468350-268468355");
}

static void test_number_beyond_28_bits_counts_as_0(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x81\x80\x80\x80\x00\x3c\x00\x07\x3e\x64\x08\x3e\x00" SMF_EOT);
    check("BAD_DELTA 1", "0:0 60/100 0-0, 0:0 62/100 7-15");
    SMF_ONE(&f, "\x00\x90\x3c\x64\xff\xff\xff\xff\xff\xff");
    check("TRUNCATED 1, NO_END_OF_TRACK 1, NOTE_NEVER_ENDS 1", "0:0 60/100 0-0");
}

static void test_time_beyond_the_limit_does_not_advance(void **state) {
    (void)state;
    f.size = 0;
    smf track = {.size = 0};
    for (int i = 0; i < 1025; i++) SMF_ADD(&track, "\xff\xff\xff\x7f\x90\x3c\x01");
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    spiral_midi midi = read_file();
    assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_BAD_DELTA], 1);
    assert_true(midi.end_ticks == INT64_C(1024) * 0xfffffff);
    assert_true(midi.end_ticks <= SPIRAL_MIDI_TICKS_MAX);
    spiral_midi_clear(&midi);
}

static void test_tempos_of_all_tracks_make_one_map(void **state) {
    (void)state;
    /* Tempos in two tracks, two at one tick (the last in the file counts), one in the middle of a note. */
    smf_header(&f, 1, 2, 100);
    SMF_TRACK(&f,
              "\x00\xff\x51\x03\x07\xa1\x20\x64\xff\x51\x03\x0f\x42\x40\x00\xff\x51\x03\x03\xd0\x90" SMF_EOT);
    SMF_TRACK(&f,
              "\x32\xff\x51\x03\x1e\x84\x80\x32\xff\x51\x03\x03\xd0\x91\x64\x90\x3c\x64\x64\x3c\x00" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "1:0 60/100 200-300");
    assert_int_equal(midi.tempo_count, 3);
    static const int64_t at[] = {0, 50, 100};
    static const int us[] = {500000, 2000000, 250001};
    static const double at_s[] = {0, 0.25, 1.25};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(midi.tempos[i].at_ticks, at[i]);
        assert_int_equal(midi.tempos[i].us_per_quarter, us[i]);
        assert_true(midi.tempos[i].at_s == at_s[i]);
        assert_true(spiral_midi_seconds(&midi, at[i]) == at_s[i]);
    }
    assert_true(fabs(spiral_midi_seconds(&midi, 75) - 0.75) < 1e-15);
    assert_true(fabs(spiral_midi_seconds(&midi, 300) - 1.750002) < 1e-15);
    spiral_midi_clear(&midi);
}

static void test_tempo_is_120_before_the_first_tempo_event(void **state) {
    (void)state;
    SMF_ONE(&f, "\x60\xff\x51\x03\x0f\x42\x40" SMF_EOT);
    spiral_midi midi = read_file();
    assert_true(spiral_midi_seconds(&midi, 48) == 0.25);
    assert_true(spiral_midi_seconds(&midi, 192) == 1.5);
    spiral_midi_clear(&midi);
}

static void test_invalid_tempos_and_meters_are_skipped(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xff\x51\x03\x00\x00\x00"       /* 0 us per quarter */
                "\x00\xff\x51\x02\x07\xa1"           /* too short */
                "\x60\xff\x51\x04\x07\xa1\x20\x00"   /* too long, but usable */
                "\x00\xff\x58\x04\x00\x02\x18\x08"   /* numerator 0 */
                "\x00\xff\x58\x04\x04\x07\x18\x08"   /* 4/128 */
                "\x00\xff\x58\x01\x04"               /* too short */
                "\x00\xff\x58\x02\x03\x03" SMF_EOT); /* too short, but usable */
    spiral_midi midi = read_file();
    check_text(&midi, "BAD_DATA 7", "");
    assert_int_equal(midi.tempo_count, 1);
    assert_int_equal(midi.tempos[0].at_ticks, 96);
    assert_int_equal(midi.tempos[0].us_per_quarter, 500000);
    assert_int_equal(midi.meter_count, 1);
    assert_int_equal(midi.meters[0].numerator, 3);
    assert_int_equal(midi.meters[0].denominator, 8);
    spiral_midi_clear(&midi);
}

static void test_last_meter_of_a_tick_counts(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xff\x58\x04\x06\x03\x24\x08\x60\xff\x58\x04\x02\x01\x18\x08"
                "\x00\xff\x58\x04\xff\x06\x18\x08" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "");
    assert_int_equal(midi.meter_count, 2);
    assert_int_equal(midi.meters[0].numerator, 6);
    assert_int_equal(midi.meters[0].denominator, 8);
    assert_int_equal(midi.meters[1].at_ticks, 96);
    assert_int_equal(midi.meters[1].numerator, 255);
    assert_int_equal(midi.meters[1].denominator, 64);
    spiral_midi_clear(&midi);
}

static void test_first_nonempty_name_and_text_are_kept(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x03\x00\x00\xff\x01\x03\0ab\x00\xff\x01\x03"
                  "a\0b" SMF_EOT);
    SMF_TRACK(&f, "\x00\xff\x03\x04\xc3\xa9\xb0\xa1\x00\xff\x03\x01x\x00\xff\x01\x01x" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "");
    assert_string_equal(midi.name, "\xc3\xa9\xb0\xa1"); /* the bytes of the file */
    assert_string_equal(midi.text, "a");
    spiral_midi_clear(&midi);
}

static void test_warning_names(void **state) {
    (void)state;
    assert_string_equal(spiral_midi_warning_name(SPIRAL_MIDI_WARN_NOTE_NEVER_STARTS),
                        "note-off without a note");
    assert_string_equal(spiral_midi_warning_name(SPIRAL_MIDI_WARNING_COUNT), "unknown warning");
    assert_string_equal(spiral_midi_warning_name((spiral_midi_warning)-1), "unknown warning");
}

/* Each kind of event that is skipped: once, and twice in a track that is read again because it is damaged. */
static void test_events_that_are_not_kept_are_counted(void **state) {
    (void)state;
    static const char events[] =
        "\x00\xc0\x05\x00\xb0\x00\x00\x00\xe0\x00\x40\x00\xa0\x3c\x05\x00\xd0\x05"
        "\x00\xf0\x01\xf7\x00\xff\x04\x01i\x00\xff\x02\x01(\x00\xff\x05\x01l"
        "\x00\xff\x07\x01m\x00\xff\x59\x02\x00\x00\x00\xff\x7f\x01\x01"
        "\x00\xb0\x40\x7f\x00\xb0\x42\x00\x00\xb0\x7b\x00\x00\xb0\x79\x00\x00\xff\x03\x01n\x00\xff\x01\x01t";
    static const char counts[] =
        "1 x reset of all controllers; 2 x aftertouch; "
        "1 x system exclusive message; 1 x name; 1 x text; 1 x lyric; 1 x marker or cue; "
        "1 x key signature; 1 x other meta event";
    char text[400];
    for (int damaged = 0; damaged <= 1; damaged++) {
        smf track = {.size = 0};
        smf_add(&track, events, sizeof events - 1);
        if (damaged) SMF_ADD(&track, "\x00\x90\x3c\xc8\x10\x80\x3c\x40");
        SMF_ADD(&track, SMF_EOT);
        smf_header(&f, 0, 1, 96);
        smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
        spiral_midi midi = read_file();
        assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_BAD_DATA], damaged);
        assert_int_equal(spiral_midi_not_kept_text(midi.not_kept, text, sizeof text), sizeof counts - 1);
        assert_string_equal(text, counts);
        assert_string_equal(events_text(&midi, text, sizeof text),
                            "0 0 c0 05 00, 0 0 b0 00 00, 0 0 e0 00 40");
        assert_string_equal(midi.name, "n");
        assert_string_equal(midi.text, "t");
        spiral_midi_clear(&midi);
    }
}

static void test_warnings_as_text_are_cut_off_like_snprintf(void **state) {
    (void)state;
    static const char whole[] = "1 x track without an end-of-track event; 12 x note-off without a note";
    const uint32_t none[SPIRAL_MIDI_WARNING_COUNT] = {0},
                   two[SPIRAL_MIDI_WARNING_COUNT] = {
                       [SPIRAL_MIDI_WARN_NO_END_OF_TRACK] = 1, [SPIRAL_MIDI_WARN_NOTE_NEVER_STARTS] = 12};
    char text[100] = "x";
    assert_int_equal(spiral_midi_warnings_text(none, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(spiral_midi_warnings_text(two, text, sizeof text), sizeof whole - 1);
    assert_string_equal(text, whole);
    for (size_t room = 0; room < sizeof whole; room++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(spiral_midi_warnings_text(two, room ? text : NULL, room), sizeof whole - 1);
        if (room) assert_true(strlen(text) == room - 1 && !strncmp(text, whole, room - 1));
        assert_int_equal(text[room], 'x');
    }
}

/* A note-on of velocity 0 is a note-off, so this file has no notes. */
static void test_file_of_note_offs_only_has_no_notes(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x00\x10\x3c\x00\x00\x40\x00" SMF_EOT);
    check("NOTE_NEVER_STARTS 3", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_file_fills_all_fields),
        cmocka_unit_test(test_velocity_0_ends_a_note_and_running_status_holds),
        cmocka_unit_test(test_running_status_holds_over_a_meta_event),
        cmocka_unit_test(test_running_status_over_sysex_is_accepted_with_a_warning),
        cmocka_unit_test(test_running_status_ends_with_the_track),
        cmocka_unit_test(test_channel_events_have_one_or_two_data_bytes),
        cmocka_unit_test(test_sysex_and_escape_events_are_skipped_whole),
        cmocka_unit_test(test_status_bytes_of_live_midi_are_skipped),
        cmocka_unit_test(test_zero_length_note_is_kept),
        cmocka_unit_test(test_drums_are_kept),
        cmocka_unit_test(test_data_without_status_is_skipped),
        cmocka_unit_test(test_track_cut_off_in_an_event_ends_there),
        cmocka_unit_test(test_delta_times_of_one_to_four_bytes),
        cmocka_unit_test(test_number_beyond_28_bits_counts_as_0),
        cmocka_unit_test(test_time_beyond_the_limit_does_not_advance),
        cmocka_unit_test(test_tempos_of_all_tracks_make_one_map),
        cmocka_unit_test(test_tempo_is_120_before_the_first_tempo_event),
        cmocka_unit_test(test_invalid_tempos_and_meters_are_skipped),
        cmocka_unit_test(test_last_meter_of_a_tick_counts),
        cmocka_unit_test(test_first_nonempty_name_and_text_are_kept),
        cmocka_unit_test(test_warning_names),
        cmocka_unit_test(test_events_that_are_not_kept_are_counted),
        cmocka_unit_test(test_warnings_as_text_are_cut_off_like_snprintf),
        cmocka_unit_test(test_file_of_note_offs_only_has_no_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
