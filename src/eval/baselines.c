/* SPDX-License-Identifier: MIT
 *
 * The two simple models (see baselines.h).
 */
#include <math.h>
#include <string.h>

#include "data/corpus.h"
#include "eval/baselines.h"

enum { SILENT, BEGINS, GOES_ON, STATES = 3 };

static size_t period(const spiral_model *m) {
    const size_t two_seconds_us = 2000000;
    if (m->decoder.features.bar) return (size_t)m->decoder.features.bar;
    const size_t frames = two_seconds_us / (size_t)m->config.grid.frame_us;
    return frames ? frames : 1;
}

/* Frame t of a roll, as the state of each key p. */
static void read_states(const spiral__features *f, const spiral_roll *roll, size_t t, uint8_t *states) {
    const spiral_keys starts =
        roll->onsets ? roll->onsets[t]
                     : spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t], NULL);
    for (int p = 0; p < f->P; p++)
        states[p] = !spiral_keys_get(&roll->sounding[t], f->low + p) ? SILENT
                    : spiral_keys_get(&starts, f->low + p)           ? BEGINS
                                                                     : GOES_ON;
}

/* Calls visit for every frame with the states of the frame, of the one before and of that a period before. */
typedef void visitor(void *context, const uint8_t *now, const uint8_t *before, const uint8_t *earlier);

static void visit_frames(const spiral_model *m, const spiral_corpus *corpus, visitor *visit, void *context) {
    const spiral__features *f = &m->decoder.features;
    const size_t lag = period(m);
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral__corpus_entry *e = &corpus->entries[i];
        for (size_t t = 0; !e->left_out && t < e->roll.frames; t++) {
            uint8_t now[SPIRAL_KEY_COUNT], before[SPIRAL_KEY_COUNT] = {0}, earlier[SPIRAL_KEY_COUNT] = {0};
            read_states(f, &e->roll, t, now);
            if (t) read_states(f, &e->roll, t - 1, before);
            if (t >= lag) read_states(f, &e->roll, t - lag, earlier);
            visit(context, now, before, earlier);
        }
    }
}

/* ---- counting --------------------------------------------------------------------------------------------
 */

typedef struct counts {
    int P;
    float *markov; /* (3 P, 3) from state, to state */
    float *repeat; /* (3, 3) */
} counts;

static void count(void *context, const uint8_t *now, const uint8_t *before, const uint8_t *earlier) {
    const counts *c = context;
    for (int p = 0; p < c->P; p++) {
        c->markov[(STATES * p + before[p]) * STATES + now[p]]++;
        c->repeat[earlier[p] * STATES + now[p]]++;
    }
}

void spiral__baselines_measure(spiral_model *m, const spiral_corpus *corpus) {
    counts c = {m->decoder.features.P, spiral__tensor_data(m, m->decoder.markov),
                spiral__tensor_data(m, m->decoder.repeat)};
    memset(c.markov, 0, (size_t)(STATES * STATES * c.P) * sizeof *c.markov);
    memset(c.repeat, 0, STATES * STATES * sizeof *c.repeat);
    visit_frames(m, corpus, count, &c);
}

/* ---- scoring ---------------------------------------------------------------------------------------------
 */

typedef struct scoring {
    int P;
    double markov[SPIRAL_KEY_COUNT][STATES][STATES], repeat[STATES][STATES]; /* nats of a transition */
    double markov_nats, repeat_nats;
} scoring;

static void score(void *context, const uint8_t *now, const uint8_t *before, const uint8_t *earlier) {
    scoring *s = context;
    for (int p = 0; p < s->P; p++) {
        s->markov_nats += s->markov[p][before[p]][now[p]];
        s->repeat_nats += s->repeat[earlier[p]][now[p]];
    }
}

/* Probabilities of one row of counts and one observation more, which is divided as `prior` says. */
static void row_probabilities(const float *row, const double *prior, double *p) {
    double sum = 1;
    for (int j = 0; j < STATES; j++) sum += (double)row[j];
    for (int j = 0; j < STATES; j++) p[j] = ((double)row[j] + prior[j]) / sum;
}

/* With one plane a cell that sounds after silence begins and one that sounds after sound goes on, for
 * certain. */
static double nats_of(const spiral_model *m, const double *p, int to) {
    return -log(m->config.planes == 2 || to == SILENT ? p[to] : p[BEGINS] + p[GOES_ON]);
}

static void prepare(const spiral_model *m, scoring *s) {
    const float *markov = spiral__tensor_data(m, m->decoder.markov);
    const float *repeat = spiral__tensor_data(m, m->decoder.repeat);
    const double even[STATES] = {1.0 / STATES, 1.0 / STATES, 1.0 / STATES};
    for (int from = 0; from < STATES; from++) {
        float sum[STATES] = {0};
        double all[STATES], p[STATES];
        for (int k = 0; k < s->P; k++)
            for (int to = 0; to < STATES; to++) sum[to] += markov[(STATES * k + from) * STATES + to];
        row_probabilities(sum, even, all);
        for (int k = 0; k < s->P; k++) {
            row_probabilities(markov + (STATES * k + from) * STATES, all, p);
            for (int to = 0; to < STATES; to++) s->markov[k][from][to] = nats_of(m, p, to);
        }
        row_probabilities(repeat + from * STATES, even, p);
        for (int to = 0; to < STATES; to++) s->repeat[from][to] = nats_of(m, p, to);
    }
}

void spiral__baselines_score(const spiral_model *m, const spiral_corpus *corpus, double *markov_nats,
                             double *repeat_nats) {
    scoring s = {.P = m->decoder.features.P};
    prepare(m, &s);
    visit_frames(m, corpus, score, &s);
    *markov_nats = s.markov_nats;
    *repeat_nats = s.repeat_nats;
}
