/* SPDX-License-Identifier: MIT
 *
 * The definition of every loss in plain double precision: slow, obvious, one line per equation of
 * docs/math.md. The plan takes its tables and units from here; the tests hold the fast code to it.
 */
#ifndef SPIRAL_LOSS_REF_H
#define SPIRAL_LOSS_REF_H

#include "spiral/loss.h"

double spiral__ref_profile(const spiral_loss_options *o, int delta_st);      /* s, equation 10 */
double spiral__ref_kernel(const spiral_loss_options *o, int delta_st);       /* k, equations 17, 18 */
double spiral__ref_near(const spiral_loss_options *o, int delta_st);         /* m, equation 20 */
double spiral__ref_time_profile(const spiral_loss_options *o, long columns); /* s_t, equation 25 */
size_t spiral__ref_pad(const spiral_loss_options *o);                        /* M, equation 26 */
/* (u + b) log((u + b) / (v + b)) - u + v, b the floor: a bin of equation 12 */
double spiral__ref_divergence(double u, double v, double floor);
double spiral__ref_unit(const spiral_loss_options *o);                        /* N, equations 13, 27 */
double spiral__ref_seed_distance(const spiral_loss_options *o, int p, int q); /* equations 22, 23 */
double spiral__ref_distance_mask(const spiral_loss_options *o, int delta_st); /* equations 21, 23 */

#define SPIRAL__REF_FLOOR 0.05 /* epsilon, equation 20 */

/* One call, contiguous (B, T, P); weight may be NULL. columns (B, T): the value of each column, before the
 * reduction; grad (B, T, P) or NULL, after it. Returns the reduction (with REDUCE_NONE: the sum). scratch:
 * spiral__ref_scratch doubles. */
size_t spiral__ref_scratch(const spiral_loss_options *o, int P, size_t T);
double spiral__ref_value_grad(const spiral_loss_options *o, int P, size_t B, size_t T, const double *pred,
                              const double *target, const double *weight, double *columns, double *grad,
                              double *scratch);

#endif
