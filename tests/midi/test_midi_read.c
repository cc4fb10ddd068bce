/* SPDX-License-Identifier: MIT
 *
 * Reading a MIDI file: headers, chunks, RIFF files, several tracks; and files that are refused because they
 * are not MIDI. The events of a track: test_track_reader.c.
 */
#include <unistd.h>

#include "testing.h"

#include "smf_check.h"

static void test_missing_end_of_track_is_counted(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00");
    check("NO_END_OF_TRACK 1", "0:0 60/100 0-16");
}

static void test_bytes_after_end_of_track_are_skipped(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT "\x00\x90\x3e\x64");
    check("AFTER_END_OF_TRACK 1", "0:0 60/100 0-16");
}

static void test_bytes_after_last_chunk_are_skipped(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    SMF_ADD(&f, "*");
    check("UNKNOWN_CHUNK 1", "0:0 60/100 0-16");
}

static void test_unknown_chunks_are_skipped(void **state) {
    (void)state;
    static const char note[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    smf_header(&f, 1, 2, 96);
    smf_chunk(&f, "Junk", 9, "MTrk\0\0\0\0x", 9);
    smf_chunk(&f, "MTrk", sizeof note - 1, note, sizeof note - 1);
    smf_chunk(&f, "XFIH", 0xdd000000, "abc", 3); /* 3.7 GB */
    smf_chunk(&f, "MTrk", sizeof note - 1, note, sizeof note - 1);
    check("UNKNOWN_CHUNK 2", "0:0 60/100 0-16, 1:0 60/100 0-16");
}

static void test_bytes_between_chunks_are_skipped(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    SMF_ADD(&f, "\x00\x01\x02");
    SMF_TRACK(&f, "\x00\x90\x3e\x64\x10\x3e\x00" SMF_EOT);
    check("UNKNOWN_CHUNK 1", "0:0 60/100 0-16, 1:0 62/100 0-16");
}

static void test_chunks_count_not_the_header(void **state) {
    (void)state;
    smf_header(&f, 1, 26, 96);
    SMF_TRACK(&f, SMF_EOT);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("HEADER 1", "1:0 60/100 0-16");
    smf_header(&f, 1, 0, 96);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("HEADER 1", "0:0 60/100 0-16");
}

static void test_format_0_of_two_tracks_and_unknown_formats_are_format_1(void **state) {
    (void)state;
    smf_header(&f, 0, 2, 96);
    SMF_TRACK(&f, SMF_EOT);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "HEADER 1", "1:0 60/100 0-16");
    assert_int_equal(midi.format, 1);
    spiral_midi_clear(&midi);
    smf_header(&f, 7, 0, 96);
    midi = read_file();
    check_text(&midi, "HEADER 1", "");
    assert_int_equal(midi.format, 1);
    spiral_midi_clear(&midi);
}

static void test_header_of_unusual_length_is_read(void **state) {
    (void)state;
    f.size = 0;
    SMF_ADD(&f, "MThd\0\0\0\x0a\0\0\0\1\0\x60MTrk");
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("HEADER 1", "0:0 60/100 0-16");
    f.size = 0;
    SMF_ADD(&f, "MThd\xff\xff\xff\xff\0\0\0\1\0\x60");
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("HEADER 1", "0:0 60/100 0-16");
    f.size = 0;
    SMF_ADD(&f, "MThd\0\0\0\2\0\0\0\1\0\x60");
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("HEADER 1", "0:0 60/100 0-16");
}

static void test_track_length_beyond_the_end_of_the_file(void **state) {
    (void)state;
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00\x00\x3e\x64\x10\x3e";
    smf_header(&f, 1, 1, 96);
    smf_chunk(&f, "MTrk", 1194067, events, sizeof events - 1);
    check("TRUNCATED 2, NO_END_OF_TRACK 1, NOTE_NEVER_ENDS 1", "0:0 60/100 0-16, 0:0 62/100 16-32");
}

static void test_track_length_that_includes_the_next_track(void **state) {
    (void)state;
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    smf_header(&f, 1, 2, 96);
    smf_chunk(&f, "MTrk", 2 * (sizeof events - 1) + 8, events, sizeof events - 1);
    SMF_TRACK(&f, "\x00\x90\x3e\x64\x10\x3e\x00" SMF_EOT);
    check("TRUNCATED 1", "0:0 60/100 0-16, 1:0 62/100 0-16");
}

static void test_track_length_too_short(void **state) {
    (void)state;
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    smf_header(&f, 1, 2, 96);
    smf_chunk(&f, "MTrk", 0, events, sizeof events - 1); /* a length that was never written */
    smf_chunk(&f, "MTrk", 3, events, sizeof events - 1);
    check("TRUNCATED 2", "0:0 60/100 0-16, 1:0 60/100 0-16");
}

static void test_empty_track_counts_as_a_track(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    smf_chunk(&f, "MTrk", 0, "", 0);
    SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    check("NO_END_OF_TRACK 1", "1:0 60/100 0-16");
}

static void test_smpte_division_ignores_tempos(void **state) {
    (void)state;
    static const struct {
        unsigned division;
        double ticks_per_s;
    } cases[] = {{0xe250, 2400}, {0xe728, 1000}, {0xe804, 96}, {0xe364, 3000000.0 / 1001}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        smf_header(&f, 0, 1, cases[i].division);
        SMF_TRACK(&f, "\x00\xff\x51\x03\x0f\x42\x40\x81\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
        spiral_midi midi = read_file();
        check_text(&midi, "", "0:0 60/100 128-144");
        assert_int_equal(midi.ticks_per_quarter, 0);
        assert_true(midi.ticks_per_s == cases[i].ticks_per_s);
        assert_true(spiral_midi_seconds(&midi, 128) ==
                    128 / cases[i].ticks_per_s); /* tempos have no effect */
        spiral_midi_clear(&midi);
    }
}

static void test_invalid_division_is_read_as_480(void **state) {
    (void)state;
    static const unsigned divisions[] = {0, 0xffff, 0x8000, 0xe700, 0xe100};
    for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++) {
        smf_header(&f, 0, 1, divisions[i]);
        SMF_TRACK(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
        spiral_midi midi = read_file();
        check_text(&midi, "DIVISION 1", "0:0 60/100 0-16");
        assert_int_equal(midi.ticks_per_quarter, 480);
        spiral_midi_clear(&midi);
    }
}

static void test_format_2_sequences_follow_one_another(void **state) {
    (void)state;
    smf_header(&f, 2, 3, 96);
    SMF_TRACK(&f, "\x00\xff\x51\x03\x0f\x42\x40\x00\x90\x3c\x64\x60\x3c\x00\x60\xff\x2f\x00");
    SMF_TRACK(&f, "\x00\x90\x3e\x64\x60\x3e\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\xff\x51\x03\x03\xd0\x90\x00\x90\x40\x64\x60\x40\x00" SMF_EOT);
    spiral_midi midi = read_file();
    check_text(&midi, "", "0:0 60/100 0-96, 1:0 62/100 192-288, 2:0 64/100 288-384");
    assert_int_equal(midi.format, 2);
    assert_true(spiral_midi_seconds(&midi, 192) == 2);
    assert_true(spiral_midi_seconds(&midi, 288) == 2.5); /* the second has no tempo: 120 bpm again */
    assert_true(spiral_midi_seconds(&midi, 384) == 2.75);
    assert_int_equal(midi.meter_count, 2);
    spiral_midi_clear(&midi);
}

static void put_le32(smf *file, uint32_t value) {
    for (int i = 0; i < 4; i++) file->bytes[file->size++] = (unsigned char)(value >> 8 * i);
}

static void test_midi_inside_riff(void **state) {
    (void)state;
    smf inner = {.size = 0};
    SMF_ONE(&inner, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    for (int broken = 0; broken < 2; broken++) { /* broken: lengths beyond the end, nothing after the data */
        f.size = 0;
        SMF_ADD(&f, "RIFF");
        put_le32(&f, broken ? 0xffffffff : (uint32_t)inner.size + 40);
        SMF_ADD(&f, "RMIDLIST\3\0\0\0abc\0data");
        put_le32(&f, broken ? 0xffffffff : (uint32_t)inner.size);
        smf_add(&f, inner.bytes, inner.size);
        if (!broken) SMF_ADD(&f, "\0DISP\4\0\0\0MThd"); /* no header, because it is after the data chunk */
        check("", "0:0 60/100 0-16");
    }
}

static void test_header_after_other_bytes_is_found(void **state) {
    (void)state;
    smf inner = {.size = 0};
    SMF_ONE(&inner, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    f.size = 0;
    SMF_ADD(&f, "MacBinary MThd is no header and neither is this MThd, nor MMThd");
    smf_add(&f, inner.bytes, inner.size);
    check("UNKNOWN_CHUNK 1", "0:0 60/100 0-16");
}

static void test_notes_are_sorted_by_every_field(void **state) {
    (void)state;
    smf_header(&f, 1, 3, 96);
    SMF_TRACK(&f, "\x00\x90\x43\x01\x00\x40\x02\x00\x3c\x03\x10\x3c\x00\x00\x40\x00\x00\x43\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x91\x3c\x04\x00\x90\x3c\x05\x08\x90\x3c\x00\x00\x81\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x90\x3c\x07\x00\x3c\x06\x08\x3c\x00\x00\x3c\x00\x04\x3b\x01\x01\x3b\x00" SMF_EOT);
    check("", "0:0 60/3 0-16, 1:0 60/5 0-8, 2:0 60/6 0-8, 2:0 60/7 0-8, 1:1 60/4 0-8, 0:0 64/2 0-16, "
              "0:0 67/1 0-16, 2:0 59/1 12-13");
}

static void test_long_tracks_are_merged(void **state) {
    (void)state;
    /* Four tracks of 500 notes each, interleaved, every third note a chord written from the top down. */
    smf_header(&f, 1, 4, 96);
    for (int t = 0; t < 4; t++) {
        smf track = {.size = 0};
        for (int i = 0; i < 500; i++) {
            unsigned char key = (unsigned char)(127 - (i * 7 + t) % 120),
                          step = i % 3 ? 0 : (unsigned char)(t + 1);
            smf_add(&track, (unsigned char[]){step, 0x90, key, 1, 0, key, 0}, 7);
        }
        SMF_ADD(&track, SMF_EOT);
        smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
    }
    spiral_midi midi = read_file();
    char text[100];
    assert_string_equal(warnings_text(&midi, text, sizeof text), "");
    assert_int_equal(midi.note_count, 2000);
    int per_track[4] = {0};
    for (size_t i = 0; i < midi.note_count; i++) {
        const spiral_note *a = &midi.notes[i], *b = a + 1;
        per_track[a->track]++;
        if (i + 1 == midi.note_count) break;
        assert_true(a->on_ticks <= b->on_ticks);
        if (a->on_ticks == b->on_ticks) assert_true(a->pitch <= b->pitch);
        if (a->on_ticks == b->on_ticks && a->pitch == b->pitch) assert_true(a->track <= b->track);
    }
    for (int t = 0; t < 4; t++) assert_int_equal(per_track[t], 500);
    spiral_midi_clear(&midi);
}

static void refused(const char *bytes, size_t size, const char *words) {
    spiral_midi midi;
    spiral_error err = {0};
    assert_fails(spiral_midi_read(bytes, size, &midi, &err), SPIRAL_FORMAT, &err, words);
    assert_null(midi.notes);
    assert_int_equal(spiral_midi_read(bytes, size, &midi, NULL), SPIRAL_FORMAT);
}
#define REFUSED(literal, words) refused(literal, sizeof(literal) - 1, words)

static void test_what_is_no_midi_is_refused(void **state) {
    (void)state;
    refused(NULL, 0, "the file is empty");
    REFUSED("X:1\nT:The Kesh Jig\n",
            "not a MIDI file: no header (MThd), it starts with \"X:1.T:The Kesh J\"");
    REFUSED("\x7f", "it starts with \".\"");
    REFUSED("\xf0\x7e\x7f\x06\x01\xf7", "not a Standard MIDI File but a bare system exclusive message (F0)");
    REFUSED("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "a RIFF file without a MIDI header (MThd) inside");
    REFUSED("RIFF\x24\0\0\0RMIDdata\xff\xff\xff\xff", "RIFF");
    REFUSED("MThd\0\0\0\6\0\0\0\1\0", "the MIDI file ends after 13 of the 14 bytes of its header");
    REFUSED("MThd", "ends after 4 of the 14 bytes");
}

static void test_load_names_the_file_in_its_errors(void **state) {
    (void)state;
    char path[] = "/tmp/spiral-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    SMF_ONE(&f, "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT);
    assert_int_equal(write(fd, f.bytes, f.size), f.size);
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(spiral_midi_load(path, &midi, &err), SPIRAL_OK);
    check_text(&midi, "", "0:0 60/100 0-16");
    spiral_midi_clear(&midi);
    assert_int_equal(ftruncate(fd, 10), 0);
    close(fd);
    assert_fails(spiral_midi_load(path, &midi, &err), SPIRAL_FORMAT, &err, path, "after 10 of the 14 bytes");
    unlink(path);
    assert_fails(spiral_midi_load(path, &midi, &err), SPIRAL_IO, &err, path);
    assert_null(midi.notes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_end_of_track_is_counted),
        cmocka_unit_test(test_bytes_after_end_of_track_are_skipped),
        cmocka_unit_test(test_bytes_after_last_chunk_are_skipped),
        cmocka_unit_test(test_unknown_chunks_are_skipped),
        cmocka_unit_test(test_bytes_between_chunks_are_skipped),
        cmocka_unit_test(test_chunks_count_not_the_header),
        cmocka_unit_test(test_format_0_of_two_tracks_and_unknown_formats_are_format_1),
        cmocka_unit_test(test_header_of_unusual_length_is_read),
        cmocka_unit_test(test_track_length_beyond_the_end_of_the_file),
        cmocka_unit_test(test_track_length_that_includes_the_next_track),
        cmocka_unit_test(test_track_length_too_short),
        cmocka_unit_test(test_empty_track_counts_as_a_track),
        cmocka_unit_test(test_smpte_division_ignores_tempos),
        cmocka_unit_test(test_invalid_division_is_read_as_480),
        cmocka_unit_test(test_format_2_sequences_follow_one_another),
        cmocka_unit_test(test_midi_inside_riff),
        cmocka_unit_test(test_header_after_other_bytes_is_found),
        cmocka_unit_test(test_notes_are_sorted_by_every_field),
        cmocka_unit_test(test_long_tracks_are_merged),
        cmocka_unit_test(test_what_is_no_midi_is_refused),
        cmocka_unit_test(test_load_names_the_file_in_its_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
