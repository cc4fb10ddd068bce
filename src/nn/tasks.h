/* SPDX-License-Identifier: MIT
 *
 * The parallel-for of network arithmetic: as spiral__par_for (base/par.h), and denormal numbers count as zero
 * inside the tasks (simd/denormal.h). Each thread's floating-point mode is restored when its task ends.
 */
#ifndef SPIRAL_NN_TASKS_H
#define SPIRAL_NN_TASKS_H

#include "base/par.h"

void spiral__nn_par_for(spiral__pool *pool, size_t n, void (*task)(void *context, size_t i, int worker),
                        void *context);

#endif
