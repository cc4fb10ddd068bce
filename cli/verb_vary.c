/* SPDX-License-Identifier: MIT
 *
 * spiral vary: pieces near a given one. Its latents are moved at random, all windows the same way, and
 * written out again.
 */
#include <stdio.h>

#include "flags.h"
#include "latents.h"
#include "messages.h"
#include "variations.h"

typedef struct settings {
    cli_variations v;
    double amount;
    int decode;
} settings;

static int make(cli_writing *w, const settings *s, const spiral_roll *in, const float *latents, uint64_t seed,
                spiral_roll *out, spiral_generate_result *result) {
    spiral_error err = {.text = ""};
    if (!cli_decodes_notes(w, s->decode)) {
        if (spiral_generate_variation(w->model, in, s->amount, seed, out, NULL, &err) != SPIRAL_OK)
            return cli_error_in(s->v.model, &err);
        return -1;
    }
    float *moved;
    int status = cli_latents_copy(w->model, in->frames, latents, &moved);
    if (status < 0 && spiral_latents_vary(w->model, spiral_latents_count(w->model, in->frames), s->amount,
                                          seed, moved, &err) != SPIRAL_OK)
        status = cli_error_in(s->v.model, &err);
    if (status < 0) status = cli_write_latents(w, moved, in->frames, in->quarters_per_min, seed, out, result);
    free(moved);
    return status;
}

static int write_one(cli_writing *w, const settings *s, const spiral_roll *in, const float *latents,
                     uint64_t seed) {
    char path[CLI_PATH_SIZE], text[320];
    spiral_generate_result result = {.struct_size = sizeof result, .seed = seed};
    spiral_roll out = {0};
    size_t notes;
    double seconds, distance;
    int status = cli_writing_path(w, path, "vary", 1, seed);
    if (status < 0) status = make(w, s, in, latents, seed, &out, &result);
    if (status < 0) status = cli_distance(in, &out, &distance);
    if (status < 0) {
        snprintf(text, sizeof text,
                 "spiral vary -n 1 --seed %llu --temperature %.9g --amount %.9g --decode %s; model sha256 %s",
                 (unsigned long long)seed, s->v.temperature, s->amount, cli_decodings[s->decode],
                 spiral_model_get_sha256(w->model));
        status = cli_save_roll(&out, text, path, &notes, &seconds);
    }
    if (status < 0) {
        const int decoder = cli_decodes_notes(w, s->decode);
        json_t *json = cli_report_file(w, path, notes, seconds, decoder ? &result : NULL, &out);
        json_object_set_new(json, "seed", json_integer((json_int_t)seed));
        json_object_set_new(json, "distance", cli_number(distance));
    }
    spiral_roll_clear(&out);
    return status;
}

int verb_vary(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT, .amount = 0.3};
    cli_common common = {0};
    s.v.temperature = 0.5;
    int first;
    const cli_flag flags[] = {
        CLI_VARIATIONS_FLAGS(s.v),
        {"amount", CLI_REAL, &s.amount, "X",
         "how far from the model's version of the piece: 0: not at all, 1: nothing of it is left", 0, 1},
        CLI_DECODE_FLAG(s.decode),
        CLI_VARIATIONS_OUTPUT_FLAG(s.v),
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &s.v.model);
    if (status >= 0) return status;
    cli_writing w;
    spiral_roll in = {0};
    float *latents = NULL;
    status = cli_writing_begin(&w, verb, &s.v, &common, s.v.model);
    if (status < 0) status = cli_set_decoding(w.model, s.decode);
    if (status < 0) status = cli_load_roll(w.model, argv[first], &common, &in);
    if (status < 0) status = cli_latents_of(w.model, &in, in.frames, &latents);
    if (status < 0) status = cli_check_paths(&w, "vary", 1, (uint64_t)s.v.seed);
    for (int64_t i = 0; status < 0 && i < s.v.n; i++)
        status = write_one(&w, &s, &in, latents, (uint64_t)(s.v.seed + i));
    free(latents);
    spiral_roll_clear(&in);
    return cli_writing_end(&w, status);
}
