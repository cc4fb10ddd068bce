/* SPDX-License-Identifier: MIT
 *
 * spiral harmonize: writes voices below or around a melody. The melody stays as it is.
 */
#include <stdio.h>

#include "flags.h"
#include "messages.h"
#include "variations.h"

static const char *const places[] = {"below", "around", NULL};
enum { BELOW, AROUND };

static int lowest_key(spiral_keys keys) {
    if (keys.word[0]) return __builtin_ctzll(keys.word[0]);
    return keys.word[1] ? 64 + __builtin_ctzll(keys.word[1]) : -1;
}

/* Makes the cells from the melody upward known: in a rest, from its last note upward; before its first note,
 * from that note upward. */
static void keep_above(cli_given *g) {
    int lowest = -1;
    for (size_t t = 0; t < g->frames && lowest < 0; t++) lowest = lowest_key(g->roll.sounding[t]);
    for (size_t t = 0; t < g->frames; t++) {
        const int now = lowest_key(g->roll.sounding[t]);
        if (now >= 0) lowest = now;
        g->known[t] = spiral_keys_range(lowest, 127);
    }
}

static void keep_notes(cli_given *g) {
    for (size_t t = 0; t < g->frames; t++) g->known[t] = g->roll.sounding[t];
}

int verb_harmonize(const cli_verb *verb, int argc, char **argv) {
    cli_variations v = CLI_VARIATIONS_DEFAULT;
    cli_common common = {0};
    int first, voices = BELOW;
    const cli_flag flags[] = {CLI_VARIATIONS_FLAGS(v),
                              {"voices", CLI_CHOICE, &voices, "WHERE",
                               "where new notes may be, relative to the melody; MELODY is a file of one "
                               "voice: all its notes are kept and count as melody",
                               0, 0, places},
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
    if (status < 0) {
        if (voices == BELOW)
            keep_above(&given);
        else
            keep_notes(&given);
        cli_given_request(&given, &request);
        snprintf(text, sizeof text, "--voices %s", places[voices]);
        status = cli_write_variations(&w, &request, &given, 0, text);
    }
    cli_given_clear(&given);
    return cli_writing_end(&w, status);
}
