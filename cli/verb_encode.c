/* SPDX-License-Identifier: MIT
 *
 * spiral encode: the latents of a piece's windows, as a NumPy file.
 */
#include <stdio.h>
#include <string.h>

#include "flags.h"
#include "latents.h"
#include "messages.h"
#include "npy.h"

int verb_encode(const cli_verb *verb, int argc, char **argv) {
    cli_common common = {0};
    const char *output = "latents.npy";
    const char *model_name;
    int first;
    const cli_flag flags[] = {{"o", CLI_PATH, &output, "OUT.npy", "the NumPy file to write, or -"},
                              CLI_STRICT_FLAG(common),
                              {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &model_name);
    if (status < 0 && common.json && !strcmp(output, "-"))
        status = cli_usage("-o -: standard output cannot hold both the file and the result of --json");
    if (status >= 0) return status;
    spiral_model *model = NULL;
    spiral_roll roll = {0};
    float *latents = NULL;
    status = cli_load_model(model_name, &model);
    if (status < 0) status = cli_load_roll(model, argv[first], &common, &roll);
    if (status < 0) status = cli_latents_of(model, &roll, roll.frames, &latents);
    if (status < 0) {
        const size_t rows = spiral_latents_count(model, roll.frames);
        const size_t columns = (size_t)spiral_model_get_config(model)->latent;
        status = cli_npy_save(output, rows, columns, latents);
        if (status < 0 && cli_prints_text(&common)) {
            FILE *to = strcmp(output, "-") ? stdout : stderr;
            cli_print_name(to, output);
            fprintf(to, ": latents of %zu windows, %zu numbers each\n", rows, columns);
        }
        if (status < 0)
            status = cli_finish(&common, json_pack("{s:o, s:[I, I], s:I, s:f}", "path", cli_text(output),
                                                   "shape", (json_int_t)rows, (json_int_t)columns, "frames",
                                                   (json_int_t)roll.frames, "tempo", roll.quarters_per_min));
    }
    free(latents);
    spiral_roll_clear(&roll);
    spiral_model_destroy(model);
    return status;
}
