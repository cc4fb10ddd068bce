/* SPDX-License-Identifier: MIT
 *
 * spiral reconstruct: encodes a piece and decodes it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "spiral/generate.h"
#include "spiral/helix.h"

typedef struct settings {
    const char *model, *input, *output;
    double tolerance;
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

static int report(const settings *s, const cli_common *common, const spiral_metrics *m, int lowered) {
    if (lowered)
        cli_note(
            common,
            "%s: at the model's threshold almost nothing sounds in this piece; the threshold was lowered",
            s->input);
    if (cli_prints_text(common)) /* the MIDI file may be on standard output */
        fprintf(strcmp(s->output, "-") ? stdout : stderr,
                "%s: frame F1 %.4f, note F1 %.4f, spiral error %.4f per note\n", s->output, m->f1, m->note_f1,
                m->spiral_error);
    json_t *json = cli_metrics_json(m);
    json_object_set_new(json, "path", cli_text(s->output));
    json_object_set_new(json, "threshold_lowered", json_boolean(lowered));
    return cli_finish(common, json);
}

int verb_reconstruct(const cli_verb *verb, int argc, char **argv) {
    settings s = {.output = "reconstruction.mid", .tolerance = 0.05};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {{"o", CLI_PATH, &s.output, "OUT.mid", "the MIDI file to write, or -"},
                              CLI_TOLERANCE_FLAG(s.tolerance),
                              CLI_STRICT_FLAG(common),
                              {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 2, 2);
    if (status < 0 && common.json && !strcmp(s.output, "-"))
        status = cli_usage("-o -: standard output cannot hold both the MIDI file and the result of --json");
    if (status >= 0) return status;
    s.model = argv[first];
    s.input = argv[first + 1];
    spiral_model *model = NULL;
    spiral_roll in = {0}, out = {0};
    spiral_generate_report generated = {.struct_size = sizeof generated};
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    spiral_error err = {.text = ""};
    status = cli_load_model(s.model, &model);
    if (status < 0) status = cli_load_roll(model, s.input, &common, &in);
    if (status < 0 && spiral_generate_reconstruction(model, &in, &out, &generated, &err) != SPIRAL_OK)
        status = cli_error_in(s.model, &err);
    if (status < 0)
        status = compare(&in, &out, spiral_model_get_config(model)->frames, s.tolerance, &metrics);
    if (status < 0) status = save(model, &out, s.output);
    if (status < 0) status = report(&s, &common, &metrics, generated.lowered);
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
    spiral_model_destroy(model);
    return status;
}
