/* SPDX-License-Identifier: MIT
 *
 * Types of loss_kern.h for one element type; included there twice, with REAL and NAME set, hence no guard.
 */

/* One tile. Every array is P rows of SPIRAL__TILE_BYTES, aligned to 64 bytes; they do not overlap. */
typedef struct NAME(spiral__tile) {
    size_t P;
    int from_logits;
    const REAL *pred, *target;
    const REAL *weight;     /* NULL: all 1 */
    int cross;              /* nonzero: cross-entropy wanted */
    const REAL *stray;      /* NULL: all 1; what its negative part is multiplied by */
    REAL hit;               /* what its positive part is multiplied by; 1 without stray */
    REAL *y, *t;            /* out: weight * probability, weight * target; t only with weight */
    REAL *slope;            /* out: dy / dpred */
    REAL *dcost;            /* out, if cross: gradient of the cell's cross-entropy */
    spiral__ahead ahead[3]; /* of predictions, targets and gradient */
    double factor, *sums;   /* if cross: sums[c] += factor times the cross-entropy of column c */
} NAME(spiral__tile);

typedef struct NAME(spiral__loss_ops) {
    /* Tile from, and to, n columns of P keys that lie stride apart. Lanes n and above repeat the last
     * column; store leaves them out. */
    void (*load)(size_t P, size_t n, const REAL *const *column, ptrdiff_t stride, REAL *rows);
    void (*store)(size_t P, size_t n, const REAL *rows, REAL *const *column, ptrdiff_t stride);

    /* The elementwise part. Nonzero if any cell is out of range (outputs are then unspecified). */
    int (*cells)(const NAME(spiral__tile) * tile);

    /* Numbers of the rows that are not all zero, ascending, into index; their count. */
    size_t (*sounding)(size_t n_rows, const REAL *rows, int *index);

    /* out[o] = sum over the n rows i in index of table[o - i + offset] x[i], o < n_out; table holds length
     * coefficients, and zeros around them. */
    void (*toeplitz)(size_t n_out, const REAL *x, const int *index, size_t n, const REAL *table,
                     ptrdiff_t offset, size_t length, REAL *out);

    /* Generalised KL of u + b from v + b: u becomes (u + b) / (v + b) - 1, sum[c] += factor times the cost of
     * column c. */
    void (*divergence)(size_t n_rows, REAL b, REAL *u, const REAL *v, double factor, double *sum);

    void (*difference)(size_t n_rows, const REAL *x, const REAL *y, REAL *out); /* x - y */
    void (*product)(size_t n_rows, const REAL *x, const REAL *y, REAL *out);    /* x * y */

    /* What a stray costs next to the sounding targets, for the weighted cross-entropy: out[q] = floor plus
     * factor times the least, over the n keys p in index, of 1 - min(weight[p], 1) target[p]
     * (1 - near[|q - p|]), at most 1; weight may be NULL. */
    void (*nearness)(size_t P, const REAL *target, const REAL *weight, const int *index, size_t n,
                     const REAL *near, REAL floor, REAL factor, REAL *out);

    /* sum[c] += factor times the sum of column c. */
    void (*sum)(size_t n_rows, const REAL *rows, double factor, double *sum);

    /* out = cell * dcost + geo * slope * dgeo; a NULL dcost or dgeo leaves its term out. */
    void (*chain)(size_t n_rows, const REAL *dcost, REAL cell, const REAL *slope, const REAL *dgeo, REAL geo,
                  REAL *out);

    /* In place, x (n, width): x[i] becomes gain times the sum over j of a^|i-j| x[j]; tail is
     * 1 / (1 - a^2). */
    void (*smooth)(size_t n, size_t width, REAL a, REAL tail, REAL gain, REAL *x);
} NAME(spiral__loss_ops);
