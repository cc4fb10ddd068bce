/* SPDX-License-Identifier: MIT
 *
 * The inner loops of the losses for the element type `real`, as a table of functions.
 *
 * They work on tiles. A tile is a few frames of a roll side by side: row r holds key r (or bin r) of all
 * frames of the tile, so that the vector lanes are frames. A row has SPIRAL__TILE_BYTES; TILE is the number
 * of frames in it. Every frame is computed by the same operations in the same order wherever it is in its
 * tile, so results do not depend on how a batch is cut into tiles. Arrays of tiles are aligned to 64 bytes
 * and do not overlap unless said. Equations: docs/math.md; what calls the kernels: loss/loss_template.c.
 */
#ifndef SPIRAL_SIMD_LOSS_KERNELS_H
#define SPIRAL_SIMD_LOSS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "simd/loss_tile.h"
#include "simd/real.h"

/* Where the next tile is in an array: row p has SPIRAL__TILE_BYTES at address + p * step. It is prefetched
 * while the present tile is computed; nothing is read, so any address is allowed. */
typedef struct spiral__next_tile {
    uintptr_t address, step;
} spiral__next_tile;

/* Arguments of cell_terms. */
typedef struct spiral__cell_args {
    size_t P;
    int from_logits;
    int cross;                   /* nonzero: the cross-entropy is wanted */
    const real *pred, *target;   /* (P) rows */
    const real *weight;          /* (P) rows, or NULL: all 1 */
    const real *negative_weight; /* (P) rows, or NULL: all 1; factor of (1 - t) log(1 - y), equation 19 */
    real positive_weight;        /* factor of t log y; 1 if negative_weight is NULL */
    real *y, *t;  /* out, (P) rows: weight * probability, weight * target; t only with weight */
    real *slope;  /* out, (P) rows: derivative of y with respect to pred */
    real *dcost;  /* out, (P) rows, if cross: derivative of the cross-entropy with respect to pred */
    double *sums; /* (TILE), if cross: sums[c] += factor times the cross-entropy of frame c */
    double factor;
    spiral__next_tile next[3]; /* of predictions, targets and gradient */
} spiral__cell_args;

/* What the three steps of the channel have in common, equations 33 to 38. */
typedef struct spiral__channel_args {
    size_t P;
    int from_logits;
    real eta;
    const real *pred, *target;  /* (P) rows */
    const real *weight;         /* (P) rows, or NULL: all 1 */
    const real *inverse_totals; /* (P): 1 / c_p */
    double factor;
    double *sums; /* (TILE): sums[c] += factor times the cross-entropy of frame c */
} spiral__channel_args;

typedef struct spiral__loss_kernels {
    /* load reads a tile from n frames of P keys that are stride elements apart, 1 <= n <= TILE; store writes
     * one to them. frame[c] is the address of key 0 of frame c. load fills lanes n and above with copies of
     * frame n - 1; store skips them. */
    void (*load)(size_t P, size_t n, const real *const *frame, ptrdiff_t stride, real *rows);
    void (*store)(size_t P, size_t n, const real *rows, real *const *frame, ptrdiff_t stride);

    /* All that depends on one cell alone: equations 4, 5, 7, 8, 9, 19. Nonzero if a cell is not within its
     * range; the outputs are then unspecified. */
    int (*cell_terms)(const spiral__cell_args *args);

    /* Writes the numbers of the rows that are not all 0 to index, ascending; returns how many there are. */
    size_t (*nonzero_rows)(size_t n_rows, const real *rows, int *index);

    /* out[o] = sum over the n_in rows i of table[o - i + offset] x[i], for o < n_out. table has `length`
     * coefficients from table[0] on and SPIRAL__TABLE_ZEROS zeros before and after them; out has whole row
     * blocks. toeplitz_sparse skips rows that are 0 and takes at most SPIRAL__MOST_SPARSE_ROWS rows; the
     * result has the same bits. */
    void (*toeplitz)(size_t n_out, size_t n_in, const real *x, const real *table, ptrdiff_t offset,
                     size_t length, real *out);
    void (*toeplitz_sparse)(size_t n_out, size_t n_in, const real *x, const real *table, ptrdiff_t offset,
                            size_t length, real *out);

    /* Generalised Kullback-Leibler divergence of u + b from v + b, equation 12: sums[c] += factor times its
     * sum over the rows of frame c; u becomes (u + b) / (v + b) - 1, the negative of what equation 14 sums.
     */
    void (*divergence)(size_t n_rows, real b, real *u, const real *v, double factor, double *sums);

    void (*difference)(size_t n_rows, const real *x, const real *y, real *out); /* x - y */
    void (*product)(size_t n_rows, const real *x, const real *y, real *out);    /* x * y */

    /* Equation 20 as factors of equation 19: out[q] = base + factor m_q. index holds the n rows of target
     * that are not all 0; distance[k] is the relative distance of k semitones; weight may be NULL. */
    void (*negative_weights)(size_t P, const real *target, const real *weight, const int *index, size_t n,
                             const real *distance, real base, real factor, real *out);

    /* The steps of the channel, between which are two Toeplitz products. channel_input: from y, weight *
     * probability, the input of the first product. channel_terms: from its result, equation 36, the costs,
     * and g of each label, as it is and as the input of the second product. channel_slope: from the second
     * result, the derivative with respect to weight * probability. */
    void (*channel_input)(const spiral__channel_args *args, const real *y, real *out);
    void (*channel_terms)(const spiral__channel_args *args, const real *moved, real *g, real *weighted_g);
    void (*channel_slope)(const spiral__channel_args *args, const real *g, const real *moved, real *out);

    /* sums[c] += factor times the sum of the rows of frame c. */
    void (*frame_sums)(size_t n_rows, const real *rows, double factor, double *sums);

    /* Equation 6: out = cross_factor * dcost + kind_factor * slope * dkind; a term whose dcost or dkind is
     * NULL is 0.
     */
    void (*chain_rule)(size_t n_rows, const real *dcost, real cross_factor, const real *slope,
                       const real *dkind, real kind_factor, real *out);

    /* Exponential blur along time, equation 25, in place: x (n, width), x[i] becomes gain times the sum over
     * j of a^|i-j| x[j]; tail is 1 / (1 - a^2). */
    void (*time_blur)(size_t n, size_t width, real a, real tail, real gain, real *x);
} spiral__loss_kernels;

#endif
