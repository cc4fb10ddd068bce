/* SPDX-License-Identifier: MIT
 *
 * spiral interpolate: n pieces between two given ones, both ends included.
 */
#include <stdio.h>

#include "flags.h"
#include "latents.h"
#include "messages.h"

static const char *const ways[] = {"slerp", "lerp", NULL}; /* in the order of spiral_interpolation */

typedef struct settings {
    cli_variations v;
    int how, decode;
    spiral_roll a, b;
    float *latents[2]; /* of a and b, both as long as the longer one */
} settings;

static size_t frames_of(const settings *s) { return s->a.frames > s->b.frames ? s->a.frames : s->b.frames; }

/* The piece at a position, with the note-by-note decoder. */
static int write_notes(cli_writing *w, const settings *s, double position, spiral_roll *out,
                       spiral_generate_result *result) {
    const double tempo = (1 - position) * s->a.quarters_per_min + position * s->b.quarters_per_min;
    spiral_error err = {.text = ""};
    float *latents;
    int status = cli_latents_copy(w->model, frames_of(s), s->latents[0], &latents);
    if (status < 0 && spiral_latents_interpolate(w->model, spiral_latents_count(w->model, frames_of(s)),
                                                 s->latents[0], s->latents[1], position,
                                                 (spiral_interpolation)s->how, latents, &err) != SPIRAL_OK)
        status = cli_error_in(s->v.model, &err);
    if (status < 0)
        status = cli_write_latents(w, latents, frames_of(s), tempo, (uint64_t)s->v.seed, out, result);
    free(latents);
    return status;
}

static int write_step(cli_writing *w, const settings *s, int64_t i) {
    const double position = (double)i / (double)(s->v.n - 1);
    const int decoder = cli_decodes_notes(w, s->decode);
    char path[CLI_PATH_SIZE], text[320];
    spiral_generate_result result = {.struct_size = sizeof result};
    spiral_roll roll = {0};
    spiral_error err = {.text = ""};
    size_t notes;
    double seconds;
    int status = cli_writing_path(w, path, "step", 2, (uint64_t)i);
    if (status < 0 && decoder) status = write_notes(w, s, position, &roll, &result);
    if (status < 0 && !decoder &&
        spiral_generate_interpolation(w->model, &s->a, &s->b, position, (spiral_interpolation)s->how, &roll,
                                      NULL, &err) != SPIRAL_OK)
        status = cli_error_in(s->v.model, &err);
    if (status < 0) {
        snprintf(text, sizeof text,
                 "spiral interpolate --how %s --seed %lld --decode %s, position %.6g; model sha256 %s",
                 ways[s->how], (long long)s->v.seed, cli_decodings[s->decode], position,
                 spiral_model_get_sha256(w->model));
        status = cli_save_roll(&roll, text, path, &notes, &seconds);
    }
    if (status < 0) {
        json_t *json = cli_report_file(w, path, notes, seconds, decoder ? &result : NULL, &roll);
        json_object_set_new(json, "position", json_real(position));
    }
    spiral_roll_clear(&roll);
    return status;
}

int verb_interpolate(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT};
    cli_common common = {0};
    int first;
    s.v.n = 5;
    s.v.temperature = 0.5;
    const cli_flag flags[] = {
        {"n", CLI_INT, &s.v.n, "N",
         "pieces to write, with both ends, which are the model's versions of A and B; the shorter piece is "
         "repeated",
         2, 1000},
        {"how", CLI_CHOICE, &s.how, "WAY",
         "path between the latent vectors: slerp: arc around the mean latent; lerp: straight line", 0, 0,
         ways},
        {"seed", CLI_INT, &s.v.seed, "N", "seed of all pieces", 0, 9e15},
        {"temperature", CLI_REAL, &s.v.temperature, "X",
         "randomness; 1: that of the model, 0: always the most probable", 0, 10},
        CLI_DECODE_FLAG(s.decode),
        {"against", CLI_PATH, &s.v.against, "PATH",
         "training data: for each piece, report the most similar passage in it"},
        {"o", CLI_PATH, &s.v.output, "DIR", "folder to write to"},
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 2, &first, &s.v.model);
    if (status >= 0) return status;
    cli_writing w;
    status = cli_writing_begin(&w, verb, &s.v, &common, s.v.model);
    if (status < 0) status = cli_set_decoding(w.model, s.decode);
    if (status < 0) status = cli_load_roll(w.model, argv[first], &common, &s.a);
    if (status < 0) status = cli_load_roll(w.model, argv[first + 1], &common, &s.b);
    if (status < 0) status = cli_latents_of(w.model, &s.a, frames_of(&s), &s.latents[0]);
    if (status < 0) status = cli_latents_of(w.model, &s.b, frames_of(&s), &s.latents[1]);
    if (status < 0) status = cli_check_paths(&w, "step", 2, 0);
    for (int64_t i = 0; status < 0 && i < s.v.n; i++) status = write_step(&w, &s, i);
    for (int i = 0; i < 2; i++) free(s.latents[i]);
    spiral_roll_clear(&s.a);
    spiral_roll_clear(&s.b);
    return cli_writing_end(&w, status);
}
