/* SPDX-License-Identifier: MIT
 *
 * The table of train --profile.
 */
#ifndef SPIRAL_CLI_PROFILE_H
#define SPIRAL_CLI_PROFILE_H

#include <jansson.h>

#include "spiral/train.h"

/* Prints a table for each network that was trained. */
void cli_print_profile(const spiral_train_profile *profile);

/* {"peak_gflops": number, "autoencoder": [{"work", "seconds", "share", "gflops", "of_peak"}], "decoder":
 * ...}; the last two only where a matrix product is all of the work. NULL: no memory. */
json_t *cli_profile_json(const spiral_train_profile *profile);

#endif
