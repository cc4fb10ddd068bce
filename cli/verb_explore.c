/* SPDX-License-Identifier: MIT
 *
 * spiral explore: one HTML file with the model and the engine inside.
 */
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "page.h"
#include "spiral/file.h"
#include "spiral/pack.h"
#include "spiral/version.h"

extern char **environ;

enum { AXES = 6 /* sliders */ };
static const char PLACE[] = "@PACK@"; /* where the model stands in the page */

typedef struct settings {
    const char *model, *against, *output, *name;
    double tempo;
    int exact, open;
} settings;

/* ---- what the page says about the model ---- */

static void add_row(json_t *rows, const char *label, const char *text) {
    json_array_append_new(rows, json_pack("[s, o]", label, cli_text(text)));
}

static double number_in(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void add_training_rows(json_t *rows, const spiral_model *model) {
    char text[160];
    json_t *data = json_loads(spiral_model_get_metadata(model, "data"), 0, NULL);
    json_t *training = json_loads(spiral_model_get_metadata(model, "training"), 0, NULL);
    const json_t *decoder = json_object_get(training, "decoder");
    if (number_in(data, "files") > 0) {
        snprintf(text, sizeof text, "%.0f files, %s of music", number_in(data, "files"),
                 cli_duration(number_in(data, "seconds")));
        add_row(rows, "Trained on", text);
    }
    if (decoder && number_in(decoder, "best_loss") > 0) {
        snprintf(text, sizeof text, "%.2f nats per frame on files it was not trained on",
                 number_in(decoder, "best_loss"));
        add_row(rows, "Predicts", text);
    }
    json_decref(data);
    json_decref(training);
}

static json_t *card_json(const spiral_model *model, const char *name, const spiral_corpus *music) {
    const spiral_model_config *c = spiral_model_get_config(model);
    char text[160];
    json_t *rows = json_array();
    add_training_rows(rows, model);
    snprintf(text, sizeof text, "%d latent numbers for %d frames, decoder of %d units", c->latent, c->frames,
             c->decoder);
    add_row(rows, "Size", text);
    if (music) {
        snprintf(text, sizeof text, "%s pieces, to find similar passages in them",
                 cli_thousands(spiral_corpus_file_count(music)));
        add_row(rows, "Training music inside", text);
    }
    add_row(
        rows, "Limits",
        "it knows only music like its training music; what it writes may be similar to one of those pieces");
    snprintf(text, sizeof text, "%.12s", spiral_model_get_sha256(model));
    add_row(rows, "SHA-256", text);
    return json_pack("{s:o, s:o}", "name", cli_text(name), "rows", rows);
}

/* The words for what an axis changes most. Axes that change nothing clearly are numbered. */
static const char *axis_word(const spiral_axis *axis) {
    static const double clear = 0.2; /* standard deviations of the quantity */
    const struct {
        const char *word;
        double size;
    } words[] = {{"Density", fabs(axis->density_sd)},
                 {"Register", fabs(axis->height_sd)},
                 {"Onsets", fabs(axis->onsets_sd)},
                 {"Minor to major", fabs(axis->brightness_sd)}};
    size_t best = 0;
    for (size_t i = 1; i < sizeof words / sizeof *words; i++)
        if (words[i].size > words[best].size) best = i;
    return words[best].size >= clear ? words[best].word : "Other";
}

/* "Register", and for the second one "Register 2". */
static json_t *axes_json(const spiral_axis *axes, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char label[64];
        const char *word = axis_word(&axes[i]);
        int same = 1;
        for (size_t k = 0; k < i; k++) same += !strcmp(axis_word(&axes[k]), word);
        if (same > 1)
            snprintf(label, sizeof label, "%s %d", word, same);
        else
            snprintf(label, sizeof label, "%s", word);
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "label", label, "density",
                                              axes[i].density, "register", axes[i].height, "onsets",
                                              axes[i].onsets, "brightness", axes[i].brightness));
    }
    return list;
}

/* ---- the page ---- */

static size_t base64_size(size_t size) { return (size + 2) / 3 * 4; }

static void put_base64(char *to, const unsigned char *bytes, size_t size) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const unsigned long group = (unsigned long)bytes[i] << 16 |
                                    (left > 1 ? (unsigned long)bytes[i + 1] << 8 : 0) |
                                    (left > 2 ? bytes[i + 2] : 0);
        *to++ = letters[group >> 18];
        *to++ = letters[group >> 12 & 63];
        *to++ = left > 1 ? letters[group >> 6 & 63] : '=';
        *to++ = left > 2 ? letters[group & 63] : '=';
    }
}

/* The template with the model pack in its place, *size bytes, to be freed; NULL: out of memory. */
static char *make_page(const unsigned char *pack, size_t pack_size, size_t *size) {
    *size = base64_size(pack_size) - strlen(PLACE);
    for (size_t i = 0; i < cli_page_count; i++) *size += strlen(cli_page_pieces[i]);
    char *page = malloc(*size + strlen(PLACE) + 1), *at = page;
    if (!page) return NULL;
    for (size_t i = 0; i < cli_page_count; i++) {
        const size_t n = strlen(cli_page_pieces[i]);
        memcpy(at, cli_page_pieces[i], n + 1);
        at += n;
    }
    char *place = strstr(page, PLACE), *rest = place + strlen(PLACE);
    memmove(place + base64_size(pack_size), rest, (size_t)(at - rest));
    put_base64(place, pack, pack_size);
    return page;
}

static int save_page(const char *path, const unsigned char *pack, size_t pack_size, size_t *page_size) {
    spiral_error err = {.text = ""};
    char *page = make_page(pack, pack_size, page_size);
    if (!page) return cli_no_memory(*page_size);
    const spiral_status status = spiral_file_write(path, page, *page_size, &err);
    free(page);
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

static void open_page(const cli_common *common, const char *path) {
#ifdef __APPLE__
    const char *opener = "open";
#else
    const char *opener = "xdg-open";
#endif
    char *const arguments[] = {(char *)(uintptr_t)opener, (char *)(uintptr_t)path, NULL};
    pid_t child;
    if (posix_spawnp(&child, opener, NULL, NULL, arguments, environ))
        cli_note(common, "%s is not installed; open %s in a browser", opener, path);
}

/* ---- the verb ---- */

/* "models/chorales.safetensors" -> "chorales". */
static void name_from_path(const char *path, char name[128]) {
    const char *slash = strrchr(path, '/');
    snprintf(name, 128, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = 0;
}

static json_t *text_json(const settings *s, const spiral_model *model, const spiral_corpus *music,
                         const spiral_axis *axes, size_t count) {
    char name[128];
    name_from_path(s->model, name);
    return json_pack("{s:o, s:o, s:f}", "card", card_json(model, s->name ? s->name : name, music), "axes",
                     axes_json(axes, count), "tempo", s->tempo);
}

static int load_music(const settings *s, const spiral_model *model, const cli_common *common,
                      spiral_corpus **music) {
    char *path = (char *)(uintptr_t)s->against;
    spiral_roll_options options;
    if (!path) return -1;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(spiral_model_get_config(model), &options);
    return cli_load_corpus(&path, 1, &options, spiral_model_get_config(model)->frames, common, music);
}

static int report(const settings *s, const cli_common *common, const json_t *axes, size_t page_size,
                  size_t pack_size, const spiral_pack_report *r) {
    if (cli_prints_text(common)) {
        cli_print_name(stdout, s->output);
        printf(": %.2f MB, of which the model is %.2f MB and training music %.2f MB\n",
               (double)page_size / 1e6, (double)(pack_size - r->music_bytes) / 1e6,
               (double)r->music_bytes / 1e6);
        if (!s->exact)
            printf("  weights of the autoencoder in 8 bits: probabilities in sketches differ by %.4f on "
                   "average, at most "
                   "%.3f\n",
                   r->sketch_error, r->sketch_largest);
    }
    return cli_finish(common, json_pack("{s:o, s:I, s:I, s:I, s:f, s:f, s:O}", "path", cli_text(s->output),
                                        "bytes", (json_int_t)page_size, "pack_bytes", (json_int_t)pack_size,
                                        "music_bytes", (json_int_t)r->music_bytes, "sketch_error",
                                        r->sketch_error, "sketch_largest", r->sketch_largest, "axes", axes));
}

static int explore(const settings *s, const cli_common *common, const spiral_model *model,
                   const spiral_corpus *music) {
    const int latent = spiral_model_get_config(model)->latent;
    const size_t count = latent < AXES ? (size_t)latent : AXES;
    spiral_axis axes[AXES];
    spiral_pack_options options;
    spiral_pack_report r = {.struct_size = sizeof r};
    spiral_error err = {.text = ""};
    unsigned char *pack = NULL;
    size_t size = 0, page_size = 0;
    if (spiral_pack_measure_axes(model, music, count, axes, &err) != SPIRAL_OK)
        return cli_error_in(s->model, &err);
    json_t *json = text_json(s, model, music, axes, count);
    char *text = json_dumps(json, JSON_COMPACT);
    spiral_pack_options_default(&options, sizeof options);
    options.text = text;
    options.music = music;
    options.exact = s->exact;
    int status = -1;
    if (spiral_pack_write(model, &options, &pack, &size, &r, &err) != SPIRAL_OK)
        status = cli_error_in(s->model, &err);
    if (status < 0) status = save_page(s->output, pack, size, &page_size);
    if (status < 0) status = report(s, common, json_object_get(json, "axes"), page_size, size, &r);
    if (status == CLI_DONE && s->open) open_page(common, s->output);
    free(pack);
    free(text);
    json_decref(json);
    return status;
}

int verb_explore(const cli_verb *verb, int argc, char **argv) {
    settings s = {.output = "page.html", .tempo = 120};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        {"o", CLI_PATH, &s.output, "PAGE.html", "the page to write"},
        {"against", CLI_PATH, &s.against, "PATH",
         "training data: names of sliders are made from it, and new music is compared with it"},
        {"name", CLI_TEXT, &s.name, "NAME", "name of the model on the page; without it, the file's name"},
        {"tempo", CLI_REAL, &s.tempo, "X", "quarter notes per minute of new pieces", 10, 1000},
        {"exact", CLI_SWITCH, &s.exact, NULL, "keep all weights exact; without it, some have 8 bits"},
        {"open", CLI_SWITCH, &s.open, NULL, "open the page in the browser"},
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 0, &first, &s.model);
    if (status >= 0) return status;
    if (!cli_page_count) return cli_fail("this build has no page: %s", cli_page_missing);
    if (!strcmp(s.output, "-")) return cli_usage("-o -: the page must be a file");
    spiral_model *model = NULL;
    spiral_corpus *music = NULL;
    status = cli_check_writable(s.output, CLI_OUTPUT_HTML);
    if (status < 0) status = cli_load_model(s.model, &model);
    if (status < 0) status = load_music(&s, model, &common, &music);
    if (status < 0) status = explore(&s, &common, model, music);
    spiral_corpus_destroy(music);
    spiral_model_destroy(model);
    return status;
}
