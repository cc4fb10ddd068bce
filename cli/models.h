/* SPDX-License-Identifier: MIT
 *
 * Shipped models: models/ of the repository, share/spiral/models once installed. A verb that needs a model
 * takes the path of a file or the name of a shipped model.
 */
#ifndef SPIRAL_CLI_MODELS_H
#define SPIRAL_CLI_MODELS_H

#include "flag_types.h"
#include "spiral/model.h"
#include "verbs.h"

/* Each returns -1, or the exit status after printing why it failed. */

/* Takes the arguments of a verb with `inputs` arguments after [MODEL]: *model is MODEL, or "chorales" if it
 * is left out, and *first becomes the index of the first input. A first input that ends in .safetensors is a
 * MODEL, so that a forgotten input is an error of the command line. */
int cli_take_model(const cli_verb *verb, int argc, char **argv, int inputs, int *first, const char **model);

/* Loads a file, or, if there is none and `model` has neither "/" nor ".", the shipped model of that name. The
 * caller destroys the model. */
int cli_load_model(const char *model, spiral_model **out);

/* The information that the latent of a vae carries about a window, in nats, by the variance v of each of its
 * numbers over the windows that it was trained on: the mean of a posterior with that variance and noise 1 - v
 * shares -log(1 - v) / 2 with the latent. Infinity for an ae and a model that was not trained. */
double cli_latent_nats(const spiral_model *model);
/* Prints a warning if a vae's latent carries less than 1 nat. Returns whether it does. */
int cli_note_collapsed(const spiral_model *model, const cli_common *common);

#endif
