/* SPDX-License-Identifier: MIT
 *
 * The synthesisers and the WAV file: length, pitch, loudness, no clipping, the same bytes on every run, and
 * no file left after a failure.
 */
#include <math.h>
#include <fenv.h>

#include "testing.h"

#include "base/bytes.h"
#include "base/file.h"
#include "audio/synth.h"
#include "spiral_config.h"
#include "temporary_folder.h"

#ifdef SPIRAL_HAVE_FLUIDSYNTH
#include <fluidsynth.h>
#endif

/* A piece of these notes with 1000 ticks a second: a quarter of 500 ticks lasts half a second. */
static spiral_midi piece(spiral_note *notes, size_t count) {
    return (spiral_midi){.format = 1, .ticks_per_quarter = 500, .note_count = count, .notes = notes};
}

typedef struct wav {
    unsigned char *bytes;
    size_t frames;
    uint32_t rate;
} wav;

static wav render(const spiral_midi *midi, spiral_audio_options options) {
    spiral_error err = {.text = ""};
    spiral_synth used;
    wav w = {0};
    size_t size;
    assert_int_equal(spiral_audio_save(midi, &options, in_folder("a.wav"), &used, &err), SPIRAL_OK);
    assert_int_equal(spiral__file_read(in_folder("a.wav"), 1 << 30, &w.bytes, &size, &err), SPIRAL_OK);
    assert_true(size > 44);
    assert_memory_equal(w.bytes, "RIFF", 4);
    assert_memory_equal(w.bytes + 8, "WAVEfmt ", 8);
    assert_int_equal(w.bytes[22], 2);
    assert_int_equal(w.bytes[34], 16);
    w.rate = w.bytes[24] | (uint32_t)w.bytes[25] << 8 | (uint32_t)w.bytes[26] << 16;
    w.frames = (size - 44) / 4;
    return w;
}

static double sample(const wav *w, size_t frame, int channel) {
    const unsigned char *p = w->bytes + 44 + 4 * frame + 2 * channel;
    return (int16_t)(p[0] | p[1] << 8) / 32768.0;
}

/* Amplitude of one frequency between two times: the absolute value of a Fourier sum. */
static double strength(const wav *w, double hz, double from_s, double to_s) {
    double re = 0, im = 0;
    for (size_t i = (size_t)(from_s * w->rate); i < (size_t)(to_s * w->rate); i++) {
        double phase = 2 * 3.14159265358979 * hz * (double)i / w->rate;
        re += sample(w, i, 0) * cos(phase);
        im += sample(w, i, 0) * sin(phase);
    }
    return hypot(re, im) / ((to_s - from_s) * w->rate);
}

/* Not fmax: gcc 12 for aarch64 crashes on it in a loop over fabs of an integer. */
static void keep_larger(double *most, double x) {
    if (x > *most) *most = x;
}

static double peak(const wav *w) {
    double most = 0;
    for (size_t i = 0; i < w->frames; i++)
        for (int side = 0; side < 2; side++) keep_larger(&most, fabs(sample(w, i, side)));
    return most;
}

static spiral_audio_options with(spiral_synth synth) {
    spiral_audio_options o;
    spiral_audio_options_default(&o, sizeof o);
    o.synth = synth;
    return o;
}

static void check_a4(spiral_synth synth) {
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 69, .velocity = 90}};
    spiral_midi midi = piece(notes, 1);
    wav w = render(&midi, with(synth));
    assert_int_equal(w.rate, 44100);
    assert_true(w.frames >= 44100 && w.frames < 3 * 44100);
    double right = strength(&w, 440, 0.1, 0.6);
    assert_true(right > 0.005);
    assert_true(right > 5 * strength(&w, 440 * pow(2, 1 / 12.0), 0.1, 0.6));
    assert_true(right > 5 * strength(&w, 440 * pow(2, -1 / 12.0), 0.1, 0.6));
    assert_true(fabs(sample(&w, w.frames - 1, 0)) < 0.002); /* the note has decayed */
    free(w.bytes);
}

static void test_additive_plays_a4_at_440_hz(void **state) {
    (void)state;
    check_a4(SPIRAL_SYNTH_ADDITIVE);
}

static void test_fluidsynth_plays_a4_at_440_hz(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 10, .pitch = 69, .velocity = 90}};
    spiral_midi midi = piece(notes, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_FLUID);
    spiral_error err = {.text = ""};
    spiral_status status = spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, &err);
    if (status == SPIRAL_UNSUPPORTED) {
        print_message("# SKIP FluidSynth: %s\n", err.text);
        return;
    }
    check_a4(SPIRAL_SYNTH_FLUID);
}

static int fluid_is_available(void) {
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 10, .pitch = 69, .velocity = 90}};
    spiral_midi midi = piece(notes, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_FLUID);
    return spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, NULL) == SPIRAL_OK;
}

/* One A4 on channel 0 of this port, with these events. */
static wav a4_with(uint8_t port, spiral_channel_event *events, size_t count) {
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 69, .velocity = 90, .port = port}};
    spiral_midi midi = piece(notes, 1);
    midi.events = events;
    midi.event_count = count;
    return render(&midi, with(SPIRAL_SYNTH_FLUID));
}

static void test_fluidsynth_plays_programs_controllers_and_bends(void **state) {
    (void)state;
    if (!fluid_is_available()) return;
    spiral_channel_event bend[] = {{0, 0, 0, 0xe0, {127, 127}}}, silent[] = {{0, 0, 0, 0xb0, {7, 0}}},
                         organ[] = {{0, 0, 0, 0xc0, {19, 0}}}, piano[] = {{0, 0, 0, 0xc0, {0, 0}}};
    wav plain = a4_with(0, NULL, 0), bent = a4_with(0, bend, 1), none = a4_with(0, silent, 1),
        other = a4_with(0, organ, 1), same = a4_with(0, piano, 1), port = a4_with(1, bend, 1);
    const double up = 440 * pow(2, 2 / 12.0); /* the range of a bend is two semitones */
    assert_true(strength(&bent, up, 0.1, 0.6) > 5 * strength(&bent, 440, 0.1, 0.6));
    assert_true(strength(&port, 440, 0.1, 0.6) > 5 * strength(&port, up, 0.1, 0.6)); /* a bend of port 0 */
    assert_true(peak(&none) < 0.001 && peak(&plain) > 0.01);
    const size_t size = 4 * plain.frames;
    assert_true(same.frames == plain.frames && other.frames == plain.frames);
    assert_memory_equal(plain.bytes + 44, same.bytes + 44, size);
    assert_memory_not_equal(plain.bytes + 44, other.bytes + 44, size);
    wav *all[] = {&plain, &bent, &none, &other, &same, &port};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->bytes);
}

/* FluidSynth renders at most 96 kHz. At higher rates another synthesiser is used, and the pitch is right. */
static void test_rates_above_96_khz_are_not_fluidsynths(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 69, .velocity = 90}};
    spiral_midi midi = piece(notes, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_ANY);
    spiral_error err = {.text = ""};
    o.rate_hz = 192000;
    wav w = render(&midi, o);
    assert_int_equal(w.rate, 192000);
    assert_true(strength(&w, 440, 0.1, 0.6) > 0.005);
    free(w.bytes);
    if (!fluid_is_available()) return;
    o.synth = SPIRAL_SYNTH_FLUID;
    assert_fails(spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, &err), SPIRAL_UNSUPPORTED, &err,
                 "sample rate is 192000 Hz, FluidSynth renders at most 96000");
}

/* A key that is struck again while it sounds is released at the end of its last note, in both
 * synthesisers. */
static void test_overlapping_notes_of_one_key_sound_to_the_last_end(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 60, .velocity = 90},
                           {.on_ticks = 500, .off_ticks = 3000, .pitch = 60, .velocity = 90}};
    spiral_midi midi = piece(notes, 2);
    const int most = fluid_is_available() ? SPIRAL_SYNTH_FLUID : SPIRAL_SYNTH_ADDITIVE;
    for (int synth = SPIRAL_SYNTH_ADDITIVE; synth <= most; synth++) {
        wav w = render(&midi, with((spiral_synth)synth));
        double before = strength(&w, 261.626, 0.6, 0.9), after = strength(&w, 261.626, 1.6, 1.9);
        assert_true(before > 0.002 && after > 0.1 * before);
        free(w.bytes);
    }
}

/* Percussion keys are not pitches: a hi-hat is short high noise, a bass drum is low. */
static void test_additive_drums_are_no_tones(void **state) {
    (void)state;
    spiral_note hat[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 42, .velocity = 110, .channel = 9}};
    spiral_note bass[] = {{.on_ticks = 0, .off_ticks = 1000, .pitch = 36, .velocity = 110, .channel = 9}};
    spiral_midi a = piece(hat, 1), b = piece(bass, 1);
    wav x = render(&a, with(SPIRAL_SYNTH_ADDITIVE)), y = render(&b, with(SPIRAL_SYNTH_ADDITIVE));
    size_t x_turns = 0, y_turns = 0; /* sign changes in the first 30 ms */
    for (size_t i = 1; i < x.rate * 3 / 100; i++) {
        x_turns += (sample(&x, i, 0) < 0) != (sample(&x, i - 1, 0) < 0);
        y_turns += (sample(&y, i, 0) < 0) != (sample(&y, i - 1, 0) < 0);
    }
    assert_true(x_turns > 300);
    assert_true(y_turns > 1 && y_turns < 20);
    assert_true(peak(&x) > 0.02 && peak(&y) > 0.02);
    assert_true(strength(&x, 92.5, 0.5, 0.9) < 1e-4); /* a tone of key 42 would still sound */
    free(x.bytes);
    free(y.bytes);
}

/* A tone that has decayed while its key is held becomes exact zeros, not denormal numbers, with which
 * processors compute slowly: no operation underflows. */
static void test_long_notes_do_not_underflow(void **state) {
    (void)state;
    spiral_note many[20];
    for (int i = 0; i < 20; i++)
        many[i] = (spiral_note){.on_ticks = 0, .off_ticks = 600000, .pitch = 84, .velocity = 90};
    spiral_midi midi = piece(many, 20);
    spiral_audio_options o = with(SPIRAL_SYNTH_ADDITIVE);
    o.rate_hz = 8000;
    assert_int_equal(feclearexcept(FE_UNDERFLOW), 0);
    wav w = render(&midi, o);
    assert_int_equal(fetestexcept(FE_UNDERFLOW), 0);
    assert_true(sample(&w, 590 * 8000, 0) == 0);
    free(w.bytes);
}

static void test_a_loud_chord_does_not_clip(void **state) {
    (void)state;
    spiral_note notes[40];
    for (int i = 0; i < 40; i++)
        notes[i] =
            (spiral_note){.on_ticks = 0, .off_ticks = 500, .pitch = (uint8_t)(40 + i), .velocity = 127};
    spiral_midi midi = piece(notes, 40);
    spiral_audio_options o = with(SPIRAL_SYNTH_ADDITIVE);
    o.gain = 50;
    wav w = render(&midi, o);
    assert_true(peak(&w) > 0.97 && peak(&w) <= 0.981);
    free(w.bytes);
}

static void test_higher_velocity_is_louder(void **state) {
    (void)state;
    spiral_note soft[] = {{.on_ticks = 0, .off_ticks = 500, .pitch = 60, .velocity = 20}};
    spiral_note loud[] = {{.on_ticks = 0, .off_ticks = 500, .pitch = 60, .velocity = 120}};
    spiral_midi a = piece(soft, 1), b = piece(loud, 1);
    wav x = render(&a, with(SPIRAL_SYNTH_ADDITIVE)), y = render(&b, with(SPIRAL_SYNTH_ADDITIVE));
    assert_true(peak(&x) > 0.001 && peak(&y) > 4 * peak(&x));
    free(x.bytes);
    free(y.bytes);
}

/* A click is a difference between neighbouring samples that is larger than those within the tone. */
static void test_notes_begin_and_end_without_clicks(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 100, .off_ticks = 400, .pitch = 45, .velocity = 100},
                           {.on_ticks = 500, .off_ticks = 533, .pitch = 48, .velocity = 100}};
    spiral_midi midi = piece(notes, 2);
    wav w = render(&midi, with(SPIRAL_SYNTH_ADDITIVE));
    double jump = 0;
    for (size_t i = 1; i < w.frames; i++) keep_larger(&jump, fabs(sample(&w, i, 0) - sample(&w, i - 1, 0)));
    assert_true(jump < 0.25 * peak(&w));
    assert_true(sample(&w, 4000, 0) == 0); /* silence before the first note */
    free(w.bytes);
}

static void test_same_notes_same_bytes(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 300, .pitch = 60, .velocity = 80},
                           {.on_ticks = 150, .off_ticks = 450, .pitch = 67, .velocity = 80}};
    spiral_midi midi = piece(notes, 2);
    wav a = render(&midi, with(SPIRAL_SYNTH_ANY)), b = render(&midi, with(SPIRAL_SYNTH_ANY));
    assert_int_equal(a.frames, b.frames);
    assert_memory_equal(a.bytes, b.bytes, 44 + 4 * a.frames);
    free(a.bytes);
    free(b.bytes);
}

#ifdef SPIRAL_HAVE_FLUIDSYNTH
/* Writes a file of these bytes; returns its path, which the next call of in_folder does not change. */
static const char *write_font(const char *name, const char *bytes, size_t size) {
    static char path[4096];
    snprintf(path, sizeof path, "%s", in_folder(name));
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    assert_int_equal(fclose(to), 0);
    return path;
}

/* FluidSynth's log functions are global. After a call, even a failed one, they are its defaults again. */
static void test_fluidsynth_log_functions_are_restored(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 100, .pitch = 60, .velocity = 80}};
    spiral_midi midi = piece(notes, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_FLUID);
    const char *font = write_font("font.sf2", "RIFF\020\0\0\0sfbkLIST\4\0\0\0INFO", 24); /* without sounds */
    for (int failing = 0; failing < 2; failing++) {
        if (failing) o.soundfont = font;
        if (spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, NULL) == SPIRAL_OK) assert_false(failing);
        for (int level = 0; level < LAST_LOG_LEVEL; level++)
            assert_true(fluid_set_log_function(level, fluid_default_log_function, NULL) ==
                        fluid_default_log_function);
    }
    remove(font);
}

static void test_files_that_are_no_soundfonts_are_named(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *word;
    } fonts[] = {{"", 0, "not a SoundFont"},
                 {"RIFF\020\0\0\0WAVELIST\4\0\0\0INFO", 24, "not a SoundFont"},
                 {"RIFF\020\0\0\0sfbkLIST\4\0\0\0INF", 23, "not a SoundFont"},
                 {"RIFF\021\0\0\0sfbkLIST\4\0\0\0INFO", 24, "has 24 bytes, its header says 25"}};
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 100, .pitch = 60, .velocity = 80}};
    spiral_midi midi = piece(notes, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_FLUID);
    spiral_error err = {.text = ""};
    if (!fluid_is_available()) return;
    for (size_t i = 0; i < sizeof fonts / sizeof *fonts; i++) {
        o.soundfont = write_font("font.sf2", fonts[i].bytes, fonts[i].size);
        assert_fails(spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, &err), SPIRAL_FORMAT, &err,
                     "font.sf2", fonts[i].word);
        remove(o.soundfont);
    }
    o.soundfont = "/"; /* a folder */
    assert_fails(spiral_audio_save(&midi, &o, in_folder("a.wav"), NULL, &err), SPIRAL_IO, &err, "not a file");
}
#endif

static void test_values_out_of_range_are_refused(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 100, .pitch = 60, .velocity = 80}};
    spiral_note flat[] = {{.on_ticks = 5, .off_ticks = 5, .pitch = 60, .velocity = 80}};
    spiral_midi midi = piece(notes, 1), none = piece(notes, 0), zero = piece(flat, 1);
    spiral_audio_options o = with(SPIRAL_SYNTH_ADDITIVE), bad = o;
    spiral_error err = {.text = ""};
    bad.rate_hz = 7999;
    assert_fails(spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "sample rate is 7999 Hz, must be 8000 to 192000");
    bad = o, bad.rate_hz = 192001;
    assert_fails(spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "192001");
    bad = o, bad.gain = NAN;
    assert_fails(spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "gain is nan");
    bad = o, bad.synth = (spiral_synth)3;
    assert_fails(spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "synthesiser is 3");
    bad = o, bad.struct_size = sizeof bad - 1;
    assert_fails(spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "audio options");
    assert_fails(spiral_audio_save(&midi, NULL, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "NULL");
    assert_fails(spiral_audio_save(&none, &o, in_folder("a.wav"), NULL, &err), SPIRAL_NO_DATA, &err,
                 "no notes");
    assert_fails(spiral_audio_save(&zero, &o, in_folder("a.wav"), NULL, &err), SPIRAL_NO_DATA, &err,
                 "no notes");
    spiral_note negative[] = {{.on_ticks = -5, .off_ticks = 100, .pitch = 60, .velocity = 80}};
    spiral_midi invalid = piece(negative, 1);
    assert_fails(spiral_audio_save(&invalid, &o, in_folder("a.wav"), NULL, &err), SPIRAL_BAD_ARG, &err,
                 "note 0", "on_ticks -5");
    spiral_note endless[] = {{.on_ticks = 0, .off_ticks = 8000000, .pitch = 60, .velocity = 80}};
    spiral_midi too_long = piece(endless, 1);
    assert_fails(spiral_audio_save(&too_long, &o, in_folder("a.wav"), NULL, &err), SPIRAL_TOO_BIG, &err,
                 "the music lasts 8000 s, the limit is 7200 s");
    assert_fails(spiral_audio_save(&midi, &o, "/no/such/folder/a.wav", NULL, &err), SPIRAL_IO, &err,
                 "/no/such/folder/a.wav");
    assert_int_equal(files_in_folder(), exists("a.wav")); /* no temporary file is left */
    bad = with(SPIRAL_SYNTH_FLUID), bad.soundfont = "/no/such/font.sf2";
    spiral_status status = spiral_audio_save(&midi, &bad, in_folder("a.wav"), NULL, &err);
    assert_true(status == SPIRAL_IO || status == SPIRAL_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_additive_plays_a4_at_440_hz),
        cmocka_unit_test(test_fluidsynth_plays_a4_at_440_hz),
        cmocka_unit_test(test_fluidsynth_plays_programs_controllers_and_bends),
        cmocka_unit_test(test_rates_above_96_khz_are_not_fluidsynths),
        cmocka_unit_test(test_overlapping_notes_of_one_key_sound_to_the_last_end),
        cmocka_unit_test(test_additive_drums_are_no_tones),
        cmocka_unit_test(test_long_notes_do_not_underflow),
        cmocka_unit_test(test_a_loud_chord_does_not_clip),
        cmocka_unit_test(test_higher_velocity_is_louder),
        cmocka_unit_test(test_notes_begin_and_end_without_clicks),
        cmocka_unit_test(test_same_notes_same_bytes),
#ifdef SPIRAL_HAVE_FLUIDSYNTH
        cmocka_unit_test(test_fluidsynth_log_functions_are_restored),
        cmocka_unit_test(test_files_that_are_no_soundfonts_are_named),
#endif
        cmocka_unit_test(test_values_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
