/* SPDX-License-Identifier: MIT
 *
 * The content of a bench, for the files of this folder.
 */
#ifndef SPIRAL_BENCH_INTERNAL_H
#define SPIRAL_BENCH_INTERNAL_H

#include "base/par.h"
#include "spiral/loss.h"

struct bench {
    spiral_loss *loss;
    spiral__pool *pool; /* of the same number of threads as the loss, for the rates of the machine */
    size_t keys;
    void *work;
};

#endif
