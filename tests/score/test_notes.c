/* SPDX-License-Identifier: MIT
 *
 * Text scores: the notes and the fields of the MIDI that each construct of docs/score.md gives.
 */
#include "testing.h"

#include "../midi/midi_text.h"
#include "score_testing.h"

static void test_lengths_letters_signs_and_octaves(void **state) {
    (void)state;
    assert_notes(HEAD "a: 4c4 d 8e f g3 r | 8a b c4 r 2d |",
                 "0+4:60 4+4:62 8+2:64 10+2:65 12+2:55 16+2:57 18+2:59 20+2:60 24+8:62");
    assert_notes(HEAD "a: | 2..c0 8g9\na:4.f#4 8fn bb b# bbb abb |",
                 "0+14:12 14+2:127 16+6:66 22+2:65 24+2:70 26+2:72 28+2:69 30+2:67");
    assert_notes(HEAD "a: 16c4 32d 64e f 8r 2.r", "0+1:60 t120+60:62 t180+30:64 t210+30:65");
    assert_notes(HEAD "a: 2c#4 4c#5 cn4 | 2c 4c#5 c4", "0+8:61 8+4:73 12+4:60 16+8:60 24+4:73 28+4:60");
}

static void test_key_signatures(void **state) {
    (void)state;
    static const char text[] = "title T\nmeter 7/8\nkey %s\ntempo 4 = 120\nvoice a\na: 8c4 d e f g a b";
    static const struct {
        const char *key;
        int pitch[7];
    } cases[] = {
        {"C major", {60, 62, 64, 65, 67, 69, 71}},    {"A minor", {60, 62, 64, 65, 67, 69, 71}},
        {"D major", {61, 62, 64, 66, 67, 69, 71}},    {"Eb major", {60, 62, 63, 65, 67, 68, 70}},
        {"F# minor", {61, 62, 64, 66, 68, 69, 71}},   {"D dorian", {60, 62, 64, 65, 67, 69, 71}},
        {"F lydian", {60, 62, 64, 65, 67, 69, 71}},   {"G mixolydian", {60, 62, 64, 65, 67, 69, 71}},
        {"E phrygian", {60, 62, 64, 65, 67, 69, 71}}, {"C# major", {61, 63, 65, 66, 68, 70, 72}},
        {"Cb major", {59, 61, 63, 64, 66, 68, 70}},   {"Bb minor", {60, 61, 63, 65, 66, 68, 70}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char score[200];
        snprintf(score, sizeof score, text, cases[i].key);
        spiral_midi midi = read_good(score);
        assert_int_equal(midi.note_count, 7);
        for (int k = 0; k < 7; k++) assert_int_equal(midi.notes[k].pitch, cases[i].pitch[k]);
        spiral_midi_clear(&midi);
    }
}

static void test_chords_ties_triplets(void **state) {
    (void)state;
    assert_notes(HEAD "a: 2<c4 e g5> <c4 f>", "0+8:60 0+8:64 0+8:79 8+8:60 8+8:65");
    assert_notes(HEAD "a: 2c4 d~ | 4d~ d 2e", "0+8:60 8+16:62 24+8:64");
    assert_notes(HEAD "a: 2<c4 e>~ 4<c e> r | 2<c4~ e> <c f>", "0+12:60 0+12:64 16+16:60 16+8:64 24+8:65");
    assert_notes(HEAD "a: 4c4 (3 8d e f ) (3 4g 8a) (3 4r 8b~) | 4b 2.c",
                 "0+4:60 t480+160:62 t640+160:64 t800+160:65 t960+320:67 t1280+160:69 t1760+640:71 "
                 "20+12:60");
}

static void test_rests_and_repeated_bars(void **state) {
    (void)state;
    assert_notes(HEAD "a: R | 2c4 d | % | %", "16+8:60 24+8:62 32+8:60 40+8:62 48+8:60 56+8:62");
    assert_notes(HEAD "a: 1c4 | R\nb: R | 1e4", "0+16:60 16+16:64");
}

static void test_comments_blanks_and_line_ends(void **state) {
    (void)state;
    /* Comments, blank lines, tabs, CRLF, a last line without a line end, a bar line at the start of a
     * line. */
    assert_notes("# by ear\r\n\r\ntitle T\r\nmeter\t4/4\r\nkey C major\r\n  tempo 4=120\r\nvoice a\r\n"
                 "a:|1c4|\r\na: | 1d4 |\r\n# end\r\na:1e4",
                 "0+16:60 16+16:62 32+16:64");
    spiral_midi midi = read_good("title  Ah! vous  dirai-je \nfrom a: #1\nmeter 2/4\nkey C major\n"
                                 "tempo 4 = 120\nvoice a\na: 2c4");
    assert_string_equal(midi.name, "Ah! vous  dirai-je");
    assert_string_equal(midi.text, "a: #1");
    spiral_midi_clear(&midi);
}

static void test_sections_are_played_in_order(void **state) {
    (void)state;
    assert_notes(HEAD "play A B A\nsection A\na: 1c4\nb: 1c3\nsection B\na: 1d4 | 1e4",
                 "0+16:48 0+16:60 16+16:62 32+16:64 48+16:48 48+16:60");
    assert_notes(HEAD "section A\na: 1c4\nsection B\na: 1d4", "0+16:60 16+16:62");
    assert_notes(HEAD "section A\nkey G major\na: 1f4\nsection B\na: 1f4", "0+16:66 16+16:65");
}

static void test_pickup_and_last_bar(void **state) {
    (void)state;
    assert_notes(PLAIN "pickup 4\nvoice a\nplay A A\nsection A\na: 4c4 | 1d4 | 2.e4",
                 "0+4:60 4+16:62 20+12:64 32+4:60 36+16:62 52+12:64");
    assert_notes(PLAIN "pickup 2+8\nvoice a\na: 2c4 8d | 4.e4", "0+8:60 8+2:62 10+6:64");
    assert_notes(PLAIN "pickup 4\nlast 1\nvoice a\na: 4c4 | 1d4", "0+4:60 4+16:62");
    assert_notes(PLAIN "pickup 4\nvoice a\nsection A\npickup none\na: 1c4", "0+16:60");
    assert_notes(PLAIN "last 2\nvoice a\nvoice b\na: 1c4 | R\nb: R | 2d4", "0+16:60 16+8:62");
}

static void test_tempos_meters_and_fields(void **state) {
    (void)state;
    spiral_midi midi =
        read_good("title T\nmeter 3/4\nkey C major\ntempo 4 = 100\npickup 4\nvoice a f\nvoice b\n"
                  "play A A B\nsection A\na: 4c4 | 2.d | 2e\nb: R | R | R\n"
                  "section B\nmeter 6/8\ntempo 4. = 40\nb: 2.c4");
    assert_int_equal(midi.format, 1);
    assert_int_equal(midi.ticks_per_quarter, 480);
    assert_int_equal(midi.tracks, 2);
    assert_int_equal(midi.end_ticks, 13 * 480 + 2 * 480);
    assert_null(midi.text);
    assert_int_equal(midi.tempo_count, 2);
    assert_int_equal(midi.tempos[0].us_per_quarter, 600000);
    assert_int_equal(midi.tempos[1].us_per_quarter, 1000000);
    assert_int_equal(midi.tempos[1].at_ticks, 12 * 480);
    assert_float_equal(midi.tempos[1].at_s, 7.2, 1e-12);
    /* The repeat has the bar lines of the first time, so its meter is not repeated: pickup, 3/4, then 6/8. */
    assert_int_equal(midi.meter_count, 3);
    assert_int_equal(midi.meters[0].numerator, 1);
    assert_int_equal(midi.meters[0].denominator, 4);
    assert_int_equal(midi.meters[1].at_ticks, 480);
    assert_int_equal(midi.meters[1].numerator, 3);
    assert_int_equal(midi.meters[2].at_ticks, 12 * 480);
    assert_int_equal(midi.meters[2].denominator, 8);
    assert_int_equal(midi.note_count, 7);
    assert_int_equal(midi.notes[0].velocity, 94);
    assert_int_equal(midi.notes[6].velocity, 80);
    assert_int_equal(midi.notes[6].track, 1);
    assert_int_equal(midi.notes[6].channel, 1);
    spiral_midi_clear(&midi);
}

/* Its meter is replaced by the meter of the next section, which begins at the same tick. */
static void test_section_that_is_only_a_pickup(void **state) {
    (void)state;
    spiral_midi midi =
        read_good(PLAIN "pickup 4\nvoice a\nplay A A B\nsection A\na: 4c4\nsection B\nmeter 3/4\na: 2.d4");
    static const int expected[][3] = {{0, 1, 4}, {480, 1, 4}, {960, 3, 4}}; /* tick, meter */
    assert_int_equal(midi.meter_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(midi.meters[i].at_ticks, expected[i][0]);
        assert_int_equal(midi.meters[i].numerator, expected[i][1]);
        assert_int_equal(midi.meters[i].denominator, expected[i][2]);
    }
    spiral_midi_clear(&midi);
}

/* Every bit of the times in seconds equals that of the MIDI file written from the score. */
static void test_tempos_whose_seconds_round(void **state) {
    (void)state;
    spiral_midi midi =
        read_good("title T\nmeter 4/4\nkey C major\ntempo 4 = 164\nvoice a\nplay A B A\nsection A\n"
                  "a: 1c4\nsection B\nmeter 3/4\ntempo 8 = 99\na: 2.d4");
    spiral_midi back = written_and_read(&midi);
    assert_int_equal(back.tempo_count, 3);
    for (int i = 0; i < 3; i++) assert_true(midi.tempos[i].at_s == back.tempos[i].at_s);
    spiral_midi_clear(&midi);
    spiral_midi_clear(&back);
}

static void test_channels_leave_out_drums(void **state) {
    (void)state;
    char text[1024] = PLAIN;
    for (int v = 0; v < 15; v++) sprintf(text + strlen(text), "voice v%d\n", v);
    for (int v = 0; v < 15; v++) sprintf(text + strlen(text), "v%d: 1c4\n", v);
    spiral_midi midi = read_good(text);
    assert_int_equal(midi.note_count, 15);
    for (int v = 0; v < 15; v++) {
        assert_int_equal(midi.notes[v].track, v);
        assert_int_equal(midi.notes[v].channel, v < 9 ? v : v + 1);
    }
    spiral_midi_clear(&midi);
}

static void assert_chord(const char *name, const char *expected) {
    char text[200];
    snprintf(text, sizeof text, PLAIN "chords l block\nl: %s", name);
    assert_notes(text, expected);
}

static void test_chord_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int count, pitch[7]; /* bass first, the chord above it */
    } cases[] = {
        {"C", 4, {48, 55, 60, 64}},
        {"B", 4, {59, 63, 66, 71}},
        {"Gm", 4, {55, 58, 62, 67}},
        {"D7", 5, {50, 57, 60, 62, 66}},
        {"Am7", 5, {57, 60, 64, 67, 69}},
        {"Fmaj7", 5, {53, 57, 60, 64, 65}},
        {"C6", 5, {48, 55, 57, 60, 64}},
        {"Cm6", 5, {48, 55, 57, 60, 63}},
        {"Bdim", 4, {59, 62, 65, 71}},
        {"Cdim7", 5, {48, 57, 60, 63, 66}},
        {"Bm7b5", 5, {59, 62, 65, 69, 71}},
        {"Caug", 4, {48, 56, 60, 64}},
        {"Csus2", 4, {48, 55, 60, 62}},
        {"Csus4", 4, {48, 55, 60, 65}},
        {"G7sus4", 5, {55, 60, 62, 65, 67}},
        {"C9", 6, {48, 55, 58, 60, 62, 64}},
        {"E7b9", 6, {52, 56, 59, 62, 64, 65}},
        {"F#m/C#", 4, {49, 57, 61, 66}},
        {"Bb/D", 4, {50, 58, 62, 65}},
        {"Cb", 4, {59, 63, 66, 71}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[200] = "";
        for (int k = 0; k < cases[i].count; k++)
            sprintf(expected + strlen(expected), "%s0+16:%d", k ? " " : "", cases[i].pitch[k]);
        assert_chord(cases[i].name, expected);
    }
    assert_notes(PLAIN "chords l block low g2\nl: C", "0+16:48 0+16:52 0+16:55 0+16:60");
    assert_notes(PLAIN "chords l block low g2\nl: G", "0+16:43 0+16:50 0+16:55 0+16:59");
}

static void test_figures(void **state) {
    (void)state;
    assert_notes(PLAIN "chords l march\nl: <c3 e g>", "0+4:48 4+4:52 4+4:55 8+4:48 12+4:52 12+4:55");
    assert_notes(PLAIN "chords l alberti\nl: 2<c3 e g c4> 2r", "0+2:52 2+2:60 4+2:55 6+2:60");
    /* A figure begins with each chord and is cut at its end; chords without lengths share the bar. */
    assert_notes(PLAIN "figure f 4.:1 8:23 r\nchords l f\nl: <c3 e g> <d3 f a>",
                 "0+6:48 6+2:52 6+2:55 8+6:50 14+2:53 14+2:57");
    assert_notes(PLAIN "figure f 2:1 / 4:r 3 / 16:2 *\nchords l f\nl: 4.<c3 e g> 2r 8r",
                 "0+1:48 0+1:52 1+1:48 1+1:52 1+1:55 2+1:52 3+1:48 3+1:52 3+1:55 4+1:52 4+1:55 5+1:48 "
                 "5+1:52 5+1:55");
    assert_notes("title T\nmeter 3/4\nkey C major\ntempo 4 = 120\npickup 4\nchords l waltz\n"
                 "l: r | <c3 e> | % | 2<d3 f>",
                 "4+4:48 8+4:52 12+4:52 16+4:48 20+4:52 24+4:52 28+4:50 32+4:53");
    assert_notes("title T\nmeter 6/8\nkey C major\ntempo 4 = 120\nchords l lilt\nl: <c3 e> <d3 f>",
                 "0+4:48 4+2:52 6+4:50 10+2:53");
}

/* In MIDI a key cannot sound twice at once, so a note ends where another line of the figure strikes its
 * key. */
static void test_figure_strikes_a_held_key(void **state) {
    (void)state;
    static const char head[] = PLAIN "figure f 1:1 / 4:r 1 8:1 r 2:1 / 4:1\nchords c f\n";
    char text[300];
    snprintf(text, sizeof text, "%sc: <c4>", head);
    assert_notes(text, "0+4:60 4+4:60 8+4:60 12+4:60");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_letters_signs_and_octaves),
        cmocka_unit_test(test_key_signatures),
        cmocka_unit_test(test_chords_ties_triplets),
        cmocka_unit_test(test_rests_and_repeated_bars),
        cmocka_unit_test(test_comments_blanks_and_line_ends),
        cmocka_unit_test(test_sections_are_played_in_order),
        cmocka_unit_test(test_pickup_and_last_bar),
        cmocka_unit_test(test_tempos_meters_and_fields),
        cmocka_unit_test(test_section_that_is_only_a_pickup),
        cmocka_unit_test(test_tempos_whose_seconds_round),
        cmocka_unit_test(test_channels_leave_out_drums),
        cmocka_unit_test(test_chord_names),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_figure_strikes_a_held_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
