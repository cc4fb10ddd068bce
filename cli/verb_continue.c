/* SPDX-License-Identifier: MIT
 *
 * spiral continue: continues a piece from its end.
 */
#include <math.h>
#include <stdio.h>

#include "flags.h"
#include "messages.h"
#include "variations.h"

/* Makes the frames after the end of the piece open. */
static int open_end(cli_given *g, const char *length) {
    const size_t begin = g->frames;
    double seconds, bars;
    if (cli_length(length, &seconds, &bars))
        return cli_usage("--length \"%s\": must be a time like 30s or a number of bars like 8bars", length);
    const spiral_grid *grid = &g->roll.grid;
    const double tempo = g->roll.quarters_per_min > 0 ? g->roll.quarters_per_min : 120;
    const double quarters = bars > 0 ? bars * cli_given_last_bar_quarters(g) : seconds * tempo / 60;
    if (bars > 0) seconds = quarters * 60 / tempo;
    const double n = round(grid->kind == SPIRAL_GRID_SECONDS ? seconds * 1e6 / grid->frame_us
                                                             : quarters * grid->steps_per_quarter);
    if (!(n >= 1 && n <= (double)SPIRAL_GENERATE_FRAMES_MAX))
        return cli_usage("--length %s: must be from 1 to %zu frames of the model's grid", length,
                         SPIRAL_GENERATE_FRAMES_MAX);
    int status = cli_given_extend(g, begin + (size_t)n);
    for (size_t t = 0; status < 0 && t < begin; t++) g->known[t] = spiral_keys_range(0, 127);
    return status;
}

int verb_continue(const cli_verb *verb, int argc, char **argv) {
    cli_variations v = CLI_VARIATIONS_DEFAULT;
    cli_common common = {0};
    const char *length = "8bars";
    int first, only_new = 0;
    const cli_flag flags[] = {
        CLI_VARIATIONS_FLAGS(v),
        {"length", CLI_TEXT, &length, "LENGTH",
         "length of the continuation: 30s or 8bars (of the piece's last time signature)"},
        CLI_KEY_DENSITY_FLAGS(v),
        {"only-new", CLI_SWITCH, &only_new, NULL, "write only the continuation, without the piece"},
        CLI_VARIATIONS_OUTPUT_FLAG(v),
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &v.model);
    if (status >= 0) return status;
    cli_writing w;
    cli_given given = {0};
    spiral_generate_request request;
    char text[160];
    status = cli_writing_begin_given(&w, verb, &v, &common, argv[first], &given, &request);
    if (status < 0) status = open_end(&given, length);
    if (status < 0) {
        cli_given_request(&given, &request);
        snprintf(text, sizeof text, "--length %s%s", length, only_new ? " --only-new" : "");
        status = cli_write_variations(&w, &request, &given, only_new, text);
    }
    cli_given_clear(&given);
    return cli_writing_end(&w, status);
}
