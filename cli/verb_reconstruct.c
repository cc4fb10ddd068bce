/* SPDX-License-Identifier: MIT
 *
 * spiral reconstruct: a piece through the code and back.
 */
#include <stdlib.h>

#include "cli.h"

static void print_scores(const spiral_measures *m, const char *output) {
    printf("%s: frame F1 %.4f, note F1 %.4f, spiral error %.4f missed notes a note\n", output, m->f1,
           m->note_f1, m->spiral_error);
}

int verb_reconstruct(int argc, char **argv) {
    cli_common common = {0};
    const char *output = "reconstruction.mid";
    double tolerance = 0.05;
    int first;
    const cli_flag flags[] = {
        {"o", CLI_TEXT, &output, "OUT.mid", "the MIDI file to write", 0, 0, NULL},
        {"tolerance", CLI_TIME, &tolerance, "D", "a note counts if its onset is this close", 0, 10, NULL},
        {NULL, CLI_SWITCH, NULL, NULL, NULL, 0, 0, NULL}};
    int status = cli_parse(argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(argc, first, 2, 2);
    spiral_model *model = NULL;
    spiral_roll in = {0}, out = {0};
    spiral_create_report report = {0};
    spiral_error err = {.text = ""};
    if (status < 0) status = cli_model(argv[first], &model);
    if (status < 0) status = cli_roll(model, argv[first + 1], &in, NULL);
    if (status < 0 && spiral_create_reconstruction(model, &in, &out, &report, &err) != SPIRAL_OK)
        status = cli_error(&err);
    spiral_measure_counts counts = {0};
    const spiral_helix helix = spiral_helix_default();
    if (status < 0 && spiral_measure_add_notes(&counts, &in, &out, tolerance, &err) != SPIRAL_OK)
        status = cli_error(&err);
    if (status < 0) {
        char text[160];
        snprintf(text, sizeof text, "spiral reconstruct; model sha256 %s", spiral_model_get_sha256(model));
        status = cli_save_roll(&out, text, output, NULL, NULL);
    }
    if (status < 0) {
        spiral_measure_add_frames(&counts, in.frames, out.frames, in.columns);
        spiral_measure_add_helix(&counts, &helix, in.frames, out.frames, in.columns);
        spiral_measures measures = spiral_measures_from_counts(&counts);
        if (report.lowered)
            cli_note(&common, "%s: the model is silent on this piece: its threshold was lowered",
                     argv[first + 1]);
        if (!common.json) print_scores(&measures, output);
        json_t *json = cli_measures_json(&measures);
        json_object_set_new(json, "path", json_string(output));
        json_object_set_new(json, "threshold_lowered", json_boolean(report.lowered));
        status = cli_finish(&common, json);
    }
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
    spiral_model_destroy(model);
    return status;
}
