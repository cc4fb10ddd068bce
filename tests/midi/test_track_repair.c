/* SPDX-License-Identifier: MIT
 *
 * Tracks with wrong or missing bytes: where reading continues, and that the later events keep their times.
 * Times are in ticks, 96 per quarter.
 */
#include <stdbool.h>

#include "testing.h"

#include "base/rng.h"
#include "smf_check.h"

/* ---- a tune to damage: eight notes, each a quarter, one after another */

/* A note-on or note-off of the tune: 90 key 5a or 80 key 40, after a delta time of 0 or 96. */
static void add_event(smf *track, int i) {
    static const unsigned char keys[] = {60, 62, 64, 65, 67, 69, 71, 72};
    const bool on = i % 2 == 0;
    smf_add(track, (unsigned char[]){on ? 0 : 96, on ? 0x90 : 0x80, keys[i / 2], on ? 90 : 64}, 4);
}
enum { TUNE_EVENTS = 16 };

/* Appends the events of the tune from number `from` on to *track and reads it. */
static spiral_midi read_tune(smf *track, int from) {
    for (int i = from; i < TUNE_EVENTS; i++) add_event(track, i);
    SMF_ADD(track, SMF_EOT);
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track->size, track->bytes, track->size);
    return read_file();
}

static const char tune[] = "0:0 60/90 0-96, 0:0 62/90 96-192, 0:0 64/90 192-288, 0:0 65/90 288-384, "
                           "0:0 67/90 384-480, 0:0 69/90 480-576, 0:0 71/90 576-672, 0:0 72/90 672-768";

/* The tune with these bytes between its second note and the third. */
static void check_tune_with(const char *bytes, size_t size, const char *warnings) {
    smf track = {.size = 0};
    for (int i = 0; i < 4; i++) add_event(&track, i);
    smf_add(&track, bytes, size);
    spiral_midi midi = read_tune(&track, 4);
    check_text(&midi, warnings, tune);
    spiral_midi_clear(&midi);
}
#define CHECK_TUNE_WITH(literal, warnings) check_tune_with(literal, sizeof(literal) - 1, warnings)

/* ---- numbers */

static void test_delta_padded_to_more_than_four_bytes_counts(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x80\x80\x80\x83\x60\x80\x3c\x40\x00\x90\x3e\x5a\x60\x80\x3e\x40" SMF_EOT);
    check("BAD_DELTA 1", "0:0 60/90 0-480, 0:0 62/90 480-576");
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x80\x80\x80\x80\x80\x80\x80\x81\x00\x3c\x00" SMF_EOT);
    check("BAD_DELTA 1", "0:0 60/90 0-128");
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x80\x80\x83\x60\x80\x3c\x40" SMF_EOT); /* four bytes, as in the standard */
    check("", "0:0 60/90 0-480");
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x80\xff\xff\xff\x7f\x3c\x00" SMF_EOT); /* the largest */
    check("BAD_DELTA 1", "0:0 60/90 0-268435455");
}

static void test_lengths_padded_to_more_than_four_bytes_count(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xff\x01\x80\x80\x80\x80\x02ok", "BAD_DELTA 1");
    CHECK_TUNE_WITH("\x00\xf0\x80\x80\x80\x80\x03\x01\x02\xf7", "BAD_DELTA 1");
    CHECK_TUNE_WITH("\x00\xff\x51\x80\x80\x80\x80\x03\x07\xa1\x20", "BAD_DELTA 1");
}

/* ---- lengths */

static void test_sysex_without_a_length_ends_with_f7(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xf0\x7e\x7f\x09\x01\xf7", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x43\x10\x4c\x00\x00\x7e\x00\xf7", "SYSEX 1");     /* 67 bytes, as a length */
    CHECK_TUNE_WITH("\x00\xf0\x04\x7e\x7f\x09\x01\xf7", "SYSEX 1");             /* F7 is not counted */
    CHECK_TUNE_WITH("\x00\xf0\xff\xff\xff\x7f\x7e\x7f\x09\x01\xf7", "SYSEX 1"); /* far too long */
    CHECK_TUNE_WITH("\x00\xf0\xf7", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x05\x7e\x7f\x09\x01\xf7", "");             /* correct */
    CHECK_TUNE_WITH("\x00\xf0\x02\x7e\x7f\x00\xf7\x03\x09\x01\xf7", ""); /* in two parts */
}

/* A system exclusive message without F7 ends where the next event begins. */
static void test_sysex_without_f7_ends_before_the_next_event(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xf0\x05\x7e\x7f\x09\x01", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x7e\x7f\x09\x01", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x41\x10\x42\x12\x40\x00\x7f\x00\x41", "SYSEX 1");
    CHECK_TUNE_WITH("\x00\xf0\x05\x7e\x7f\x09\x01\x00", "");                 /* its length is right */
    CHECK_TUNE_WITH("\x00\xf0\x03\x43\x12\x00\x00\xf7\x03\x43\x12\xf7", ""); /* of two parts */
}

static void test_first_event_is_a_sysex_without_a_length(void **state) {
    (void)state;
    smf track = {.size = 0};
    SMF_ADD(&track, "\x00\xf0\x7e\x7f\x09\x01\xf7");
    spiral_midi midi = read_tune(&track, 0);
    check_text(&midi, "SYSEX 1", tune);
    spiral_midi_clear(&midi);
}

static void test_meta_event_of_wrong_length_loses_no_events(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xff\x01\x14hello", "BAD_DATA 1");     /* the length includes events */
    CHECK_TUNE_WITH("\x00\xff\x01\x87\x68hello", "BAD_DATA 1"); /* the length ends beyond the track */
    CHECK_TUNE_WITH("\x00\xff\x03\xff\xff\xff\xff\x7fhello", "BAD_DATA 1, BAD_DELTA 1");
    CHECK_TUNE_WITH("\x00\xff\x51\x13\x07\xa1\x20", "BAD_DATA 1"); /* a tempo has three bytes */
    CHECK_TUNE_WITH("\x00\xff\x51\x82\x00\x07\xa1\x20", "BAD_DATA 1");
    CHECK_TUNE_WITH("\x00\xff\x59\x08\x00\x00", "BAD_DATA 1"); /* a key signature two */
}

/* ---- data bytes above 127 */

static void test_data_above_127_is_clipped_in_notes(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\xc8\x60\x80\x3c\x40\x00\x90\xc8\x5a\x60\x80\xc8\x40\x00\x90\x3e\x5a\x60\x80\x3e"
                "\x40" SMF_EOT);
    check("BAD_DATA 3", "0:0 60/127 0-96, 0:0 127/90 96-192, 0:0 62/90 192-288");
}

static void test_note_off_is_kept_whatever_its_velocity(void **state) {
    (void)state;
    static const unsigned char velocities[] = {128, 150, 200, 255};
    for (size_t i = 0; i < sizeof velocities; i++) {
        smf track = {.size = 0};
        add_event(&track, 0);
        add_event(&track, 1);
        track.bytes[7] = velocities[i];
        spiral_midi midi = read_tune(&track, 2);
        check_text(&midi, "BAD_DATA 1", tune);
        spiral_midi_clear(&midi);
    }
}

/* Some programs write only such velocities. These bytes must not be taken for delta times or status bytes. */
static void test_note_offs_are_kept_when_all_have_such_a_velocity(void **state) {
    (void)state;
    for (int velocity = 128; velocity < 256; velocity++)
        for (unsigned char ticks = 24; ticks < 127; ticks += 34) {
            smf track = {.size = 0};
            for (unsigned char key = 40; key < 80; key++)
                smf_add(&track,
                        (unsigned char[]){0, 0x93, key, 90, ticks, 0x83, key, (unsigned char)velocity}, 8);
            SMF_ADD(&track, SMF_EOT);
            smf_header(&f, 0, 1, 96);
            smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
            spiral_midi midi = read_file();
            assert_int_equal(midi.note_count, 40);
            assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_BAD_DATA], 40);
            for (size_t i = 0; i < 40; i++)
                assert_int_equal(midi.notes[i].off_ticks - midi.notes[i].on_ticks, ticks);
            spiral_midi_clear(&midi);
        }
}

/* Whether the key of the note-on was clipped too or was right. */
static void test_note_off_of_a_key_above_127_ends_its_note(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x60\x80\xbc\x40\x00\x90\x3e\x5a\x60\x80\x3e\x40" SMF_EOT);
    check("BAD_DATA 1", "0:0 60/90 0-96, 0:0 62/90 96-192");
    SMF_ONE(&f, "\x00\x90\xbc\x5a\x60\x80\xbc\x40\x00\x90\x3e\x5a\x60\x80\x3e\x40" SMF_EOT);
    check("BAD_DATA 2", "0:0 127/90 0-96, 0:0 62/90 96-192");
}

static void test_controller_with_data_above_127_is_left_out(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xb0\x07\xa8", "BAD_DATA 1");
    CHECK_TUNE_WITH("\x00\xb2\x00\xa8", "BAD_DATA 1"); /* as in a well-known broken file */
    CHECK_TUNE_WITH("\x00\xe0\x80\xc0", "BAD_DATA 1");
    CHECK_TUNE_WITH("\x00\xc0\xa8", "BAD_DATA 1");
}

/* ---- missing bytes */

/* Event i of the tune loses its first data byte (the key) or its second (the velocity). No status byte may
 * be taken for a delta time, so the other notes keep their times. If only a velocity is lost, its note does
 * too. */
static void test_lost_data_byte_loses_one_note_at_most(void **state) {
    (void)state;
    for (int lost = 0; lost < TUNE_EVENTS - 4; lost++)
        for (size_t byte = 2; byte <= 3; byte++) {
            smf track = {.size = 0};
            char text[1000];
            for (int i = 0; i < lost; i++) add_event(&track, i);
            add_event(&track, lost);
            memmove(track.bytes + track.size - 4 + byte, track.bytes + track.size - 3 + byte, 3 - byte);
            track.size--;
            spiral_midi midi = read_tune(&track, lost + 1);
            int found = 0;
            for (int i = 0; i < 8; i++) {
                char note[40];
                static const int keys[] = {60, 62, 64, 65, 67, 69, 71, 72};
                snprintf(note, sizeof note, "0:0 %d/90 %d-%d", keys[i], 96 * i, 96 * i + 96);
                found += strstr(notes_text(&midi, text, sizeof text), note) != NULL;
            }
            if (found < 7) fail_msg("event %d, byte %zu: %s", lost, byte, text);
            if (byte == 3 && lost % 2) assert_string_equal(text, tune);
            assert_true(midi.warnings[SPIRAL_MIDI_WARN_BAD_DATA] > 0);
            spiral_midi_clear(&midi);
        }
}

static void test_program_that_lost_its_data_byte(void **state) {
    (void)state;
    CHECK_TUNE_WITH("\x00\xc0", "BAD_DATA 1");
    CHECK_TUNE_WITH("\x00\xb0\x07", "BAD_DATA 1"); /* a volume */
}

/* The same with running status, where any byte below 128 could belong to the next event. */
static void test_lost_data_byte_under_running_status(void **state) {
    (void)state;
    smf track = {.size = 0};
    SMF_ADD(&track,
            "\x00\x90\x3c\x5a\x60\x3c\x00\x00\x3e\x5a\x60\x3e\x00\x00\x40\x60\x40\x00\x00\x41\x5a\x60\x41\x00"
            "\x00\x43\x5a\x60\x43\x00\x00\x45\x5a\x60\x45\x00\x00\x47\x5a\x60\x47\x00\x00\x48\x5a\x60\x48"
            "\x00" SMF_EOT);
    smf_header(&f, 0, 1, 96); /* key 64 has lost its velocity, 90 */
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    spiral_midi midi = read_file();
    check_text(&midi, "BAD_DATA 1",
               "0:0 60/90 0-96, 0:0 62/90 96-192, 0:0 64/64 192-288, 0:0 65/90 288-384, 0:0 67/90 384-480, "
               "0:0 69/90 480-576, 0:0 71/90 576-672, 0:0 72/90 672-768");
    spiral_midi_clear(&midi);
}

/* ---- random faults */

enum { PIECE_NOTES = 60 };

/* The events of a random piece, one note after another on one channel. offsets: (2 * PIECE_NOTES), where each
 * event begins. */
static void make_piece(spiral__rng *rng, smf *track, size_t *offsets) {
    static const int lengths[] = {24, 48, 96, 192};
    track->size = 0;
    for (int i = 0; i < 2 * PIECE_NOTES; i++) {
        static unsigned char key;
        int delta = i % 2 ? lengths[spiral__rng_below(rng, 4)] : 0;
        if (i % 2 == 0) key = (unsigned char)(48 + spiral__rng_below(rng, 24));
        offsets[i] = track->size;
        if (delta > 127) smf_add(track, (unsigned char[]){0x80 | (unsigned)delta >> 7}, 1);
        smf_add(track,
                (unsigned char[]){(unsigned char)(delta & 127), i % 2 ? 0x80 : 0x90, key, i % 2 ? 64 : 90},
                4);
    }
    SMF_ADD(track, SMF_EOT);
}

static spiral_midi read_track(const smf *track) {
    smf_header(&f, 0, 1, 96);
    smf_chunk(&f, "MTrk", (uint32_t)track->size, track->bytes, track->size);
    return read_file();
}

static int notes_changed(const spiral_midi *a, const spiral_midi *b) {
    int n = 0;
    for (size_t i = 0; i < a->note_count; i++) {
        const spiral_note *x = &a->notes[i];
        size_t k = 0;
        for (; k < b->note_count; k++) {
            const spiral_note *y = &b->notes[k];
            if (x->on_ticks == y->on_ticks && x->off_ticks == y->off_ticks && x->pitch == y->pitch) break;
        }
        n += k == b->note_count;
    }
    return n;
}

/* A data byte of a random event is lost or becomes any value above 127. More than one note may change in few
 * of the pieces only: for example if the damage is so near the end of the track that too few notes follow to
 * show what is right. */
static void test_wrong_byte_changes_one_note_in_nearly_all_pieces(void **state) {
    (void)state;
    enum { ROUNDS = 600 };
    int more = 0;
    spiral__rng rng = spiral__rng_init(3, 1);
    for (int round = 0; round < ROUNDS; round++) {
        static smf track;
        size_t offsets[2 * PIECE_NOTES];
        make_piece(&rng, &track, offsets);
        spiral_midi whole = read_track(&track);
        size_t at = offsets[spiral__rng_below(&rng, 2 * PIECE_NOTES)];
        while (track.bytes[at] >= 128 || track.bytes[at + 1] < 128)
            at++; /* the last byte of the delta time */
        at += 2 + spiral__rng_below(&rng, 2);
        if (round % 2)
            track.bytes[at] = (unsigned char)(128 + spiral__rng_below(&rng, 128));
        else
            memmove(track.bytes + at, track.bytes + at + 1, --track.size - at);
        spiral_midi faulty = read_track(&track);
        more += notes_changed(&whole, &faulty) > 1;
        spiral_midi_clear(&whole);
        spiral_midi_clear(&faulty);
    }
    print_message("# more than one note changed in %d of %d pieces\n", more, ROUNDS);
    assert_true(more <= ROUNDS / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delta_padded_to_more_than_four_bytes_counts),
        cmocka_unit_test(test_lengths_padded_to_more_than_four_bytes_count),
        cmocka_unit_test(test_sysex_without_a_length_ends_with_f7),
        cmocka_unit_test(test_sysex_without_f7_ends_before_the_next_event),
        cmocka_unit_test(test_first_event_is_a_sysex_without_a_length),
        cmocka_unit_test(test_meta_event_of_wrong_length_loses_no_events),
        cmocka_unit_test(test_data_above_127_is_clipped_in_notes),
        cmocka_unit_test(test_note_off_is_kept_whatever_its_velocity),
        cmocka_unit_test(test_note_offs_are_kept_when_all_have_such_a_velocity),
        cmocka_unit_test(test_note_off_of_a_key_above_127_ends_its_note),
        cmocka_unit_test(test_controller_with_data_above_127_is_left_out),
        cmocka_unit_test(test_lost_data_byte_loses_one_note_at_most),
        cmocka_unit_test(test_program_that_lost_its_data_byte),
        cmocka_unit_test(test_lost_data_byte_under_running_status),
        cmocka_unit_test(test_wrong_byte_changes_one_note_in_nearly_all_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
