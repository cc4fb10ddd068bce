/* SPDX-License-Identifier: MIT
 *
 * spiral reconstruct: encodes a piece and decodes it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "latents.h"
#include "messages.h"
#include "spiral/helix.h"

typedef struct settings {
    cli_variations v; /* model, seed, temperature, output */
    const char *input;
    double tolerance;
    int decode;
} settings;

/* Metrics of the reconstruction, added window by window. Returns -1 or the exit status. */
static int compare(const spiral_roll *in, const spiral_roll *out, int T, double tolerance,
                   spiral_metrics *m) {
    const spiral_helix helix = spiral_helix_default();
    spiral_metrics_counts counts = {.struct_size = sizeof counts};
    spiral_error err = {.text = ""};
    spiral_status status = spiral_metrics_add_notes(&counts, in, out, tolerance, &err);
    for (size_t t = 0; t < in->frames && status == SPIRAL_OK; t += (size_t)T) {
        size_t n = in->frames - t < (size_t)T ? in->frames - t : (size_t)T;
        status = spiral_metrics_add_frames(&counts, in->sounding + t, out->sounding + t, n, &err);
        if (status == SPIRAL_OK)
            status = spiral_metrics_add_helix(&counts, &helix, in->sounding + t, out->sounding + t, n, &err);
    }
    if (status == SPIRAL_OK) status = spiral_metrics_from_counts(&counts, m, &err);
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

static int save(const spiral_model *model, const spiral_roll *out, const char *path) {
    char text[160];
    snprintf(text, sizeof text, "spiral reconstruct; model sha256 %s", spiral_model_get_sha256(model));
    return cli_save_roll(out, text, path, NULL, NULL);
}

/* result: NULL without the decoder. */
static int report(const settings *s, const cli_common *common, const spiral_metrics *m, int lowered,
                  const spiral_generate_result *result) {
    if (lowered)
        cli_note(
            common,
            "%s: at the model's threshold almost nothing sounds in this piece; the threshold was lowered",
            s->input);
    if (cli_prints_text(common)) /* the MIDI file may be on standard output */
        fprintf(strcmp(s->v.output, "-") ? stdout : stderr,
                "%s: frame F1 %.4f, note F1 %.4f, spiral error %.4f per note\n", s->v.output, m->f1,
                m->note_f1, m->spiral_error);
    json_t *json = cli_metrics_json(m);
    json_object_set_new(json, "path", cli_text(s->v.output));
    json_object_set_new(json, "threshold_lowered", json_boolean(lowered));
    json_object_set_new(json, "nats_per_frame", result ? cli_number(result->nats_per_frame) : json_null());
    return cli_finish(common, json);
}

/* Through latents, sketch and decoder. */
static int write_notes(cli_writing *w, const settings *s, const spiral_roll *in, spiral_roll *out,
                       spiral_generate_result *result) {
    float *latents = NULL;
    int status = cli_latents_of(w->model, in, in->frames, &latents);
    if (status < 0)
        status =
            cli_write_latents(w, latents, in->frames, in->quarters_per_min, (uint64_t)s->v.seed, out, result);
    free(latents);
    return status;
}

static int write_cells(cli_writing *w, const settings *s, const spiral_roll *in, spiral_roll *out,
                       int *lowered) {
    spiral_generate_report generated = {.struct_size = sizeof generated};
    spiral_error err = {.text = ""};
    if (spiral_generate_reconstruction(w->model, in, out, &generated, &err) != SPIRAL_OK)
        return cli_error_in(s->v.model, &err);
    *lowered = generated.lowered;
    return -1;
}

static int run(cli_writing *w, const settings *s) {
    spiral_roll in = {0}, out = {0};
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    spiral_generate_result result = {.struct_size = sizeof result};
    int lowered = 0, status = cli_load_model(s->v.model, &w->model);
    if (status < 0) status = cli_load_roll(w->model, s->input, w->common, &in);
    if (status < 0) status = cli_set_decoding(w->model, s->decode);
    const int decoder = status < 0 && cli_decodes_notes(w, s->decode);
    if (status < 0)
        status = decoder ? write_notes(w, s, &in, &out, &result) : write_cells(w, s, &in, &out, &lowered);
    if (status < 0)
        status = compare(&in, &out, spiral_model_get_config(w->model)->frames, s->tolerance, &metrics);
    if (status < 0) status = save(w->model, &out, s->v.output);
    if (status < 0) status = report(s, w->common, &metrics, lowered, decoder ? &result : NULL);
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
    spiral_model_destroy(w->model);
    return status;
}

int verb_reconstruct(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT, .tolerance = 0.05};
    cli_common common = {0};
    int first;
    s.v.output = "reconstruction.mid";
    s.v.temperature = 0;
    const cli_flag flags[] = {
        {"o", CLI_PATH, &s.v.output, "OUT.mid", "the MIDI file to write, or -"},
        CLI_TOLERANCE_FLAG(s.tolerance),
        CLI_DECODE_FLAG(s.decode),
        {"temperature", CLI_REAL, &s.v.temperature, "X", "randomness; 0: always the most probable", 0, 10},
        {"seed", CLI_INT, &s.v.seed, "N", "seed", 0, 9e15},
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &s.v.model);
    if (status < 0) status = cli_check_output(verb->name, &s.v, &common);
    if (status >= 0) return status;
    s.input = argv[first];
    cli_writing w = {.v = &s.v, .common = &common, .verb = verb->name};
    return run(&w, &s);
}
