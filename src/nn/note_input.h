/* SPDX-License-Identifier: MIT
 *
 * The first layer of a network that reads windows of a piano roll: y = x W, x the window's cells as zeros and
 * ones in the order (planes, frames, keys). It is computed on runs: a run is a key that sounds in frames
 * a .. b-1 of a plane without a gap. With the weights summed along time once after every change,
 *     S[key][t] = sum of W[key, t'] over t' < t,
 * a run adds S[key][b] - S[key][a] to y: two rows of numbers, whatever its length. Backward is the transpose:
 * dS[b] += dy, dS[a] -= dy, and dW[t] is the sum of dS over t' > t. A window of a chorale on 36 keys and 36
 * frames holds about ten runs: twenty row additions replace a product over 1296 cells.
 */
#ifndef SPIRAL_NN_NOTE_INPUT_H
#define SPIRAL_NN_NOTE_INPUT_H

#include "base/par.h"
#include "spiral/roll.h"

typedef struct spiral__note_input {
    int planes, frames;
    int low, keys; /* MIDI numbers low .. low + keys - 1; other keys of a window are ignored */
    size_t width;  /* numbers of y */
    float *sums;   /* (planes keys, frames + 1, width): S; owned */
} spiral__note_input;

/* Fills *layer, its sums 0. planes 1 or 2, frames 1..65535, 0 <= low, low + keys <= 128. NO_MEMORY. */
spiral_status spiral__note_input_create(int planes, int frames, int low, int keys, size_t width,
                                        spiral__note_input *layer, spiral_error *err);
void spiral__note_input_clear(spiral__note_input *layer);

/* Must be called after each change of W (planes frames keys, width), before the next forward. pool: NULL runs
 * all on the calling thread. */
void spiral__note_input_set_weights(spiral__note_input *layer, const float *W, spiral__pool *pool);
/* The same for the rows of one key. */
void spiral__note_input_set_key(const spiral__note_input *layer, const float *W, size_t key);

typedef struct spiral__note_run {
    uint32_t row;        /* which window of the batch */
    uint16_t key;        /* plane * keys + (pitch - low) */
    uint16_t begin, end; /* sounds in frames begin .. end-1 */
} spiral__note_run;

/* The runs of a batch of windows: what forward found and backward needs. */
typedef struct spiral__note_runs {
    size_t rows, max;         /* windows that are kept; runs a window can hold */
    spiral__note_run *runs;   /* (rows, max) as found */
    size_t *count;            /* (rows) */
    spiral__note_run *sorted; /* (rows max) by key, then by row; NULL: forward only */
    size_t *key_begin;        /* (planes keys + 1): where the runs of each key begin in sorted */
} spiral__note_runs;

/* backward: nonzero if backward will be called; if not, only the runs of the last window are kept.
 * NO_MEMORY. */
spiral_status spiral__note_runs_create(const spiral__note_input *layer, size_t rows, int backward,
                                       spiral__note_runs *runs, spiral_error *err);
void spiral__note_runs_clear(spiral__note_runs *runs);

/* y = x W of one window (planes * frames), as row `row` of the batch. With backward rows may run in parallel.
 */
void spiral__note_input_forward(const spiral__note_input *layer, const spiral_keys *window, size_t row,
                                spiral__note_runs *runs, float *y /* (width) */);

/* The gradient of W, in two steps: sort once after the forward of all rows; then the rows of each key, in any
 * order and in parallel. */
void spiral__note_runs_sort(const spiral__note_input *layer, spiral__note_runs *runs);
/* key: 0 .. planes * keys - 1. Row t + 1 of gradient becomes that of W's row for frame t, see
 * spiral__note_input_row. */
void spiral__note_input_backward_key(const spiral__note_input *layer, const spiral__note_runs *runs,
                                     size_t key, const float *dy, size_t dy_stride,
                                     float *gradient /* (frames + 1, width) */);
/* Which row of W belongs to a key and frame. */
size_t spiral__note_input_row(const spiral__note_input *layer, size_t key, size_t frame);

#endif
