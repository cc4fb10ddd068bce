/* SPDX-License-Identifier: MIT
 *
 * Helper of test_safetensors.py:
 *     model-file save PATH    writes a model with random weights
 *     model-file print PATH   loads a model and prints a line for each tensor: name, rows, columns, numbers
 */
#include <stdio.h>
#include <string.h>

#include "spiral/model.h"

static spiral_status save(const char *path, spiral_error *err) {
    spiral_model_config config;
    spiral_model_config_default(&config, sizeof config);
    config.low = 60, config.high = 64, config.planes = 2;
    config.kind = SPIRAL_MODEL_VAE;
    config.frames = 4, config.latent = 3, config.hidden = 7, config.layers = 2;
    spiral_model *model = NULL;
    spiral_status status = spiral_model_create(&config, 1, &model, err);
    if (status == SPIRAL_OK) status = spiral_model_set_metadata(model, "data", "{\"files\":1}", err);
    if (status == SPIRAL_OK) status = spiral_model_save(model, path, err);
    spiral_model_destroy(model);
    return status;
}

static spiral_status print(const char *path, spiral_error *err) {
    spiral_model *model = NULL;
    spiral_status status = spiral_model_load(path, &model, err);
    for (size_t i = 0; status == SPIRAL_OK && i < spiral_model_tensor_count(model); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(model, i);
        printf("%s %zu %zu", t->name, t->rows, t->columns);
        for (size_t k = 0; k < t->rows * t->columns; k++) printf(" %a", (double)t->data[k]);
        putchar('\n');
    }
    spiral_model_destroy(model);
    return status;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = "usage: model-file save|print PATH"};
    spiral_status status = SPIRAL_BAD_ARG;
    if (argc == 3 && !strcmp(argv[1], "save")) status = save(argv[2], &err);
    if (argc == 3 && !strcmp(argv[1], "print")) status = print(argv[2], &err);
    if (status != SPIRAL_OK) fprintf(stderr, "%s\n", err.text);
    return status != SPIRAL_OK;
}
