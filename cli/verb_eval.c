/* SPDX-License-Identifier: MIT
 *
 * spiral eval: how well a model reconstructs files it was not trained on.
 */
#include <stdio.h>

#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "spiral/eval.h"

typedef struct scores {
    spiral_evaluation e;
    spiral_metrics model, pca;
    spiral_roll_report rolls; /* what the rolls of the files keep and lose */
} scores;

static json_t *task_json(const spiral_task_nats *n) {
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "frames", (json_int_t)n->frames, "nats_per_frame",
                     cli_number(n->nats_per_frame), "past_only_nats_per_frame", cli_number(n->past_only),
                     "markov_nats_per_frame", cli_number(n->markov), "repeat_bar_nats_per_frame",
                     cli_number(n->repeat_bar));
}

static json_t *likelihood_json(const spiral_evaluation *e) {
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "nats_per_frame", cli_number(e->nats_per_frame),
        "nats_per_note", cli_number(e->nats_per_note), "nats_per_changing_frame",
        cli_number(e->nats_per_changing_frame), "markov_nats_per_frame", cli_number(e->markov_nats_per_frame),
        "repeat_bar_nats_per_frame", cli_number(e->repeat_bar_nats_per_frame), "continue",
        task_json(&e->continued), "fill", task_json(&e->filled), "harmonize", task_json(&e->harmonized));
}

static json_t *result_json(const scores *s) {
    const spiral_evaluation *e = &s->e;
    const spiral_roll_report *r = &s->rolls;
    json_t *json = cli_metrics_json(&s->model), *pca = cli_metrics_json(&s->pca);
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
    if (e->frames) json_object_set_new(json, "likelihood", likelihood_json(e));
    return json;
}

static void print_row(const char *what, double model, double pca, double scale) {
    printf("  %-34s %8.4f   %8.4f\n", what, scale * model, scale * pca);
}

static void print_table(const scores *s, int latent) {
    const spiral_evaluation *e = &s->e;
    const spiral_roll_report *r = &s->rolls;
    const spiral_metrics *m = &s->model, *p = &s->pca;
    char linear[24];
    snprintf(linear, sizeof linear, "PCA %d", latent);
    printf("%s windows; for comparison, PCA with as many numbers per window as the model's latent\n"
           "  %-34s %8s   %8s\n",
           cli_thousands(e->windows), "", "model", linear);
    print_row("frame F1", m->f1, p->f1, 1);
    print_row("frame precision", m->precision, p->precision, 1);
    print_row("frame recall", m->recall, p->recall, 1);
    print_row("note F1 (onset)", m->note_f1, p->note_f1, 1);
    print_row("windows without an error, %", m->exact_windows, p->exact_windows, 100);
    print_row("spiral error, per note", m->spiral_error, p->spiral_error, 1);
    print_row("substitutions per note", m->substitution, p->substitution, 1);
    print_row("missed notes per note", m->miss, p->miss, 1);
    print_row("false positives per note", m->false_alarm, p->false_alarm, 1);
    print_row("substitutions that are octaves, %", m->octave_share, p->octave_share, 100);
    printf("  %-34s %8.3f\n", "cross-entropy, nats per window", e->bce_nats);
    if (e->kl_nats > 0) printf("  %-34s %8.3f\n", "KL of the latent, nats per window", e->kl_nats);
    double kept = r->notes_kept ? (double)r->notes_kept : 1;
    printf("The roll itself loses %.1f %% of the onsets in the key range; no model can restore them.\n",
           100 * (double)(r->onsets_merged + r->notes_doubled) / kept);
}

static void print_nats(const char *what, const spiral_task_nats *n) {
    if (!n->frames) return;
    printf("  %-34s %8.4f   %8.4f   %8.4f   %8.4f\n", what, n->nats_per_frame, n->past_only, n->markov,
           n->repeat_bar);
}

static void print_likelihood(const spiral_evaluation *e) {
    const spiral_task_nats all = {e->frames, e->nats_per_frame, e->nats_per_frame, e->markov_nats_per_frame,
                                  e->repeat_bar_nats_per_frame};
    printf(
        "The decoder, nats per frame (%s frames); a lower number is better. For comparison: the same cells\n"
        "given only those before them, a Markov model of each key, and a model that repeats bars\n"
        "  %-34s %8s   %8s   %8s   %8s\n",
        cli_thousands(e->frames), "", "decoder", "past only", "Markov", "repeat");
    print_nats("whole files", &all);
    print_nats("continue: second half", &e->continued);
    print_nats("fill: bars 3 and 4", &e->filled);
    print_nats("harmonize: all below the top voice", &e->harmonized);
    printf("  %-34s %8.4f\n  %-34s %8.4f\n", "frames in which keys change", e->nats_per_changing_frame,
           "per note", e->nats_per_note);
}

static void note_silence(const cli_common *common, const char *path, const spiral_evaluation *e) {
    if (e->predicted_density == 0)
        cli_note(common,
                 "%s: the output is silent: no key sounds; the music has %.2f sounding keys per frame", path,
                 e->target_density);
    else if (e->predicted_density < 0.1 * e->target_density)
        cli_note(common, "%s: the output is nearly silent: %.3f sounding keys per frame; the music has %.2f",
                 path, e->predicted_density, e->target_density);
}

/* The likelihood takes long for many files. */
static void note_work(const cli_common *common, const spiral_corpus *corpus, int units) {
    const double unit_s = 2.6e-6, few_s = 10; /* of a frame and a unit of the decoder; measured on one core */
    double frames = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++)
        frames += (double)spiral_corpus_get_file(corpus, i)->frames;
    if (frames * units * unit_s >= few_s)
        cli_note(common, "measuring the likelihood of %s frames takes about %s on one core",
                 cli_thousands((uint64_t)frames), cli_duration(frames * units * unit_s));
}

int verb_eval(const cli_verb *verb, int argc, char **argv) {
    cli_common common = {0};
    double tolerance = 0.05;
    int first;
    const cli_flag flags[] = {
        CLI_TOLERANCE_FLAG(tolerance), CLI_STRICT_FLAG(common), CLI_VERBOSE_FLAG(common), {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 2, 1 << 20);
    spiral_model *model = NULL;
    spiral_corpus *corpus = NULL;
    scores s = {.e = {.struct_size = sizeof s.e},
                .model = {.struct_size = sizeof s.model},
                .pca = {.struct_size = sizeof s.pca},
                .rolls = {.struct_size = sizeof s.rolls}};
    spiral_error err = {.text = ""};
    if (status < 0) status = cli_load_model(argv[first], &model);
    if (status >= 0) return status;
    const spiral_model_config *config = spiral_model_get_config(model);
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(config, &options);
    status = cli_load_corpus(argv + first + 1, argc - first - 1, &options, config->frames, &common, &corpus);
    if (status < 0) note_work(&common, corpus, config->decoder);
    if (status < 0 && spiral_model_evaluate(model, corpus, tolerance, (int)common.threads, &s.e, &s.model,
                                            &s.pca, &err) != SPIRAL_OK)
        status = cli_error_in(argv[err.status == SPIRAL_NUMERIC ? first : first + 1], &err);
    if (status < 0) {
        cli_note_repaired(&common, corpus, NULL);
        spiral_corpus_get_report(corpus, &s.rolls);
        note_silence(&common, argv[first], &s.e);
        if (!common.json) print_table(&s, config->latent);
        if (!common.json && s.e.frames) print_likelihood(&s.e);
        status = cli_finish(&common, result_json(&s));
    }
    spiral_corpus_destroy(corpus);
    spiral_model_destroy(model);
    return status;
}
