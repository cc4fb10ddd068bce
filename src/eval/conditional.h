/* SPDX-License-Identifier: MIT
 *
 * The likelihood of the cells of pieces that the commands continue, fill and harmonize would have to write,
 * given the others. It is exact: the cells count in their order, each given those before it and the given
 * ones.
 */
#ifndef SPIRAL_EVAL_CONDITIONAL_H
#define SPIRAL_EVAL_CONDITIONAL_H

#include "base/par.h"
#include "model/model.h"
#include "spiral/data.h"
#include "spiral/eval.h"

/* Of all files that are not left out. *continued: the second half of each. *filled: its third and fourth bar
 * (on a grid of seconds: seconds 4 to 8), given all the rest. *harmonized: what is below the highest key that
 * sounds, given that one and the keys above it. The model has a decoder. NUMERIC; NO_MEMORY. */
spiral_status spiral__conditional_likelihood(const spiral_model *model, const spiral_corpus *corpus,
                                             spiral__pool *pool, spiral_task_nats *continued,
                                             spiral_task_nats *filled, spiral_task_nats *harmonized,
                                             spiral_error *err);

#endif
