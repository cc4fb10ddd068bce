/* SPDX-License-Identifier: MIT
 *
 * The losses as docs/math.md defines them; numbers in parentheses are its equations. The public calls run the
 * code in loss_template.c, which also takes strides and checks its input; the tests compare the two.
 */
#include "loss/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "helix/kernel.h"
#include "simd/loss_tile.h"

double spiral__ref_kernel(const spiral_loss_options *o, int delta_st) { /* (17), (18) */
    return o->kind == SPIRAL_LOSS_ENERGY ? spiral__helix_energy_kernel(&o->helix, delta_st)
                                         : spiral__helix_gauss_kernel(&o->helix, o->sigma, delta_st);
}

double spiral__ref_time_profile(const spiral_loss_options *o, long frames) { /* (25) */
    if (o->time_blur == 0) return frames == 0;
    double shape = exp(-(double)labs(frames) / o->time_blur);
    return o->kind == SPIRAL_LOSS_SPIRAL ? shape * tanh(0.5 / o->time_blur) : shape; /* (28) */
}

size_t spiral__ref_pad(const spiral_loss_options *o) { /* (26) */
    return o->kind == SPIRAL_LOSS_SPIRAL ? (size_t)ceil(8 * o->time_blur) : 0;
}

/* x - log(1 + x); near 0, where that cancels, by its series, whose first omitted term is 1e-17 of the sum. */
static double log_excess(double x) {
    if (fabs(x) > 0x1p-4) return x - log1p(x);
    double sum = 0;
    for (int n = 16; n >= 2; n--) sum = 1.0 / n - x * sum;
    return x * x * sum;
}

/* As (u + b) (x - log(1 + x)) with x = (v - u) / (u + b), in which a large b does not cancel digits. */
double spiral__ref_divergence(double u, double v, double b) {
    return (u + b) * log_excess((v - u) / (u + b));
}

double spiral__ref_missed_note(const spiral_loss_options *o) { /* (13), (27) */
    if (o->kind != SPIRAL_LOSS_SPIRAL) return 1;
    double s[2 * SPIRAL__MAX_BLUR_RADIUS + 1], sum = 0;
    long M = (long)spiral__ref_pad(o);
    spiral__helix_blur_profile(&o->helix, o->blur_length, o->blur_radius, s);
    for (int i = 0; i <= 2 * o->blur_radius; i++)
        for (long j = -M; j <= M; j++)
            sum += spiral__ref_divergence(s[i] * spiral__ref_time_profile(o, j), 0, o->kl_offset);
    return sum;
}

double spiral__ref_channel_total(const spiral_loss_options *o, int P, int p) { /* (34) */
    double a[2 * SPIRAL__MAX_BLUR_RADIUS + 1], sum = 0;
    spiral__helix_channel_profile(&o->helix, o->blur_length, o->blur_radius, a);
    for (int k = -o->blur_radius; k <= o->blur_radius; k++)
        if (p + k >= 0 && p + k < P) sum += a[o->blur_radius + k];
    return sum;
}

static int circular(int st) {
    int s = abs(st) % 12;
    return s < 6 ? s : 12 - s;
}

double spiral__ref_distance_mask(const spiral_loss_options *o, int delta_st) {
    int steps = abs(delta_st), turn = steps / 12;
    int pitch_class =
        o->kind == SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR ? circular(steps) : steps % 12; /* (23), (21) */
    return o->coil_radius * pitch_class + o->coil_rise * turn;
}

double spiral__ref_argmax_distance(const spiral_loss_options *o, int p, int q) {
    int steps = p % 12 - q % 12;                                                  /* (22) */
    if (o->kind == SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR) steps = circular(steps); /* (23) */
    double turn = o->coil_radius * o->coil_degrees * steps, rise = o->coil_rise * (p / 12 - q / 12);
    return sqrt(turn * turn + rise * rise);
}

/* One roll while the definition is computed. */
typedef struct roll {
    const spiral_loss_options *o;
    int P;
    long T, M; /* frames, and frames of padding on each side */
    const double *pred, *target, *weight;
    double *y, *t, *g; /* (T, P): w y, w t and the gradient with respect to w y */
    double *u, *v;     /* (T + 2M, P + 2W): bins of the blurred rolls */
    double *s, *st;    /* kernel or blur profile, and time profile, by interval from 0 on */
    double *frames;    /* (T): values */
    double *grad;      /* (T, P) */
} roll;

static double weight_at(const roll *r, long i) { return r->weight ? r->weight[i] : 1; }

static double sigmoid(double z) { return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z)); }

static double probability(const roll *r, long i) { /* (4) */
    return r->o->from_logits ? sigmoid(r->pred[i]) : r->pred[i];
}

static double slope(const roll *r, long i) { /* (5) */
    return r->o->from_logits ? sigmoid(r->pred[i]) * sigmoid(-r->pred[i]) : 1;
}

/* -log y and -log(1 - y), and their slopes with respect to pred. */
typedef struct logs {
    double on, off, don, doff;
} logs;

static logs logs_at(const roll *r, long i) { /* (8), (9) */
    double z = r->pred[i];
    if (r->o->from_logits) {
        double off = fmax(z, 0) + log1p(exp(-fabs(z)));
        return (logs){off - z, off, -sigmoid(-z), sigmoid(z)};
    }
    double on = fmax(z, SPIRAL__LOSS_EPSILON), off = fmax(1 - z, SPIRAL__LOSS_EPSILON);
    return (logs){-log(on), -log(off), -1 / on, 1 / off};
}

/* (8), (9), (19): positive and negative are the factors of the two terms of the cross-entropy. */
static void cross_entropy(const roll *r, long j, int p, double positive, double negative) {
    long i = j * r->P + p;
    double w = weight_at(r, i), t = r->target[i];
    logs l = logs_at(r, i);
    r->frames[j] += w * (positive * t * l.on + negative * (1 - t) * l.off);
    r->grad[i] += w * (positive * t * l.don + negative * (1 - t) * l.doff);
}

/* (11), (24): u and v, without b. */
static void blur(const roll *r, const double *x, double *out) {
    int W = r->o->blur_radius, bins = r->P + 2 * W;
    for (long j = -r->M; j < r->T + r->M; j++)
        for (int b = 0; b < bins; b++) {
            double sum = 0;
            for (long i = 0; i < r->T; i++)
                for (int p = 0; p < r->P; p++)
                    if (abs(b - W - p) <= W)
                        sum += r->st[labs(j - i)] * r->s[abs(b - W - p)] * x[i * r->P + p];
            out[(j + r->M) * bins + b] = sum;
        }
}

static void spiral(const roll *r, double factor) {
    int W = r->o->blur_radius, bins = r->P + 2 * W;
    double N = spiral__ref_missed_note(r->o);
    blur(r, r->t, r->u);
    blur(r, r->y, r->v);
    for (long j = -r->M; j < r->T + r->M; j++) { /* (12); padding counts for the frame next to it */
        long frame = j < 0 ? 0 : j >= r->T ? r->T - 1 : j;
        for (int b = 0; b < bins; b++) {
            long at = (j + r->M) * bins + b;
            r->frames[frame] += factor / N * spiral__ref_divergence(r->u[at], r->v[at], r->o->kl_offset);
        }
    }
    for (long i = 0; i < r->T; i++) /* (14) */
        for (int p = 0; p < r->P; p++) {
            double sum = 0;
            for (long j = -r->M; j < r->T + r->M; j++)
                for (int b = p; b <= p + 2 * W; b++) {
                    long at = (j + r->M) * bins + b;
                    sum += r->st[labs(j - i)] * r->s[abs(b - W - p)] *
                           ((r->v[at] - r->u[at]) / (r->v[at] + r->o->kl_offset));
                }
            r->g[i * r->P + p] = sum / N;
        }
}

static void quadratic(const roll *r, double factor) { /* (15), (16), (28) */
    for (long i = 0; i < r->T; i++)
        for (int p = 0; p < r->P; p++) {
            double sum = 0;
            for (long j = 0; j < r->T; j++)
                for (int q = 0; q < r->P; q++)
                    sum += spiral__ref_time_profile(r->o, i - j) * r->s[abs(p - q)] *
                           (r->y[j * r->P + q] - r->t[j * r->P + q]);
            r->g[i * r->P + p] = sum;
            r->frames[i] += factor * 0.5 * (r->y[i * r->P + p] - r->t[i * r->P + p]) * sum;
        }
}

static void weighted(const roll *r, double factor) { /* (19), (20) */
    for (long j = 0; j < r->T; j++)
        for (int q = 0; q < r->P; q++) {
            double least = 1;
            for (int p = 0; p < r->P; p++) {
                double t = r->target[j * r->P + p] * fmin(weight_at(r, j * r->P + p), 1);
                least = fmin(least, 1 - t * (1 - spiral__helix_relative_distance(&r->o->helix, p - q)));
            }
            cross_entropy(r, j, q, factor, factor * (SPIRAL__REF_LEAST_WEIGHT + least));
        }
}

/* -log of the probability own + other of a label; `not` is 1 - own - other. If the probability of the key's
 * own note is too small for a double, its logit z is used. */
static double channel_log(const roll *r, double own, double other, double not, double z) {
    const double v = own + other;
    if (!r->o->from_logits) return -log(fmax(v, SPIRAL__LOSS_EPSILON));
    if (own < other || own > 1e-300) return v < 0.5 ? -log(v) : -log1p(-not );
    return fmax(-z, 0) + log1p(exp(-fabs(z)));
}

/* One frame: a (36), v (35), value (37) and the gradient with respect to w y (38). */
static void channel_frame(const roll *r, long j, const double *total, double eta, double factor) {
    const int P = r->P;
    double g[SPIRAL__MAX_KEYS], passed[SPIRAL__MAX_KEYS];
    for (int q = 0; q < P; q++) {
        const long i = j * P + q;
        double a = 0, y = probability(r, i), y_not = r->o->from_logits ? sigmoid(-r->pred[i]) : 1 - y;
        for (int p = 0; p < P; p++)
            if (abs(q - p) <= r->o->blur_radius)
                a += r->s[abs(q - p)] / total[p] * fmin(weight_at(r, j * P + p), 1) *
                     probability(r, j * P + p);
        passed[q] = a < 1;
        a = fmin(a, 1);
        const double own = (1 - eta) * y, other = eta * a, own_not = (1 - eta) * y_not,
                     other_not = eta * (1 - a), v = own + other, v_not = own_not + other_not;
        const double t = r->target[i], z = r->pred[i], w = weight_at(r, i);
        r->frames[j] +=
            factor * w *
            (t * channel_log(r, own, other, v_not, z) + (1 - t) * channel_log(r, own_not, other_not, v, -z));
        const double least = r->o->from_logits ? 1e-300 : SPIRAL__LOSS_EPSILON;
        g[q] = -t / fmax(v, least) + (1 - t) / fmax(v_not, least);
    }
    for (int p = 0; p < P; p++) {
        const double w = weight_at(r, j * P + p);
        double moved = 0;
        for (int q = 0; q < P; q++)
            if (abs(q - p) <= r->o->blur_radius && passed[q])
                moved += r->s[abs(q - p)] / total[p] * weight_at(r, j * P + q) * g[q];
        r->g[j * P + p] = (1 - eta) * g[p] + (w > 0 ? eta * fmin(w, 1) / w * moved : 0);
    }
}

static void channel(const roll *r, double factor) { /* (33) to (38) */
    double total[SPIRAL__MAX_KEYS];
    for (int p = 0; p < r->P; p++) total[p] = spiral__ref_channel_total(r->o, r->P, p);
    for (long j = 0; j < r->T; j++) channel_frame(r, j, total, r->P > 1 ? r->o->eta : 0, factor);
}

/* The loudest key of a frame, the lowest if there are several, among those whose weight is above 0; -1 if
 * there is none. */
static int argmax_key(const roll *r, const double *x, long j) {
    int best = -1;
    for (int p = 0; p < r->P; p++)
        if (weight_at(r, j * r->P + p) > 0 && (best < 0 || x[j * r->P + p] > x[j * r->P + best])) best = p;
    return best;
}

static void argmax_distance(const roll *r, double factor) { /* (22), (23) */
    for (long j = 0; j < r->T; j++) {
        int p = argmax_key(r, r->target, j), q = argmax_key(r, r->pred, j);
        if (p >= 0) r->frames[j] += factor * spiral__ref_argmax_distance(r->o, r->o->low + p, r->o->low + q);
    }
}

static void distance_mask(const roll *r, double factor) { /* (21), (23) */
    for (long j = 0; j < r->T; j++) {
        int m = argmax_key(r, r->target, j);
        for (int p = 0; m >= 0 && p < r->P; p++) {
            r->g[j * r->P + p] = spiral__ref_distance_mask(r->o, p - m);
            r->frames[j] += factor * r->g[j * r->P + p] * r->y[j * r->P + p];
        }
    }
}

static void kind(roll *r, double factor) {
    double profile[2 * SPIRAL__MAX_BLUR_RADIUS + 1];
    switch (r->o->kind) {
    case SPIRAL_LOSS_SPIRAL:
        spiral__helix_blur_profile(&r->o->helix, r->o->blur_length, r->o->blur_radius, profile);
        memcpy(r->s, profile + r->o->blur_radius, ((size_t)r->o->blur_radius + 1) * sizeof *profile);
        for (long k = 0; k < r->T + 2 * r->M; k++) r->st[k] = spiral__ref_time_profile(r->o, k);
        spiral(r, factor);
        break;
    case SPIRAL_LOSS_ENERGY:
    case SPIRAL_LOSS_GAUSS:
        for (int k = 0; k < r->P; k++) r->s[k] = spiral__ref_kernel(r->o, k);
        quadratic(r, factor);
        break;
    case SPIRAL_LOSS_WEIGHTED_BCE: weighted(r, factor); break;
    case SPIRAL_LOSS_CHANNEL:
        spiral__helix_channel_profile(&r->o->helix, r->o->blur_length, r->o->blur_radius, profile);
        memcpy(r->s, profile + r->o->blur_radius, ((size_t)r->o->blur_radius + 1) * sizeof *profile);
        channel(r, factor);
        break;
    case SPIRAL_LOSS_ARGMAX_DISTANCE:
    case SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR: argmax_distance(r, factor); break;
    case SPIRAL_LOSS_DISTANCE_MASK:
    case SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR: distance_mask(r, factor); break;
    case SPIRAL_LOSS_BCE:
    case SPIRAL_LOSS_COUNT: break;
    }
}

static void one_roll(roll *r) { /* (7) */
    for (long j = 0; j < r->T; j++) {
        r->frames[j] = 0;
        for (int p = 0; p < r->P; p++) {
            long i = j * r->P + p;
            r->y[i] = weight_at(r, i) * probability(r, i);
            r->t[i] = weight_at(r, i) * r->target[i];
            r->g[i] = r->grad[i] = 0;
            if (r->o->bce > 0) cross_entropy(r, j, p, r->o->bce, r->o->bce);
        }
    }
    if (r->o->lambda > 0) kind(r, r->o->lambda);
    for (long i = 0; i < r->T * r->P; i++) /* (6) */
        r->grad[i] += r->o->lambda * weight_at(r, i) * slope(r, i) * r->g[i];
}

static double reduction(const spiral_loss_options *o, size_t frames, int P, const double *target,
                        const double *weight) { /* (29) */
    if (o->reduction == SPIRAL_REDUCE_MEAN) {
        size_t counted = 0;
        for (size_t j = 0; j < frames; j++) {
            int any = 0;
            for (int p = 0; p < P; p++) any |= !weight || weight[j * (size_t)P + (size_t)p] > 0;
            counted += (size_t)any;
        }
        return counted ? 1 / (double)counted : 0;
    }
    if (o->reduction == SPIRAL_REDUCE_PER_NOTE) {
        double notes = 0;
        for (size_t i = 0; i < frames * (size_t)P; i++)
            if (!weight || weight[i] != 0) notes += (weight ? weight[i] : 1) * target[i];
        return 1 / fmax(notes, 1);
    }
    return 1;
}

size_t spiral__ref_scratch(const spiral_loss_options *o, int P, size_t T) {
    size_t padded = T + 2 * spiral__ref_pad(o), keys = (size_t)P, bins = keys + 2 * (size_t)o->blur_radius;
    return 6 * T * keys + 2 * padded * bins + SPIRAL__MAX_KEYS + padded;
}

/* Copies the cells of a roll; those of weight 0, whose values do not count, become 0. */
static const double *counted_cells(const double *x, const double *weight, size_t cells, double *copy) {
    for (size_t i = 0; i < cells; i++) copy[i] = weight && weight[i] == 0 ? 0 : x[i];
    return copy;
}

double spiral__ref_value_grad(const spiral_loss_options *o, int P, size_t B, size_t T, const double *pred,
                              const double *target, const double *weight, double *frames, double *grad,
                              double *scratch) {
    size_t M = spiral__ref_pad(o), cells = T * (size_t)P, bins = (size_t)(P + 2 * o->blur_radius),
           padded = T + 2 * M;
    double *y = scratch, *t = y + cells, *g = t + cells, *own = g + cells, *u = own + cells;
    double *v = u + padded * bins, *s = v + padded * bins, *st = s + SPIRAL__MAX_KEYS;
    double *own_pred = st + padded, *own_target = own_pred + cells;
    double scale = reduction(o, B * T, P, target, weight), sum = 0;
    for (size_t b = 0; b < B; b++) {
        const double *w = weight ? weight + b * cells : NULL;
        roll r = {.o = o,
                  .P = P,
                  .T = (long)T,
                  .M = (long)M,
                  .pred = counted_cells(pred + b * cells, w, cells, own_pred),
                  .target = counted_cells(target + b * cells, w, cells, own_target),
                  .weight = w,
                  .y = y,
                  .t = t,
                  .g = g,
                  .u = u,
                  .v = v,
                  .s = s,
                  .st = st,
                  .frames = frames + b * T,
                  .grad = grad ? grad + b * cells : own};
        one_roll(&r);
        for (size_t j = 0; j < T; j++) sum += r.frames[j];
        for (size_t i = 0; i < cells; i++) r.grad[i] *= scale;
    }
    return scale * sum; /* (29) */
}
