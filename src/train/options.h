/* SPDX-License-Identifier: MIT
 *
 * The options of a training: checked, written to the model file, and compared when the training is resumed.
 */
#ifndef SPIRAL_TRAIN_OPTIONS_H
#define SPIRAL_TRAIN_OPTIONS_H

#include <jansson.h>

#include "spiral/train.h"

/* A trainer's own copy of its options, complete. */
typedef struct spiral__train_settings {
    spiral_train_options options; /* loss is NULL; the loss is below */
    spiral_loss_options loss;
} spiral__train_settings;

/* Completes a caller's options, of any accepted size, and checks them. BAD_ARG; UNSUPPORTED: a loss without a
 * gradient; NO_MEMORY. */
spiral_status spiral__train_settings_read(const spiral_train_options *given, spiral__train_settings *settings,
                                          spiral_error *err);

/* Completes a caller's plan, of any accepted size. BAD_ARG. */
spiral_status spiral__train_plan_read(const spiral_train_plan *given, spiral_train_plan *plan,
                                      spiral_error *err);

/* A new JSON object of the options that affect the result; NULL: out of memory. */
json_t *spiral__train_settings_to_json(const spiral__train_settings *settings);
/* BAD_ARG names the first option in which `saved`, as written by this or an earlier version, differs. */
spiral_status spiral__train_settings_compare(const spiral__train_settings *settings, const json_t *saved,
                                             spiral_error *err);

#endif
