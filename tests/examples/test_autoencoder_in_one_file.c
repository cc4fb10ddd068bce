/* SPDX-License-Identifier: MIT
 *
 * The example examples/00_autoencoder_in_one_file.c against the library. The example is one file of static
 * functions and is compiled into this test, so that its notes, rolls, MIDI bytes, loss values and gradients
 * can be compared with the library's. Its network differs from the library's; its gradient is compared with
 * finite differences. test_autoencoder_in_one_file.py tests that the program runs and learns.
 */
#include <math.h>

#include "testing.h"

int example_main(int argc, char **argv);
#define main example_main
#include "../../examples/00_autoencoder_in_one_file.c"
#undef main

#include "../midi/smf.h"
#include "spiral/loss.h"
#include "spiral/roll.h"
#include "spiral/score.h"

/* ---- notes and rolls */

static int by_fields(const void *left, const void *right) {
    const note *a = left, *b = right;
    long long x[] = {a->on_ticks, a->pitch, a->channel, a->track, a->off_ticks, a->velocity};
    long long y[] = {b->on_ticks, b->pitch, b->channel, b->track, b->off_ticks, b->velocity};
    for (int i = 0; i < 6; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void check_notes(song *s, const spiral_midi *midi) {
    assert_int_equal(s->note_count, midi->note_count);
    qsort(s->notes, s->note_count, sizeof *s->notes, by_fields);
    for (size_t i = 0; i < s->note_count; i++) {
        const note *a = &s->notes[i];
        const spiral_note *b = &midi->notes[i];
        assert_int_equal(a->on_ticks, b->on_ticks);
        assert_int_equal(a->off_ticks, b->off_ticks);
        assert_int_equal(a->track, b->track);
        assert_int_equal(a->channel, b->channel);
        assert_int_equal(a->pitch, b->pitch);
        assert_int_equal(a->velocity, b->velocity);
    }
}

static void check_roll(const roll *r, const spiral_midi *midi) {
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    spiral_roll theirs;
    assert_int_equal(spiral_roll_from_midi(midi, &options, &theirs, NULL, NULL), SPIRAL_OK);
    assert_int_equal(r->frames, theirs.frames);
    for (size_t t = 0; t < r->frames; t++)
        for (int p = 0; p < P; p++)
            assert_int_equal(r->cells[t * P + (size_t)p], spiral_keys_get(&theirs.sounding[t], LOW + p));
    spiral_roll_clear(&theirs);
}

/* Example and library read the bytes. Notes and rolls must be equal, and the roll must be the same after it
 * is written and read. */
static void check_bytes(const unsigned char *bytes, size_t size, size_t notes_at_least) {
    spiral_midi midi;
    song s = read_midi(bytes, size);
    assert_int_equal(spiral_midi_read(bytes, size, &midi, NULL), SPIRAL_OK);
    assert_true(s.note_count >= notes_at_least);
    check_notes(&s, &midi);
    roll r = roll_from_notes(&s);
    check_roll(&r, &midi);
    spiral_midi_clear(&midi);

    size_t written;
    unsigned char *again = write_midi(&r, &written);
    assert_int_equal(spiral_midi_read(again, written, &midi, NULL), SPIRAL_OK);
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) assert_int_equal(midi.warnings[i], 0);
    check_roll(&r, &midi);
    spiral_midi_clear(&midi);
    free(again), free(r.cells), free(s.notes), free(s.tempos);
}

static void test_notes_and_rolls_of_scores_are_those_of_the_library(void **state) {
    static const char *const scores[] = {"bach-prelude-c", "joplin-entertainer", "silent-night",
                                         "mozart-k545"};
    (void)state;
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        char path[1024];
        spiral_midi midi;
        size_t size;
        snprintf(path, sizeof path, "%s/data/scores/%s.txt", getenv("SPIRAL_SOURCE"), scores[i]);
        assert_int_equal(spiral_score_load(path, &midi, NULL), SPIRAL_OK);
        assert_int_equal(spiral_midi_size(&midi, &size, NULL), SPIRAL_OK);
        unsigned char *bytes = malloc(size);
        assert_non_null(bytes);
        assert_int_equal(spiral_midi_write(&midi, bytes, size, NULL), SPIRAL_OK);
        spiral_midi_clear(&midi);
        check_bytes(bytes, size, 50);
        free(bytes);
    }
}

/* Things that do not occur in files made from scores: note-off events, running status over a tempo, exclusive
 * and program events, drums, keys out of range, a key struck again, notes of zero length or without an end,
 * tempos on other tracks, later and earlier than the first track's, a key on two channels, and an unknown
 * chunk. */
static void test_notes_and_rolls_of_unusual_events_are_those_of_the_library(void **state) {
    (void)state;
    static smf f;
    smf_header(&f, 1, 3, 96);
    SMF_TRACK(&f, "\x00\xc0\x05\x00\x90\x3c\x64\x10\x3c\x50\x08\xff\x51\x03\x03\xd0\x90\x08\x3c\x00\x10\x80"
                  "\x3c\x40\x00\xf0\x03\x01\x02\xf7\x00\x90\x20\x64\x07\x20\x00\x00\x99\x3c\x64\x09\x3c\x00"
                  "\x03\x91\x40\x10\x00\x40\x00\x05\x40\x11\x81\x10\xff\x2f\x00");
    smf_chunk(&f, "XFIH", 5, "hello", 5);
    SMF_TRACK(&f, "\x13\x92\x45\x64\x00\x48\x64\x11\x48\x00\x20\xff\x51\x03\x09\x27\xc0\x70\xe2\x00\x40\x01"
                  "\x82\x45\x40" SMF_EOT);
    SMF_TRACK(&f, "\x00\x93\x32\x64\x05\x94\x32\x64\x05\x84\x32\x40\x00\xff\x51\x03\x0a\x00\x00\x0a"
                  "\x83\x32\x40" SMF_EOT);
    check_bytes(f.bytes, f.size, 10);
}

static void test_built_in_tune_comes_back_from_its_midi(void **state) {
    (void)state;
    size_t size;
    roll tune = make_tune();
    unsigned char *bytes = write_midi(&tune, &size);
    check_bytes(bytes, size, 72);
    song s = read_midi(bytes, size);
    roll back = roll_from_notes(&s);
    assert_memory_equal(tune.cells, back.cells, back.frames * P);
    free(tune.cells), free(bytes), free(back.cells), free(s.notes), free(s.tempos);
}

/* ---- the loss */

static void near(double ours, double theirs) {
    if (!(fabs(ours - theirs) <= 1e-10 * fmax(1, fabs(theirs))))
        fail_msg("%.17g in the example, %.17g in the library", ours, theirs);
}

/* The library's value of bce BCE + lambda spiral, and its gradient. */
static double library(double bce, double lambda, const double *logits, const double *target, double *grad) {
    static _Alignas(64) unsigned char work[1 << 20];
    const spiral_strides strides = {D, P, 1};
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    spiral_loss *loss;
    double value;
    options.bce = bce;
    options.lambda = lambda;
    assert_int_equal(spiral_loss_create(&options, P, &loss, NULL), SPIRAL_OK);
    assert_true(spiral_loss_work_size_f64(loss, T) <= sizeof work);
    assert_int_equal(spiral_loss_value_grad_f64(loss, 1, T, logits, strides, target, strides, NULL, strides,
                                                &value, grad, strides, work, NULL),
                     SPIRAL_OK);
    spiral_loss_destroy(loss);
    return value;
}

static void check_loss(const double *logits, const double *target) {
    double ours[D], theirs[D], largest = 0;
    cost c = loss(logits, target, ours);
    near(c.bce, library(1, 0, logits, target, theirs));
    near(c.spiral, library(0, 1, logits, target, theirs));
    near(c.bce + c.spiral, library(1, 1, logits, target, theirs));
    for (int i = 0; i < D; i++) largest = fmax(largest, fabs(theirs[i]));
    assert_true(largest > 1e-4);
    for (int i = 0; i < D; i++) near(ours[i] / largest, theirs[i] / largest);
}

static void test_loss_and_gradient_are_those_of_the_library(void **state) {
    (void)state;
    double logits[D], target[D];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < D; i++) logits[i] = 3 * normal(), target[i] = uniform() < 0.1;
        check_loss(logits, target);
    }
    memset(target, 0,
           sizeof target); /* silence as target; logits that are nearly certain of it or of the opposite */
    for (int i = 0; i < D; i++) logits[i] = i % 7 ? -20 : 20;
    check_loss(logits, target);
}

/* ---- the network */

static double loss_of(const network *n, trace *a) {
    double unused[D];
    network_forward(n, a);
    cost c = loss(a->logits, a->x, unused);
    return c.bce + c.spiral;
}

/* Backward against central differences, for weights of every layer. */
static void test_network_gradient_is_the_central_difference(void **state) {
    (void)state;
    static trace a;
    double dlogits[D], largest = 0;
    network n = make_network();
    for (int i = 0; i < D; i++) a.x[i] = uniform() < 0.1;
    network_forward(&n, &a);
    loss(a.logits, a.x, dlogits);
    network_backward(&n, &a, dlogits);
    for (size_t i = 0; i < n.count; i++) largest = fmax(largest, fabs(n.grads[i]));
    for (int i = 0; i < 200; i++) {
        const layer *l = &n.layers[i % 4];
        const double h = 1e-5;
        size_t w = (size_t)(l->W - n.weights) + random_bits() % ((l->in + 1) * l->out); /* may be a bias */
        double kept = n.weights[w];
        n.weights[w] = kept + h;
        double up = loss_of(&n, &a);
        n.weights[w] = kept - h;
        double down = loss_of(&n, &a), slope = (up - down) / (2 * h);
        n.weights[w] = kept;
        if (fabs(n.grads[w] - slope) > 1e-6 * largest)
            fail_msg("weight %zu: %.10g by backward, %.10g by central difference", w, n.grads[w], slope);
    }
    free(n.weights);
}

int main(void) {
    make_profile();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_and_rolls_of_scores_are_those_of_the_library),
        cmocka_unit_test(test_notes_and_rolls_of_unusual_events_are_those_of_the_library),
        cmocka_unit_test(test_built_in_tune_comes_back_from_its_midi),
        cmocka_unit_test(test_loss_and_gradient_are_those_of_the_library),
        cmocka_unit_test(test_network_gradient_is_the_central_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
