/* SPDX-License-Identifier: MIT
 *
 * The first layer on bits. A window is piecewise constant in time: its notes are runs of sounding cells. With
 * the weights summed along time once per step,
 *     S[key][t] = sum of W[key, t'] over t' < t,
 * a run of key k over columns a .. b-1 contributes S[k][b] - S[k][a]: two rows for a note, however long. The
 * gradient goes the same way back: dS[b] += dy, dS[a] -= dy, and dW[t] is the sum of dS over t' > t. A dense
 * product over 1296 cells becomes some twenty row additions (a window of a chorale holds about ten runs).
 */
#ifndef SPIRAL_MODEL_RUNS_H
#define SPIRAL_MODEL_RUNS_H

#include "model/model.h"

typedef struct spiral__run {
    uint32_t row;        /* which window of the batch */
    uint16_t key;        /* plane * P + (pitch - low) */
    uint16_t begin, end; /* columns begin .. end-1 */
} spiral__run;

/* Most runs a window can hold: every second cell sounds. */
static inline size_t spiral__runs_max(const spiral_model *m) {
    return (size_t)m->planes * (size_t)m->P * ((size_t)m->T + 1) / 2 + 1;
}

/* Finds the runs of one window (planes * T columns); runs[] takes spiral__runs_max. Returns how many. */
size_t spiral__runs_find(const spiral_model *model, const spiral_keys *window, uint32_t row,
                         spiral__run *runs);

/* y (N) = the first layer of the window with these runs: hidden units, then the linear path to the code. */
void spiral__runs_forward(const spiral_model *model, const spiral__run *runs, size_t count,
                          float *y /* (N) */);

/* Adds to dW, the gradient of the first layer, what the runs of one key say. dS is scratch, (T + 1, N). */
void spiral__runs_backward_key(const spiral_model *model, const spiral__run *runs, size_t count, size_t key,
                               const float *dy /* (B, N) */, float *dS, float *dW /* (D, N) */);

/* The window as floats, 0 or 1, (planes, T, P). */
void spiral__window_floats(const spiral_model *model, const spiral_keys *window, float *x /* (D) */);

#endif
