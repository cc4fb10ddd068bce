/* SPDX-License-Identifier: MIT
 *
 * The two simple models (see baselines.h).
 */
#include <math.h>
#include <string.h>

#include "data/corpus.h"
#include "eval/baselines.h"

enum { SILENT, BEGINS, GOES_ON, STATES = 3 };

size_t spiral__baselines_period(const spiral_model *m) {
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

/* The states of a frame, of the frame before it and of the frame a period before it; silence before the
 * first. */
typedef struct states {
    uint8_t now[SPIRAL_KEY_COUNT], before[SPIRAL_KEY_COUNT], earlier[SPIRAL_KEY_COUNT];
} states;

static states states_at(const spiral_model *m, const spiral_roll *roll, size_t t) {
    const spiral__features *f = &m->decoder.features;
    const size_t lag = spiral__baselines_period(m);
    states s = {{0}, {0}, {0}};
    read_states(f, roll, t, s.now);
    if (t) read_states(f, roll, t - 1, s.before);
    if (t >= lag) read_states(f, roll, t - lag, s.earlier);
    return s;
}

/* ---- counting ---- */

static void count_frame(const states *s, int P, float *markov, float *repeat) {
    for (int p = 0; p < P; p++) {
        markov[(STATES * p + s->before[p]) * STATES + s->now[p]]++;
        repeat[s->earlier[p] * STATES + s->now[p]]++;
    }
}

void spiral__baselines_measure(spiral_model *m, const spiral_corpus *corpus) {
    const int P = m->decoder.features.P;
    float *markov = spiral__tensor_data(m, m->decoder.markov);
    float *repeat = spiral__tensor_data(m, m->decoder.repeat);
    memset(markov, 0, (size_t)(STATES * STATES * P) * sizeof *markov);
    memset(repeat, 0, STATES * STATES * sizeof *repeat);
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral__corpus_entry *e = &corpus->entries[i];
        for (size_t t = 0; !e->left_out && t < e->roll.frames; t++) {
            const states s = states_at(m, &e->roll, t);
            count_frame(&s, P, markov, repeat);
        }
    }
}

/* ---- scoring ---- */

/* Probabilities from one row of counts, to which one observation is added, divided as `prior`. */
static void row_probabilities(const float *row, const double *prior, double *p) {
    double sum = 1;
    for (int j = 0; j < STATES; j++) sum += (double)row[j];
    for (int j = 0; j < STATES; j++) p[j] = ((double)row[j] + prior[j]) / sum;
}

/* With one plane, a cell that sounds after silence certainly begins, and one that sounds after sound
 * certainly continues. */
static double nats_of(const spiral_model *m, const double *p, int to) {
    return -log(m->config.planes == 2 || to == SILENT ? p[to] : p[BEGINS] + p[GOES_ON]);
}

void spiral__baselines_init(const spiral_model *m, spiral__baselines *b) {
    const float *markov = spiral__tensor_data(m, m->decoder.markov);
    const float *repeat = spiral__tensor_data(m, m->decoder.repeat);
    const double even[STATES] = {1.0 / STATES, 1.0 / STATES, 1.0 / STATES};
    const int P = m->decoder.features.P;
    b->model = m;
    for (int from = 0; from < STATES; from++) {
        float sum[STATES] = {0};
        double all[STATES], p[STATES];
        for (int k = 0; k < P; k++)
            for (int to = 0; to < STATES; to++) sum[to] += markov[(STATES * k + from) * STATES + to];
        row_probabilities(sum, even, all);
        for (int k = 0; k < P; k++) {
            row_probabilities(markov + (STATES * k + from) * STATES, all, p);
            for (int to = 0; to < STATES; to++) b->markov[k][from][to] = nats_of(m, p, to);
        }
        row_probabilities(repeat + from * STATES, even, p);
        for (int to = 0; to < STATES; to++) b->repeat[from][to] = nats_of(m, p, to);
    }
}

void spiral__baselines_add_frame(const spiral__baselines *b, const spiral_roll *roll, size_t t,
                                 const spiral_keys *known, double *markov_nats, double *repeat_nats) {
    const spiral__features *f = &b->model->decoder.features;
    const states s = states_at(b->model, roll, t);
    for (int p = 0; p < f->P; p++) {
        if (known && spiral_keys_get(known, f->low + p)) continue;
        *markov_nats += b->markov[p][s.before[p]][s.now[p]];
        *repeat_nats += b->repeat[s.earlier[p]][s.now[p]];
    }
}

void spiral__baselines_score(const spiral_model *m, const spiral_corpus *corpus, double *markov_nats,
                             double *repeat_nats) {
    spiral__baselines b;
    spiral__baselines_init(m, &b);
    *markov_nats = *repeat_nats = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral__corpus_entry *e = &corpus->entries[i];
        for (size_t t = 0; !e->left_out && t < e->roll.frames; t++)
            spiral__baselines_add_frame(&b, &e->roll, t, NULL, markov_nats, repeat_nats);
    }
}
