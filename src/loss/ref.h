/* SPDX-License-Identifier: MIT
 *
 * The definition of each loss in plain double precision: slow, a line or two per equation of docs/math.md.
 * The plan takes its tables and constants from here; the tests compare the fast code with it.
 */
#ifndef SPIRAL_LOSS_REF_H
#define SPIRAL_LOSS_REF_H

#include "spiral/loss.h"

enum { SPIRAL__MAX_KEYS = 128, SPIRAL__MAX_BLUR_RADIUS = 127 };

double spiral__ref_kernel(const spiral_loss_options *o, int delta_st); /* k of the kind, equations 17, 18 */
double spiral__ref_time_profile(const spiral_loss_options *o, long frames); /* s_t, equations 25, 28 */
size_t spiral__ref_pad(const spiral_loss_options *o);                       /* M, equation 26 */
double spiral__ref_missed_note(const spiral_loss_options *o); /* N, equations 13, 27; 1 if not spiral */
double spiral__ref_channel_total(const spiral_loss_options *o, int P, int p); /* c_p, equation 34 */
double spiral__ref_argmax_distance(const spiral_loss_options *o, int p,
                                   int q); /* MIDI numbers, equations 22, 23 */
double spiral__ref_distance_mask(const spiral_loss_options *o, int delta_st); /* M(delta), equations 21, 23 */

/* (u + b) log((u + b) / (v + b)) - u + v: a term of equation 12. */
double spiral__ref_divergence(double u, double v, double b);

#define SPIRAL__REF_LEAST_WEIGHT 0.05 /* epsilon, equation 19 */

/* One call on contiguous arrays (B, T, P); weight may be NULL. frames (B, T): the value of each frame, before
 * the reduction; grad (B, T, P) or NULL, after it. Returns the reduced value (with REDUCE_NONE: the sum).
 * scratch: spiral__ref_scratch doubles. */
size_t spiral__ref_scratch(const spiral_loss_options *o, int P, size_t T);
double spiral__ref_value_grad(const spiral_loss_options *o, int P, size_t B, size_t T, const double *pred,
                              const double *target, const double *weight, double *frames, double *grad,
                              double *scratch);

#endif
