/* SPDX-License-Identifier: MIT
 *
 * The interface of a network that is part of a model. A model is a config, a list of tensors and one arena of
 * numbers (model.h); its networks share all three, and the model file. Forward and backward are not here:
 * they differ in what they read and write, and are called by those who know the network (src/train,
 * src/generate).
 *
 * To add a network: a file beside autoencoder.c, a header of its sizes and tensors for spiral_model
 * (model.h), and its line in families.c.
 */
#ifndef SPIRAL_MODEL_FAMILY_H
#define SPIRAL_MODEL_FAMILY_H

#include "base/par.h"
#include "spiral/model.h"

typedef struct spiral__family {
    const char *name; /* as the model file lists it */
    /* Whether a model of this config has the network; NULL: every model has. */
    int (*is_in_model)(const spiral_model_config *config);
    /* Fills the network's sizes from model->config and adds its tensors to model->tensors. No memory is
     * allocated. */
    void (*describe)(spiral_model *model);
    /* Allocates what is derived from the weights. NO_MEMORY. */
    spiral_status (*create)(spiral_model *model, spiral_error *err);
    /* Derives it again; must be called after each change of the weights. */
    void (*update)(spiral_model *model, spiral__pool *pool);
    /* Frees it, also after a failed create. */
    void (*clear)(spiral_model *model);
} spiral__family;

/* The networks of a model, in the order of their tensors; ends with NULL. */
extern const spiral__family *const spiral__families[];

static inline int spiral__family_is_in(const spiral__family *family, const spiral_model_config *config) {
    return !family->is_in_model || family->is_in_model(config);
}

#endif
