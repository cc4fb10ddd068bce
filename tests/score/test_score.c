/* SPDX-License-Identifier: MIT
 *
 * Text scores: what each construct of docs/score.md sounds like, each error in its own words, and the
 * scores of data/scores.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spiral/score.h"

#define PLAIN "title T\nmeter 4/4\nkey C major\ntempo 4 = 120\n"
#define HEAD  PLAIN "voice a\nvoice b\n" /* music from line 7 on */

static void clear(spiral_midi *midi) {
    free(midi->notes);
    free(midi->tempos);
    free(midi->meters);
    free(midi->name);
    free(midi->text);
    memset(midi, 0, sizeof *midi);
}

/* From a copy of exactly its size: reading past the end is seen by the sanitizer. */
static spiral_status read_text(const char *text, spiral_midi *midi, spiral_error *err) {
    size_t size = strlen(text);
    char *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    spiral_status status = spiral_score_read(copy, size, midi, err);
    free(copy);
    return status;
}

static spiral_midi read_good(const char *text) {
    spiral_midi midi;
    spiral_error err = {0};
    if (read_text(text, &midi, &err)) fail_msg("%s", err.text);
    return midi;
}

/* Notes as "on+length:key", times in sixteenths or, where these are not whole, in ticks behind a 't'. */
static void assert_notes(const char *text, const char *expected) {
    spiral_midi midi = read_good(text);
    char got[2048] = "";
    for (size_t i = 0, used = 0; i < midi.note_count; i++) {
        long long on = midi.notes[i].on_ticks, length = midi.notes[i].off_ticks - on;
        int ticks = on % 120 || length % 120;
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%s%lld+%lld:%d", i ? " " : "",
                                 ticks ? "t" : "", ticks ? on : on / 120, ticks ? length : length / 120,
                                 midi.notes[i].pitch);
        assert_true(used < sizeof got);
    }
    clear(&midi);
    assert_string_equal(got, expected);
}

static void test_notes(void **state) {
    (void)state;
    assert_notes(HEAD "a: 4c4 d 8e f g3 r | 8a b c4 r 2d |",
                 "0+4:60 4+4:62 8+2:64 10+2:65 12+2:55 16+2:57 18+2:59 20+2:60 24+8:62");
    assert_notes(HEAD "a: | 2..c0 8g9\na:4.f#4 8fn bb b# bbb abb |",
                 "0+14:12 14+2:127 16+6:66 22+2:65 24+2:70 26+2:72 28+2:69 30+2:67");
    assert_notes(HEAD "a: 16c4 32d 64e f 8r 2.r", "0+1:60 t120+60:62 t180+30:64 t210+30:65");
    assert_notes(HEAD "a: 2c#4 4c#5 cn4 | 2c 4c#5 c4", "0+8:61 8+4:73 12+4:60 16+8:60 24+4:73 28+4:60");
}

static void test_key(void **state) {
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
        clear(&midi);
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

static void test_lines(void **state) {
    (void)state;
    /* Comments, blank lines, tabs, CRLF, a line without its end, a bar line at the start of a line. */
    assert_notes("# by ear\r\n\r\ntitle T\r\nmeter\t4/4\r\nkey C major\r\n  tempo 4=120\r\nvoice a\r\n"
                 "a:|1c4|\r\na: | 1d4 |\r\n# end\r\na:1e4",
                 "0+16:60 16+16:62 32+16:64");
    spiral_midi midi = read_good("title  Ah! vous  dirai-je \nfrom a: #1\nmeter 2/4\nkey C major\n"
                                 "tempo 4 = 120\nvoice a\na: 2c4");
    assert_string_equal(midi.name, "Ah! vous  dirai-je");
    assert_string_equal(midi.text, "a: #1");
    clear(&midi);
}

static void test_sections(void **state) {
    (void)state;
    assert_notes(HEAD "play A B A\nsection A\na: 1c4\nb: 1c3\nsection B\na: 1d4 | 1e4",
                 "0+16:48 0+16:60 16+16:62 32+16:64 48+16:48 48+16:60");
    assert_notes(HEAD "section A\na: 1c4\nsection B\na: 1d4", "0+16:60 16+16:62");
    assert_notes(HEAD "section A\nkey G major\na: 1f4\nsection B\na: 1f4", "0+16:66 16+16:65");
}

static void test_pickup(void **state) {
    (void)state;
    assert_notes(PLAIN "pickup 4\nvoice a\nplay A A\nsection A\na: 4c4 | 1d4 | 2.e4",
                 "0+4:60 4+16:62 20+12:64 32+4:60 36+16:62 52+12:64");
    assert_notes(PLAIN "pickup 2+8\nvoice a\na: 2c4 8d | 4.e4", "0+8:60 8+2:62 10+6:64");
    assert_notes(PLAIN "pickup 4\nlast 1\nvoice a\na: 4c4 | 1d4", "0+4:60 4+16:62");
    assert_notes(PLAIN "pickup 4\nvoice a\nsection A\npickup none\na: 1c4", "0+16:60");
    assert_notes(PLAIN "last 2\nvoice a\nvoice b\na: 1c4 | R\nb: R | 2d4", "0+16:60 16+8:62");
}

static void test_midi_fields(void **state) {
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
    /* The repeat falls on the bar lines of the first time: pickup, 3/4, then 6/8. */
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
    clear(&midi);
}

/* The meter it ends with gives way to the one the next section begins with. */
static void test_section_of_a_pickup_alone(void **state) {
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
    clear(&midi);
}

/* Bit for bit the seconds that the file written from it has. */
static void test_tempos_whose_seconds_round(void **state) {
    (void)state;
    spiral_midi midi = read_good(
                    "title T\nmeter 4/4\nkey C major\ntempo 4 = 164\nvoice a\nplay A B A\nsection A\n"
                    "a: 1c4\nsection B\nmeter 3/4\ntempo 8 = 99\na: 2.d4"),
                back;
    size_t size;
    assert_int_equal(spiral_midi_size(&midi, &size, NULL), SPIRAL_OK);
    unsigned char *bytes = malloc(size);
    assert_int_equal(spiral_midi_write(&midi, bytes, size, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_read(bytes, size, &back, NULL), SPIRAL_OK);
    assert_int_equal(back.tempo_count, 3);
    for (int i = 0; i < 3; i++) assert_true(midi.tempos[i].at_s == back.tempos[i].at_s);
    free(bytes);
    clear(&midi);
    clear(&back);
}

static void test_title_of_a_zero_byte(void **state) {
    (void)state;
    static const char text[] = "title \0\nmeter 4/4\nkey C major\ntempo 4 = 120\nvoice a\na: 1c4";
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(spiral_score_read(text, sizeof text - 1, &midi, &err), SPIRAL_FORMAT);
    assert_string_equal(err.text, "line 1: a zero byte: this is no text");
    assert_int_equal(err.offset, 6);
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
    clear(&midi);
}

/* ---- chords and figures ---- */

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
    /* A figure starts with every chord and is cut at its end; chords without lengths share the bar. */
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

/* ---- errors ---- */

static void test_errors(void **state) {
    (void)state;
#define NOTE_RULE   "a note is a letter a to g, a sign #, ##, b, bb or n, and an octave 0 to 9"
#define LENGTH_RULE "a length is 1, 2, 4, 8, 16, 32 or 64, with at most two dots"
#define FIGURE_RULE                                                                                          \
    "a figure is lengths and chord notes like 4:1 23 + * r, its lines parted by /, each with a note, up to " \
    "64 steps"
#define CHORD_RULE                                                                                  \
    "a chord name is a letter A to G, # or b, one of m 7 m7 maj7 6 m6 dim dim7 m7b5 aug sus2 sus4 " \
    "7sus4 9 7b9, and /bass"
#define METER_RULE "1 to 32, /, and 1, 2, 4, 8, 16, 32 or 64, at most three whole notes"
#define KEY_RULE                                                                                  \
    "a key is a note like C, F# or Eb and major, minor, dorian, phrygian, lydian or mixolydian, " \
    "with at most seven signs"
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        /* notes */
        {HEAD "a: 1h4", "line 7, bar 1 of a: '1h4' is not a note: " NOTE_RULE},
        {HEAD "a: 4c4 d e f | 4c4 d e H", "line 7, bar 2 of a: 'H' is not a note: " NOTE_RULE},
        {HEAD "a: 1C4", "line 7, bar 1 of a: '1C4' is not a note: " NOTE_RULE},
        {HEAD "a: 1", "line 7, bar 1 of a: '1' is not a note: " NOTE_RULE},
        {HEAD "a: 3c4", "line 7, bar 1 of a: '3c4' has no length: " LENGTH_RULE},
        {HEAD "a: 4...c4", "line 7, bar 1 of a: '4...c4' has no length: " LENGTH_RULE},
        {HEAD "a: 64..c4", "line 7, bar 1 of a: '64..c4' has no length: " LENGTH_RULE},
        {HEAD "a: c4", "line 7, bar 1 of a: 'c4' has no length: the first note of a line names it, like 4c5"},
        {HEAD "a: 1c", "line 7, bar 1 of a: '1c' has no octave: the first note of a line names it, like c4"},
        {HEAD "a: 1c4\na: d4",
         "line 8, bar 2 of a: 'd4' has no length: the first note of a line names it, like 4c5"},
        {HEAD "a: 1c4x", "line 7, bar 1 of a: '1c4x' should end before 'x': a note is length, letter, sign, "
                         "octave, ~"},
        {HEAD "a: 1c4#", "line 7, bar 1 of a: '1c4#' should end before '#': a note is length, letter, sign, "
                         "octave, ~"},
        {HEAD "a: 1g#9", "line 7, bar 1 of a: '1g#9' is key 128, above the highest, 127 (g9)"},
        {HEAD "a: 1cb0", NULL},
        {HEAD "a: 4c#4 d c d",
         "line 7, bar 1 of a: 'c' follows the same note with a sign in this bar: write #, "
         "b or n again"},
        {HEAD "a: 1<c4 e", "line 7, bar 1 of a: '1<c4 e' is a chord without its >"},
        {HEAD "a: 1<>", "line 7, bar 1 of a: '1<>' is a chord without notes"},
        {HEAD "a: 1<c4 r>", "line 7, bar 1 of a: '1<c4 r>' is not a note: " NOTE_RULE},
        {HEAD "a: 1<c4 b#3>", "line 7, bar 1 of a: '1<c4 b#3>' names the same key twice"},
        {HEAD "a: 1<c0 d e f g a b c1 d e f g a b c2 d e>",
         "line 7, bar 1 of a: '1<c0 d e f g a b c1 d e ' has more than 16 notes"},
        /* ties */
        {HEAD "a: 2c4~ d", "line 7, bar 1 of a: the tie before it wants c4 here"},
        {HEAD "a: 2f#4~ r", "line 7, bar 1 of a: the tie before it wants f#4 here"},
        {HEAD "a: 1<c4 e>~ | 1c4", "line 7, bar 2 of a: the tie before it wants e4 here"},
        {HEAD "a: 1c4~ | R", "line 7, bar 2 of a: the tie before it wants c4 here"},
        {HEAD "a: 1c4~", "line 7, bar 1 of a: the tie ends with the section: it must lead to a note in it"},
        /* triplets */
        {HEAD "a: (38c4 d e)", "line 7, bar 1 of a: '(38c4': a triplet is written (3 8c5 d e), with a blank "
                               "after (3"},
        {HEAD "a: (3 8c4 (3 d e)", "line 7, bar 1 of a: '(3' opens a triplet inside a triplet"},
        {HEAD "a: 1c4 )", "line 7, bar 1 of a: ')' closes no triplet"},
        {HEAD "a: 2.c4 (3 8d e f", "line 7, bar 1 of a: the triplet is not closed by )"},
        /* bars */
        {HEAD "a: 1c4 | 4c4 d e", "line 7, bar 2 of a: it adds up to 3/4, the meter is 4/4"},
        {HEAD "a: 1c4\na: 2c4 d 16e", "line 8, bar 2 of a: it adds up to 17/16, the meter is 4/4"},
        {HEAD "a: 2c4 d (3 8e d)", "line 7, bar 1 of a: it adds up to 7/6, the meter is 4/4"},
        {HEAD "a: 1c4 || 1d4",
         "line 7, bar 2 of a: nothing stands between the bar lines: a bar of rest is R"},
        {HEAD "a: %", "line 7, bar 1 of a: '%' has no bar before it in this section"},
        {HEAD "a: 1c4~ | 1c | %",
         "line 7, bar 3 of a: '%' cannot repeat a bar that a tie leads into or out of: write it out"},
        {HEAD "a: 1c4 | 2d e~ | %",
         "line 7, bar 3 of a: '%' cannot repeat a bar that a tie leads into or out of: write it out"},
        {HEAD "a: R R", "line 7, bar 1 of a: 'R' is not a note: " NOTE_RULE},
        {HEAD "a: 1c4 | 1d\nb: 1c4", "line 8: voice b has 1 bars in this section, voice a has 2"},
        {PLAIN "pickup 4\nvoice a\na: 2c4 | 2.d",
         "line 7, bar 1 of a: it adds up to 1/2, as the pickup bar it "
         "should have 1/4"},
        {PLAIN "pickup 4\nvoice a\na: 4c4 | 1d", "line 7, bar 2 of a: it adds up to 1/1, as the last bar it "
                                                 "should have 3/4"},
        {PLAIN "pickup 4\nvoice a\na: 4c4 | 1d | % | 2.e", NULL},
        {PLAIN "pickup 4\nvoice a\na: 4c4 | % | 2.e",
         "line 7, bar 2 of a: it adds up to 1/4, the meter is 4/4"},
        /* chords */
        {PLAIN "chords l block\nl: H", "line 6, bar 1 of l: 'H' is not a chord: " CHORD_RULE},
        {PLAIN "chords l block\nl: c", "line 6, bar 1 of l: 'c' is not a chord: " CHORD_RULE},
        {PLAIN "chords l block\nl: Cm8", "line 6, bar 1 of l: 'Cm8' is not a chord: " CHORD_RULE},
        {PLAIN "chords l block\nl: C/H", "line 6, bar 1 of l: 'C/H' is not a chord: " CHORD_RULE},
        {PLAIN "chords l block\nl: C 2D",
         "line 6, bar 1 of l: 1 of 2 chords have a length: give it to all or to "
         "none"},
        {PLAIN "chords l block\nl: C D E",
         "line 6, bar 1 of l: 3 chords do not share this bar by whole beats: "
         "give them lengths"},
        {PLAIN "chords l block\nl: 2C 4D", "line 6, bar 1 of l: it adds up to 3/4, the meter is 4/4"},
        {PLAIN "chords l block\nl: <c3 e>~", "line 6, bar 1 of l: '<c3 e>~': a figure has no ties"},
        {PLAIN "chords l alberti\nl: <c3 e g>",
         "line 6, bar 1 of l: the figure asks '<c3 e g>' for a note it has not: it has 3, from the lowest"},
        {PLAIN "figure f 1\n", "line 5: 'f': " FIGURE_RULE},
        {PLAIN "figure f 4:0\n", "line 5: 'f': " FIGURE_RULE},
        {PLAIN "figure f 4:21\n", "line 5: 'f': " FIGURE_RULE},
        {PLAIN "figure f 4:1 /\n", "line 5: 'f': " FIGURE_RULE},
        {PLAIN "figure f 5:1\n", "line 5: 'f': " FIGURE_RULE},
        {PLAIN "figure waltz 4:1\n", "line 5: there is a figure 'waltz' already"},
        {PLAIN "chords l waltzz",
         "line 5: 'waltzz' is not a figure: block, waltz, march, polka, lilt, alberti, "
         "harp, rolling, or one from a figure line above"},
        {PLAIN "chords l waltz mff", "line 5: 'mff' is neither a dynamic (pp p mp mf f ff) nor low"},
        {PLAIN "chords l waltz low g",
         "line 5: 'g' is not the lowest bass: a note with an octave 1 to 6, like g2"},
        /* header */
        {"title A\ntitle B", "line 2: a second 'title'"},
        {"tilte A",
         "line 1: 'tilte' begins no line: a voice's name and a colon, #, or title, from, meter, key, "
         "tempo, pickup, last, figure, voice, chords, play, section"},
        {"title", "line 1: 'title' has nothing behind it"},
        {"meter 3/5", "line 1: '3/5' is not a meter: " METER_RULE},
        {"meter 3", "line 1: '3' is not a meter: " METER_RULE},
        {"meter 7/2", "line 1: '7/2' is not a meter: " METER_RULE},
        {"key H major", "line 1: 'H major' is not a key: " KEY_RULE},
        {"key C", "line 1: 'C' is not a key: " KEY_RULE},
        {"key G# major", "line 1: 'G# major' is not a key: " KEY_RULE},
        {"tempo 120", "line 1: '120' is not a tempo: a length, =, and 10 to 400 per minute, like 4. = 60"},
        {"tempo 4 = 9",
         "line 1: '4 = 9' is not a tempo: a length, =, and 10 to 400 per minute, like 4. = 60"},
        {"tempo 64 = 10", "line 1: '64 = 10' is slower than a quarter in 16.7 s, the limit"},
        {"pickup 4", "line 1: 'pickup' needs the meter before it"},
        {"last 4", "line 1: 'last' needs the meter before it"},
        {PLAIN "pickup 5", "line 5: '5' is not a part of a bar: " LENGTH_RULE},
        {PLAIN "pickup 1+4",
         "line 5: '1+4' is not a part of a bar: lengths of whole 64ths joined by +, at most "
         "4/4"},
        {PLAIN "pickup 4-8",
         "line 5: '4-8' is not a part of a bar: lengths of whole 64ths joined by +, at most "
         "4/4"},
        {"voice a ffff", "line 1: 'ffff' is not a dynamic: pp, p, mp, mf, f or ff"},
        {"voice a_b", "line 1: 'a_b' is no name of a voice: names are letters, digits and -"},
        {"voice a\nvoice a", "line 2: there is a voice 'a' already"},
        {"title T\nvoice a\na: 1c4", "line 3: music begins, but the header has no line 'meter'"},
        {PLAIN "section A\n", "line 5: music begins, but the header names no voice"},
        {HEAD "aa: 1c4", "line 7: there is no voice 'aa' in the header"},
        {HEAD "a:", "line 7: 'a:' has no bars behind it"},
        {HEAD "a: |", "line 7: 'a:' has no bars behind it"},
        /* sections */
        {HEAD "a: 1c4\nsection B\na: 1c4", "line 8: music stands before the first section"},
        {HEAD "section A\na: 1c4\nsection A\n", "line 9: there is a section 'A' already"},
        {HEAD "section A B\n", "line 7: 'B' after the section's name"},
        {HEAD "section A\na: 1c4\nvoice c",
         "line 9: 'voice' belongs in the header, before the first section"},
        {HEAD "section A\na: 1c4\nmeter 3/4", "line 9: 'meter' must stand before the section's music"},
        {HEAD "section A\nsection B\na: 1c4", "line 7: section 'A' has no music"},
        {HEAD "play A C\nsection A\na: 1c4", "line 7: there is no section 'C' to play"},
        {HEAD "play A\nsection A\na: 1c4\nsection B\na: 1c4", "line 10: section 'B' is never played"},
        {HEAD "play A\nplay A\n", "line 8: a second 'play'"},
    };
    int wrong = 0; /* all of them are shown, not only the first */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spiral_midi midi;
        spiral_error err = {0};
        spiral_status status = read_text(cases[i].text, &midi, &err);
        const char *expected = cases[i].sentence ? cases[i].sentence : "";
        wrong += strcmp(err.text, expected) != 0;
        if (strcmp(err.text, expected)) print_error("wanted: %s\n   got: %s\n", expected, err.text);
        assert_int_equal(status, *expected ? SPIRAL_FORMAT : SPIRAL_OK);
        assert_int_equal(midi.note_count != 0, !*expected);
        clear(&midi);
    }
    assert_int_equal(wrong, 0);
}

static void test_other_failures(void **state) {
    (void)state;
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(read_text("", &midi, &err), SPIRAL_NO_DATA);
    assert_string_equal(err.text, "the score has no line of music");
    assert_int_equal(read_text(HEAD "a: R", &midi, &err), SPIRAL_NO_DATA);
    assert_string_equal(err.text, "the score has no notes, only rests");
    assert_int_equal(read_text(HEAD "a: x", &midi, NULL), SPIRAL_FORMAT);
    assert_int_equal(read_text(HEAD "a: 1c4 | 1x", &midi, &err), SPIRAL_FORMAT);
    assert_int_equal(err.offset, strlen(HEAD "a: 1c4 | "));
    static const char with_nul[] = HEAD "a: 1c4 \0 4d"; /* a NUL byte ends nothing */
    assert_int_equal(spiral_score_read(with_nul, sizeof with_nul - 1, &midi, &err), SPIRAL_FORMAT);
    assert_int_equal(err.offset, strlen(HEAD "a: 1c4 "));
    assert_int_equal(spiral_score_load("/no/such.txt", &midi, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/no/such.txt: cannot open: No such file or directory");
    size_t size = ((size_t)1 << 20) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    assert_int_equal(spiral_score_read(text, size, &midi, &err), SPIRAL_TOO_BIG);
    assert_string_equal(err.text, "the score has 1048577 bytes, above 1048576, the limit");
    assert_int_equal(spiral_score_read(text, size - 1, &midi, &err), SPIRAL_NO_DATA);
    free(text);
}

/* MIDI cannot hold a key twice: the note that another line strikes again ends there. */
static void test_figure_strikes_a_held_key(void **state) {
    (void)state;
    static const char head[] = PLAIN "figure f 1:1 / 4:r 1 8:1 r 2:1 / 4:1\nchords c f\n";
    char text[300];
    snprintf(text, sizeof text, "%sc: <c4>", head);
    assert_notes(text, "0+4:60 4+4:60 8+4:60 12+4:60");
}

/* A kilobyte of rests that a megabyte of chords would play: refused, not played for minutes. */
static void test_figure_of_rests(void **state) {
    (void)state;
    static const char text[] = PLAIN "figure f 4:1 / 64:r\n";
    spiral_midi midi;
    spiral_error err;
    assert_int_equal(read_text(text, &midi, &err), SPIRAL_FORMAT);
    assert_string_equal(err.text, "line 5: 'f': " FIGURE_RULE);
}

/* A good score, each of its bytes in turn replaced or the rest cut off: read or refused, never worse. */
static void test_damaged_text(void **state) {
    (void)state;
    static const char good[] =
        PLAIN "pickup 4\nfigure f 2:1 / 8:2 + *\nvoice a\nchords l f low c3\nplay A A\n"
              "section A\na: (3 8c4 d e) | 2<c4~ e> <c f#> | 2.c4\nl: r | C <d3 f>| 2.G/B";
    static const char with[] = "|<>(3)~%R r:9#b\n\0\xff";
    spiral_midi midi;
    spiral_error err;
    for (size_t i = 0; i < sizeof good; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (size_t k = 0; k < sizeof with; k++) {
            text[i] = with[k];
            if (!spiral_score_read(text, sizeof good - 1, &midi, &err)) clear(&midi);
        }
        text[i] = 0;
        if (!read_text(text, &midi, &err)) clear(&midi);
    }
    midi = read_good(good);
    assert_int_equal(midi.note_count, 2 * (7 + 10 + 6 + 18));
    clear(&midi);
}

/* ---- the scores that come with the library ---- */

/* Written as MIDI it is read with the same notes and without a warning. */
static void check_written(const spiral_midi *midi) {
    size_t size;
    spiral_midi back;
    char none[300];
    assert_int_equal(spiral_midi_size(midi, &size, NULL), SPIRAL_OK);
    void *bytes = malloc(size);
    assert_int_equal(spiral_midi_write(midi, bytes, size, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_read(bytes, size, &back, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_warnings_text(back.warnings, none, sizeof none), 0);
    assert_int_equal(back.note_count, midi->note_count);
    for (size_t i = 0; i < back.note_count; i++) {
        const spiral_note *a = &midi->notes[i], *b = &back.notes[i];
        assert_true(a->on_ticks == b->on_ticks && a->off_ticks == b->off_ticks && a->pitch == b->pitch);
        assert_true(a->track == b->track && a->channel == b->channel && a->velocity == b->velocity);
    }
    free(bytes);
    spiral_midi_clear(&back);
}

static void check_piece(const char *path) {
    spiral_midi midi;
    spiral_error err = {0};
    if (spiral_score_load(path, &midi, &err)) fail_msg("%s", err.text);
    if (midi.note_count <= 50) fail_msg("%s has only %zu notes", path, midi.note_count);
    assert_non_null(midi.name);
    if (!midi.text) fail_msg("%s does not say where it is from", path);
    for (size_t i = 0; i < midi.note_count; i++) {
        const spiral_note *n = &midi.notes[i];
        assert_true(n->on_ticks >= 0 && n->on_ticks < n->off_ticks && n->off_ticks <= midi.end_ticks);
        assert_true(n->pitch >= 21 && n->pitch <= 108); /* a piano can play it */
        assert_true(n->velocity >= 1 && n->velocity <= 127);
        if (i) assert_true(n[-1].on_ticks <= n->on_ticks);
    }
    check_written(&midi);
    clear(&midi);
}

static void test_pieces(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char folder[1024], path[2048];
    snprintf(folder, sizeof folder, "%s/data/scores", source ? source : ".");
    DIR *open = opendir(folder);
    assert_non_null(open);
    int pieces = 0;
    for (struct dirent *entry; (entry = readdir(open));) {
        size_t size = strlen(entry->d_name);
        if (size < 4 || strcmp(entry->d_name + size - 4, ".txt")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_piece(path);
        pieces++;
    }
    closedir(open);
    assert_true(pieces >= 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_chords_ties_triplets),
        cmocka_unit_test(test_rests_and_repeated_bars),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_pickup),
        cmocka_unit_test(test_midi_fields),
        cmocka_unit_test(test_section_of_a_pickup_alone),
        cmocka_unit_test(test_tempos_whose_seconds_round),
        cmocka_unit_test(test_title_of_a_zero_byte),
        cmocka_unit_test(test_channels_leave_out_drums),
        cmocka_unit_test(test_chord_names),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_other_failures),
        cmocka_unit_test(test_figure_strikes_a_held_key),
        cmocka_unit_test(test_figure_of_rests),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
