/* SPDX-License-Identifier: MIT
 *
 * The costs of mistakes: a missed note, each interval, the order of mistakes alone and in chords,
 * transposition, and late notes.
 */
#include "harness.h"

/* 2 (1 - exp(-D/2)) in long double, D from its definition. */
static long double one_note(const spiral_helix *h, int delta) {
    const long double pi = 3.141592653589793238462643383279503L;
    long double square = powl((long double)h->octave * delta / 12, 2);
    for (int m = 1; m <= 6; m++) square += powl(2 * h->radii[m - 1] * sinl(pi * m * delta / 12), 2);
    return -2 * expm1l(-sqrtl(square) / 2);
}

static double ulps(double got, long double wanted) {
    if (wanted == 0) return got == 0 ? 0 : (double)INFINITY;
    int e;
    frexpl(wanted, &e);
    return (double)(fabsl(got - wanted) / ldexpl(1, e - 53));
}

static void energy_of_one_note_is_exact(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND(); /* a long double of 64 bits is no reference */
    double worst = 0;
    for (int round = 0; round < 3 * (PRESETS + 1); round++) {
        const int shape = round / 3;
        if (spiral_isa_set(isas[round % 3], NULL)) continue;
        spiral_loss_options o = kind_alone(SPIRAL_LOSS_ENERGY);
        if (shape < PRESETS) o.helix = preset(shape);
        if (shape == PRESETS) assert_int_equal(spiral_helix_from_costs(0.8, 1, &o.helix, NULL), SPIRAL_OK);
        for (int p = LOW; p < LOW + KEYS; p++) {
            for (int q = LOW; q < LOW + KEYS; q++)
                worst = fmax(worst, ulps(cost(&o, NOTES(q), NOTES(p)), one_note(&o.helix, q - p)));
            assert_true(cost(&o, NOTES(p), SILENCE) == 1);
            assert_true(cost(&o, SILENCE, NOTES(p)) == 1);
        }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
    printf("# one note for another: %.2f ulp at most\n", worst);
    assert_true(worst <= 4);
}

/* 2 (1 - exp(-D^2 / 2 sigma^2)). */
static void gauss_of_one_note_is_exact(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < KEYS; d++) {
            spiral_loss_options o = kind_alone(SPIRAL_LOSS_GAUSS);
            o.sigma = (double[]){0.25, 0.5, 2}[k];
            long double D = -2 * log1pl(-one_note(&o.helix, d) / 2);
            long double wanted = -2 * expm1l(-D * D / (2 * (long double)o.sigma * o.sigma));
            assert_true(fabsl(cost(&o, NOTES(LOW + d), NOTES(LOW)) - wanted) < 1e-14);
        }
}

static void a_missed_note_costs_1(void **state) {
    (void)state;
    for (int tau = 0; tau < 3; tau++) {
        spiral_loss_options o = kind_alone(SPIRAL_LOSS_GAUSS);
        o.time_blur = tau;
        assert_true(cost(&o, NOTES(C4), SILENCE) == 1);
        assert_true(cost(&o, SILENCE, NOTES(C4)) == 1);
        o.kind = SPIRAL_LOSS_SPIRAL;
        assert_true(fabs(cost(&o, SILENCE, NOTES(C4)) - 1) < 1e-13);
        assert_true(fabs(cost(&o, SILENCE, NOTES(LOW)) - 1) <
                    1e-13); /* the end of the keyboard is not special */
        assert_true(fabs(cost(&o, SILENCE, NOTES(LOW + KEYS - 1)) - 1) < 1e-13);
    }
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_SPIRAL);
    assert_true(cost(&o, NOTES(C4), SILENCE) > 0.5 && cost(&o, NOTES(C4), SILENCE) < 1);
}

static void table_is_what_calls_give(void **state) {
    (void)state;
    double substitute[37], insert[37];
    for (int k = 0; k < GEOMETRIC; k++)
        for (int tau = 0; tau < 2; tau++) {
            spiral_loss_options o = kind_alone(geometric[k]);
            o.time_blur = tau;
            spiral_loss *loss = create_loss(&o, KEYS);
            assert_int_equal(spiral_loss_table(loss, 37, substitute, insert, NULL), SPIRAL_OK);
            for (int d = 0; d < KEYS; d++) { /* the table equals calls */
                assert_true(fabs(substitute[d] - cost(&o, NOTES(LOW + d), NOTES(LOW))) < 1e-12);
                assert_true(fabs(insert[d] - cost(&o, NOTES(LOW, LOW + d), NOTES(LOW))) < 1e-12);
            }
            assert_true(substitute[0] == 0 && insert[0] == 0);
            spiral_loss_destroy(loss);
        }
    /* The tables of docs/math.md, section 4. */
    static const double documented[5][13] = {
        {.40, .88, 1.20, 1.37, 1.44, 1.45, 1.43, 1.36, 1.20, .91, .52, .32, .84},
        {.35, .44, .50, .53, .54, .55, .54, .53, .50, .45, .37, .33, .43},
        {1.43, .86, 1.19, 1.36, .42, 1.46, .46, 1.37, 1.23, .94, 1.45, .32, .83},
        {1.27, 1.24, 1.13, 1.10, 1.01, 1.33, 1.02, 1.12, 1.15, 1.26, 1.30, .29, .75},
        {1.17, .88, 1.17, 1.29, 1.18, 1.36, 1.18, 1.29, 1.19, .92, 1.20, .30, .76},
    };
    for (int row = 0; row < 5; row++) {
        spiral_loss_options o = kind_alone(SPIRAL_LOSS_SPIRAL);
        o.helix = preset(row > 1 ? row - 1 : 0);
        spiral_loss *loss = create_loss(&o, 1); /* the table does not depend on P */
        assert_int_equal(spiral_loss_table(loss, 37, substitute, insert, NULL), SPIRAL_OK);
        for (int i = 0; i < 13; i++) {
            double got = (row == 1 ? insert : substitute)[i < 12 ? i + 1 : 24];
            assert_true(fabs(got - documented[row][i]) < 0.0051);
        }
        spiral_loss_destroy(loss);
    }
}

/* One note instead of another: the octave costs least; then costs rise from the semitone to the tritone and
 * fall again. For the quadratic kinds the order is exactly that of distances on the helix. */
static void substitutions_are_ordered_by_distance(void **state) {
    (void)state;
    static double costs[KEYS][KEYS];
    for (int k = 0; k < GEOMETRIC; k++) {
        spiral_loss_options o = kind_alone(geometric[k]);
        for (int p = 0; p < KEYS; p++)
            for (int q = 0; q < KEYS; q++) costs[p][q] = cost(&o, NOTES(LOW + q), NOTES(LOW + p));
        for (int p = 0; p < KEYS; p++)
            for (int q = 0; q < KEYS; q++)
                for (int r = 0; r < KEYS; r++) {
                    double near = spiral_helix_distance(&o.helix, q - p);
                    double far = spiral_helix_distance(&o.helix, r - p);
                    if (o.kind != SPIRAL_LOSS_SPIRAL && near < far - 1e-9)
                        assert_true(costs[p][q] < costs[p][r]);
                    if (q == p && r != p) assert_true(costs[p][q] == 0 && costs[p][r] > 0);
                    if (abs(q - p) == 12 && (r - p) % 12) assert_true(costs[p][q] < costs[p][r]);
                    /* within half an octave, a nearer key costs less */
                    if (abs(q - p) < abs(r - p) && abs(r - p) <= 6) assert_true(costs[p][q] < costs[p][r]);
                }
    }
}

static int circular(int p, int q) {
    int d = abs(p - q) % 12;
    return d < 6 ? d : 12 - d;
}

/* A random chord of n notes, and keys for four mistakes: notes[0] moved by an octave or to a wrong key, or an
 * octave or an extra key added. The wrong key is a third or more from notes[0], the extra one `far` semitones
 * or more from all notes, octaves not counted; -1 if there is none. */
typedef struct context {
    int n, notes[5], octave, wrong, extra;
} context;

static int sounds(const context *c, int key) {
    for (int i = 0; i < c->n; i++)
        if (c->notes[i] == key) return 1;
    return 0;
}

static int draw_key(spiral__rng *r, const context *c, int from_all, int far) {
    int fit[KEYS], n = 0;
    for (int q = 0; q < KEYS; q++) {
        int near = circular(q, c->notes[0]);
        for (int i = 1; i < c->n && from_all; i++)
            if (circular(q, c->notes[i]) < near) near = circular(q, c->notes[i]);
        if (near >= far && !sounds(c, q)) fit[n++] = q;
    }
    return n ? fit[spiral__rng_below(r, (uint32_t)n)] : -1;
}

static context draw_context(spiral__rng *r, int far) {
    context c;
    do {
        const int n = 1 + (int)spiral__rng_below(r, 5);
        for (c.n = 0; c.n < n;) {
            int key = (int)spiral__rng_below(r, KEYS);
            if (!sounds(&c, key)) c.notes[c.n++] = key;
        }
        c.octave = c.notes[0] + (spiral__rng_below(r, 2) ? 12 : -12);
    } while (c.octave < 0 || c.octave >= KEYS || sounds(&c, c.octave));
    c.wrong = draw_key(r, &c, 0, 3);
    c.extra = draw_key(r, &c, 1, far);
    return c;
}

/* Writes a context and its four mistakes to frames 4 i .. 4 i + 3. */
static void write_context(batch *b, size_t i, const context *c) {
    for (int mistake = 0; mistake < 4; mistake++) {
        double *y = b->pred + (4 * i + (size_t)mistake) * KEYS;
        double *t = b->target + (4 * i + (size_t)mistake) * KEYS;
        for (int k = 0; k < c->n; k++) y[c->notes[k]] = t[c->notes[k]] = 1;
        const int key = (const int[]){c->octave, c->wrong, c->octave, c->extra}[mistake];
        if (mistake < 2) y[c->notes[0]] = 0;
        if (key >= 0) y[key] = 1;
    }
}

enum { ROUNDS = VALGRIND ? 1 : 50 };

/* Counts the contexts of 2,000 ROUNDS in which substitutions or insertions are out of order. */
static void count_disorder(spiral_loss_options o, int far, int wrong[2], int seen[2]) {
    enum { BLOCK = 2000 };
    spiral__rng r = spiral__rng_init(7, (uint64_t)far);
    o.reduction = SPIRAL_REDUCE_NONE;
    double *value = doubles(4 * BLOCK);
    wrong[0] = wrong[1] = seen[0] = seen[1] = 0;
    for (int round = 0; round < ROUNDS; round++) {
        batch b = batch_make(o, 1, 4 * (size_t)BLOCK, KEYS, 0);
        context c[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) {
            c[i] = draw_context(&r, far);
            write_context(&b, i, &c[i]);
        }
        call_f64(&b, value, NULL);
        for (int i = 0; i < BLOCK; i++) {
            const double *v = value + 4 * i;
            if (c[i].wrong >= 0) seen[0]++, wrong[0] += !(v[0] < v[1]);
            if (c[i].extra >= 0) seen[1]++, wrong[1] += !(v[2] < v[3]);
        }
        batch_free(&b);
    }
    free(value);
    printf("# %s, kl_offset %g, far is %d: %d of %d substitutions and %d of %d insertions out of order\n",
           spiral_loss_kind_name(o.kind), o.kl_offset, far, wrong[0], seen[0], wrong[1], seen[1]);
}

/* In any chord: moving a note by an octave costs less than a wrong note; doubling it costs less than adding
 * a note a third or more from all. For a note a whole tone from all the latter holds in all but 1 of 500
 * cases. */
static void mistakes_in_chords_are_ordered(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        int wrong[2], seen[2];
        spiral_loss_options o = kind_alone(SPIRAL_LOSS_SPIRAL);
        o.kl_offset = (double[]){0.02, 0.005, 0.1, 0.5}[k];
        count_disorder(o, 3, wrong, seen);
        assert_true(seen[0] > 1800 * ROUNDS && seen[1] > 800 * ROUNDS);
        assert_true(wrong[0] == 0 && wrong[1] == 0);
        count_disorder(o, 2, wrong, seen);
        assert_true(wrong[0] == 0 && wrong[1] * 500 < seen[1]);
    }
    int wrong[2], seen[2];
    count_disorder(kind_alone(SPIRAL_LOSS_ENERGY), 3, wrong, seen);
    assert_true(wrong[0] == 0); /* substitutions in order; insertions: the next test */
}

/* In a loss of y - t alone, doubling at the octave costs as much as any other extra note: docs/math.md,
 * theorem 2. */
static void quadratic_kinds_do_not_order_insertions(void **state) {
    (void)state;
    for (int k = 0; k < GEOMETRIC; k++) {
        spiral_loss_options o = kind_alone(geometric[k]);
        double octave = cost(&o, NOTES(C4, C5), NOTES(C4)), tritone = cost(&o, NOTES(C4, FIS4), NOTES(C4));
        if (o.kind == SPIRAL_LOSS_SPIRAL)
            assert_true(octave < 0.65 * tritone);
        else
            for (int q = LOW; q < LOW + KEYS; q++)
                if (q != C4) assert_true(cost(&o, NOTES(C4, q), NOTES(C4)) == 1);
    }
}

/* Shifting both rolls shifts the gradient and keeps the value, across octave borders and at the ends. */
static void transposition_moves_the_gradient_only(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++)
        for (int shift = 1; shift <= 13; shift++) {
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.bce = 1;
            batch a = batch_make(o, 1, 9, KEYS, 0), b = batch_make(o, 1, 9, KEYS, 0);
            batch_fill(&a, 60, 1, 0);
            for (size_t i = 0; i < a.cells; i++) /* the highest keys are empty */
                if ((int)(i % KEYS) >= KEYS - shift) a.pred[i] = a.target[i] = 0;
            for (size_t i = 0; i < a.cells; i++)
                if ((int)(i % KEYS) >= shift)
                    b.pred[i] = a.pred[i - (size_t)shift], b.target[i] = a.target[i - (size_t)shift];
            double *ga = doubles(a.cells), *gb = doubles(a.cells);
            double va = call_f64(&a, NULL, ga), vb = call_f64(&b, NULL, gb);
            assert_true(fabs(va - vb) <= 1e-12 * va);
            for (size_t i = 0; i < a.cells; i++)
                if ((int)(i % KEYS) >= shift) assert_true(fabs(gb[i] - ga[i - (size_t)shift]) < 1e-11);
            free(ga), free(gb);
            batch_free(&a), batch_free(&b);
        }
}

/* An interval costs the same across an octave border and at the ends of the keyboard. */
static void octave_borders_and_ends_of_the_keyboard_are_not_special(void **state) {
    (void)state;
    for (int k = 0; k < GEOMETRIC; k++) {
        spiral_loss_options o = kind_alone(geometric[k]);
        for (int d = 1; d < KEYS; d++) {
            double middle = cost(&o, NOTES(LOW + (KEYS - d) / 2 + d), NOTES(LOW + (KEYS - d) / 2));
            double lowest = cost(&o, NOTES(LOW + d), NOTES(LOW));
            double highest = cost(&o, NOTES(LOW + KEYS - 1 - d), NOTES(LOW + KEYS - 1));
            assert_true(fabs(lowest - middle) < 1e-12 && fabs(highest - middle) < 1e-12);
        }
        double over = cost(&o, NOTES(B3), NOTES(C4)), within = cost(&o, NOTES(CIS4), NOTES(C4));
        assert_true(fabs(over - within) < 1e-12);
        /* The helix does not depend on MIDI numbers: the keyboard may begin anywhere. */
        o.low = 0;
        double elsewhere = cost(&o, NOTES(B3), NOTES(C4));
        assert_true(over == elsewhere);
    }
}

/* A note that is one frame late costs less with a time blur, and the same in the first, middle and last
 * frames. */
static void time_blur_makes_late_notes_cheaper(void **state) {
    (void)state;
    enum { P = 12, T = 24 };
    for (int k = 0; k < GEOMETRIC; k++) {
        spiral_loss_options o = kind_alone(geometric[k]);
        double late[3];
        for (int i = 0; i < 3; i++) {
            o.time_blur = (double[]){0, 1, 3}[i];
            double at[3];
            for (int place = 0; place < 3; place++) {
                const int j = (int[]){T / 2, 0, T - 2}[place];
                batch b = batch_make(o, 1, T, P, 0);
                b.target[j * P + 4] = b.pred[(j + 1) * P + 4] = 1;
                at[place] = call_f64(&b, NULL, NULL);
                batch_free(&b);
            }
            late[i] = at[0];
            assert_true(fabs(at[1] - at[0]) < 2e-3 * at[0] && fabs(at[2] - at[0]) < 2e-3 * at[0]);
        }
        assert_true(late[1] < 0.7 * late[0] && late[2] < 0.5 * late[1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_of_one_note_is_exact),
        cmocka_unit_test(gauss_of_one_note_is_exact),
        cmocka_unit_test(a_missed_note_costs_1),
        cmocka_unit_test(table_is_what_calls_give),
        cmocka_unit_test(substitutions_are_ordered_by_distance),
        cmocka_unit_test(mistakes_in_chords_are_ordered),
        cmocka_unit_test(quadratic_kinds_do_not_order_insertions),
        cmocka_unit_test(transposition_moves_the_gradient_only),
        cmocka_unit_test(octave_borders_and_ends_of_the_keyboard_are_not_special),
        cmocka_unit_test(time_blur_makes_late_notes_cheaper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
