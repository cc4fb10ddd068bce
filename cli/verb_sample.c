/* SPDX-License-Identifier: MIT
 *
 * spiral sample: new pieces. The text event of each file is the command that makes it again.
 */
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "spiral/generate.h"

typedef struct settings {
    int64_t n, seed;
    double temperature, tempo;
    const char *length, *output, *against, *model;
} settings;

/* Converts --length to frames of the model's grid. Returns -1 or the exit status. */
static int frames_of(const spiral_model *model, const settings *s, size_t *frames) {
    const spiral_grid *grid = &spiral_model_get_config(model)->grid;
    double seconds, bars, quarters;
    if (cli_length(s->length, &seconds, &bars))
        return cli_usage("--length \"%s\": must be a time like 30s or a number of bars like 8bars",
                         s->length);
    if (grid->kind == SPIRAL_GRID_SECONDS && bars > 0) seconds = bars * 4 * 60 / s->tempo;
    quarters = bars > 0 ? bars * 4 : seconds * s->tempo / 60;
    double n = grid->kind == SPIRAL_GRID_SECONDS ? seconds * 1e6 / grid->frame_us
                                                 : quarters * grid->steps_per_quarter;
    if (!(n >= 0.5 && n <= 4194304))
        return cli_usage("--length %s: must be from 1 to 4194304 frames of the model's grid", s->length);
    *frames = (size_t)llround(n);
    return -1;
}

/* Writes one sample; appends its entry to `files`. Returns -1 or the exit status. */
static int write_sample(const spiral_model *model, const settings *s, uint64_t seed, size_t frames,
                        const spiral_corpus *against, const cli_common *common, json_t *files) {
    spiral_roll roll = {0};
    spiral_generate_report report = {.struct_size = sizeof report};
    spiral_sample_options options;
    spiral_error err = {.text = ""};
    char path[CLI_PATH_SIZE], text[320];
    size_t notes;
    double seconds;
    int status = cli_numbered_path(path, s->output, "sample", 1, seed);
    if (status >= 0) return status;
    spiral_sample_options_default(&options, sizeof options);
    options.seed = seed;
    options.temperature = s->temperature;
    options.frames = frames;
    options.quarters_per_min = s->tempo;
    if (spiral_generate_sample(model, &options, &roll, &report, &err) != SPIRAL_OK)
        return cli_error_in(s->model, &err);
    snprintf(text, sizeof text,
             "spiral sample -n 1 --seed %llu --temperature %.9g --length %s --tempo %.9g; model sha256 %s",
             (unsigned long long)seed, s->temperature, s->length, s->tempo, spiral_model_get_sha256(model));
    status = cli_save_roll(&roll, text, path, &notes, &seconds);
    if (status < 0) {
        double nearest =
            against ? spiral_corpus_nearest(against, &roll, spiral_model_get_config(model)->frames) : NAN;
        if (report.lowered)
            cli_note(
                common,
                "%s: at the model's threshold almost nothing sounds; it was lowered until as many keys sound "
                "per frame as in the training data",
                path);
        if (cli_prints_text(common)) {
            printf("%s: %zu notes, %s", path, notes, cli_duration(seconds));
            if (isfinite(nearest))
                printf(", %.1f %% of the cells differ from the nearest training window", 100 * nearest);
            printf("\n");
        }
        json_array_append_new(files,
                              json_pack("{s:o, s:I, s:I, s:f, s:o, s:b, s:f}", "path", cli_text(path), "seed",
                                        (json_int_t)seed, "notes", (json_int_t)notes, "seconds", seconds,
                                        "nearest_training_window", cli_number(nearest), "threshold_lowered",
                                        report.lowered, "repeated_frames", report.repeated_frames));
    }
    spiral_roll_clear(&roll);
    return status;
}

/* Loads the music to compare the samples with. Returns -1 or the exit status. */
static int load_against(const spiral_model *model, const settings *s, const cli_common *common,
                        spiral_corpus **corpus) {
    const spiral_model_config *config = spiral_model_get_config(model);
    char *path = (char *)(uintptr_t)s->against;
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(config, &options);
    int status = cli_load_corpus(&path, 1, &options, config->frames, common, corpus);
    if (status < 0) cli_note_repaired(common, *corpus, NULL);
    return status;
}

int verb_sample(const cli_verb *verb, int argc, char **argv) {
    settings s = {.n = 1, .seed = 1, .temperature = 1, .tempo = 120, .length = "20s", .output = "."};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {{"n", CLI_INT, &s.n, "N", "number of pieces", 1, 100000},
                              {"seed", CLI_INT, &s.seed, "N",
                               "seed of the first piece; each further piece has the next seed", 0, 9e15},
                              {"temperature", CLI_REAL, &s.temperature, "X",
                               "spread of the latent vectors; 1: as in the training data, 0: their mean", 0,
                               10},
                              {"length", CLI_TEXT, &s.length, "LENGTH", "length of a piece: 30s or 8bars"},
                              {"tempo", CLI_REAL, &s.tempo, "X",
                               "quarter notes per minute, for beat grids and lengths in bars", 10, 1000},
                              {"against", CLI_PATH, &s.against, "PATH",
                               "training data: print how much each piece differs from its nearest window"},
                              {"o", CLI_PATH, &s.output, "DIR", "folder to write to"},
                              CLI_STRICT_FLAG(common),
                              {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 1, 1);
    spiral_model *model = NULL;
    spiral_corpus *corpus = NULL;
    size_t frames = 0;
    json_t *files = json_array();
    if (status < 0) status = cli_load_model(s.model = argv[first], &model);
    if (status < 0) status = frames_of(model, &s, &frames);
    if (status < 0 && s.against) status = load_against(model, &s, &common, &corpus);
    if (status < 0) status = cli_make_folder(s.output);
    for (int64_t i = 0; status < 0 && i < s.n; i++)
        status = write_sample(model, &s, (uint64_t)(s.seed + i), frames, corpus, &common, files);
    if (status < 0) status = cli_finish(&common, json_pack("{s:O}", "files", files));
    json_decref(files);
    spiral_corpus_destroy(corpus);
    spiral_model_destroy(model);
    return status;
}
