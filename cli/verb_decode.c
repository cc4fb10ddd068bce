/* SPDX-License-Identifier: MIT
 *
 * spiral decode: latents from a NumPy file to music.
 */
#include <stdio.h>

#include "flags.h"
#include "latents.h"
#include "messages.h"
#include "npy.h"

typedef struct settings {
    cli_variations v;
    double tempo;
    int decode;
} settings;

static int write_one(cli_writing *w, const settings *s, const float *latents, size_t frames, uint64_t seed) {
    char path[CLI_PATH_SIZE], text[320];
    spiral_generate_result result = {.struct_size = sizeof result, .seed = seed};
    spiral_roll out = {0};
    size_t notes;
    double seconds;
    const int decoder = cli_decodes_notes(w, s->decode);
    int status = cli_writing_path(w, path, "decode", 1, seed);
    if (status < 0)
        status = decoder ? cli_write_latents(w, latents, frames, s->tempo, seed, &out, &result)
                         : cli_threshold_latents(w->model, latents, frames, s->tempo, &out);
    if (status < 0) {
        snprintf(
            text, sizeof text,
            "spiral decode -n 1 --seed %llu --temperature %.9g --tempo %.9g --decode %s; model sha256 %s",
            (unsigned long long)seed, s->v.temperature, s->tempo, cli_decodings[s->decode],
            spiral_model_get_sha256(w->model));
        status = cli_save_roll(&out, text, path, &notes, &seconds);
    }
    if (status < 0) {
        json_t *json = cli_report_file(w, path, notes, seconds, decoder ? &result : NULL, &out);
        json_object_set_new(json, "seed", json_integer((json_int_t)seed));
    }
    spiral_roll_clear(&out);
    return status;
}

int verb_decode(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT, .tempo = 120};
    cli_common common = {0};
    s.v.temperature = 0.5;
    int first;
    const cli_flag flags[] = {
        CLI_VARIATIONS_FLAGS(s.v),
        {"tempo", CLI_REAL, &s.tempo, "X", "quarter notes per minute, for beat grids", 10, 1000},
        CLI_DECODE_FLAG(s.decode),
        CLI_VARIATIONS_OUTPUT_FLAG(s.v),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &s.v.model);
    if (status >= 0) return status;
    cli_writing w;
    float *latents = NULL;
    size_t rows = 0, columns = 0;
    status = cli_writing_begin(&w, verb, &s.v, &common, s.v.model);
    if (status < 0) status = cli_set_decoding(w.model, s.decode);
    if (status < 0) status = cli_npy_load(argv[first], &rows, &columns, &latents);
    if (status < 0 && columns != (size_t)spiral_model_get_config(w.model)->latent)
        status = cli_fail("%s: it has %zu columns, the model's latents have %d numbers", argv[first], columns,
                          spiral_model_get_config(w.model)->latent);
    if (status < 0) status = cli_check_paths(&w, "decode", 1, (uint64_t)s.v.seed);
    for (int64_t i = 0; status < 0 && i < s.v.n; i++)
        status = write_one(&w, &s, latents, rows * (size_t)spiral_model_get_config(w.model)->frames,
                           (uint64_t)(s.v.seed + i));
    free(latents);
    return cli_writing_end(&w, status);
}
