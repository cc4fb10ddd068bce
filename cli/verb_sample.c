/* SPDX-License-Identifier: MIT
 *
 * spiral sample: new pieces. The text event of each file is the command that makes it again.
 */
#include <math.h>
#include <stdio.h>

#include "flags.h"
#include "messages.h"
#include "variations.h"

typedef struct settings {
    cli_variations v;
    double tempo;
    const char *length;
    int decode;
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

/* With the note-by-note decoder. Returns -1 or the exit status. */
static int write_music(cli_writing *w, const settings *s, size_t frames) {
    spiral_generate_request request;
    char text[160];
    int status = cli_writing_request(w, &request);
    if (status >= 0) return status;
    request.frames = frames;
    request.quarters_per_min = s->tempo;
    snprintf(text, sizeof text, "--length %s --tempo %.9g", s->length, s->tempo);
    return cli_write_variations(w, &request, NULL, 0, text);
}

/* The deprecated nearest_training_window: null if there is nothing to compare. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static json_t *nearest_window(const cli_writing *w, const spiral_roll *roll) {
    const int frames = spiral_model_get_config(w->model)->frames;
    return w->against ? cli_number(spiral_corpus_nearest(w->against, roll, frames)) : json_null();
}
#pragma GCC diagnostic pop

/* Each cell on its own. Writes one sample; returns -1 or the exit status. */
static int write_cells(cli_writing *w, const settings *s, uint64_t seed, size_t frames) {
    spiral_roll roll = {0};
    spiral_generate_report report = {.struct_size = sizeof report};
    spiral_sample_options options;
    spiral_error err = {.text = ""};
    char path[CLI_PATH_SIZE], text[320];
    size_t notes;
    double seconds;
    int status = cli_writing_path(w, path, "sample", 1, seed);
    if (status >= 0) return status;
    spiral_sample_options_default(&options, sizeof options);
    options.seed = seed;
    options.temperature = s->v.temperature;
    options.frames = frames;
    options.quarters_per_min = s->tempo;
    if (spiral_generate_sample(w->model, &options, &roll, &report, &err) != SPIRAL_OK)
        return cli_error_in(s->v.model, &err);
    snprintf(text, sizeof text,
             "spiral sample -n 1 --seed %llu --temperature %.9g --length %s --tempo %.9g --decode %s; "
             "model sha256 %s",
             (unsigned long long)seed, s->v.temperature, s->length, s->tempo,
             cli_decodings[s->decode == DECODE_NOTES ? DECODE_THRESHOLD : s->decode],
             spiral_model_get_sha256(w->model));
    status = cli_save_roll(&roll, text, path, &notes, &seconds);
    if (status < 0) {
        if (report.lowered)
            cli_note(w->common,
                     "%s: at the model's threshold almost nothing sounds; it was lowered until as many keys "
                     "sound per frame as in the training data",
                     path);
        json_t *json = cli_report_file(w, path, notes, seconds, NULL, &roll);
        json_object_set_new(json, "seed", json_integer((json_int_t)seed));
        json_object_set_new(json, "nearest_training_window", nearest_window(w, &roll));
        json_object_set_new(json, "threshold_lowered", json_boolean(report.lowered));
        json_object_set_new(json, "repeated_frames", json_real(report.repeated_frames));
    }
    spiral_roll_clear(&roll);
    return status;
}

static int write_all_cells(cli_writing *w, const settings *s, size_t frames) {
    int status;
    if (s->v.key || !isnan(s->v.density))
        return cli_fail(
            "%s: --key and --density need a model with a note-by-note decoder, and --decode decoder",
            s->v.model);
    status = cli_check_paths(w, "sample", 1, (uint64_t)s->v.seed);
    for (int64_t i = 0; status < 0 && i < s->v.n; i++)
        status = write_cells(w, s, (uint64_t)(s->v.seed + i), frames);
    return status;
}

int verb_sample(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT, .tempo = 120, .length = "20s"};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        CLI_VARIATIONS_FLAGS(s.v),
        {"length", CLI_TEXT, &s.length, "LENGTH", "length of a piece: 30s or 8bars (of four quarters)"},
        {"tempo", CLI_REAL, &s.tempo, "X", "quarter notes per minute, for beat grids and lengths in bars", 10,
         1000},
        CLI_KEY_DENSITY_FLAGS(s.v),
        CLI_DECODE_FLAG(s.decode),
        CLI_VARIATIONS_OUTPUT_FLAG(s.v),
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 0, &first, &s.v.model);
    if (status >= 0) return status;
    cli_writing w;
    size_t frames = 0;
    status = cli_writing_begin(&w, verb, &s.v, &common, s.v.model);
    if (status < 0) status = cli_set_decoding(w.model, s.decode);
    if (status < 0) status = frames_of(w.model, &s, &frames);
    const int notes = status < 0 && cli_writing_has_decoder(&w) && s.decode == DECODE_NOTES;
    if (status < 0) status = notes ? write_music(&w, &s, frames) : write_all_cells(&w, &s, frames);
    return cli_writing_end(&w, status);
}
