/* SPDX-License-Identifier: MIT
 *
 * What the numbers mean: units, the order of mistakes, exact zeros, transposition, and the two losses this
 * library began with, as they were written.
 */
#include "harness.h"

/* MIDI numbers of the seed's roll, keys 48 (C3) to 83 (B5). */
enum { LOW = 48, KEYS = 36, B3 = 59, C4 = 60, CIS4 = 61, FIS4 = 66, C5 = 72 };

static spiral_loss_options alone(spiral_loss_kind kind) { /* the kind on probabilities, nothing else */
    spiral_loss_options o = spiral_loss_options_default();
    o.kind = kind;
    o.bce = 0;
    o.from_logits = 0;
    o.low = LOW;
    o.reduction = SPIRAL_REDUCE_SUM;
    return o;
}

/* The loss of one column given as lists of MIDI numbers that end in 0. */
static double column(const spiral_loss_options *o, const int *played, const int *right) {
    batch b = batch_make(*o, 1, 1, KEYS, 0);
    for (; *played; played++) b.pred[*played - LOW] = 1;
    for (; *right; right++) b.target[*right - LOW] = 1;
    double none[1], value = call_f64(&b, none, NULL);
    batch_free(&b);
    return value;
}
#define NOTES(...) ((const int[]){__VA_ARGS__, 0})
#define SILENCE    ((const int[]){0})

static void test_one_note_energy(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_ENERGY);
    for (int p = LOW; p < LOW + KEYS; p++) {
        for (int q = LOW; q < LOW + KEYS; q++) {
            double expected = 2 * -expm1(-spiral_helix_distance(&o.helix, q - p) / 2);
            assert_true(fabs(column(&o, NOTES(q), NOTES(p)) - expected) <= 1e-15);
        }
        assert_true(column(&o, NOTES(p), SILENCE) == 1);
        assert_true(column(&o, SILENCE, NOTES(p)) == 1);
    }
}

static void test_units(void **state) {
    (void)state;
    for (int tau = 0; tau < 3; tau++) {
        spiral_loss_options o = alone(SPIRAL_LOSS_GAUSS);
        o.time_columns = tau;
        assert_true(column(&o, NOTES(C4), SILENCE) == 1);
        assert_true(column(&o, SILENCE, NOTES(C4)) == 1);
        o.kind = SPIRAL_LOSS_SPIRAL;
        assert_true(fabs(column(&o, SILENCE, NOTES(C4)) - 1) < 1e-13);
        assert_true(fabs(column(&o, SILENCE, NOTES(LOW)) - 1) < 1e-13); /* no edge */
        assert_true(fabs(column(&o, SILENCE, NOTES(LOW + KEYS - 1)) - 1) < 1e-13);
    }
    spiral_loss_options o = alone(SPIRAL_LOSS_SPIRAL);
    assert_true(column(&o, NOTES(C4), SILENCE) > 0.5 && column(&o, NOTES(C4), SILENCE) < 1);
}

static void test_table(void **state) {
    (void)state;
    double substitute[37], insert[37];
    for (int k = 0; k < 3; k++) {
        spiral_loss_options o =
            alone((spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[k]);
        spiral_loss *loss = make(&o, KEYS);
        assert_int_equal(spiral_loss_table(loss, 37, substitute, insert, NULL), SPIRAL_OK);
        for (int d = 0; d < KEYS; d++) { /* the table is what calls give */
            assert_true(fabs(substitute[d] - column(&o, NOTES(LOW + d), NOTES(LOW))) < 1e-12);
            assert_true(fabs(insert[d] - column(&o, NOTES(LOW, LOW + d), NOTES(LOW))) < 1e-12);
        }
        assert_true(substitute[0] == 0 && insert[0] == 0);
        spiral_loss_destroy(loss);
    }
    spiral_loss_options o = alone(SPIRAL_LOSS_SPIRAL);
    spiral_loss *loss = make(&o, 1); /* a table needs no keys of its own */
    assert_int_equal(spiral_loss_table(loss, 37, substitute, insert, NULL), SPIRAL_OK);
    for (int d = 1; d < 12; d++) { /* the octave is the mildest mistake of all, two octaves still mild */
        assert_true(substitute[12] < substitute[d]);
        assert_true(d == 1 || d == 11 || substitute[24] < substitute[d]);
        assert_true(insert[12] < insert[d]);
        printf("# %2d semitones: substitute %.3f, insert %.3f\n", d, substitute[d], insert[d]);
    }
    printf("# 12 semitones: substitute %.3f, insert %.3f; 24: %.3f, %.3f\n", substitute[12], insert[12],
           substitute[24], insert[24]);
    for (int d = 1; d < 6; d++) assert_true(substitute[d] < substitute[d + 1]); /* to the tritone and back */
    for (int d = 7; d < 11; d++) assert_true(substitute[d] > substitute[d + 1]);
    spiral_loss_destroy(loss);
}

/* In chords too: the octave of a sounding note costs less than a note a third or more from all of them. */
static void test_order_in_chords(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SPIRAL);
    spiral__rng r = spiral__rng_init(7, 0);
    for (int round = 0; round < 400; round++) {
        int chord[6] = {0}, wrong[6], octave[6], added[7] = {0}, n = 1 + (int)spiral__rng_below(&r, 4);
        for (int i = 0; i < n; i++) {
            int fresh;
            do {
                chord[i] = LOW + (int)spiral__rng_below(&r, KEYS - 12);
                fresh = 1;
                for (int j = 0; j < i; j++) fresh &= chord[j] != chord[i] && chord[j] != chord[i] + 12;
                for (int j = 0; j < i; j++) fresh &= chord[i] != chord[j] + 12;
            } while (!fresh);
        }
        int stray = 0, nearest;
        for (int q = LOW; q < LOW + KEYS && !stray; q++) {
            nearest = 12;
            for (int i = 0; i < n; i++) {
                int d = abs(q - chord[i]) % 12;
                d = d < 6 ? d : 12 - d;
                nearest = d < nearest ? d : nearest;
            }
            if (nearest >= 3) stray = q;
        }
        if (!stray) continue;
        memcpy(wrong, chord, sizeof chord), memcpy(octave, chord, sizeof chord);
        wrong[0] = stray;
        octave[0] = chord[0] + 12;
        assert_true(column(&o, octave, chord) < column(&o, wrong, chord));
        memcpy(added, chord, sizeof chord);
        added[n] = chord[0] + 12;
        double doubled = column(&o, added, chord);
        added[n] = stray;
        assert_true(doubled < column(&o, added, chord));
    }
}

/* A loss of y - t cannot tell a doubling from any other stray: docs/math.md, theorem 2. */
static void test_energy_is_blind_to_insertions(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_ENERGY);
    for (int q = LOW; q < LOW + KEYS; q++)
        if (q != C4) assert_true(column(&o, NOTES(C4, q), NOTES(C4)) == 1);
}

static void test_exact_zero(void **state) {
    (void)state;
    for (int mixture = 0; mixture < 24; mixture++) {
        spiral_loss_options o = alone(
            (spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[mixture % 3]);
        o.time_columns = mixture & 4 ? 1.7 : 0;
        batch b = batch_make(o, 2, 21, KEYS, mixture & 8);
        batch_fill(&b, 40, mixture & 16, 0);
        for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i];
        double *grad = calloc(b.cells, sizeof *grad);
        float *single = calloc(b.cells, sizeof *single);
        assert_true(call_f64(&b, NULL, grad) == 0);
        b.o.reduction = SPIRAL_REDUCE_NONE;
        assert_true(call_f32(&b, single) == 0);
        for (size_t i = 0; i < b.cells; i++) assert_true(grad[i] == 0 && single[i] == 0);
        free(grad), free(single);
        batch_free(&b);
    }
}

static void test_never_negative(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++)
        for (uint64_t round = 0; round < 300; round++) {
            batch b = batch_make(
                alone((spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[k]), 1,
                8, KEYS, 0);
            batch_fill(&b, round, 1, 0);
            double near = round % 2 ? 1 : pow(10, -(double)(round % 12)); /* from far to nearly equal */
            for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i] + near * (b.pred[i] - b.target[i]);
            assert_true(call_f64(&b, NULL, NULL) > 0);
            batch_free(&b);
        }
}

/* Shifting both rolls shifts the gradient and leaves the value, across octave borders and at the edges. */
static void test_transposition(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_NONE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++)
        for (int shift = 1; shift <= 13; shift++) {
            spiral_loss_options o = alone((spiral_loss_kind)kind);
            o.bce = 1;
            batch a = batch_make(o, 1, 9, KEYS, 0), b = batch_make(o, 1, 9, KEYS, 0);
            batch_fill(&a, 60, 1, 0);
            for (size_t i = 0; i < a.cells; i++) /* room above */
                if ((int)(i % KEYS) >= KEYS - shift) a.pred[i] = a.target[i] = 0;
            for (size_t i = 0; i < a.cells; i++)
                if ((int)(i % KEYS) >= shift)
                    b.pred[i] = a.pred[i - (size_t)shift], b.target[i] = a.target[i - (size_t)shift];
            double *ga = calloc(a.cells, sizeof *ga), *gb = calloc(a.cells, sizeof *gb);
            double va = call_f64(&a, NULL, ga), vb = call_f64(&b, NULL, gb);
            assert_true(fabs(va - vb) <= 1e-12 * va);
            for (size_t i = 0; i < a.cells; i++)
                if ((int)(i % KEYS) >= shift) assert_true(fabs(gb[i] - ga[i - (size_t)shift]) < 1e-11);
            free(ga), free(gb);
            batch_free(&a), batch_free(&b);
        }
}

/* A late note costs less with a time blur, and the blur treats first, middle and last columns alike. */
static void test_time_tolerance(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        spiral_loss_options o = alone(k ? SPIRAL_LOSS_ENERGY : SPIRAL_LOSS_SPIRAL);
        double late[3], first[3];
        for (int i = 0; i < 3; i++) {
            o.time_columns = (double[]){0, 1, 3}[i];
            batch b = batch_make(o, 1, 24, 12, 0);
            b.target[12 * 12 + 4] = b.pred[12 * 13 + 4] = 1;
            late[i] = call_f64(&b, NULL, NULL);
            b.target[12 * 12 + 4] = b.pred[12 * 13 + 4] = 0;
            b.target[4] = b.pred[12 + 4] = 1;
            first[i] = call_f64(&b, NULL, NULL);
            assert_true(fabs(late[i] - first[i]) < 2e-3 * late[i]);
            batch_free(&b);
        }
        assert_true(late[1] < 0.7 * late[0] && late[2] < 0.5 * late[1]);
    }
}

/* As the floor grows the spiral becomes a quadratic form: value * unit * b -> |S d|^2 / 2. */
static void test_large_floor(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SPIRAL);
    o.floor = 1000;
    batch b = batch_make(o, 1, 3, 12, 0);
    batch_fill(&b, 3, 1, 0);
    double square = 0;
    for (int j = 0; j < 3; j++)
        for (int r = -o.reach; r < 12 + o.reach; r++) {
            double sum = 0;
            for (int p = 0; p < 12; p++)
                sum += spiral__ref_profile(&o, r - p) * (b.pred[j * 12 + p] - b.target[j * 12 + p]);
            square += sum * sum;
        }
    double value = call_f64(&b, NULL, NULL) * spiral__ref_unit(&o) * o.floor;
    assert_true(fabs(value - square / 2) < 1e-3 * square);
    batch_free(&b);
}

/* Strictly proper: over a set of targets the mean gradient vanishes where y is their mean. */
static void test_proper(void **state) {
    (void)state;
    enum { TARGETS = 16 };
    for (int kind = SPIRAL_LOSS_NONE; kind <= SPIRAL_LOSS_GAUSS; kind++) {
        spiral_loss_options o = alone((spiral_loss_kind)kind);
        o.bce = 1;
        o.from_logits = 1;
        batch b = batch_make(o, 1, TARGETS, 12, 0);
        batch_fill(&b, 11, 1, 0);
        for (size_t p = 0; p < 12; p++) b.target[p] = 0.5; /* no mean is 0 or 1 */
        for (size_t p = 0; p < 12; p++) {
            double mean = 0;
            for (size_t j = 0; j < TARGETS; j++) mean += b.target[j * 12 + p] / TARGETS;
            for (size_t j = 0; j < TARGETS; j++) b.pred[j * 12 + p] = log(mean / (1 - mean));
        }
        double grad[TARGETS * 12];
        call_f64(&b, NULL, grad);
        for (size_t p = 0; p < 12; p++) {
            double sum = 0;
            for (size_t j = 0; j < TARGETS; j++) sum += grad[j * 12 + p];
            assert_true(fabs(sum) < 1e-12);
        }
        batch_free(&b);
    }
}

/* Positive definite for every range: a Cholesky factor of the kernel exists for 128 keys, every preset. */
static void test_positive_definite(void **state) {
    (void)state;
    static double K[128][128];
    static const char *const names[] = {"chromatic", "fifths", "tonnetz", "mixed"};
    for (int i = 0; i < 4; i++) {
        spiral_loss_options o = alone(SPIRAL_LOSS_ENERGY);
        assert_int_equal(spiral_helix_from_name(names[i], &o.helix, NULL), SPIRAL_OK);
        for (int p = 0; p < 128; p++)
            for (int q = 0; q < 128; q++) K[p][q] = spiral__ref_kernel(&o, p - q);
        for (int p = 0; p < 128; p++)
            for (int q = 0; q <= p; q++) {
                for (int j = 0; j < q; j++) K[p][q] -= K[p][j] * K[q][j];
                if (p == q) assert_true(K[p][p] > 1e-3);
                K[p][q] = p == q ? sqrt(K[p][p]) : K[p][q] / K[q][q];
            }
    }
}

/* Gradient descent on one column's logits, 4000 steps; y is left in b->pred. */
static void descend(batch *b, double rate) {
    double grad[KEYS], z[KEYS];
    for (int p = 0; p < KEYS; p++) z[p] = b->pred[p];
    for (int step = 0; step < 4000; step++) {
        call_f64(b, NULL, grad);
        for (int p = 0; p < KEYS; p++) b->pred[p] = z[p] -= rate * grad[p];
    }
    for (int p = 0; p < KEYS; p++) b->pred[p] = 1 / (1 + exp(-z[p]));
}

static void start(batch *b, uint64_t seed) {
    spiral__rng r = spiral__rng_init(seed, 0);
    for (int p = 0; p < KEYS; p++) b->pred[p] = 2 * spiral__rng_normal(&r);
}

static void test_descent_finds_the_target(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_NONE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++) {
        spiral_loss_options o = alone((spiral_loss_kind)kind);
        o.from_logits = 1;
        o.bce = 1;
        batch b = batch_make(o, 1, 1, KEYS, 0);
        b.target[C4 - LOW] = b.target[C4 + 4 - LOW] = b.target[C4 + 7 - LOW] = 1;
        start(&b, 5);
        b.pred[C4 - LOW] = -20, b.pred[B3 - LOW] = 20; /* surely wrong at first */
        descend(&b, 0.2);
        for (int p = 0; p < KEYS; p++) assert_true(fabs(b.pred[p] - b.target[p]) < 0.02);
        batch_free(&b);
    }
}

/* --- the question and the answer this began with --- */

static void test_seed_distance_as_written(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SEED_HARD);
    assert_true(column(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(column(&o, NOTES(C5), NOTES(C4)) == 5);     /* same note, another octave: almost nothing */
    assert_true(column(&o, NOTES(CIS4), NOTES(C4)) == 300); /* the neighbour above */
    assert_true(column(&o, NOTES(FIS4), NOTES(C4)) == 1800);
    assert_true(fabs(column(&o, NOTES(B3), NOTES(C4)) - sqrt(3300.0 * 3300 + 25)) < 1e-9);
}

static void test_seed_b3_against_c4(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SEED_HARD);
    double below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(below > 10 * above); /* the wire breaks at every C */
    o.kind = SPIRAL_LOSS_SEED_HARD_CIRCULAR;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - sqrt(300.0 * 300 + 25)) < 1e-9 &&
                above == 300); /* the octave is still floored */
    o.kind = SPIRAL_LOSS_SPIRAL;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-12);
    o.kind = SPIRAL_LOSS_ENERGY;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-15);
}

static void test_seed_same_note_in_another_octave(void **state) {
    (void)state;
    const spiral_loss_kind kinds[] = {SPIRAL_LOSS_SEED_HARD, SPIRAL_LOSS_SEED_HARD_CIRCULAR,
                                      SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS};
    for (int k = 0; k < 5; k++) {
        spiral_loss_options o = alone(kinds[k]);
        double octave = column(&o, NOTES(C5), NOTES(C4));
        assert_true(octave > 0 && octave < column(&o, NOTES(CIS4), NOTES(C4)));
        assert_true(octave < column(&o, NOTES(FIS4), NOTES(C4)));
    }
}

static void test_seed_silence_reads_as_lowest_key(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SEED_HARD);
    assert_true(column(&o, SILENCE, NOTES(LOW)) == 0);
    assert_true(column(&o, SILENCE, NOTES(C4)) == 5);
}

static void test_seed_mask_as_written(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_SEED_MASK);
    assert_true(column(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(column(&o, NOTES(CIS4), NOTES(C4)) == 10);
    assert_true(column(&o, NOTES(C4 + 11), NOTES(C4)) == 110); /* not circular: further than the tritone */
    assert_true(column(&o, NOTES(FIS4), NOTES(C4)) == 60);
    assert_true(column(&o, NOTES(C5), NOTES(C4)) == 5);
    assert_true(column(&o, NOTES(C5, CIS4), NOTES(C4)) == 15);
    assert_true(column(&o, SILENCE, NOTES(C4)) == 0); /* silence is as good as right */
    o.kind = SPIRAL_LOSS_SEED_MASK_CIRCULAR;
    assert_true(column(&o, NOTES(C4 + 11), NOTES(C4)) == 10);
}

/* The answer's mask is zero on the right note and positive elsewhere: nothing calls for the right note, and
 * everything else is sent away. From any beginning the strays die; where the right note starts below its
 * rivals it stays below, and with it the column is silent. */
static void test_seed_mask_ends_in_silence(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            spiral_loss_options o = alone(k ? SPIRAL_LOSS_SEED_MASK_CIRCULAR : SPIRAL_LOSS_SEED_MASK);
            o.from_logits = 1;
            batch b = batch_make(o, 1, 1, KEYS, 0);
            b.target[C4 - LOW] = 1;
            start(&b, seed);
            double before = b.pred[C4 - LOW] = -1, grad[KEYS];
            call_f64(&b, NULL, grad);
            assert_true(grad[C4 - LOW] == 0); /* no pull on the right note, ever */
            descend(&b, 0.05);
            assert_true(fabs(b.pred[C4 - LOW] - 1 / (1 + exp(-before))) < 1e-12);
            for (int p = 0; p < KEYS; p++) assert_true(b.pred[p] < 0.5); /* decodes to silence */
            batch_free(&b);
        }
}

/* With one network for all columns, which is what was trained, the right notes go too: a bias per key shared
 * by columns of different targets ends below every threshold. */
static void test_seed_mask_shared_bias_dies(void **state) {
    (void)state;
    enum { COLUMNS = 12 };
    spiral_loss_options o = alone(SPIRAL_LOSS_SEED_MASK);
    o.from_logits = 1;
    batch b = batch_make(o, 1, COLUMNS, KEYS, 0);
    for (int j = 0; j < COLUMNS; j++) b.target[j * KEYS + 3 * j] = 1;
    double bias[KEYS], grad[COLUMNS * KEYS];
    spiral__rng r = spiral__rng_init(9, 0);
    for (int p = 0; p < KEYS; p++) bias[p] = spiral__rng_normal(&r);
    for (int step = 0; step < 2000; step++) {
        for (int i = 0; i < COLUMNS * KEYS; i++) b.pred[i] = bias[i % KEYS];
        call_f64(&b, NULL, grad);
        for (int i = 0; i < COLUMNS * KEYS; i++) bias[i % KEYS] -= 0.01 * grad[i];
    }
    for (int p = 0; p < KEYS; p++) assert_true(bias[p] < -3); /* probabilities below 5 % everywhere */
    batch_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_note_energy),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_order_in_chords),
        cmocka_unit_test(test_energy_is_blind_to_insertions),
        cmocka_unit_test(test_exact_zero),
        cmocka_unit_test(test_never_negative),
        cmocka_unit_test(test_transposition),
        cmocka_unit_test(test_time_tolerance),
        cmocka_unit_test(test_large_floor),
        cmocka_unit_test(test_proper),
        cmocka_unit_test(test_positive_definite),
        cmocka_unit_test(test_descent_finds_the_target),
        cmocka_unit_test(test_seed_distance_as_written),
        cmocka_unit_test(test_seed_b3_against_c4),
        cmocka_unit_test(test_seed_same_note_in_another_octave),
        cmocka_unit_test(test_seed_silence_reads_as_lowest_key),
        cmocka_unit_test(test_seed_mask_as_written),
        cmocka_unit_test(test_seed_mask_ends_in_silence),
        cmocka_unit_test(test_seed_mask_shared_bias_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
