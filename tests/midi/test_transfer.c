/* SPDX-License-Identifier: MIT
 *
 * Files that a transfer converted as if they were text are refused; and the texts of files as UTF-8.
 */
#include "testing.h"

#include "smf_check.h"

/* Sixty notes; some delta times and keys are 10 and 13, the bytes of line ends. */
static void make_file(void) {
    smf track = {.size = 0};
    SMF_ADD(&track, "\x00\xff\x03\x04name");
    for (int i = 0; i < 60; i++) {
        unsigned char key = (unsigned char)(i % 3 ? 48 + i % 24 : i % 2 ? 10 : 13);
        smf_add(&track, (unsigned char[]){0, 0x90, key, 90, 10, 0x80, key, 64}, 8);
    }
    SMF_ADD(&track, SMF_EOT);
    smf_header(&f, 1, 2, 480);
    SMF_TRACK(&f, "\x00\xff\x51\x03\x0a\x0d\x0a" SMF_EOT);
    smf_chunk(&f, "MTrk", (uint32_t)track.size, track.bytes, track.size);
}

/* Replaces each byte of f for which a replacement is given. */
static void replace(const char *(*replacement)(unsigned char byte)) {
    static smf made;
    made.size = 0;
    for (size_t i = 0; i < f.size; i++) {
        const char *text = replacement(f.bytes[i]);
        if (text)
            smf_add(&made, text, strlen(text));
        else
            made.bytes[made.size++] = f.bytes[i];
    }
    f = made;
}

static const char *crlf(unsigned char byte) { return byte == '\n' ? "\r\n" : NULL; }
/* As programs that do not change line ends of two bytes. */
static const char *crlf_once(unsigned char byte) {
    static unsigned char before;
    const int lone = byte == '\n' && before != '\r';
    before = byte;
    return lone ? "\r\n" : NULL;
}
static const char *left_out(unsigned char byte) { return byte > 127 ? "" : NULL; }
static const char *question_mark(unsigned char byte) { return byte > 127 ? "?" : NULL; }
static const char *replacement_character(unsigned char byte) { return byte > 127 ? "\xef\xbf\xbd" : NULL; }
static const char *latin_1_to_utf8(unsigned char byte) {
    static char text[3];
    text[0] = (char)(0xc0 | byte >> 6);
    text[1] = (char)(0x80 | (byte & 63));
    return byte > 127 ? text : NULL;
}

static void refused(const char *words, int64_t offset) {
    spiral_midi midi;
    spiral_error err = {0};
    assert_fails(spiral_midi_read(f.bytes, f.size, &midi, &err), SPIRAL_FORMAT, &err, "damaged in transfer",
                 words);
    assert_int_equal(err.offset, offset);
    assert_null(midi.notes);
}

static void test_converted_files_are_refused(void **state) {
    (void)state;
    make_file();
    check_text(&(spiral_midi){0}, "", "");
    spiral_midi midi = read_file(); /* unchanged */
    assert_int_equal(midi.note_count, 60);
    spiral_midi_clear(&midi);
    replace(latin_1_to_utf8);
    refused("converted to UTF-8", 13); /* the second byte of the division, 480 */
    make_file();
    replace(replacement_character);
    refused("converted to UTF-8", 13);
    make_file();
    replace(question_mark);
    refused("no byte is above 127", 14);
    make_file();
    replace(crlf);
    refused("0D was put before every 0A", 26);
    make_file();
    replace(crlf_once);
    refused("0D was put before every 0A", 26);
    make_file();
    replace(left_out);
    refused("no byte is above 127", 13);
}

/* A correct file may contain the bytes of a line end; other damage is repaired as usual. */
static void test_other_files_with_line_ends_are_read(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\x90\x3c\x5a\x0d\x3c\x00\x0a\x3c\x5a\x0a\x3c\x00\x0d\x0a\x0d\x0a\x0d\x90\x3c\x5a\x0d\x0a"
                "\x00" SMF_EOT);
    spiral_midi midi = read_file();
    assert_true(midi.note_count > 0);
    spiral_midi_clear(&midi);
    SMF_ONE(&f, "\x0d\x90\x0d\x0a\x0d\x80\x0d\x0a" SMF_EOT); /* every 0A follows an 0D, and the chunks fit */
    check("", "0:0 13/10 13-26");
    f.size -= 2; /* cut off: the chunks do not fit, and would not without the 0D */
    check("TRUNCATED 2, NO_END_OF_TRACK 1", "0:0 13/10 13-26");
}

static void check_utf8(const char *text, const char *expected) {
    char utf8[100];
    assert_int_equal(spiral_midi_text_utf8(text, utf8, sizeof utf8), strlen(expected));
    assert_string_equal(utf8, expected);
}

/* Whether the C library's iconv has a table for Shift-JIS. */
static int knows_shift_jis(void) {
    char utf8[100];
    return spiral_midi_text_utf8("\x83\x5c", utf8, sizeof utf8) == 3 && (unsigned char)utf8[0] == 0xe3;
}

static void test_texts_become_valid_utf8(void **state) {
    (void)state;
    check_utf8("", "");
    check_utf8("Gymnopedie", "Gymnopedie");
    check_utf8("F\xc3\xbcr Elise", "F\xc3\xbcr Elise");                               /* UTF-8 stays */
    check_utf8("F\xfcr Elise", "F\xc3\xbcr Elise");                                   /* Latin-1 */
    check_utf8("\x93Solace\x94 \x80", "\xe2\x80\x9cSolace\xe2\x80\x9d \xe2\x82\xac"); /* Windows-1252 */
    check_utf8("\x81\xff\xfe", "\xc2\x81\xc3\xbf\xc3\xbe");
    check_utf8("\xed\xa0\x80", "\xc3\xad\xc2\xa0\xe2\x82\xac"); /* a surrogate is not UTF-8 */
    check_utf8("\xc3", "\xc3\x83");                             /* nor is half a character */
}

static void test_texts_are_cut_behind_a_character(void **state) {
    (void)state;
    char utf8[8];
    memset(utf8, 'x', sizeof utf8);
    assert_int_equal(spiral_midi_text_utf8("F\xfcr \x80", utf8, 3), 8);
    assert_string_equal(utf8, "F"); /* the two bytes of the second do not fit */
    assert_int_equal(spiral_midi_text_utf8("F\xfcr \x80", utf8, 8), 8);
    assert_string_equal(utf8, "F\xc3\xbcr ");
    assert_int_equal(spiral_midi_text_utf8("F\xfcr", NULL, 0), 4);
}

/* A title in Shift-JIS: the bytes are kept, and read as Japanese where the C library can. */
static void test_title_in_shift_jis_is_kept_as_bytes_and_read_as_japanese(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xff\x03\x06\x83\x5c\x83\x69\x83\x5e\x00\x90\x3c\x5a\x10\x3c\x00" SMF_EOT);
    spiral_midi midi = read_file();
    assert_string_equal(midi.name, "\x83\x5c\x83\x69\x83\x5e");
    spiral_midi_clear(&midi);
    if (!knows_shift_jis()) LEAVE_OUT("iconv does not know Shift-JIS");
    check_utf8("\x83\x5c\x83\x69\x83\x5e", "\xe3\x82\xbd\xe3\x83\x8a\xe3\x82\xbf"); /* "sonata" */
    check_utf8("\x83\x5c\x83\x69\x83\x5e No",
               "\xe3\x82\xbd\xe3\x83\x8a\xe3\x82\xbf No"); /* three characters of two bytes, two letters */
    check_utf8("\x83\x5c\x83\x69 No", "\xc6\x92\\\xc6\x92i No"); /* two and two */
    check_utf8("\xa9 1997", "\xc2\xa9 1997");                    /* one byte: a copyright sign */
    check_utf8("\xb1\xb2\xb3", "\xc2\xb1\xc2\xb2\xc2\xb3");
    check_utf8("\x83\x5c\x83", "\xc6\x92\\\xc6\x92"); /* half a character at the end */
    char utf8[6];
    assert_int_equal(spiral_midi_text_utf8("\x83\x5c\x83\x69", utf8, sizeof utf8), 6);
    assert_string_equal(utf8, "\xe3\x82\xbd");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converted_files_are_refused),
        cmocka_unit_test(test_other_files_with_line_ends_are_read),
        cmocka_unit_test(test_texts_become_valid_utf8),
        cmocka_unit_test(test_texts_are_cut_behind_a_character),
        cmocka_unit_test(test_title_in_shift_jis_is_kept_as_bytes_and_read_as_japanese),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
