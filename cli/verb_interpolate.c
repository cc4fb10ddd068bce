/* SPDX-License-Identifier: MIT
 *
 * spiral interpolate: n pieces between two given ones, both ends included.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "spiral/generate.h"

static const char *const ways[] = {"slerp", "lerp", NULL}; /* in the order of spiral_interpolation */

int verb_interpolate(const cli_verb *verb, int argc, char **argv) {
    cli_common common = {0};
    const char *output = ".";
    int64_t n = 5;
    int how = 0, first;
    const cli_flag flags[] = {
        {"n", CLI_INT, &n, "N", "pieces to write, including both ends", 2, 1000},
        {"how", CLI_CHOICE, &how, "WAY",
         "path between the latent vectors: slerp: arc around the mean latent; lerp: straight line", 0, 0,
         ways},
        {"o", CLI_PATH, &output, "DIR", "folder to write to"},
        CLI_STRICT_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 3, 3);
    spiral_model *model = NULL;
    spiral_roll a = {0}, b = {0};
    json_t *files = json_array();
    if (status < 0) status = cli_load_model(argv[first], &model);
    if (status < 0) status = cli_load_roll(model, argv[first + 1], &common, &a);
    if (status < 0) status = cli_load_roll(model, argv[first + 2], &common, &b);
    if (status < 0) status = cli_make_folder(output);
    for (int64_t i = 0; status < 0 && i < n; i++) {
        double position = (double)i / (double)(n - 1), seconds;
        char path[CLI_PATH_SIZE], text[240];
        spiral_roll roll = {0};
        spiral_error err = {.text = ""};
        size_t notes;
        status = cli_numbered_path(path, output, "step", 2, (uint64_t)i);
        if (status >= 0) break;
        snprintf(text, sizeof text, "spiral interpolate --how %s, position %.6g; model sha256 %s", ways[how],
                 position, spiral_model_get_sha256(model));
        if (spiral_generate_interpolation(model, &a, &b, position, (spiral_interpolation)how, &roll, NULL,
                                          &err) != SPIRAL_OK)
            status = cli_error_in(argv[first], &err);
        else
            status = cli_save_roll(&roll, text, path, &notes, &seconds);
        spiral_roll_clear(&roll);
        if (status >= 0) break;
        if (cli_prints_text(&common))
            printf("%s: position %.3f, %zu notes, %s\n", path, position, notes, cli_duration(seconds));
        json_array_append_new(files, json_pack("{s:o, s:f, s:I, s:f}", "path", cli_text(path), "position",
                                               position, "notes", (json_int_t)notes, "seconds", seconds));
    }
    if (status < 0) status = cli_finish(&common, json_pack("{s:O}", "files", files));
    json_decref(files);
    spiral_roll_clear(&a);
    spiral_roll_clear(&b);
    spiral_model_destroy(model);
    return status;
}
