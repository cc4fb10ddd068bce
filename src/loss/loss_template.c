/* SPDX-License-Identifier: MIT
 *
 * One call of a loss, compiled once per element type (simd/real.h). The frames of a batch, across its rolls,
 * are processed one tile at a time. Each tile goes through all steps before the next: load, terms of single
 * cells, the kind, chain rule, store. With a time blur there are three passes over each roll, because the
 * blur connects its frames. The loops themselves are in simd/loss_kernels_template.c, the definition in
 * ref.c. Equations: docs/math.md.
 */
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/par.h"
#include "loss/call.h"
#include "loss/ref.h"
#include "simd/loss_kernels.h"

enum {
    TILE = SPIRAL__TILE_BYTES / sizeof(real), /* frames in a tile */
    /* Cells of the smallest shard, by measurement: waking a thread takes about 10 us, and this many cells
     * take 20 us (AVX-512) to 40 us (AVX2). A batch of one shard stays on the calling thread. */
    MIN_CELLS = 8192,
    MAX_SHARDS = 256,
};

/* A call, and what is in its work buffer. */
typedef struct state {
    const spiral__loss_call *call;
    const spiral_loss *loss;
    const spiral_loss_options *options;
    const spiral__loss_kernels *kernels;
    const real *coefficients, *inverse_totals;
    size_t P, bins, T, frames; /* frames: B T */
    double scale;              /* factor of the reduction */
    double total;              /* sum of the shard's values, unless each is returned */

    /* Tiles of P rows: what is loaded, equation 7's y and t, and derivatives. */
    real *pred, *target, *weight; /* weight: NULL without sample weights */
    real *y, *t;                  /* t: the same as target without sample weights */
    real *slope, *dcost, *dkind;  /* dy/dpred, dcross/dpred, dkind/dy */
    real *negative_weight;        /* equation 19's factor of the second term; channel: g, equation 38 */
    real *u, *v;                  /* tiles of bins rows */
    real *roll_y, *roll_t;        /* time blur: (T + 2 pad, width) */
    size_t width;
} state;

enum { KEY_TILES = 9, BIN_TILES = 2 };

static size_t tile_bytes(const spiral_loss *loss) {
    size_t keys = spiral__whole_row_blocks((size_t)loss->P),
           bins = spiral__whole_row_blocks((size_t)loss->bins);
    return (KEY_TILES * keys + BIN_TILES * bins) * SPIRAL__TILE_BYTES;
}

/* Elements of a frame in roll_y and roll_t: the keys, rounded up to whole rows of a tile. */
static size_t frame_width(const spiral_loss *loss) { return ((size_t)loss->P + TILE - 1) / TILE * TILE; }

/* Bytes that one thread needs of the work buffer, whole cache lines; SIZE_MAX if no object can be that large.
 */
static size_t thread_work_size(const spiral_loss *loss, size_t T) {
    const size_t tiles = tile_bytes(loss), frame_bytes = 2 * frame_width(loss) * sizeof(real);
    if (loss->decay == 0) return tiles;
    if (T > (PTRDIFF_MAX - tiles) / frame_bytes - 2 * loss->pad) return SIZE_MAX;
    return tiles + (T + 2 * loss->pad) * frame_bytes;
}

static size_t work_size(const spiral_loss *loss, size_t T) {
    const size_t one = thread_work_size(loss, T), threads = (size_t)spiral__pool_threads(loss->pool);
    return one > PTRDIFF_MAX / threads ? SIZE_MAX : one * threads;
}

static void lay_out_work(state *s, void *work) {
    real *at = work;
    real **const key_tiles[KEY_TILES] = {&s->pred,  &s->target, &s->weight,         &s->y, &s->t, &s->slope,
                                         &s->dcost, &s->dkind,  &s->negative_weight};
    real **const bin_tiles[BIN_TILES] = {&s->u, &s->v};
    for (int i = 0; i < KEY_TILES; i++, at += spiral__whole_row_blocks(s->P) * TILE) *key_tiles[i] = at;
    for (int i = 0; i < BIN_TILES; i++, at += spiral__whole_row_blocks(s->bins) * TILE) *bin_tiles[i] = at;
    s->width = frame_width(s->loss);
    s->roll_y = at;
    s->roll_t = s->roll_y + (s->T + 2 * s->loss->pad) * s->width;
    if (!s->call->sample_weight) s->t = s->target, s->weight = NULL;
}

/* The offsets of key 0 of n frames from frame `first` on. */
static void frame_offsets(const state *s, size_t first, size_t n, spiral_strides at, ptrdiff_t *offset) {
    if (at.b == (ptrdiff_t)s->T * at.t) { /* all frames of the batch are equally far from each other */
        for (size_t c = 0; c < n; c++) offset[c] = (ptrdiff_t)(first + c) * at.t;
        return;
    }
    size_t b = first / s->T, t = first % s->T;
    for (size_t c = 0; c < n; c++) {
        offset[c] = (ptrdiff_t)b * at.b + (ptrdiff_t)t * at.t;
        if (++t == s->T) t = 0, b++;
    }
}

static void load(const state *s, size_t first, size_t n, const real *array, spiral_strides at, real *rows) {
    ptrdiff_t offset[TILE];
    const real *frame[TILE];
    frame_offsets(s, first, n, at, offset);
    for (size_t c = 0; c < n; c++) frame[c] = array + offset[c];
    s->kernels->load(s->P, n, frame, at.p, rows);
}

static void store(const state *s, size_t first, size_t n, const real *rows, real *array, spiral_strides at) {
    ptrdiff_t offset[TILE];
    real *frame[TILE];
    frame_offsets(s, first, n, at, offset);
    for (size_t c = 0; c < n; c++) frame[c] = array + offset[c];
    s->kernels->store(s->P, n, rows, frame, at.p);
}

/* Where the tile after the one at frame `first` is in an array, if its frames are adjacent in either
 * direction. Otherwise, and after the last tile, an address that is already in the cache. */
static spiral__next_tile next_tile(const state *s, size_t first, const real *array, spiral_strides at) {
    const size_t next = first + TILE, b = next / s->T, t = next % s->T;
    const int by_frame = at.p == 1 && at.t == (ptrdiff_t)s->P;
    if (!array || next >= s->frames || !(by_frame || at.t == 1))
        return (spiral__next_tile){(uintptr_t)s->pred, 0};
    const uintptr_t offset = b * (uintptr_t)at.b + t * (uintptr_t)at.t;
    return (spiral__next_tile){(uintptr_t)array + offset * sizeof(real),
                               by_frame ? SPIRAL__TILE_BYTES : (uintptr_t)at.p * sizeof(real)};
}

/* Reports a value of cell (b, t, p) if it is not within its range. */
static spiral_status check_cell(const state *s, size_t frame, size_t p, const char *what, double value,
                                double low, double high) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(s->call->err, SPIRAL_NUMERIC, -1,
                        "%s at (b %zu, t %zu, p %zu) is %g: must be %s%g to %g", what, frame / s->T,
                        frame % s->T, p, value, isfinite(value) ? "" : "a number from ", low, high);
}

/* Finds the cell of a tile that cell_terms refused. */
static spiral_status name_bad_cell(const state *s, size_t first, size_t n) {
    const int logits = s->options->from_logits;
    const double limit = (double)(real)SPIRAL__LOSS_MAX_LOGIT, low = logits ? -limit : 0,
                 high = logits ? limit : 1;
    for (size_t c = 0; c < n; c++)
        for (size_t p = 0; p < s->P; p++) {
            const size_t i = p * TILE + c, frame = first + c;
            SPIRAL_TRY(
                check_cell(s, frame, p, logits ? "logit" : "probability", (double)s->pred[i], low, high));
            SPIRAL_TRY(check_cell(s, frame, p, "target", (double)s->target[i], 0, 1));
            if (s->weight)
                SPIRAL_TRY(check_cell(s, frame, p, "sample_weight", (double)s->weight[i], 0,
                                      SPIRAL__LOSS_MAX_WEIGHT));
        }
    return spiral__fail(s->call->err, SPIRAL_NUMERIC, -1, "a cell of frames %zu to %zu is out of range",
                        first, first + n - 1);
}

/* The factors of equation 19, computed by equation 20, plus the weight of the cross-entropy, if it has one.
 */
static void negative_weights(const state *s) {
    const spiral_loss_options *o = s->options;
    int index[SPIRAL__MAX_KEYS];
    size_t n = s->kernels->nonzero_rows(s->P, s->target, index);
    s->kernels->negative_weights(s->P, s->target, s->weight, index, n, s->coefficients,
                                 (real)(o->bce + o->lambda * SPIRAL__REF_LEAST_WEIGHT), (real)o->lambda,
                                 s->negative_weight);
}

/* Cells of weight 0 are ignored, whatever their values: 0 times NaN would be NaN. */
static void leave_out(const state *s) {
    for (size_t i = 0; i < s->P * TILE; i++) {
        if (s->weight[i] != 0) continue;
        s->pred[i] = 0;
        s->target[i] = 0;
    }
}

/* Loads n frames and computes what depends on single cells; adds the cross-entropy to sums. */
static spiral_status cell_terms(const state *s, size_t first, size_t n, double *sums) {
    const spiral__loss_call *call = s->call;
    const spiral_loss_options *o = s->options;
    const int class_weights = s->loss->kind == SPIRAL_LOSS_WEIGHTED_BCE;
    load(s, first, n, call->pred, call->pred_at, s->pred);
    load(s, first, n, call->target, call->target_at, s->target);
    if (s->weight) {
        load(s, first, n, call->sample_weight, call->weight_at, s->weight);
        leave_out(s);
    }
    if (class_weights) negative_weights(s);
    const spiral__cell_args args = {
        .P = s->P,
        .from_logits = o->from_logits,
        .cross = class_weights || o->bce > 0,
        .pred = s->pred,
        .target = s->target,
        .weight = s->weight,
        .negative_weight = class_weights ? s->negative_weight : NULL,
        .positive_weight = class_weights ? (real)(o->bce + o->lambda) : 1,
        .y = s->y,
        .t = s->t,
        .slope = s->slope,
        .dcost = s->dcost,
        .sums = sums,
        .factor = class_weights ? 1 : o->bce,
        .next = {next_tile(s, first, call->pred, call->pred_at),
                 next_tile(s, first, call->target, call->target_at),
                 next_tile(s, first, call->grad, call->grad_at)},
    };
    return s->kernels->cell_terms(&args) ? name_bad_cell(s, first, n) : SPIRAL_OK;
}

/* Equations 11, 12 and 14, the last with the opposite sign. */
static void spiral(const state *s, double factor, double *sums) {
    const size_t length = s->loss->coefficients.length;
    s->kernels->toeplitz_sparse(s->bins, s->P, s->t, s->coefficients, 0, length, s->u);
    s->kernels->toeplitz(s->bins, s->P, s->y, s->coefficients, 0, length, s->v);
    s->kernels->divergence(s->bins, (real)s->options->kl_offset, s->u, s->v, factor, sums);
    if (!s->call->grad) return;
    s->kernels->toeplitz(s->P, s->bins, s->u, s->coefficients, (ptrdiff_t)length - 1, length, s->dkind);
}

/* Equations 15 and 16 for the difference d and its time blur, which is d itself if there is none. */
static void quadratic(const state *s, const real *d, const real *blurred, double factor, double *sums) {
    s->kernels->toeplitz_sparse(s->P, s->P, blurred, s->coefficients, (ptrdiff_t)s->P - 1,
                                s->loss->coefficients.length, s->dkind);
    s->kernels->product(s->P, d, s->dkind, s->v);
    s->kernels->frame_sums(s->P, s->v, 0.5 * factor, sums);
}

/* The loudest key of frame c, the lowest if there are several, among those whose weight is above 0; P if
 * there is none. */
static size_t argmax_key(const state *s, const real *rows, size_t c) {
    size_t best = s->P;
    for (size_t p = 0; p < s->P; p++) {
        if (s->weight && !(s->weight[p * TILE + c] > 0)) continue;
        if (best == s->P || rows[p * TILE + c] > rows[best * TILE + c]) best = p;
    }
    return best;
}

/* Equation 22 for n frames. */
static void argmax_distance(const state *s, size_t n, double factor, double *sums) {
    const int low = s->options->low;
    for (size_t c = 0; c < n; c++) {
        size_t right = argmax_key(s, s->target, c), played = argmax_key(s, s->pred, c);
        if (right < s->P)
            sums[c] += factor * spiral__ref_argmax_distance(s->options, low + (int)right, low + (int)played);
    }
}

/* Equation 21. */
static void distance_mask(const state *s, double factor, double *sums) {
    for (size_t c = 0; c < TILE; c++) {
        size_t right = argmax_key(s, s->target, c);
        for (size_t p = 0; p < s->P; p++)
            s->dkind[p * TILE + c] = right == s->P ? 0 : s->coefficients[p < right ? right - p : p - right];
    }
    s->kernels->product(s->P, s->y, s->dkind, s->v);
    s->kernels->frame_sums(s->P, s->v, factor, sums);
}

/* Equations 35 to 38. */
static void channel(const state *s, double factor, double *sums) {
    const size_t length = s->loss->coefficients.length;
    const ptrdiff_t offset = s->options->blur_radius;
    const spiral__channel_args args = {
        .P = s->P,
        .from_logits = s->options->from_logits,
        .eta = (real)s->loss->eta,
        .pred = s->pred,
        .target = s->target,
        .weight = s->weight,
        .inverse_totals = s->inverse_totals,
        .factor = factor,
        .sums = sums,
    };
    s->kernels->channel_input(&args, s->y, s->u);
    s->kernels->toeplitz(s->P, s->P, s->u, s->coefficients, offset, length, s->v);
    s->kernels->channel_terms(&args, s->v, s->negative_weight, s->u);
    if (!s->call->grad) return;
    s->kernels->toeplitz(s->P, s->P, s->u, s->coefficients, offset, length, s->v);
    s->kernels->channel_slope(&args, s->negative_weight, s->v, s->dkind);
}

/* The terms of the kind for a tile of n frames, if no time blur connects the frames. */
static void kind_terms(const state *s, size_t n, double *sums) {
    const double factor = s->options->lambda / s->loss->missed_note;
    switch (s->loss->kind) {
    case SPIRAL_LOSS_SPIRAL: spiral(s, factor, sums); break;
    case SPIRAL_LOSS_ENERGY:
    case SPIRAL_LOSS_GAUSS:
        s->kernels->difference(s->P, s->y, s->t, s->u);
        quadratic(s, s->u, s->u, factor, sums);
        break;
    case SPIRAL_LOSS_ARGMAX_DISTANCE:
    case SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR: argmax_distance(s, n, factor, sums); break;
    case SPIRAL_LOSS_DISTANCE_MASK:
    case SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR: distance_mask(s, factor, sums); break;
    case SPIRAL_LOSS_CHANNEL: channel(s, factor, sums); break;
    case SPIRAL_LOSS_WEIGHTED_BCE: /* done with the cells */
    case SPIRAL_LOSS_BCE:
    case SPIRAL_LOSS_COUNT: break;
    }
}

/* Equation 6: the gradient of n frames from dcost and dkind. */
static void store_gradient(const state *s, size_t first, size_t n) {
    const spiral_loss_options *o = s->options;
    const spiral_loss_kind kind = s->loss->kind;
    const int class_weights = kind == SPIRAL_LOSS_WEIGHTED_BCE;
    const real *dcost = class_weights || o->bce > 0 ? s->dcost : NULL;
    const real *dkind = class_weights || kind == SPIRAL_LOSS_BCE ? NULL : s->dkind;
    const double cross_factor = class_weights ? s->scale : s->scale * o->bce;
    const double kind_factor = s->scale * o->lambda / s->loss->missed_note;
    s->kernels->chain_rule(s->P, dcost, (real)cross_factor, s->slope, dkind,
                           (real)(kind == SPIRAL_LOSS_SPIRAL ? -kind_factor : kind_factor), s->y);
    store(s, first, n, s->y, s->call->grad, s->call->grad_at);
}

static void add_value(state *s, size_t frame, double value) {
    if (s->options->reduction == SPIRAL_REDUCE_NONE)
        s->call->value[frame] += value;
    else
        s->total += value;
}

static size_t tile_frames(size_t first, size_t end) { return end - first < TILE ? end - first : TILE; }

static spiral_status all_tiles(state *s, size_t start, size_t end) {
    for (size_t first = start, n; first < end; first += n) {
        double sums[TILE] = {0};
        n = tile_frames(first, end);
        SPIRAL_TRY(cell_terms(s, first, n, sums));
        kind_terms(s, n, sums);
        for (size_t c = 0; c < n; c++) add_value(s, first + c, sums[c]);
        if (s->call->grad) store_gradient(s, first, n);
    }
    return SPIRAL_OK;
}

/* Loads a tile from frames of a roll in the work buffer; the next function stores one there. */
static void load_from_roll(const state *s, const real *roll, size_t first, size_t n, real *rows) {
    const real *frame[TILE];
    for (size_t c = 0; c < n; c++) frame[c] = roll + (first + c) * s->width;
    s->kernels->load(s->P, n, frame, 1, rows);
}
static void store_to_roll(const state *s, const real *rows, size_t first, size_t n, real *roll) {
    real *frame[TILE];
    for (size_t c = 0; c < n; c++) frame[c] = roll + (first + c) * s->width;
    s->kernels->store(s->P, n, rows, frame, 1);
}

static void blur_roll(const state *s, real *roll) {
    const spiral_loss *loss = s->loss;
    s->kernels->time_blur(s->T + 2 * loss->pad, s->width, (real)loss->decay, (real)loss->tail,
                          (real)loss->gain, roll);
}

/* First pass over the roll that begins at frame `start`: cross-entropy; y and t, or for the quadratic kinds d
 * twice, go into the rolls and are blurred along time (equations 25 and 28). */
static spiral_status cells_pass(state *s, size_t start) {
    const size_t pad = s->loss->pad, roll_bytes = (s->T + 2 * pad) * s->width * sizeof(real);
    const int is_quadratic = spiral__loss_is_quadratic(s->loss->kind);
    memset(s->roll_y, 0, roll_bytes);
    memset(s->roll_t, 0, roll_bytes);
    for (size_t first = 0, n; first < s->T; first += n) {
        double sums[TILE] = {0};
        n = tile_frames(first, s->T);
        SPIRAL_TRY(cell_terms(s, start + first, n, sums));
        for (size_t c = 0; c < n; c++) add_value(s, start + first + c, sums[c]);
        if (is_quadratic) s->kernels->difference(s->P, s->y, s->t, s->u);
        store_to_roll(s, is_quadratic ? s->u : s->y, pad + first, n, s->roll_y);
        store_to_roll(s, is_quadratic ? s->u : s->t, pad + first, n, s->roll_t);
    }
    blur_roll(s, s->roll_t);
    if (!is_quadratic) blur_roll(s, s->roll_y);
    return SPIRAL_OK;
}

/* Second pass: the terms of the kind for every frame, padding included; its derivative goes into roll_y. */
static void kind_pass(state *s, size_t start) {
    const size_t pad = s->loss->pad, padded = s->T + 2 * pad;
    const double factor = s->options->lambda / s->loss->missed_note;
    const int is_quadratic = spiral__loss_is_quadratic(s->loss->kind);
    for (size_t first = 0, n; first < padded; first += n) {
        double sums[TILE] = {0};
        n = tile_frames(first, padded);
        load_from_roll(s, s->roll_y, first, n, s->y);
        load_from_roll(s, s->roll_t, first, n, s->t);
        if (is_quadratic)
            quadratic(s, s->y, s->t, factor, sums);
        else
            spiral(s, factor, sums);
        for (size_t c = 0; c < n; c++) {
            size_t t = first + c < pad ? 0 : first + c - pad;
            add_value(s, start + (t < s->T ? t : s->T - 1), sums[c]);
        }
        if (s->call->grad) store_to_roll(s, s->dkind, first, n, s->roll_y);
    }
    if (s->call->grad && !is_quadratic) blur_roll(s, s->roll_y);
}

/* Third pass: the cells again, for their slopes, and the gradient. */
static spiral_status gradient_pass(state *s, size_t start) {
    for (size_t first = 0, n; first < s->T; first += n) {
        double unused[TILE] = {0};
        n = tile_frames(first, s->T);
        SPIRAL_TRY(cell_terms(s, start + first, n, unused));
        load_from_roll(s, s->roll_y, s->loss->pad + first, n, s->dkind);
        store_gradient(s, start + first, n);
    }
    return SPIRAL_OK;
}

static spiral_status all_rolls(state *s, size_t start, size_t end) {
    for (size_t first = start; first < end; first += s->T) {
        SPIRAL_TRY(cells_pass(s, first));
        kind_pass(s, first);
        if (s->call->grad) SPIRAL_TRY(gradient_pass(s, first));
    }
    return SPIRAL_OK;
}

/* A call divided into shards. The division depends only on the shape, and the sums of the shards are added in
 * order, so results are bit-identical for any number of threads. */
typedef struct division {
    const state *common;  /* what the shards have in common; each has a copy, with a work buffer */
    size_t shard_frames;  /* frames of a shard: whole tiles, or whole rolls with a time blur */
    size_t shards;        /* at most MAX_SHARDS */
    fenv_t caller;        /* the calling thread's rounding mode and treatment of denormal numbers */
    pthread_mutex_t lock; /* of the failure */
    atomic_size_t failed; /* the first shard that failed, or SIZE_MAX; the error is that of this shard */
    spiral_status status;
    double total[MAX_SHARDS];
    double notes[MAX_SHARDS];   /* equation 29: sum of target * weight, */
    size_t counted[MAX_SHARDS]; /* and frames with a weight above 0 */
} division;

static void divide(division *d, const state *common) {
    const size_t unit = common->loss->decay > 0 ? common->T : TILE, units = (common->frames - 1) / unit + 1;
    const size_t least = (MIN_CELLS - 1) / (unit * common->P) + 1, even = (units - 1) / MAX_SHARDS + 1;
    const size_t per_shard = least > even ? least : even;
    d->common = common;
    d->shards = (units - 1) / per_shard + 1;
    d->shard_frames = d->shards == 1 ? common->frames : per_shard * unit;
}

static size_t shard_end(const division *d, size_t shard) {
    return shard + 1 == d->shards ? d->common->frames : (shard + 1) * d->shard_frames;
}

/* Equation 29's sums. */
static void count_task(void *context, size_t shard, int worker) {
    division *d = context;
    const state *s = d->common;
    const spiral__loss_call *call = s->call;
    if (worker) fesetenv(&d->caller);
    size_t counted = 0;
    double notes = 0;
    for (size_t frame = shard * d->shard_frames; frame < shard_end(d, shard); frame++) {
        ptrdiff_t weight_offset, target_offset;
        frame_offsets(s, frame, 1, call->weight_at, &weight_offset);
        frame_offsets(s, frame, 1, call->target_at, &target_offset);
        const real *w = call->sample_weight ? (const real *)call->sample_weight + weight_offset : NULL;
        const real *t = (const real *)call->target + target_offset;
        int any = 0;
        for (size_t p = 0; p < s->P; p++) {
            double weight = w ? (double)w[(ptrdiff_t)p * call->weight_at.p] : 1;
            if (weight != 0) notes += weight * (double)t[(ptrdiff_t)p * call->target_at.p];
            any |= weight > 0;
        }
        counted += (size_t)any;
    }
    d->counted[shard] = counted;
    d->notes[shard] = notes;
}

/* Equation 29. A NaN among weights or targets makes the scale NaN; checking the cells later reports it. */
static double reduction_scale(division *d) {
    const state *s = d->common;
    const spiral_reduction how = s->options->reduction;
    if (how == SPIRAL_REDUCE_MEAN && !s->call->sample_weight) return 1 / (double)s->frames;
    if (how != SPIRAL_REDUCE_MEAN && how != SPIRAL_REDUCE_PER_NOTE) return 1;
    spiral__par_for(s->loss->pool, d->shards, count_task, d);
    size_t counted = 0;
    double notes = 0;
    for (size_t i = 0; i < d->shards; i++) counted += d->counted[i], notes += d->notes[i];
    if (how == SPIRAL_REDUCE_MEAN) return counted ? 1 / (double)counted : 0;
    return 1 / (notes > 1 ? notes : 1);
}

static void report_failure(division *d, size_t shard, spiral_status status, const spiral_error *err) {
    pthread_mutex_lock(&d->lock);
    if (shard < atomic_load(&d->failed)) {
        atomic_store(&d->failed, shard);
        d->status = status;
        if (d->common->call->err) *d->common->call->err = *err;
    }
    pthread_mutex_unlock(&d->lock);
}

static void shard_task(void *context, size_t shard, int worker) {
    division *d = context;
    if (atomic_load_explicit(&d->failed, memory_order_relaxed) < shard) return;
    if (worker) fesetenv(&d->caller);
    spiral_error err;
    spiral__loss_call call = *d->common->call;
    call.err = &err;
    state s = *d->common;
    s.call = &call;
    lay_out_work(&s, (char *)call.work + (size_t)worker * thread_work_size(s.loss, s.T));
    const size_t first = shard * d->shard_frames, end = shard_end(d, shard);
    if (s.options->reduction == SPIRAL_REDUCE_NONE)
        for (size_t i = first; i < end; i++) call.value[i] = 0;
    spiral_status status = s.loss->decay > 0 ? all_rolls(&s, first, end) : all_tiles(&s, first, end);
    if (status) report_failure(d, shard, status, &err);
    d->total[shard] = s.total;
}

static spiral_status value_grad(const spiral__loss_call *call) {
    const spiral_loss *loss = call->loss;
    state s = {
        .call = call,
        .loss = loss,
        .options = &loss->options,
        .kernels = call->kernels,
        .coefficients = call->coefficients,
        .inverse_totals = call->inverse_totals,
        .P = (size_t)loss->P,
        .bins = (size_t)loss->bins,
        .T = call->T,
        .frames = call->B * call->T,
    };
    division d = {.failed = SIZE_MAX, .status = SPIRAL_OK};
    divide(&d, &s);
    fegetenv(&d.caller);
    pthread_mutex_init(&d.lock, NULL);
    s.scale = reduction_scale(&d);
    spiral__par_for(loss->pool, d.shards, shard_task, &d);
    pthread_mutex_destroy(&d.lock);
    if (d.status) return d.status;
    double total = 0;
    for (size_t i = 0; i < d.shards; i++) total += d.total[i];
    if (loss->options.reduction != SPIRAL_REDUCE_NONE) *call->value = s.scale * total;
    return SPIRAL_OK;
}

#if SPIRAL_REAL_BITS == 32
const spiral__loss_functions spiral__loss_f32 = {work_size, value_grad};
#else
const spiral__loss_functions spiral__loss_f64 = {work_size, value_grad};
#endif
