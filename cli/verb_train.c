/* SPDX-License-Identifier: MIT
 *
 * spiral train: a folder of MIDI -> a model file.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char *const kinds[] = {"ae", "vae", NULL};
static const char *const helices[] = {"chromatic", "fifths", "tonnetz", "mixed", NULL};
static const char *const losses[] = {"bce",
                                     "spiral",
                                     "energy",
                                     "gauss",
                                     "weighted_bce",
                                     "seed_mask",
                                     "seed_mask_circular",
                                     "seed_hard",
                                     "seed_hard_circular",
                                     NULL};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

typedef struct watching {
    const cli_common *common;
    FILE *log;
    int terminal;
    double drawn; /* seconds at which the line was last drawn */
} watching;

static void write_log(FILE *log, const spiral_train_progress *p) {
    json_t *line = json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "step", (json_int_t)p->step, "steps",
                             (json_int_t)p->steps, "seconds", p->seconds, "windows_per_second",
                             p->windows_per_s, "train_loss", p->train_loss, "rate", p->rate);
    if (p->train_kl > 0) json_object_set_new(line, "kl_nats", json_real(p->train_kl));
    if (p->event == SPIRAL_TRAIN_VALID) {
        json_object_set_new(line, "valid_loss", json_real(p->valid_loss));
        json_object_set_new(line, "valid_f1", json_real(p->valid_f1));
        json_object_set_new(line, "valid_exact", json_real(p->valid_exact));
        json_object_set_new(line, "best_step", json_integer((json_int_t)p->best_step));
    }
    json_dumpf(line, log, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fputc('\n', log);
    fflush(log);
    json_decref(line);
}

static void print_line(const watching *w, const spiral_train_progress *p) {
    static const char bar[] = "====================";
    int done = (int)(20.0 * (double)p->step / (double)p->steps);
    int color = w->terminal && !getenv("NO_COLOR");
    if (w->terminal)
        fprintf(stderr, "\r\033[K%s[%-20.*s]%s ", color ? "\033[36m" : "", done, bar, color ? "\033[0m" : "");
    fprintf(stderr, "%3.0f %%  step %s  %s windows/s  %s left  loss %.3f",
            100 * (double)p->step / (double)p->steps, cli_thousands((uint64_t)p->step),
            cli_thousands((uint64_t)p->windows_per_s), cli_duration(p->eta_s), p->train_loss);
    if (p->valid_loss > 0)
        fprintf(stderr, "  valid loss %.3f F1 %.4f exact %.1f %%", p->valid_loss, p->valid_f1,
                100 * p->valid_exact);
    if (!w->terminal || p->step == p->steps) fputc('\n', stderr);
}

static int watch(void *context, const spiral_train_progress *p) {
    watching *w = context;
    if (w->log) write_log(w->log, p);
    int due =
        w->terminal ? p->seconds - w->drawn > 0.1 || p->step == p->steps : p->event == SPIRAL_TRAIN_VALID;
    if (due && !w->common->quiet) {
        print_line(w, p);
        w->drawn = p->seconds;
    }
    return interrupted;
}

typedef struct settings {
    const char *output, *valid, *log;
    int kind, loss, helix, resume;
    int64_t code, hidden, layers, steps, batch, transpose, seed;
    double lambda, bce, beta, free_bits, epochs, time, rate, decay;
    cli_rolling rolling;
} settings;

/* The loss the flags ask for: a kind on the helix rides on cross-entropy, the others stand alone. */
static int loss_options(const settings *s, spiral_loss_options *loss) {
    spiral_error err = {.text = ""};
    *loss = spiral_loss_options_default();
    if (spiral_loss_kind_from_name(losses[s->loss], &loss->kind, &err) != SPIRAL_OK ||
        spiral_helix_from_name(helices[s->helix], &loss->helix, &err) != SPIRAL_OK)
        return cli_error(&err);
    int rides = loss->kind == SPIRAL_LOSS_SPIRAL || loss->kind == SPIRAL_LOSS_ENERGY ||
                loss->kind == SPIRAL_LOSS_GAUSS;
    loss->weight = s->lambda >= 0 ? s->lambda : 1;
    loss->bce = s->bce >= 0 ? s->bce : rides || loss->kind == SPIRAL_LOSS_NONE;
    return -1;
}

static void train_options(const settings *s, const cli_common *common, spiral_train_options *o) {
    o->model.kind = s->kind ? SPIRAL_MODEL_VAE : SPIRAL_MODEL_AE;
    o->model.code = (int)s->code;
    o->model.hidden = (int)s->hidden;
    o->model.layers = (int)s->layers;
    o->beta = s->beta;
    o->free_bits = s->free_bits;
    o->batch = (int)s->batch;
    o->rate = s->rate;
    o->decay = s->decay;
    o->steps = s->steps > 0 ? s->steps : 0;
    o->epochs = s->epochs > 0 ? s->epochs : 0;
    o->seconds = s->time;
    o->transpose = (int)s->transpose;
    o->seed = (uint64_t)s->seed;
    o->threads = (int)common->threads;
}

static int corpora(const settings *s, const cli_common *common, char **paths, int count,
                   const spiral_train_options *o, spiral_corpus **train, spiral_corpus **valid) {
    spiral_error err = {.text = ""};
    int status = cli_corpus(paths, count, &o->model.roll, o->model.columns, common, train);
    if (status >= 0) return status;
    char *held_out = (char *)(uintptr_t)s->valid;
    if (s->valid) return cli_corpus(&held_out, 1, &o->model.roll, o->model.columns, common, valid);
    return spiral_corpus_split(*train, 10, valid, &err) == SPIRAL_OK ? -1 : cli_error(&err);
}

static size_t fit_files(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(c); i++) n += spiral_corpus_get_roll(c, i) != NULL;
    return n;
}

static json_t *result_json(const settings *s, const spiral_train_progress *p) {
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:{s:f, s:f, s:f}, s:I, s:f}", "model", s->output, "steps",
                     (json_int_t)p->steps, "windows_seen", (json_int_t)p->windows_seen, "windows_per_second",
                     p->windows_per_s, "train_loss", p->train_loss, "valid", "loss", p->valid_loss, "f1",
                     p->valid_f1, "exact_windows", p->valid_exact, "best_step", (json_int_t)p->best_step,
                     "seconds", p->seconds);
}

static int run(const settings *s, const cli_common *common, const spiral_train_options *o,
               const spiral_corpus *train, const spiral_corpus *valid) {
    watching w = {common, NULL, isatty(STDERR_FILENO), -1};
    spiral_train_progress result;
    spiral_error err = {.text = ""};
    if (s->log && !(w.log = fopen(s->log, s->resume ? "a" : "w")))
        return cli_fail("%s: cannot write the log", s->log);
    cli_note(common, "%zu files to train on, %zu to validate; keys %d to %d, %d columns, %d plane%s",
             fit_files(train), fit_files(valid), o->model.roll.low, o->model.roll.high, o->model.columns,
             o->model.roll.onsets ? 2 : 1, o->model.roll.onsets ? "s" : "");
    struct sigaction action = {.sa_handler = on_interrupt}, before, before_term;
    sigaction(SIGINT, &action, &before);
    sigaction(SIGTERM, &action, &before_term);
    spiral_status status =
        spiral_train(o, train, valid, s->output, s->resume, watch, &w, &result, NULL, &err);
    sigaction(SIGINT, &before, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    if (w.terminal && !common->quiet && status != SPIRAL_OK) fputc('\n', stderr);
    if (w.log && fclose(w.log)) cli_fail("%s: cannot write the log", s->log);
    if (status == SPIRAL_INTERRUPTED)
        return cli_fail("%s; %s holds what is needed to go on with --resume", err.text, s->output);
    if (status != SPIRAL_OK) return cli_error(&err);
    if (!common->json)
        printf("%s: %s steps, %s windows in %s; on the files held out frame F1 %.4f, %.1f %% of windows "
               "exact (step %s)\n",
               s->output, cli_thousands((uint64_t)result.steps), cli_thousands(result.windows_seen),
               cli_duration(result.seconds), result.valid_f1, 100 * result.valid_exact,
               cli_thousands((uint64_t)result.best_step));
    return cli_finish(common, result_json(s, &result));
}

int verb_train(int argc, char **argv) {
    spiral_train_options o = spiral_train_options_default();
    settings s = {.output = "model.safetensors",
                  .loss = 1,
                  .code = 16,
                  .hidden = o.model.hidden,
                  .layers = o.model.layers,
                  .steps = -1,
                  .batch = o.batch,
                  .transpose = o.transpose,
                  .seed = 1,
                  .lambda = -1,
                  .bce = -1,
                  .beta = o.beta,
                  .free_bits = o.free_bits,
                  .epochs = -1,
                  .time = o.seconds,
                  .rate = o.rate,
                  .decay = o.decay,
                  .rolling = CLI_ROLLING_DEFAULT};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        {"o", CLI_TEXT, &s.output, "MODEL", "the model file", 0, 0, NULL},
        {"valid", CLI_TEXT, &s.valid, "PATH", "files to validate on; else every tenth file is held out", 0, 0,
         NULL},
        CLI_ROLLING_FLAGS(s.rolling),
        {"kind", CLI_CHOICE, &s.kind, "KIND", "autoencoder, plain or variational", 0, 0, kinds},
        {"code", CLI_INT, &s.code, "N", "numbers a window is squeezed into", 1, 1024, NULL},
        {"hidden", CLI_INT, &s.hidden, "N", "units of a hidden layer", 1, 4096, NULL},
        {"layers", CLI_INT, &s.layers, "N", "hidden layers on each side", 1, 8, NULL},
        {"beta", CLI_REAL, &s.beta, "X", "vae: weight of the KL term", 0, 1e6, NULL},
        {"free-bits", CLI_REAL, &s.free_bits, "X", "vae: nats per number of the code that cost nothing", 0,
         100, NULL},
        {"loss", CLI_CHOICE, &s.loss, "NAME", "what nearly the right note means", 0, 0, losses},
        {"lambda", CLI_REAL, &s.lambda, "X", "weight of the loss on the helix (default 1)", 0, 1e6, NULL},
        {"bce", CLI_REAL, &s.bce, "X", "weight of the cross-entropy (default 1 beside spiral, energy, gauss)",
         0, 1e6, NULL},
        {"helix", CLI_CHOICE, &s.helix, "NAME", "what is near", 0, 0, helices},
        {"time", CLI_TIME, &s.time, "D", "train about so long", 1, 1e8, NULL},
        {"steps", CLI_INT, &s.steps, "N", "train just so many steps: the same bytes on every run", 1, 1e12,
         NULL},
        {"epochs", CLI_REAL, &s.epochs, "N", "go so many times through the music", 1e-6, 1e9, NULL},
        {"batch", CLI_INT, &s.batch, "N", "windows a step", 1, 65536, NULL},
        {"lr", CLI_REAL, &s.rate, "X", "peak learning rate", 1e-9, 10, NULL},
        {"decay", CLI_REAL, &s.decay, "X", "weight decay", 0, 10, NULL},
        {"transpose", CLI_INT, &s.transpose, "N", "move windows by up to N semitones at random", 0, 24, NULL},
        {"seed", CLI_INT, &s.seed, "N", "seed of all that is random", 0, 9e15, NULL},
        {"resume", CLI_SWITCH, &s.resume, NULL, "go on with a training that was stopped", 0, 0, NULL},
        {"log", CLI_TEXT, &s.log, "FILE", "a line of JSON for each report", 0, 0, NULL},
        {NULL, CLI_SWITCH, NULL, NULL, NULL, 0, 0, NULL}};
    int status = cli_parse(argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(argc, first, 1, 1 << 20);
    if (status < 0) status = loss_options(&s, &o.loss);
    if (status < 0)
        status = cli_roll_options(&s.rolling, &common, argv + first, argc - first, &o.model.roll,
                                  &o.model.columns);
    if (status >= 0) return status;
    train_options(&s, &common, &o);
    spiral_corpus *train = NULL, *valid = NULL;
    status = corpora(&s, &common, argv + first, argc - first, &o, &train, &valid);
    if (status < 0) status = run(&s, &common, &o, train, valid);
    spiral_corpus_destroy(train);
    spiral_corpus_destroy(valid);
    return status;
}
