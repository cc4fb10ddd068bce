/* SPDX-License-Identifier: MIT
 *
 * spiral loss: compares two pieces by every loss and metric of the library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "helices.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "roll_options.h"
#include "spiral/loss.h"

/* Bits -> numbers (frames, P), zeros after the end of the roll; to be freed. */
static double *floats_of(const spiral_roll *roll, size_t frames, int low, int P) {
    double *x = calloc(frames * (size_t)P + 1, sizeof *x);
    for (size_t t = 0; x && t < roll->frames && t < frames; t++)
        for (int p = 0; p < P; p++)
            x[t * (size_t)P + (size_t)p] = spiral_keys_get(&roll->sounding[t], low + p);
    return x;
}

/* The value of one loss, per target note. */
static spiral_status value_of(spiral_loss_kind kind, const spiral_helix *helix, int low, int P, size_t T,
                              const double *prediction /* (T, P) */, const double *target /* (T, P) */,
                              double *value, spiral_error *err) {
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    options.kind = kind;
    options.bce = 0;
    options.lambda = 1;
    options.from_logits = 0;
    options.helix = *helix;
    options.low = low;
    options.reduction = SPIRAL_REDUCE_PER_NOTE;
    spiral_loss *loss = NULL;
    spiral_status status = spiral_loss_create(&options, P, &loss, err);
    if (status != SPIRAL_OK) return status;
    status = spiral_loss_value_grad_btp_f64(loss, 1, T, prediction, target, value, NULL, NULL, err);
    spiral_loss_destroy(loss);
    return status;
}

static size_t longer(const spiral_roll *a, const spiral_roll *b) {
    return a->frames > b->frames ? a->frames : b->frames;
}

/* Bytes: two numbers of double precision for each cell. */
static double memory_of(const spiral_roll *a, const spiral_roll *b, const spiral_roll_options *o) {
    return 2. * sizeof(double) * (double)longer(a, b) * (o->high - o->low + 1);
}

static spiral_status losses(const spiral_roll *right, const spiral_roll *played, const spiral_roll_options *o,
                            const spiral_helix *helix, json_t *json, spiral_error *err) {
    static const spiral_loss_kind kinds[] = {SPIRAL_LOSS_SPIRAL,
                                             SPIRAL_LOSS_ENERGY,
                                             SPIRAL_LOSS_GAUSS,
                                             SPIRAL_LOSS_ARGMAX_DISTANCE,
                                             SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR,
                                             SPIRAL_LOSS_DISTANCE_MASK,
                                             SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR};
    const int P = o->high - o->low + 1;
    const size_t T = longer(right, played);
    double *x = floats_of(played, T, o->low, P), *t = floats_of(right, T, o->low, P), value = 0;
    spiral_status status = x && t ? SPIRAL_OK : (err->status = SPIRAL_NO_MEMORY);
    for (size_t i = 0; status == SPIRAL_OK && i < sizeof kinds / sizeof *kinds; i++) {
        status = value_of(kinds[i], helix, o->low, P, T, x, t, &value, err);
        json_object_set_new(json, spiral_loss_kind_name(kinds[i]), cli_number(value));
    }
    free(x);
    free(t);
    return status;
}

static spiral_status metrics(const spiral_roll *right, const spiral_roll *played, double tolerance,
                             const spiral_helix *helix, json_t *json, spiral_error *err) {
    spiral_metrics_counts counts = {.struct_size = sizeof counts};
    spiral_metrics m = {.struct_size = sizeof m};
    spiral_roll a = {0}, b = {0};
    const size_t T = longer(right, played);
    spiral_status status = spiral_metrics_add_notes(&counts, right, played, tolerance, err);
    if (status == SPIRAL_OK) status = spiral_roll_create(right->grid, T, 0, &a, err);
    if (status == SPIRAL_OK) status = spiral_roll_create(right->grid, T, 0, &b, err);
    if (status == SPIRAL_OK) {
        memcpy(a.sounding, right->sounding, right->frames * sizeof *a.sounding);
        memcpy(b.sounding, played->sounding, played->frames * sizeof *b.sounding);
        status = spiral_metrics_add_frames(&counts, a.sounding, b.sounding, T, err);
    }
    if (status == SPIRAL_OK)
        status = spiral_metrics_add_helix(&counts, helix, a.sounding, b.sounding, T, err);
    if (status == SPIRAL_OK) status = spiral_metrics_from_counts(&counts, &m, err);
    if (status == SPIRAL_OK) {
        json_t *object = cli_metrics_json(&m);
        json_object_update(json, object);
        json_decref(object);
    }
    spiral_roll_clear(&a);
    spiral_roll_clear(&b);
    return status;
}

static void print_json_table(json_t *json, const char *prefix) {
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", prefix, key);
        if (json_is_object(value)) {
            strncat(name, ".", sizeof name - strlen(name) - 1);
            print_json_table(value, name);
        } else {
            printf("  %-28s %12.5f\n", name, json_number_value(value));
        }
    }
}

int verb_loss(const cli_verb *verb, int argc, char **argv) {
    cli_roll_flags roll_flags = CLI_ROLL_FLAGS_DEFAULT;
    cli_common common = {0};
    int helix_name = 0, first, frames;
    double tolerance = 0.05;
    roll_flags.preset = PRESET_36X36;
    const cli_flag flags[] = {CLI_ROLL_FLAGS(roll_flags),
                              {"helix", CLI_CHOICE, &helix_name, "NAME",
                               "which pitches are near: preset of the pitch helix", 0, 0, cli_helices},
                              CLI_TOLERANCE_FLAG(tolerance),
                              CLI_STRICT_FLAG(common),
                              {NULL}};
    spiral_roll_options options;
    spiral_files *files = NULL;
    spiral_midi midi[2] = {{0}, {0}};
    spiral_roll roll[2] = {{{0}, 0, 0, NULL, NULL}, {{0}, 0, 0, NULL, NULL}};
    spiral_helix helix;
    spiral_error err = {.text = ""};
    json_t *json = json_object();
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 2, 2);
    if (status < 0) status = cli_check_roll_flags(&roll_flags);
    if (status < 0 && cli_range_from_music(&roll_flags))
        status = cli_load_files(argv + first, argc - first, &common, &files);
    if (status < 0) status = cli_roll_options(&roll_flags, &common, files, &options, &frames);
    spiral_files_destroy(files);
    if (status < 0 && spiral_helix_from_name(cli_helices[helix_name], &helix, &err) != SPIRAL_OK)
        status = cli_error(&err);
    for (int i = 0; status < 0 && i < 2; i++) {
        status = cli_load_piece(argv[first + i], &common, &midi[i]);
        if (status < 0 && spiral_roll_from_midi(&midi[i], &options, &roll[i], NULL, &err) != SPIRAL_OK)
            status = cli_fail("%s: %s", argv[first + i], err.text);
    }
    if (status < 0 && !roll[0].frames)
        status = cli_fail("%s: it has no note from key %d to %d to compare with", argv[first], options.low,
                          options.high);
    if (status < 0)
        cli_note_large(&common, argv[first], memory_of(&roll[0], &roll[1], &options),
                       "of memory for the comparison");
    if (status < 0 && (losses(&roll[0], &roll[1], &options, &helix, json, &err) != SPIRAL_OK ||
                       metrics(&roll[0], &roll[1], tolerance, &helix, json, &err) != SPIRAL_OK))
        status = cli_error_in(argv[first], &err);
    if (status < 0) {
        if (!common.json) {
            cli_print_name(stdout, argv[first + 1]);
            printf(" compared with ");
            cli_print_name(stdout, argv[first]);
            printf("; losses are per note of the latter\n");
            print_json_table(json, "");
        }
        status = cli_finish(&common, json_incref(json));
    }
    json_decref(json);
    for (int i = 0; i < 2; i++) {
        spiral_midi_clear(&midi[i]);
        spiral_roll_clear(&roll[i]);
    }
    return status;
}
