/* SPDX-License-Identifier: MIT
 *
 * Text scores: every error is refused with its line and the value, and one sentence that says what is
 * allowed.
 */
#include "testing.h"

#include "score_testing.h"

/* Each message is given in full once; after that, only the value that it names. */
static const struct {
    const char *text, *place, *words; /* NULL: the score is valid */
} cases[] = {
    /* notes */
    {HEAD "a: 1h4", "line 7, bar 1 of a",
     "'1h4' is not a note: a note is a letter a to g, a sign #, ##, b, bb or n, and an octave 0 to 9"},
    {HEAD "a: 4c4 d e f | 4c4 d e H", "line 7, bar 2 of a", "'H'"},
    {HEAD "a: 1C4", "line 7, bar 1 of a", "'1C4'"},
    {HEAD "a: 1", "line 7, bar 1 of a", "'1'"},
    {HEAD "a: 3c4", "line 7, bar 1 of a",
     "'3c4' has no length: a length is 1, 2, 4, 8, 16, 32 or 64, with at most two dots"},
    {HEAD "a: 4...c4", "line 7, bar 1 of a", "'4...c4'"},
    {HEAD "a: 64..c4", "line 7, bar 1 of a", "'64..c4'"},
    {HEAD "a: c4", "line 7, bar 1 of a", "'c4' has no length: the first note of a line names it, like 4c5"},
    {HEAD "a: 1c", "line 7, bar 1 of a", "'1c' has no octave: the first note of a line names it, like c4"},
    {HEAD "a: 1c4\na: d4", "line 8, bar 2 of a", "'d4'"},
    {HEAD "a: 1c4x", "line 7, bar 1 of a",
     "'1c4x' should end before 'x': a note is length, letter, sign, octave, ~"},
    {HEAD "a: 1c4#", "line 7, bar 1 of a", "'1c4#'"},
    {HEAD "a: 1g#9", "line 7, bar 1 of a", "'1g#9' is key 128, above the highest, 127 (g9)"},
    {HEAD "a: 1cb0", NULL, NULL},
    {HEAD "a: 4c#4 d c d", "line 7, bar 1 of a",
     "'c' follows the same note with a sign in this bar: write #, b or n again"},
    {HEAD "a: 1<c4 e", "line 7, bar 1 of a", "'1<c4 e' is a chord without its >"},
    {HEAD "a: 1<>", "line 7, bar 1 of a", "'1<>' is a chord without notes"},
    {HEAD "a: 1<c4 r>", "line 7, bar 1 of a", "'1<c4 r>'"},
    {HEAD "a: 1<c4 b#3>", "line 7, bar 1 of a", "'1<c4 b#3>' names the same key twice"},
    {HEAD "a: 1<c0 d e f g a b c1 d e f g a b c2 d e>", "line 7, bar 1 of a",
     "'1<c0 d e f g a b c1 d e ' has more than 16 notes"},
    /* ties */
    {HEAD "a: 2c4~ d", "line 7, bar 1 of a", "the tie before it needs c4 here"},
    {HEAD "a: 2f#4~ r", "line 7, bar 1 of a", "needs f#4 here"},
    {HEAD "a: 1<c4 e>~ | 1c4", "line 7, bar 2 of a", "needs e4 here"},
    {HEAD "a: 1c4~ | R", "line 7, bar 2 of a", "needs c4 here"},
    {HEAD "a: 1c4~", "line 7, bar 1 of a", "the tie ends with the section: it must lead to a note in it"},
    /* triplets */
    {HEAD "a: (38c4 d e)", "line 7, bar 1 of a",
     "'(38c4': a triplet is written (3 8c5 d e), with a blank after (3"},
    {HEAD "a: (3 8c4 (3 d e)", "line 7, bar 1 of a", "'(3' opens a triplet inside a triplet"},
    {HEAD "a: 1c4 )", "line 7, bar 1 of a", "')' closes no triplet"},
    {HEAD "a: 2.c4 (3 8d e f", "line 7, bar 1 of a", "the triplet is not closed by )"},
    /* bars */
    {HEAD "a: 1c4 | 4c4 d e", "line 7, bar 2 of a", "it adds up to 3/4, the meter is 4/4"},
    {HEAD "a: 1c4\na: 2c4 d 16e", "line 8, bar 2 of a", "adds up to 17/16"},
    {HEAD "a: 2c4 d (3 8e d)", "line 7, bar 1 of a", "adds up to 7/6"},
    {HEAD "a: 1c4 || 1d4", "line 7, bar 2 of a",
     "there is nothing between the bar lines: a bar of rest is R"},
    {HEAD "a: %", "line 7, bar 1 of a", "'%' has no bar before it in this section"},
    {HEAD "a: 1c4~ | 1c | %", "line 7, bar 3 of a",
     "'%' cannot repeat a bar that a tie leads into or out of: write it out"},
    {HEAD "a: 1c4 | 2d e~ | %", "line 7, bar 3 of a", "'%'"},
    {HEAD "a: R R", "line 7, bar 1 of a", "'R'"},
    {HEAD "a: 1c4 | 1d\nb: 1c4", "line 8", "voice b has 1 bars in this section, voice a has 2"},
    {PLAIN "pickup 4\nvoice a\na: 2c4 | 2.d", "line 7, bar 1 of a",
     "it adds up to 1/2, as the pickup bar it should have 1/4"},
    {PLAIN "pickup 4\nvoice a\na: 4c4 | 1d", "line 7, bar 2 of a",
     "it adds up to 1/1, as the last bar it should have 3/4"},
    {PLAIN "pickup 4\nvoice a\na: 4c4 | 1d | % | 2.e", NULL, NULL},
    {PLAIN "pickup 4\nvoice a\na: 4c4 | % | 2.e", "line 7, bar 2 of a", "adds up to 1/4"},
    /* chords */
    {PLAIN "chords l block\nl: H", "line 6, bar 1 of l",
     "'H' is not a chord: a chord name is a letter A to G, # or b, one of m 7 m7 maj7 6 m6 dim dim7 m7b5 aug "
     "sus2 sus4 7sus4 9 7b9, and /bass"},
    {PLAIN "chords l block\nl: c", "line 6, bar 1 of l", "'c'"},
    {PLAIN "chords l block\nl: Cm8", "line 6, bar 1 of l", "'Cm8'"},
    {PLAIN "chords l block\nl: C/H", "line 6, bar 1 of l", "'C/H'"},
    {PLAIN "chords l block\nl: C 2D", "line 6, bar 1 of l",
     "1 of 2 chords have a length: give it to all or to none"},
    {PLAIN "chords l block\nl: C D E", "line 6, bar 1 of l",
     "3 chords cannot share this bar in whole beats: give them lengths"},
    {PLAIN "chords l block\nl: 2C 4D", "line 6, bar 1 of l", "adds up to 3/4"},
    {PLAIN "chords l block\nl: <c3 e>~", "line 6, bar 1 of l", "'<c3 e>~': a figure has no ties"},
    {PLAIN "chords l alberti\nl: <c3 e g>", "line 6, bar 1 of l",
     "the figure needs a note that '<c3 e g>' does not have: it has 3"},
    {PLAIN "figure f 1\n", "line 5",
     "'f': a figure is lengths and chord notes like 4:1 23 + * r, with / between its lines, each with a "
     "note, up to 64 steps"},
    {PLAIN "figure f 4:0\n", "line 5", "'f'"},
    {PLAIN "figure f 4:21\n", "line 5", "'f'"},
    {PLAIN "figure f 4:1 /\n", "line 5", "'f'"},
    {PLAIN "figure f 5:1\n", "line 5", "'f'"},
    {PLAIN "figure waltz 4:1\n", "line 5", "there is a figure 'waltz' already"},
    {PLAIN "chords l waltzz", "line 5",
     "'waltzz' is not a figure: block, waltz, march, polka, lilt, alberti, harp, rolling, or one from a "
     "figure line above"},
    {PLAIN "chords l waltz mff", "line 5", "'mff' is neither a dynamic (pp p mp mf f ff) nor low"},
    {PLAIN "chords l waltz low g", "line 5",
     "'g' is not a lowest bass: a note with an octave 1 to 6, like g2"},
    /* header */
    {"title A\ntitle B", "line 2", "a second 'title'"},
    {"tilte A", "line 1",
     "'tilte' cannot begin a line: it must be a voice's name and a colon, #, or title, from, meter, key, "
     "tempo, pickup, last, figure, voice, chords, play, section"},
    {"title", "line 1", "'title' has no text after it"},
    {"meter 3/5", "line 1",
     "'3/5' is not a meter: 1 to 32, /, and 1, 2, 4, 8, 16, 32 or 64, at most three whole notes"},
    {"meter 3", "line 1", "'3'"},
    {"meter 7/2", "line 1", "'7/2'"},
    {"key H major", "line 1",
     "'H major' is not a key: a key is a note like C, F# or Eb and major, minor, dorian, phrygian, lydian or "
     "mixolydian, with at most seven signs"},
    {"key C", "line 1", "'C'"},
    {"key G# major", "line 1", "'G# major'"},
    {"tempo 120", "line 1", "'120' is not a tempo: a length, =, and 10 to 400 per minute, like 4. = 60"},
    {"tempo 4 = 9", "line 1", "'4 = 9'"},
    {"tempo 64 = 10", "line 1", "'64 = 10' is slower than a quarter in 16.7 s, the limit"},
    {"pickup 4", "line 1", "'pickup' needs a meter line before it"},
    {"last 4", "line 1", "'last'"},
    {PLAIN "pickup 5", "line 5",
     "'5' is not a part of a bar: a length is 1, 2, 4, 8, 16, 32 or 64, with at most two dots"},
    {PLAIN "pickup 1+4", "line 5",
     "'1+4' is not a part of a bar: lengths of whole 64ths joined by +, at most 4/4"},
    {PLAIN "pickup 4-8", "line 5", "'4-8'"},
    {"voice a ffff", "line 1", "'ffff' is not a dynamic: pp, p, mp, mf, f or ff"},
    {"voice a_b", "line 1", "'a_b' is not a name for a voice: names are letters, digits and -"},
    {"voice a\nvoice a", "line 2", "there is a voice 'a' already"},
    {"title T\nvoice a\na: 1c4", "line 3", "music begins, but the header has no line 'meter'"},
    {PLAIN "section A\n", "line 5", "music begins, but the header names no voice"},
    {HEAD "aa: 1c4", "line 7", "there is no voice 'aa' in the header"},
    {HEAD "a:", "line 7", "'a:' has no bars after it"},
    {HEAD "a: |", "line 7", "'a:'"},
    /* sections */
    {HEAD "a: 1c4\nsection B\na: 1c4", "line 8", "there is music before the first section"},
    {HEAD "section A\na: 1c4\nsection A\n", "line 9", "there is a section 'A' already"},
    {HEAD "section A B\n", "line 7", "'B' after the section's name"},
    {HEAD "section A\na: 1c4\nvoice c", "line 9", "'voice' belongs in the header, before the first section"},
    {HEAD "section A\na: 1c4\nmeter 3/4", "line 9", "'meter' must come before the section's music"},
    {HEAD "section A\nsection B\na: 1c4", "line 7", "section 'A' has no music"},
    {HEAD "play A C\nsection A\na: 1c4", "line 7", "there is no section 'C' to play"},
    {HEAD "play A\nsection A\na: 1c4\nsection B\na: 1c4", "line 10", "section 'B' is never played"},
    {HEAD "play A\nplay A\n", "line 8", "'play'"},
};

static void test_every_fault_is_named_with_its_line(void **state) {
    (void)state;
    int wrong = 0; /* all wrong cases are printed, not only the first */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spiral_midi midi;
        spiral_error err = {0};
        spiral_status status = read_text(cases[i].text, &midi, &err);
        const char *place = cases[i].place;
        int right = place ? status == SPIRAL_FORMAT && !strncmp(err.text, place, strlen(place)) &&
                                !strncmp(err.text + strlen(place), ": ", 2) &&
                                strstr(err.text, cases[i].words) && err.offset >= 0 &&
                                (size_t)err.offset <= strlen(cases[i].text)
                          : status == SPIRAL_OK;
        if (!right) print_error("%s: %s\n     got: %s\n", place, cases[i].words, err.text);
        wrong += !right;
        assert_int_equal(midi.note_count != 0, !place);
        spiral_midi_clear(&midi);
    }
    assert_int_equal(wrong, 0);
}

static void test_scores_without_notes_and_too_long_scores_are_refused(void **state) {
    (void)state;
    spiral_midi midi;
    spiral_error err = {0};
    assert_fails(read_text("", &midi, &err), SPIRAL_NO_DATA, &err, "the score has no line of music");
    assert_fails(read_text(HEAD "a: R", &midi, &err), SPIRAL_NO_DATA, &err,
                 "the score has no notes, only rests");
    assert_int_equal(read_text(HEAD "a: x", &midi, NULL), SPIRAL_FORMAT);
    assert_int_equal(read_text(HEAD "a: 1c4 | 1x", &midi, &err), SPIRAL_FORMAT);
    assert_int_equal(err.offset, strlen(HEAD "a: 1c4 | "));
    static const char with_zero[] = HEAD "a: 1c4 \0 4d";
    assert_fails(spiral_score_read(with_zero, sizeof with_zero - 1, &midi, &err), SPIRAL_FORMAT, &err,
                 "line 7: a zero byte, which a text cannot contain");
    assert_int_equal(err.offset, strlen(HEAD "a: 1c4 "));
    static const char title[] = "title \0\nmeter 4/4\nkey C major\ntempo 4 = 120\nvoice a\na: 1c4";
    assert_fails(spiral_score_read(title, sizeof title - 1, &midi, &err), SPIRAL_FORMAT, &err, "line 1");
    assert_int_equal(err.offset, 6);
    assert_fails(spiral_score_load("/no/such.txt", &midi, &err), SPIRAL_IO, &err, "/no/such.txt");
    size_t size = ((size_t)1 << 20) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    assert_fails(spiral_score_read(text, size, &midi, &err), SPIRAL_TOO_BIG, &err,
                 "the score has 1048577 bytes, above 1048576, the limit");
    assert_int_equal(spiral_score_read(text, size - 1, &midi, &err), SPIRAL_NO_DATA);
    free(text);
}

/* With a figure line of rests, a megabyte of chords would take minutes to read without giving a note. */
static void test_figure_line_of_rests_is_refused(void **state) {
    (void)state;
    static const char text[] = PLAIN "figure f 4:1 / 64:r\n";
    spiral_midi midi;
    spiral_error err;
    assert_fails(read_text(text, &midi, &err), SPIRAL_FORMAT, &err, "line 5: 'f'");
}

/* A score in which each byte in turn is replaced, and one that is cut off at each byte. */
static void test_damaged_scores_are_read_or_refused(void **state) {
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
            if (!spiral_score_read(text, sizeof good - 1, &midi, &err)) spiral_midi_clear(&midi);
        }
        text[i] = 0;
        if (!read_text(text, &midi, &err)) spiral_midi_clear(&midi);
    }
    midi = read_good(good);
    assert_int_equal(midi.note_count, 2 * (7 + 10 + 6 + 18));
    spiral_midi_clear(&midi);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_is_named_with_its_line),
        cmocka_unit_test(test_scores_without_notes_and_too_long_scores_are_refused),
        cmocka_unit_test(test_figure_line_of_rests_is_refused),
        cmocka_unit_test(test_damaged_scores_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
