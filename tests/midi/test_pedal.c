/* SPDX-License-Identifier: MIT
 *
 * The sustain and sostenuto pedals: which of their events the reader keeps, that they are written and read,
 * and how long notes sound, in files made by hand and against the rule of midi.h applied tick by tick.
 */
#include "testing.h"

#include "base/rng.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/pedal.h"
#include "smf_check.h"
#include "spiral/roll.h"

/* Asserts that f has these pedals, before and after it is written and read again. */
static void check_pedals(const char *pedals) {
    char text[1000];
    spiral_midi midi = read_file();
    assert_string_equal(pedals_text(&midi, text, sizeof text), pedals);
    assert_string_equal(warnings_text(&midi, text, sizeof text), "");
    spiral_midi back = written_and_read(&midi);
    assert_string_equal(pedals_text(&back, text, sizeof text), pedals);
    assert_int_equal(back.note_count, midi.note_count);
    assert_int_equal(back.end_ticks, midi.end_ticks);
    spiral_midi_clear(&back);
    spiral_midi_clear(&midi);
}

static void test_reader_keeps_changes_of_the_pedal(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x10\x40\x00\x10\x40\x40\x10\x40\x3f" SMF_EOT); /* running status */
    check_pedals("0:0 0+, 0:0 16-, 0:0 32+, 0:0 48-");
    SMF_ONE(&f,
            "\x05\xb3\x40\x40\x05\x40\x41\x05\x40\x7f\x05\x40\x20\x05\x40\x00" SMF_EOT); /* half pedalling */
    check_pedals("0:3 5+, 0:3 20-");
    SMF_ONE(&f, "\x05\xb0\x40\x00\x05\x79\x00" SMF_EOT); /* the pedal is up at the start */
    check_pedals("");
    SMF_ONE(&f, "\x00\xb1\x40\x7f\x20\xb2\x79\x00\x20\xb1\x79\x00" SMF_EOT); /* a reset acts on its channel */
    check_pedals("0:1 0+, 0:1 64-");
    SMF_ONE(&f, "\x00\xb0\x43\x7f\x10\x7b\x00\x10\x01\x40" SMF_EOT); /* other controllers */
    check_pedals("");
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x20\x40\x00\x00\x40\x7f" SMF_EOT); /* up and down at one tick */
    check_pedals("0:0 0+, 0:0 32-, 0:0 32+");
    SMF_ONE(&f, "\x00\xb0\x40\x80\x10\x40\x7f" SMF_EOT); /* an invalid value, then a valid one */
    char text[100];
    spiral_midi midi = read_file();
    assert_string_equal(pedals_text(&midi, text, sizeof text), "0:0 16+");
    assert_string_equal(warnings_text(&midi, text, sizeof text), "BAD_DATA 1");
    spiral_midi_clear(&midi);
}

static void test_reader_keeps_changes_of_the_sostenuto_pedal(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xb0\x42\x7f\x08\x40\x7f\x08\x42\x00\x08\x40\x00" SMF_EOT);
    check_pedals("0:0 0+ sostenuto, 0:0 8+, 0:0 16- sostenuto, 0:0 24-");
    SMF_ONE(&f, "\x00\xb0\x42\x7f\x00\x40\x7f\x10\x79\x00" SMF_EOT); /* a reset releases both */
    check_pedals("0:0 0+ sostenuto, 0:0 0+, 0:0 16-, 0:0 16- sostenuto");
    SMF_ONE(&f, "\x00\xb0\x42\x7f\x00\x40\x7f\x10\x78\x00" SMF_EOT); /* so does all sound off */
    check_pedals("0:0 0+ sostenuto, 0:0 0+, 0:0 16-, 0:0 16- sostenuto");
}

static void test_ports_have_pedals_of_their_own(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x00\x00\xb0\x40\x7f\x60\xb0\x40\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x03\x10\xb0\x40\x7f\x10\xb0\x40\x00" SMF_EOT);
    check_pedals("0:0 0+, 1:0 16+ port 3, 1:0 32- port 3, 0:0 96-");
}

/* A channel has one pedal, whichever track its events are on. The events are in order of time, then of
 * tracks. */
static void test_tracks_share_a_pedal(void **state) {
    (void)state;
    smf_header(&f, 1, 3, 96);
    SMF_TRACK(&f, "\x10\xb0\x40\x7f\x20\x40\x7f\x20\xb1\x40\x7f" SMF_EOT);
    SMF_TRACK(&f, "\x08\xb1\x40\x7f\x18\xb0\x40\x00\x10\x40\x00\x20\xb1\x40\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\x90\x3c\x40\x10\x3c\x00" SMF_EOT);
    check_pedals("1:1 8+, 0:0 16+, 1:0 32-, 0:0 48+, 1:0 48-, 1:1 80-");
}

/* Sequences of format 2 follow one another; each begins with all pedals up. */
static void test_sequences_begin_with_pedals_up(void **state) {
    (void)state;
    smf_header(&f, 2, 3, 96);
    SMF_TRACK(&f, "\x10\xb0\x40\x7f\x00\xb5\x40\x7f\x20\x90\x3c\x40\x10\x3c\x00" SMF_EOT); /* 64 ticks */
    SMF_TRACK(&f, "\x10\x90\x3c\x40\x10\x3c\x00" SMF_EOT);
    SMF_TRACK(&f, "\x10\xb0\x40\x7f\x10\x90\x3c\x40" SMF_EOT);
    spiral_midi midi = read_file();
    char text[100];
    assert_string_equal(pedals_text(&midi, text, sizeof text),
                        "0:0 16+, 0:5 16+, 1:0 64-, 1:5 64-, 2:0 112+");
    spiral_midi_clear(&midi);
}

/* Keys 60 .. 62 of f in frames of 16 ticks: '-' silent, '#' sounding, 'O' with an onset. */
static void check_rows(int pedal, int held, const char *row60, const char *row61, const char *row62) {
    const char *rows[] = {row60, row61, row62};
    char text[3][100];
    spiral_midi midi = read_file();
    spiral_roll roll;
    spiral_roll_report report = {.struct_size = sizeof report};
    const spiral_roll_options options = {.struct_size = sizeof options,
                                         .grid = {SPIRAL_GRID_BEATS, 0, 6},
                                         .high = 127,
                                         .onsets = 1,
                                         .pedal = pedal};
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, &report, NULL), SPIRAL_OK);
    for (int k = 0; k < 3; k++) {
        for (size_t t = 0; t < roll.frames; t++)
            text[k][t] = spiral_keys_get(&roll.onsets[t], 60 + k)     ? 'O'
                         : spiral_keys_get(&roll.sounding[t], 60 + k) ? '#'
                                                                      : '-';
        text[k][roll.frames] = 0;
        assert_string_equal(text[k], rows[k]);
    }
    assert_int_equal(report.notes_held, held);
    spiral_roll_clear(&roll);
    spiral_midi_clear(&midi);
}

static void test_notes_sound_until_the_pedal_is_up(void **state) {
    (void)state;
    /* pedal down in frame 1, up in 6; keys: 60 from 0 to 2, 61 from 3 to 8, 62 from 7 to 8 */
    SMF_ONE(&f, "\x00\x90\x3c\x40\x10\xb0\x40\x7f\x10\x90\x3c\x00\x10\x3d\x40\x30\xb0\x40\x00\x10\x90\x3e\x40"
                "\x10\x3e\x00\x00\x3d\x00" SMF_EOT);
    check_rows(0, 0, "O#------", "---O####", "-------O");
    check_rows(1, 1, "O#####--", "---O####", "-------O");
}

static void test_key_struck_again_ends_its_note(void **state) {
    (void)state;
    /* pedal down from the start: 60 in 0..1, again 3..4; 61 in 1..2; up in frame 6, 62 in 7 */
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x00\x90\x3c\x40\x10\x3c\x00\x00\x3d\x40\x10\x3d\x00\x10\x3c\x40\x10\x3c\x00"
                "\x20\xb0\x40\x00\x10\x90\x3e\x40\x10\x3e\x00" SMF_EOT);
    check_rows(0, 0, "O--O----", "-O------", "-------O");
    check_rows(1, 3, "O##O##--", "-O####--", "-------O");
}

/* At the tick of the note-off, a pedal that comes up ends the note; one that goes down does not hold it. */
static void test_pedal_moves_at_the_tick_of_a_note_off(void **state) {
    (void)state;
    SMF_ONE(&f,
            "\x00\xb0\x40\x7f\x00\x90\x3c\x40\x20\xb0\x40\x00\x00\x90\x3c\x00\x00\xb0\x40\x7f\x00\x90\x3d\x40"
            "\x10\x3d\x00\x20\x3e\x40\x10\xb0\x40\x00\x00\x90\x3e\x00" SMF_EOT);
    check_rows(1, 1, "O#----", "--O###", "-----O");
    SMF_ONE(&f, "\x00\x90\x3c\x40\x10\xb0\x40\x7f\x00\x90\x3c\x00\x20\x3d\x40\x10\x3d\x00" SMF_EOT);
    check_rows(1, 0, "O---", "---O", "----");
}

/* A pedal that never comes up holds notes to the end of the file, which may be later than the last note. */
static void test_pedal_that_stays_down_holds_to_the_end(void **state) {
    (void)state;
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x00\x90\x3c\x40\x10\x3c\x00\x40\xff\x2f\x00");
    check_rows(1, 1, "O####", "-----", "-----");
    check_rows(0, 0, "O", "-", "-");
}

/* A note ends at the latest four quarters (24 frames) after the last note-off, even if the file ends or the
 * pedal comes up hours later. */
static void test_pedal_does_not_hold_until_a_late_end_of_track(void **state) {
    (void)state;
    static const char held[] = "O########################", silent[] = "-------------------------";
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x00\x90\x3c\x40\x10\x3c\x00\x8f\xff\x00\xff\x2f\x00");
    check_rows(1, 1, held, silent, silent);
    SMF_ONE(&f, "\x00\xb0\x40\x7f\x00\x90\x3c\x40\x10\x3c\x00\x8f\xff\x00\xb0\x40\x00" SMF_EOT);
    check_rows(1, 1, held, silent, silent);
}

/* Key 60 is down when the sostenuto pedal goes down, 61 is struck later, and 62 has ended before. */
static void test_sostenuto_holds_the_keys_that_are_down(void **state) {
    (void)state;
    SMF_ONE(&f,
            "\x00\x90\x3e\x40\x10\x3e\x00\x00\x3c\x40\x10\xb0\x42\x7f\x10\x90\x3d\x40\x10\x3c\x00\x00\x3d\x00"
            "\x20\xb0\x42\x00\x10\x90\x3d\x40\x10\x3d\x00" SMF_EOT);
    check_rows(0, 0, "-O##----", "---O---O", "O-------");
    check_rows(1, 1, "-O####--", "---O---O", "O-------");
}

/* The sostenuto pedal holds 60 until frame 4, the sustain pedal, which goes down in 3, until 6. */
static void test_pedals_hold_one_after_the_other(void **state) {
    (void)state;
    SMF_ONE(&f,
            "\x00\x90\x3c\x40\x08\xb0\x42\x7f\x08\x90\x3c\x00\x20\xb0\x40\x7f\x10\xb0\x42\x00\x20\xb0\x40\x00"
            "\x10\x90\x3e\x40\x10\x3e\x00" SMF_EOT);
    check_rows(1, 1, "O#####--", "--------", "-------O");
    check_rows(0, 0, "O-------", "--------", "-------O");
}

/* The pedal of port 0 does not hold the notes of port 1. */
static void test_pedal_acts_on_its_port(void **state) {
    (void)state;
    smf_header(&f, 1, 2, 96);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x00\x00\xb0\x40\x7f\x00\x90\x3c\x40\x10\x3c\x00\x50\xb0\x40\x00" SMF_EOT);
    SMF_TRACK(&f, "\x00\xff\x21\x01\x01\x10\x90\x3e\x40\x10\x3e\x00\x10\x3c\x40\x10\x3c\x00" SMF_EOT);
    check_rows(1, 1, "O##O##", "------", "-O----");
}

/* The pedal, and a key that is struck again, act on their channel in all tracks. */
static void test_pedal_acts_on_its_channel_in_all_tracks(void **state) {
    (void)state;
    smf_header(&f, 1, 3, 96);
    SMF_TRACK(&f, "\x00\xb0\x40\x7f\x60\x40\x00" SMF_EOT);
    SMF_TRACK(&f,
              "\x00\x90\x3c\x40\x10\x3c\x00\x00\x91\x3d\x40\x10\x3d\x00\x00\x90\x3e\x40\x10\x3e\x00" SMF_EOT);
    SMF_TRACK(&f, "\x40\x90\x3c\x40\x10\x3c\x00\x00\x91\x3e\x40\x10\x3e\x00" SMF_EOT);
    check_rows(1, 3, "O###O#", "-O----", "--O##O");
}

/* Whether a pedal of the note's port and channel is down before `ticks`; *since is when it went down. */
static int is_down(const spiral_midi *midi, const spiral_note *note, int kind, int64_t ticks,
                   int64_t *since) {
    int down = 0;
    for (size_t k = 0; k < midi->pedal_count; k++) {
        const spiral_pedal *p = &midi->pedals[k];
        if (p->port != note->port || p->channel != note->channel || p->kind != kind || p->at_ticks >= ticks)
            continue;
        if (p->down && !down) *since = p->at_ticks;
        down = p->down;
    }
    return down;
}

static int comes_up(const spiral_midi *midi, const spiral_note *note, int kind, int64_t ticks) {
    for (size_t k = 0; k < midi->pedal_count; k++) {
        const spiral_pedal *p = &midi->pedals[k];
        if (p->port == note->port && p->channel == note->channel && p->kind == kind && p->at_ticks == ticks &&
            !p->down)
            return 1;
    }
    return 0;
}

static int is_struck(const spiral_midi *midi, const spiral_note *note, int64_t ticks) {
    for (size_t k = 0; k < midi->note_count; k++) {
        const spiral_note *n = &midi->notes[k];
        if (n->port == note->port && n->channel == note->channel && n->pitch == note->pitch &&
            n->on_ticks == ticks)
            return 1;
    }
    return 0;
}

/* The tick at which notes[i] stops sounding: the rule applied tick by tick. */
static int64_t end_by_the_rule(const spiral_midi *midi, size_t i) {
    const spiral_note *note = &midi->notes[i];
    int64_t off = note->off_ticks, limit = spiral_midi_music_end(midi) + 4 * midi->ticks_per_quarter,
            since = 0;
    int sostenuto = is_down(midi, note, SPIRAL_PEDAL_SOSTENUTO, off, &since) && since > note->on_ticks;
    int sustain = is_down(midi, note, SPIRAL_PEDAL_SUSTAIN, off, &since);
    if (midi->end_ticks < limit) limit = midi->end_ticks;
    for (int64_t now = off; now < limit; now++) {
        if (sostenuto && comes_up(midi, note, SPIRAL_PEDAL_SOSTENUTO, now)) {
            sostenuto = 0;
            sustain = is_down(midi, note, SPIRAL_PEDAL_SUSTAIN, now, &since);
        }
        if (sustain && comes_up(midi, note, SPIRAL_PEDAL_SUSTAIN, now)) sustain = 0;
        if (!sostenuto && !sustain) return now;
        if (now > note->on_ticks && is_struck(midi, note, now)) return now;
    }
    return limit > off && (sostenuto || sustain) ? limit : off;
}

static void test_random_notes_end_by_the_rule(void **state) {
    (void)state;
    enum { NOTES = 60, PEDALS = 60, LAST = 200, END = 420 };
    size_t longer = 0;
    spiral__rng rng = spiral__rng_init(5, 1);
    for (int round = 0; round < 300; round++) {
        spiral_note notes[NOTES], *held;
        spiral_pedal pedals[PEDALS];
        spiral_midi midi = {.ticks_per_quarter = 16, /* the limit is between 64 and 324 */
                            .end_ticks = END,
                            .note_count = NOTES,
                            .notes = notes,
                            .pedal_count = spiral__rng_below(&rng, PEDALS) + 1,
                            .pedals = pedals};
        for (size_t i = 0; i < NOTES; i++) {
            int64_t on = (int64_t)spiral__rng_below(&rng, LAST);
            int64_t off = on + (int64_t)spiral__rng_below(&rng, 1 + spiral__rng_below(&rng, 60));
            notes[i] = (spiral_note){on,
                                     off,
                                     (uint16_t)spiral__rng_below(&rng, 2),
                                     (uint8_t)spiral__rng_below(&rng, 2),
                                     (uint8_t)(60 + spiral__rng_below(&rng, 3)),
                                     64,
                                     (uint8_t)(3 * spiral__rng_below(&rng, 2)),
                                     0};
        }
        int64_t at = 0;
        for (size_t i = 0; i < midi.pedal_count; i++) {
            at += (int64_t)spiral__rng_below(&rng, 10);
            pedals[i] = (spiral_pedal){at,
                                       0,
                                       (uint8_t)spiral__rng_below(&rng, 2),
                                       (uint8_t)spiral__rng_below(&rng, 2),
                                       (uint8_t)(3 * spiral__rng_below(&rng, 3)),
                                       (uint8_t)spiral__rng_below(&rng, 2)};
        }
        assert_int_equal(spiral__notes_sort(notes, NOTES, NULL), SPIRAL_OK);
        assert_int_equal(spiral__midi_check(&midi, NULL), SPIRAL_OK);
        assert_int_equal(spiral__pedal_hold(&midi, notes, &held, NULL), SPIRAL_OK);
        for (size_t i = 0; i < NOTES; i++) {
            assert_int_equal(held[i].off_ticks, end_by_the_rule(&midi, i));
            longer += held[i].off_ticks > notes[i].off_ticks;
            assert_int_equal(held[i].on_ticks, notes[i].on_ticks);
            assert_int_equal(held[i].track, notes[i].track);
            assert_int_equal(held[i].channel, notes[i].channel);
            assert_int_equal(held[i].pitch, notes[i].pitch);
            assert_int_equal(held[i].velocity, notes[i].velocity);
            assert_int_equal(held[i].port, notes[i].port);
            assert_int_equal(held[i].drum, notes[i].drum);
        }
        free(held);
    }
    assert_true(longer > 3000);
}

/* Notes end where they end in a roll, and are in order; the pedals are removed. */
static void test_apply_pedal_lengthens_notes_and_sorts_them(void **state) {
    (void)state;
    char text[200];
    spiral_error err = {0};
    SMF_ONE(&f,
            "\x00\xb0\x40\x7f\x00\x90\x3c\x64\x00\x40\x50\x10\x40\x00\x10\x3c\x00\x10\x3c\x33\x10\xb0\x40\x00"
            "\x10\x90\x3c\x00" SMF_EOT);
    spiral_midi midi = read_file();
    assert_string_equal(notes_text(&midi, text, sizeof text),
                        "0:0 60/100 0-32, 0:0 64/80 0-16, 0:0 60/51 48-80");
    assert_int_equal(spiral_midi_apply_pedal(&midi, &err), SPIRAL_OK);
    assert_string_equal(notes_text(&midi, text, sizeof text),
                        "0:0 60/100 0-48, 0:0 64/80 0-64, 0:0 60/51 48-80");
    assert_true(midi.pedal_count == 0 && midi.pedals == NULL);
    assert_int_equal(spiral_midi_apply_pedal(&midi, &err), SPIRAL_OK); /* nothing to do */
    midi.notes[0].channel = 16;
    assert_fails(spiral_midi_apply_pedal(&midi, &err), SPIRAL_BAD_ARG, &err, "note 0", "channel 16");
    spiral_midi_clear(&midi);
    assert_int_equal(spiral_midi_apply_pedal(&(spiral_midi){.ticks_per_quarter = 96}, &err), SPIRAL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_keeps_changes_of_the_pedal),
        cmocka_unit_test(test_reader_keeps_changes_of_the_sostenuto_pedal),
        cmocka_unit_test(test_ports_have_pedals_of_their_own),
        cmocka_unit_test(test_tracks_share_a_pedal),
        cmocka_unit_test(test_sequences_begin_with_pedals_up),
        cmocka_unit_test(test_notes_sound_until_the_pedal_is_up),
        cmocka_unit_test(test_key_struck_again_ends_its_note),
        cmocka_unit_test(test_pedal_moves_at_the_tick_of_a_note_off),
        cmocka_unit_test(test_pedal_that_stays_down_holds_to_the_end),
        cmocka_unit_test(test_pedal_does_not_hold_until_a_late_end_of_track),
        cmocka_unit_test(test_sostenuto_holds_the_keys_that_are_down),
        cmocka_unit_test(test_pedals_hold_one_after_the_other),
        cmocka_unit_test(test_pedal_acts_on_its_port),
        cmocka_unit_test(test_pedal_acts_on_its_channel_in_all_tracks),
        cmocka_unit_test(test_random_notes_end_by_the_rule),
        cmocka_unit_test(test_apply_pedal_lengthens_notes_and_sorts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
