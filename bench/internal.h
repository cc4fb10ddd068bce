/* SPDX-License-Identifier: MIT
 *
 * The members of struct bench, for the files of this folder.
 */
#ifndef SPIRAL_BENCH_INTERNAL_H
#define SPIRAL_BENCH_INTERNAL_H

#include "base/par.h"
#include "spiral/loss.h"

struct bench {
    spiral_loss *loss;
    spiral__pool *pool; /* for the rates of the machine; as many threads as the loss has */
    size_t keys;
    void *work;
};

#endif
