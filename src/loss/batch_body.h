/* SPDX-License-Identifier: MIT
 *
 * One call of a loss for one element type; included by batch.c twice, with REAL, NAME and SUFFIX set,
 * hence no guard. Columns are taken a tile at a time, across the rolls of the batch, and go through in
 * one visit: load, cells, kind, chain, store. With a time blur a roll goes through three times, for the blur
 * lies between its columns. The loops themselves: kern/loss_body.h; the definition: ref.c.
 */

enum { NAME(TILE) = SPIRAL__TILE_BYTES / sizeof(REAL) };

/* The arguments of a call, and what is in its work buffer. */
typedef struct NAME(call) {
    const spiral_loss *loss;
    const NAME(spiral__loss_ops) * ops;
    const REAL *band;
    size_t P, bins, T, columns; /* columns: B T */
    const REAL *pred, *target, *weight;
    REAL *grad;
    spiral_strides pred_at, target_at, weight_at, grad_at;
    double scale;                                /* of the reduction */
    double *value;                               /* REDUCE_NONE: per column */
    double total;                                /* else */
    REAL *rows_pred, *rows_target, *rows_weight; /* tiles of P rows */
    REAL *rows_y, *rows_t, *rows_slope, *rows_dcost, *rows_dgeo, *rows_stray;
    REAL *rows_u, *rows_v; /* tiles of bins rows */
    REAL *roll_y, *roll_t; /* time blur: (T + 2 pad, width) */
    size_t width;
    int every[SPIRAL__MAX_KEYS + 2 * SPIRAL__MAX_REACH]; /* 0, 1, 2, ...: rows of a product that takes all */
    spiral_error *err;
} NAME(call);

static size_t NAME(tile_bytes)(const spiral_loss *loss) {
    size_t keys = spiral__round_up_rows((size_t)loss->P), bins = spiral__round_up_rows((size_t)loss->bins);
    return (9 * keys + 2 * bins) * SPIRAL__TILE_BYTES;
}

static size_t NAME(width)(const spiral_loss *loss) { /* keys, rounded up to whole tile rows */
    return ((size_t)loss->P + NAME(TILE) - 1) / NAME(TILE) * NAME(TILE);
}

size_t NAME(spiral_loss_work_size)(const spiral_loss *loss, size_t T) {
    size_t bytes = NAME(tile_bytes)(loss);
    if (loss->decay == 0) return bytes;
    if (T > SIZE_MAX / 2) return SIZE_MAX;
    size_t more = time_bytes(T + 2 * loss->pad, NAME(width)(loss) * sizeof(REAL));
    return more == SIZE_MAX ? SIZE_MAX : bytes + more;
}

static void NAME(lay_out)(NAME(call) * k, void *work) {
    REAL *at = work;
    REAL **const tiles[] = {&k->rows_pred,  &k->rows_target, &k->rows_weight, &k->rows_y,    &k->rows_t,
                            &k->rows_slope, &k->rows_dcost,  &k->rows_dgeo,   &k->rows_stray};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++, at += spiral__round_up_rows(k->P) * NAME(TILE))
        *tiles[i] = at;
    k->rows_u = at;
    k->rows_v = k->rows_u + spiral__round_up_rows(k->bins) * NAME(TILE);
    k->roll_y = k->rows_v + spiral__round_up_rows(k->bins) * NAME(TILE);
    k->width = NAME(width)(k->loss);
    k->roll_t = k->roll_y + (k->T + 2 * k->loss->pad) * k->width;
    if (!k->weight) k->rows_t = k->rows_target, k->rows_weight = NULL;
}

/* Where n columns from `first` on begin in an array. */
static void NAME(offsets)(const NAME(call) * k, size_t first, size_t n, spiral_strides s, ptrdiff_t *offset) {
    size_t b = first / k->T, t = first % k->T;
    for (size_t c = 0; c < n; c++) {
        offset[c] = (ptrdiff_t)b * s.b + (ptrdiff_t)t * s.t;
        if (++t == k->T) t = 0, b++;
    }
}

static void NAME(load)(const NAME(call) * k, size_t first, size_t n, const REAL *array, spiral_strides s,
                       REAL *rows) {
    ptrdiff_t offset[NAME(TILE)];
    const REAL *column[NAME(TILE)];
    NAME(offsets)(k, first, n, s, offset);
    for (size_t c = 0; c < n; c++) column[c] = array + offset[c];
    k->ops->load(k->P, n, column, s.p, rows);
}

/* The tile after the one at column `first`, if columns lie side by side one way or the other; else, and after
 * the last, this one. */
static spiral__ahead NAME(ahead)(const NAME(call) * k, size_t first, const REAL *array, spiral_strides s) {
    const size_t next = first + NAME(TILE), b = next / k->T, t = next % k->T;
    const int by_column = s.p == 1 && s.t == (ptrdiff_t)k->P;
    if (!array || next >= k->columns || !(by_column || s.t == 1))
        return (spiral__ahead){(uintptr_t)k->rows_pred, 0};
    const uintptr_t at = b * (uintptr_t)s.b + t * (uintptr_t)s.t;
    return (spiral__ahead){(uintptr_t)array + at * sizeof(REAL),
                           by_column ? SPIRAL__TILE_BYTES : (uintptr_t)s.p * sizeof(REAL)};
}

static spiral_status NAME(find_bad)(const NAME(call) * k, size_t first, size_t n) {
    const int logits = k->loss->options.from_logits;
    for (size_t c = 0; c < n; c++)
        for (size_t p = 0; p < k->P; p++) {
            size_t i = p * NAME(TILE) + c, b = (first + c) / k->T, t = (first + c) % k->T;
            double z = (double)k->rows_pred[i], y = (double)k->rows_target[i];
            double w = k->weight ? (double)k->rows_weight[i] : 1;
            double low = logits ? -(double)(REAL)SPIRAL__LOSS_MAX_LOGIT : 0,
                   high = logits ? (double)(REAL)SPIRAL__LOSS_MAX_LOGIT : 1;
            if (!(z >= low && z <= high))
                return bad_cell(k->err, logits ? "logit" : "probability", z, (cell){b, t, p, low, high});
            if (!(y >= 0 && y <= 1)) return bad_cell(k->err, "target", y, (cell){b, t, p, 0, 1});
            if (!(w >= 0 && w <= SPIRAL__LOSS_MAX_WEIGHT))
                return bad_cell(k->err, "weight", w, (cell){b, t, p, 0, SPIRAL__LOSS_MAX_WEIGHT});
        }
    return spiral__fail(k->err, SPIRAL_NUMERIC, -1, "a cell of columns %zu to %zu is out of range", first,
                        first + n - 1);
}

/* Equation 20 as a row of factors for the cells. */
static void NAME(strays)(const NAME(call) * k) {
    const spiral_loss_options *o = &k->loss->options;
    int index[SPIRAL__MAX_KEYS];
    size_t n = k->ops->sounding(k->P, k->rows_target, index);
    k->ops->nearness(k->P, k->rows_target, k->rows_weight, index, n, k->band,
                     (REAL)(o->bce + o->lambda * SPIRAL__REF_FLOOR), (REAL)o->lambda, k->rows_stray);
}

/* Loads n columns and computes what is local to a cell; the cross-entropy is added to sums. */
static spiral_status NAME(cells)(const NAME(call) * k, size_t first, size_t n, double *sums) {
    const spiral_loss_options *o = &k->loss->options;
    const int weighted = k->loss->kind == SPIRAL_LOSS_WEIGHTED_BCE;
    NAME(load)(k, first, n, k->pred, k->pred_at, k->rows_pred);
    NAME(load)(k, first, n, k->target, k->target_at, k->rows_target);
    if (k->weight) NAME(load)(k, first, n, k->weight, k->weight_at, k->rows_weight);
    if (weighted) NAME(strays)(k);
    const NAME(spiral__tile) tile = {
        .P = k->P,
        .from_logits = o->from_logits,
        .pred = k->rows_pred,
        .target = k->rows_target,
        .weight = k->rows_weight,
        .cross = weighted || o->bce > 0,
        .stray = weighted ? k->rows_stray : NULL,
        .hit = weighted ? (REAL)(o->bce + o->lambda) : 1,
        .y = k->rows_y,
        .t = k->rows_t,
        .slope = k->rows_slope,
        .dcost = k->rows_dcost,
        .ahead = {NAME(ahead)(k, first, k->pred, k->pred_at), NAME(ahead)(k, first, k->target, k->target_at),
                  NAME(ahead)(k, first, k->grad, k->grad_at)},
        .factor = weighted ? 1 : o->bce,
        .sums = sums,
    };
    return k->ops->cells(&tile) ? NAME(find_bad)(k, first, n) : SPIRAL_OK;
}

/* Equations 11, 12 and 14, the last with the opposite sign. */
static void NAME(spiral)(const NAME(call) * k, double factor, double *sums) {
    const spiral__band *band = &k->loss->band;
    int index[SPIRAL__MAX_KEYS];
    size_t n = k->ops->sounding(k->P, k->rows_t, index);
    k->ops->toeplitz(k->bins, k->rows_t, index, n, k->band, 0, band->length, k->rows_u);
    k->ops->toeplitz(k->bins, k->rows_y, k->every, k->P, k->band, 0, band->length, k->rows_v);
    k->ops->divergence(k->bins, (REAL)k->loss->options.kl_offset, k->rows_u, k->rows_v, factor, sums);
    if (!k->grad) return;
    k->ops->toeplitz(k->P, k->rows_u, k->every, k->bins, k->band, (ptrdiff_t)band->length - 1, band->length,
                     k->rows_dgeo);
}

/* Equations 15 and 16 for the difference d and its (time-blurred) copy, both in tiles. */
static void NAME(quadratic)(const NAME(call) * k, const REAL *d, const REAL *blurred, double factor,
                            double *sums) {
    int index[SPIRAL__MAX_KEYS];
    size_t n = k->ops->sounding(k->P, blurred, index);
    k->ops->toeplitz(k->P, blurred, index, n, k->band, (ptrdiff_t)k->P - 1, k->loss->band.length,
                     k->rows_dgeo);
    k->ops->product(k->P, d, k->rows_dgeo, k->rows_v);
    k->ops->sum(k->P, k->rows_v, 0.5 * factor, sums);
}

/* The first loudest key of column c among those whose weight is above 0; P if there is none. */
static size_t NAME(loudest)(const NAME(call) * k, const REAL *rows, size_t c) {
    size_t best = k->P;
    for (size_t p = 0; p < k->P; p++) {
        if (k->rows_weight && !(k->rows_weight[p * NAME(TILE) + c] > 0)) continue;
        if (best == k->P || rows[p * NAME(TILE) + c] > rows[best * NAME(TILE) + c]) best = p;
    }
    return best;
}

/* Equations 21 to 23. */
static void NAME(seed)(const NAME(call) * k, size_t n, double factor, double *sums) {
    const spiral_loss_options *o = &k->loss->options;
    for (size_t c = 0; c < NAME(TILE); c++) {
        size_t m = NAME(loudest)(k, k->rows_target, c), q = NAME(loudest)(k, k->rows_pred, c);
        if (spiral__loss_is_metric(o->kind)) {
            if (c < n && m < k->P)
                sums[c] += factor * spiral__ref_seed_distance(o, o->low + (int)m, o->low + (int)q);
            continue;
        }
        for (size_t p = 0; p < k->P; p++)
            k->rows_dgeo[p * NAME(TILE) + c] = m == k->P ? 0 : k->band[p < m ? m - p : p - m];
    }
    if (spiral__loss_is_metric(o->kind)) return;
    k->ops->product(k->P, k->rows_y, k->rows_dgeo, k->rows_v);
    k->ops->sum(k->P, k->rows_v, factor, sums);
}

static void NAME(kind)(const NAME(call) * k, size_t n, double *sums) {
    const double factor = k->loss->options.lambda / k->loss->unit;
    if (k->loss->kind == SPIRAL_LOSS_SPIRAL)
        NAME(spiral)(k, factor, sums);
    else if (spiral__loss_is_quadratic(k->loss->kind)) {
        k->ops->difference(k->P, k->rows_y, k->rows_t, k->rows_u);
        NAME(quadratic)(k, k->rows_u, k->rows_u, factor, sums);
    } else if (spiral__loss_has_columns(k->loss->kind))
        NAME(seed)(k, n, factor, sums);
}

/* Equation 6: the gradient of n columns from dcost and dgeo. */
static void NAME(finish)(const NAME(call) * k, size_t first, size_t n) {
    const spiral_loss_options *o = &k->loss->options;
    const int weighted = k->loss->kind == SPIRAL_LOSS_WEIGHTED_BCE;
    const REAL *dcost = weighted || o->bce > 0 ? k->rows_dcost : NULL;
    const REAL *dgeo = weighted || k->loss->kind == SPIRAL_LOSS_BCE ? NULL : k->rows_dgeo;
    const double geo = k->scale * o->lambda / k->loss->unit;
    k->ops->chain(k->P, dcost, (REAL)(weighted ? k->scale : k->scale * o->bce), k->rows_slope, dgeo,
                  (REAL)(k->loss->kind == SPIRAL_LOSS_SPIRAL ? -geo : geo), k->rows_y);
    ptrdiff_t offset[NAME(TILE)];
    REAL *column[NAME(TILE)];
    NAME(offsets)(k, first, n, k->grad_at, offset);
    for (size_t c = 0; c < n; c++) column[c] = k->grad + offset[c];
    k->ops->store(k->P, n, k->rows_y, column, k->grad_at.p);
}

static void NAME(add)(NAME(call) * k, size_t column, double sum) {
    if (k->loss->options.reduction == SPIRAL_REDUCE_NONE)
        k->value[column] += sum;
    else
        k->total += sum;
}

static spiral_status NAME(columns)(NAME(call) * k) {
    for (size_t first = 0, n; first < k->columns; first += n) {
        n = k->columns - first < NAME(TILE) ? k->columns - first : NAME(TILE);
        double sums[NAME(TILE)] = {0};
        SPIRAL_TRY(NAME(cells)(k, first, n, sums));
        NAME(kind)(k, n, sums);
        for (size_t c = 0; c < n; c++) NAME(add)(k, first + c, sums[c]);
        if (k->grad) NAME(finish)(k, first, n);
    }
    return SPIRAL_OK;
}

/* Tile from, or to, columns of a roll in the work buffer. */
static void NAME(from_roll)(const NAME(call) * k, const REAL *roll, size_t first, size_t n, REAL *rows) {
    const REAL *column[NAME(TILE)];
    for (size_t c = 0; c < n; c++) column[c] = roll + (first + c) * k->width;
    k->ops->load(k->P, n, column, 1, rows);
}
static void NAME(to_roll)(const NAME(call) * k, const REAL *rows, size_t first, size_t n, REAL *roll) {
    REAL *column[NAME(TILE)];
    for (size_t c = 0; c < n; c++) column[c] = roll + (first + c) * k->width;
    k->ops->store(k->P, n, rows, column, 1);
}

/* First visit of the roll that begins at column `start`: cross-entropy; y and t, or for the quadratics d
 * twice, go into the rolls and are blurred along time (equations 25 and 28). */
static spiral_status NAME(visit_cells)(NAME(call) * k, size_t start) {
    const spiral_loss *loss = k->loss;
    const size_t padded = k->T + 2 * loss->pad;
    const REAL a = (REAL)loss->decay, tail = (REAL)loss->tail, gain = (REAL)loss->gain;
    const int quadratic = spiral__loss_is_quadratic(loss->kind);
    memset(k->roll_y, 0, padded * k->width * sizeof(REAL));
    memset(k->roll_t, 0, padded * k->width * sizeof(REAL));
    for (size_t first = 0, n; first < k->T; first += n) {
        n = k->T - first < NAME(TILE) ? k->T - first : NAME(TILE);
        double sums[NAME(TILE)] = {0};
        SPIRAL_TRY(NAME(cells)(k, start + first, n, sums));
        for (size_t c = 0; c < n; c++) NAME(add)(k, start + first + c, sums[c]);
        if (quadratic) k->ops->difference(k->P, k->rows_y, k->rows_t, k->rows_u);
        NAME(to_roll)(k, quadratic ? k->rows_u : k->rows_y, loss->pad + first, n, k->roll_y);
        NAME(to_roll)(k, quadratic ? k->rows_u : k->rows_t, loss->pad + first, n, k->roll_t);
    }
    k->ops->smooth(padded, k->width, a, tail, gain, k->roll_t);
    if (!quadratic) k->ops->smooth(padded, k->width, a, tail, gain, k->roll_y);
    return SPIRAL_OK;
}

/* Second visit: the kind on every column, padding included; its gradient goes into roll_y. */
static void NAME(visit_kind)(NAME(call) * k, size_t start) {
    const spiral_loss *loss = k->loss;
    const double factor = loss->options.lambda / loss->unit;
    const size_t padded = k->T + 2 * loss->pad;
    const int quadratic = spiral__loss_is_quadratic(loss->kind);
    for (size_t first = 0, n; first < padded; first += n) {
        n = padded - first < NAME(TILE) ? padded - first : NAME(TILE);
        double sums[NAME(TILE)] = {0};
        NAME(from_roll)(k, k->roll_y, first, n, k->rows_y);
        NAME(from_roll)(k, k->roll_t, first, n, k->rows_t);
        if (quadratic)
            NAME(quadratic)(k, k->rows_y, k->rows_t, factor, sums);
        else
            NAME(spiral)(k, factor, sums);
        for (size_t c = 0; c < n; c++) {
            size_t t = first + c < loss->pad ? 0 : first + c - loss->pad;
            NAME(add)(k, start + (t < k->T ? t : k->T - 1), sums[c]);
        }
        if (k->grad) NAME(to_roll)(k, k->rows_dgeo, first, n, k->roll_y);
    }
    if (k->grad && !quadratic)
        k->ops->smooth(padded, k->width, (REAL)loss->decay, (REAL)loss->tail, (REAL)loss->gain, k->roll_y);
}

/* Third visit: the cells again, for their slopes, and the gradient. */
static spiral_status NAME(visit_gradient)(NAME(call) * k, size_t start) {
    for (size_t first = 0, n; first < k->T; first += n) {
        n = k->T - first < NAME(TILE) ? k->T - first : NAME(TILE);
        double unused[NAME(TILE)] = {0};
        SPIRAL_TRY(NAME(cells)(k, start + first, n, unused));
        NAME(from_roll)(k, k->roll_y, k->loss->pad + first, n, k->rows_dgeo);
        NAME(finish)(k, start + first, n);
    }
    return SPIRAL_OK;
}

static spiral_status NAME(rolls)(NAME(call) * k) {
    for (size_t start = 0; start < k->columns; start += k->T) {
        SPIRAL_TRY(NAME(visit_cells)(k, start));
        NAME(visit_kind)(k, start);
        if (k->grad) SPIRAL_TRY(NAME(visit_gradient)(k, start));
    }
    return SPIRAL_OK;
}

/* Equation 29. A NaN in weight or target makes the scale useless; the tiles will find it and say so. */
static double NAME(reduction)(const NAME(call) * k) {
    const spiral_reduction how = k->loss->options.reduction;
    if (how == SPIRAL_REDUCE_MEAN && !k->weight) return 1 / (double)k->columns;
    if (how != SPIRAL_REDUCE_MEAN && how != SPIRAL_REDUCE_PER_NOTE) return 1;
    size_t counted = 0;
    double notes = 0;
    for (size_t column = 0; column < k->columns; column++) {
        ptrdiff_t at_w, at_t;
        NAME(offsets)(k, column, 1, k->weight_at, &at_w);
        NAME(offsets)(k, column, 1, k->target_at, &at_t);
        const REAL *w = k->weight ? k->weight + at_w : NULL, *t = k->target + at_t;
        int any = 0;
        for (size_t p = 0; p < k->P; p++) {
            double weight = w ? (double)w[(ptrdiff_t)p * k->weight_at.p] : 1;
            notes += weight * (double)t[(ptrdiff_t)p * k->target_at.p];
            any |= weight > 0;
        }
        counted += (size_t)any;
    }
    if (how == SPIRAL_REDUCE_MEAN) return counted ? 1 / (double)counted : 0;
    return 1 / (notes > 1 ? notes : 1);
}

static spiral_status NAME(check_call)(const spiral_loss *loss, size_t B, size_t T, const REAL *pred,
                                      const REAL *target, const double *value, const REAL *grad,
                                      const void *work, spiral_error *err) {
    const struct {
        const char *name;
        const void *at;
    } needed[] = {{"loss", loss}, {"pred", pred}, {"target", target}, {"value", value}, {"work", work}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i].at)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss call: %s must not be NULL", needed[i].name);
    if (!B || !T || B > SIZE_MAX / T)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss call: %zu rolls of %zu columns: must be 1 to %zu columns", B, T, SIZE_MAX);
    if ((uintptr_t)work % 64)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss call: work is %zu bytes off: must be aligned to 64 bytes",
                            (size_t)((uintptr_t)work % 64));
    if (grad && spiral__loss_is_metric(loss->kind))
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "loss call: %s has no gradient: grad must be NULL",
                            spiral_loss_kind_name(loss->kind));
    return SPIRAL_OK;
}

spiral_status NAME(spiral_loss_value_grad)(const spiral_loss *loss, size_t B, size_t T, const REAL *pred,
                                           spiral_strides pred_strides, const REAL *target,
                                           spiral_strides target_strides, const REAL *weight,
                                           spiral_strides weight_strides, double *value, REAL *grad,
                                           spiral_strides grad_strides, void *work, spiral_error *err) {
    SPIRAL_TRY(NAME(check_call)(loss, B, T, pred, target, value, grad, work, err));
    NAME(call)
    k = {
        .loss = loss,
        .ops = &spiral__loss_ops()->SUFFIX,
        .band = loss->band.SUFFIX,
        .P = (size_t)loss->P,
        .bins = (size_t)loss->bins,
        .T = T,
        .columns = B * T,
        .pred = pred,
        .target = target,
        .weight = weight,
        .grad = grad,
        .pred_at = pred_strides,
        .target_at = target_strides,
        .weight_at = weight_strides,
        .grad_at = grad_strides,
        .value = value,
        .err = err,
    };
    NAME(lay_out)(&k, work);
    for (size_t r = 0; r < sizeof k.every / sizeof *k.every; r++) k.every[r] = (int)r;
    k.scale = NAME(reduction)(&k);
    if (loss->options.reduction == SPIRAL_REDUCE_NONE)
        for (size_t i = 0; i < k.columns; i++) value[i] = 0;
    SPIRAL_TRY(loss->decay > 0 ? NAME(rolls)(&k) : NAME(columns)(&k));
    if (loss->options.reduction != SPIRAL_REDUCE_NONE) *value = k.scale * k.total;
    return SPIRAL_OK;
}
