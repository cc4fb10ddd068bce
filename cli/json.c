/* SPDX-License-Identifier: MIT
 *
 * JSON results.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_memory.h"
#include "messages.h"

json_t *cli_number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *cli_text(const char *text) {
    json_t *json = json_string(text);
    if (json) return json;
    char *plain = cli_json_allocate(4 * strlen(text) + 1), *to = plain;
    for (; *text; text++)
        if ((unsigned char)*text < 0x80)
            *to++ = *text;
        else
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*text);
    *to = 0;
    json = json_string(plain);
    free(plain);
    return json;
}

static json_t *precision_recall_f1(double precision, double recall, double f1) {
    return json_pack("{s:o, s:o, s:o}", "precision", cli_number(precision), "recall", cli_number(recall),
                     "f1", cli_number(f1));
}

json_t *cli_metrics_json(const spiral_metrics *m) {
    json_t *chroma = precision_recall_f1(m->chroma_precision, m->chroma_recall, m->chroma_f1);
    json_object_set_new(chroma, "substitution", cli_number(m->chroma_substitution));
    json_t *json = json_pack("{s:o, s:o}", "frame", precision_recall_f1(m->precision, m->recall, m->f1),
                             "note", precision_recall_f1(m->note_precision, m->note_recall, m->note_f1));
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"exact_windows", m->exact_windows},
        {"spiral_error", m->spiral_error},
        {"helix_distance", m->helix_distance},
        {"substitution", m->substitution},
        {"miss", m->miss},
        {"false_alarm", m->false_alarm},
        {"total_error", m->total_error},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(json, numbers[i].key, cli_number(numbers[i].value));
    json_object_set_new(json, "chroma", chroma);
    json_object_set_new(json, "octave_share", cli_number(m->octave_share));
    return json;
}

json_t *cli_statistics_json(const spiral_statistics *s) {
    json_t *json = json_object();
#define SPIRAL_X(name, over) json_object_set_new(json, #name, cli_number(s->name));
    SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
    return json;
}

int cli_finish(const cli_common *common, json_t *result) {
    char *text = common->json ? json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(result);
    if (text) {
        fputs(text, stdout);
        putchar('\n');
    }
    free(text);
    return cli_flush();
}
