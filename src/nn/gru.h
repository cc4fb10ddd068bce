/* SPDX-License-Identifier: MIT
 *
 * The recurrent layer GRU (Cho et al. 2014; equations as PyTorch's nn.GRU):
 *
 *     s = h[t-1] U + b     r = sigmoid(x_r + s_r)   z = sigmoid(x_z + s_z)   c = tanh(x_c + r s_c)
 *     h[t] = (1 - z) c + z h[t-1]
 *
 * for `steps` time steps of `rows` independent sequences with the same weights. x (steps, rows, 3H), in the
 * order r | z | c, is the input's part, computed by the caller with a bias of its own. h (steps + 1, rows, H)
 * begins with the state before the first step.
 */
#ifndef SPIRAL_NN_GRU_H
#define SPIRAL_NN_GRU_H

#include <stddef.h>

/* h[1 .. steps] from h[0]. x is overwritten with the gates; s (steps, rows, 3H) is kept for backward. */
void spiral__gru_forward(size_t steps, size_t rows, size_t H, float *x, const float *U /* (H, 3H) */,
                         const float *b /* (3H) */, float *h, float *s);
/* dh (steps, rows, H): the gradients of h[1 .. steps], overwritten. x and s, as forward left them, are
 * overwritten with their gradients. Adds to dU (H, 3H) and db (3H). The gradient of h[0] is not computed. */
void spiral__gru_backward(size_t steps, size_t rows, size_t H, float *x, const float *U, const float *h,
                          float *s, float *dh, float *dU, float *db);

#endif
