/* SPDX-License-Identifier: MIT
 *
 * spiral reconstruct: a piece through the code and back.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct settings {
    const char *model, *input, *output;
    double tolerance;
} settings;

/* Scores of the piece as it came back, window by window. */
static int measure(const spiral_roll *in, const spiral_roll *out, int T, double tolerance,
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

static int report(const settings *s, const cli_common *common, const spiral_metrics *m, int lowered) {
    if (lowered)
        cli_note(common, "%s: the model is silent on this piece: its threshold was lowered", s->input);
    if (cli_talks(common)) /* the piece itself may be on standard output */
        fprintf(strcmp(s->output, "-") ? stdout : stderr,
                "%s: frame F1 %.4f, note F1 %.4f, spiral error %.4f missed notes a note\n", s->output, m->f1,
                m->note_f1, m->spiral_error);
    json_t *json = cli_measures_json(m);
    json_object_set_new(json, "path", cli_text(s->output));
    json_object_set_new(json, "threshold_lowered", json_boolean(lowered));
    return cli_finish(common, json);
}

int verb_reconstruct(int argc, char **argv) {
    settings s = {.output = "reconstruction.mid", .tolerance = 0.05};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        {"o", CLI_TEXT, &s.output, "OUT.mid", "the MIDI file to write, or -", 0, 0, NULL},
        {"tolerance", CLI_TIME, &s.tolerance, "D", "a note counts if its onset is this close", 0, 10, NULL},
        CLI_STRICT_FLAG(common),
        {NULL, CLI_SWITCH, NULL, NULL, NULL, 0, 0, NULL}};
    int status = cli_parse(argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(argc, first, 2, 2);
    if (status < 0 && common.json && !strcmp(s.output, "-"))
        status = cli_usage("-o -: standard output cannot take both the piece and --json");
    if (status >= 0) return status;
    s.model = argv[first];
    s.input = argv[first + 1];
    spiral_model *model = NULL;
    spiral_roll in = {0}, out = {0};
    spiral_generate_report done = {0};
    spiral_metrics measures = {.struct_size = sizeof measures};
    spiral_error err = {.text = ""};
    status = cli_model(s.model, &model);
    if (status < 0) status = cli_roll(model, s.input, &common, &in);
    if (status < 0 && spiral_generate_reconstruction(model, &in, &out, &done, &err) != SPIRAL_OK)
        status = cli_error_in(s.model, &err);
    if (status < 0)
        status = measure(&in, &out, spiral_model_get_config(model)->frames, s.tolerance, &measures);
    if (status < 0) status = save(model, &out, s.output);
    if (status < 0) status = report(&s, &common, &measures, done.lowered);
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
    spiral_model_destroy(model);
    return status;
}
