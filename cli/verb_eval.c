/* SPDX-License-Identifier: MIT
 *
 * spiral eval: how well a model gives back pieces it has not seen.
 */
#include "cli.h"

/* What is told of a model. */
typedef struct scores {
    spiral_evaluation e;
    spiral_metrics model, pca;
    spiral_roll_report lost;
} scores;

static json_t *result_json(const scores *s) {
    const spiral_evaluation *e = &s->e;
    const spiral_roll_report *r = &s->lost;
    json_t *json = cli_measures_json(&s->model), *pca = cli_measures_json(&s->pca);
    double kept = r->notes_kept ? (double)r->notes_kept : 1;
    json_object_set_new(json, "windows", json_integer((json_int_t)e->windows));
    json_object_set_new(json, "bce_nats", cli_number(e->bce_nats));
    json_object_set_new(json, "kl_nats", cli_number(e->kl_nats));
    json_object_set_new(json, "silent", json_boolean(e->predicted_density == 0));
    json_object_set_new(json, "onsets_lost", json_real((double)(r->onsets_merged + r->notes_doubled) / kept));
    json_object_set_new(json, "notes_in_range", json_integer((json_int_t)r->notes_kept));
    json_object_set_new(json, "notes", json_integer((json_int_t)r->notes));
    json_object_set_new(pca, "f1", cli_number(s->pca.f1));
    json_object_set_new(json, "pca", pca);
    return json;
}

static void print_row(const char *what, double model, double pca, double scale) {
    printf("  %-34s %8.4f   %8.4f\n", what, scale * model, scale * pca);
}

static void print_table(const scores *s, int code) {
    const spiral_evaluation *e = &s->e;
    const spiral_roll_report *lost = &s->lost;
    const spiral_metrics *m = &s->model, *p = &s->pca;
    char linear[24];
    snprintf(linear, sizeof linear, "PCA %d", code);
    printf("%s windows; beside the model, as many principal components\n  %-34s %8s   %8s\n",
           cli_thousands(e->windows), "", "model", linear);
    print_row("frame F1", m->f1, p->f1, 1);
    print_row("frame precision", m->precision, p->precision, 1);
    print_row("frame recall", m->recall, p->recall, 1);
    print_row("note F1 (onset)", m->note_f1, p->note_f1, 1);
    print_row("windows without a fault, %", m->exact_windows, p->exact_windows, 100);
    print_row("spiral error, missed notes a note", m->spiral_error, p->spiral_error, 1);
    print_row("substitutions per note", m->substitution, p->substitution, 1);
    print_row("missed notes per note", m->miss, p->miss, 1);
    print_row("false notes per note", m->false_alarm, p->false_alarm, 1);
    print_row("substitutions that are octaves, %", m->octave_share, p->octave_share, 100);
    printf("  %-34s %8.3f\n", "cross-entropy, nats a window", e->bce_nats);
    if (e->kl_nats > 0) printf("  %-34s %8.3f\n", "code, nats a window", e->kl_nats);
    double kept = lost->notes_kept ? (double)lost->notes_kept : 1;
    printf("The roll itself loses %.1f %% of the onsets in range, whatever the model.\n",
           100 * (double)(lost->onsets_merged + lost->notes_doubled) / kept);
}

static void say_silence(const cli_common *common, const char *path, const spiral_evaluation *e) {
    if (e->predicted_density == 0)
        cli_note(common, "%s: the output is silent: not one key sounds, where the music has %.2f at a time",
                 path, e->target_density);
    else if (e->predicted_density < 0.1 * e->target_density)
        cli_note(common,
                 "%s: the output is nearly silent: %.3f keys sound at a time, where the music has %.2f", path,
                 e->predicted_density, e->target_density);
}

int verb_eval(int argc, char **argv) {
    cli_common common = {0};
    double tolerance = 0.05;
    int first;
    const cli_flag flags[] = {
        {"tolerance", CLI_TIME, &tolerance, "D", "a note counts if its onset is this close", 0, 10, NULL},
        CLI_STRICT_FLAG(common),
        {NULL, CLI_SWITCH, NULL, NULL, NULL, 0, 0, NULL}};
    int status = cli_parse(argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(argc, first, 2, 1 << 20);
    spiral_model *model = NULL;
    spiral_corpus *corpus = NULL;
    scores s = {.e = {.struct_size = sizeof s.e},
                .model = {.struct_size = sizeof s.model},
                .pca = {.struct_size = sizeof s.pca},
                .lost = {.struct_size = sizeof s.lost}};
    spiral_error err = {.text = ""};
    if (status < 0) status = cli_model(argv[first], &model);
    if (status >= 0) return status;
    const spiral_model_config *config = spiral_model_get_config(model);
    spiral_roll_options roll;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_model_config_get_roll(config, &roll);
    status = cli_corpus(argv + first + 1, argc - first - 1, &roll, config->frames, &common, &corpus);
    if (status < 0 && spiral_model_evaluate(model, corpus, tolerance, (int)common.threads, &s.e, &s.model,
                                            &s.pca, &err) != SPIRAL_OK)
        status = cli_error_in(argv[first + 1], &err);
    if (status < 0) {
        cli_note_mended(&common, corpus, NULL);
        spiral_corpus_get_report(corpus, &s.lost);
        say_silence(&common, argv[first], &s.e);
        if (!common.json) print_table(&s, config->latent);
        status = cli_finish(&common, result_json(&s));
    }
    spiral_corpus_destroy(corpus);
    spiral_model_destroy(model);
    return status;
}
