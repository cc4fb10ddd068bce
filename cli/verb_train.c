/* SPDX-License-Identifier: MIT
 *
 * spiral train: a folder of MIDI -> a model file.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"

static const char *const kinds[] = {"ae", "vae", NULL};
static const char *const helices[] = {"chromatic", "fifths", "tonnetz", "mixed", NULL};
static const char *const losses[] = {
    "bce", "spiral", "energy", "gauss", "weighted_bce", "distance_mask", "distance_mask_circular", NULL};

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
    spiral_loss_options_default(loss, sizeof *loss);
    if (spiral_loss_kind_from_name(losses[s->loss], &loss->kind, &err) != SPIRAL_OK ||
        spiral_helix_from_name(helices[s->helix], &loss->helix, &err) != SPIRAL_OK)
        return cli_error(&err);
    int rides = loss->kind == SPIRAL_LOSS_SPIRAL || loss->kind == SPIRAL_LOSS_ENERGY ||
                loss->kind == SPIRAL_LOSS_GAUSS;
    loss->lambda = s->lambda >= 0 ? s->lambda : 1;
    loss->bce = s->bce >= 0 ? s->bce : rides || loss->kind == SPIRAL_LOSS_BCE;
    if (loss->bce == 0 && (loss->lambda == 0 || loss->kind == SPIRAL_LOSS_BCE))
        return cli_usage("--bce and --lambda leave nothing to learn: one of the two must be above 0");
    return -1;
}

static int check_length(const settings *s) {
    int given = (s->steps > 0) + (s->epochs > 0) + (s->time > 0);
    return given > 1 ? cli_usage("--time, --steps and --epochs each say how long to train: give one") : -1;
}

/* All that is asked for: how the music is rolled and the model is shaped, and how it is trained. */
typedef struct job {
    spiral_model_config config;
    spiral_loss_options loss;
    spiral_train_options options;
    spiral_train_plan plan;
} job;

static void set_job(const settings *s, const cli_common *common, job *j) {
    spiral_train_options *o = &j->options;
    j->config.kind = s->kind ? SPIRAL_MODEL_VAE : SPIRAL_MODEL_AE;
    j->config.latent = (int)s->code;
    j->config.hidden = (int)s->hidden;
    j->config.layers = (int)s->layers;
    j->plan.steps = s->steps > 0 ? s->steps : 0;
    j->plan.epochs = s->epochs > 0 ? s->epochs : 0;
    if (s->time > 0) j->plan.seconds = s->time;
    j->plan.path = s->output;
    j->plan.resume = s->resume;
    o->loss = &j->loss;
    o->beta = s->beta;
    o->free_bits = s->free_bits;
    o->batch = (int)s->batch;
    o->learning_rate = s->rate;
    o->weight_decay = s->decay;
    o->transpose = (int)s->transpose;
    o->seed = (uint64_t)s->seed;
    o->threads = (int)common->threads;
}

/* Files to validate on come first: what they hold is not trained on. */
static int corpora(const settings *s, const cli_common *common, const spiral_files *files,
                   const spiral_model_config *config, spiral_corpus **train, spiral_corpus **valid) {
    spiral_error err = {.text = ""};
    spiral_files *held_out = NULL;
    spiral_roll_options roll;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_model_config_get_roll(config, &roll);
    char *path = (char *)(uintptr_t)s->valid;
    int columns = config->frames, status = s->valid ? cli_files(&path, 1, common, &held_out) : -1;
    if (status < 0 && s->valid)
        status = cli_sifted_corpus(&s->rolling, held_out, &roll, columns, NULL, common, valid);
    spiral_files_destroy(held_out);
    if (status < 0) status = cli_sifted_corpus(&s->rolling, files, &roll, columns, *valid, common, train);
    if (status >= 0 || s->valid) return status;
    return spiral_corpus_split(*train, 10, valid, &err) == SPIRAL_OK ? -1 : cli_error(&err);
}

static size_t fit_files(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(c); i++) n += spiral_corpus_get_roll(c, i) != NULL;
    return n;
}

/* Musical windows, one after another, that are not silent. */
static size_t full_windows(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(c); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
        if (!f->left_out) n += f->windows - f->windows_silent;
    }
    return n;
}

/* What is trained on is told before, and too little of it is refused. */
static int check_music(const cli_common *common, const spiral_model_config *m, const spiral_corpus *train,
                       const spiral_corpus *valid) {
    enum { LEAST_WINDOWS = 8, FEW_WINDOWS = 100 };
    size_t windows = full_windows(train), held_out = full_windows(valid);
    if (windows < LEAST_WINDOWS || !held_out)
        return cli_fail(
            "too little music: %zu windows of %d columns to train on and %zu to validate, at least "
            "%d and 1 are needed",
            windows, m->frames, held_out, LEAST_WINDOWS);
    cli_note(
        common, "%s windows of %zu file%s to train on, %s of %zu to validate; keys %d to %d, %d columns, %s",
        cli_thousands(windows), fit_files(train), fit_files(train) == 1 ? "" : "s", cli_thousands(held_out),
        fit_files(valid), m->low, m->high, m->frames, m->planes == 2 ? "frames and onsets" : "frames only");
    cli_note_mended(common, train, valid);
    if (windows < FEW_WINDOWS)
        cli_note(common, "so little music will be learned by heart rather than understood");
    return -1;
}

/* The output is looked at before the work, not after: it can be made, and no other file is lost by it. */
static int check_output(const settings *s, const cli_common *common) {
    struct stat info;
    spiral_model *old = NULL;
    spiral_error err = {.text = ""};
    if (!strcmp(s->output, "-"))
        return cli_usage("-o -: a model is written again and again while it trains: it must be a file");
    int status = cli_can_write(s->output);
    if (status >= 0) return status;
    if (stat(s->output, &info))
        return s->resume ? cli_fail("%s: no training to go on with: %s", s->output, strerror(errno)) : -1;
    if (!S_ISREG(info.st_mode) || !info.st_size) return -1;
    if (spiral_model_load(s->output, &old, &err) != SPIRAL_OK)
        return s->resume ? cli_error(&err)
                         : cli_fail("%s; it is not overwritten: remove it, or name another -o", err.text);
    json_t *note = json_loads(spiral_model_get_metadata(old, "training"), 0, NULL);
    int finished = !json_is_false(json_object_get(note, "finished"));
    json_decref(note);
    spiral_model_destroy(old);
    if (s->resume && finished)
        return cli_fail(
            "%s: its training is finished: nothing to go on with; leave --resume out to start anew",
            s->output);
    if (!s->resume && !finished)
        cli_note(common, "%s: the unfinished training in it is given up; --resume would go on with it",
                 s->output);
    return -1;
}

static json_t *result_json(const settings *s, const spiral_train_progress *p) {
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:{s:o, s:o, s:o}, s:I, s:o}", "model", cli_text(s->output),
                     "steps", (json_int_t)p->steps, "windows_seen", (json_int_t)p->windows_seen,
                     "windows_per_second", cli_number(p->windows_per_s), "train_loss",
                     cli_number(p->train_loss), "valid", "loss", cli_number(p->valid_loss), "f1",
                     cli_number(p->valid_f1), "exact_windows", cli_number(p->valid_exact), "best_step",
                     (json_int_t)p->best_step, "seconds", cli_number(p->seconds));
}

static int report(const settings *s, const cli_common *common, const spiral_train_progress *p) {
    if (cli_talks(common))
        printf("%s: %s steps, %s windows in %s; on the files held out frame F1 %.4f, %.1f %% of windows "
               "exact (step %s)\n",
               s->output, cli_thousands((uint64_t)p->steps), cli_thousands(p->windows_seen),
               cli_duration(p->seconds), p->valid_f1, 100 * p->valid_exact,
               cli_thousands((uint64_t)p->best_step));
    return cli_finish(common, result_json(s, p));
}

static int run(const settings *s, const cli_common *common, job *j, const spiral_corpus *train,
               const spiral_corpus *valid) {
    progress watching;
    spiral_train_progress result = {.struct_size = sizeof result};
    spiral_model *model = NULL;
    spiral_error err = {.text = ""};
    FILE *log = s->log ? fopen(s->log, s->resume ? "a" : "w") : NULL;
    if (s->log && !log) return cli_fail("%s: cannot write the log: %s", s->log, strerror(errno));
    progress_init(&watching, common, log);
    progress_catch(&watching);
    j->plan.callback = progress_watch;
    j->plan.context = &watching;
    spiral_status status = spiral_model_create(&j->config, j->options.seed, &model, &err);
    if (status == SPIRAL_OK) status = spiral_train(&j->options, &j->plan, model, train, valid, &result, &err);
    spiral_model_destroy(model);
    progress_release(&watching);
    int log_failed = log && (ferror(log) | fclose(log));
    if (status == SPIRAL_INTERRUPTED)
        return cli_fail("%s: %s; the same command with --resume goes on from there", s->output, err.text);
    if (status != SPIRAL_OK) return cli_error(&err);
    if (log_failed) return cli_fail("%s: cannot write the log; the model is whole", s->log);
    return report(s, common, &result);
}

static int train_on(const settings *s, const cli_common *common, char **paths, int n_paths, job *j) {
    spiral_files *files = NULL;
    spiral_corpus *train = NULL, *valid = NULL;
    spiral_roll_options roll;
    spiral_roll_options_default(&roll, sizeof roll);
    int status = cli_files(paths, n_paths, common, &files);
    if (status < 0) status = cli_roll_options(&s->rolling, common, files, &roll, &j->config.frames);
    spiral_model_config_set_roll(&j->config, &roll);
    set_job(s, common, j);
    if (status < 0) status = corpora(s, common, files, &j->config, &train, &valid);
    spiral_files_destroy(files);
    if (status < 0) status = check_music(common, &j->config, train, valid);
    if (status < 0) status = run(s, common, j, train, valid);
    spiral_corpus_destroy(train);
    spiral_corpus_destroy(valid);
    return status;
}

int verb_train(int argc, char **argv) {
    job j;
    spiral_model_config_default(&j.config, sizeof j.config);
    spiral_train_options_default(&j.options, sizeof j.options);
    spiral_train_plan_default(&j.plan, sizeof j.plan);
    settings s = {.output = "model.safetensors",
                  .loss = 1,
                  .code = 16,
                  .hidden = j.config.hidden,
                  .layers = j.config.layers,
                  .steps = -1,
                  .batch = j.options.batch,
                  .transpose = j.options.transpose,
                  .seed = 1,
                  .lambda = -1,
                  .bce = -1,
                  .beta = j.options.beta,
                  .free_bits = j.options.free_bits,
                  .epochs = -1,
                  .time = -1,
                  .rate = j.options.learning_rate,
                  .decay = j.options.weight_decay,
                  .rolling = CLI_ROLLING_DEFAULT};
    cli_common common = {0};
    char time_help[80];
    snprintf(time_help, sizeof time_help, "train about so long (default %s)", cli_duration(j.plan.seconds));
    int first;
    const cli_flag flags[] = {
        {"o", CLI_TEXT, &s.output, "MODEL", "the model file; a file that is no model is not overwritten", 0,
         0, NULL},
        {"valid", CLI_TEXT, &s.valid, "PATH", "files to validate on; else every tenth file is held out", 0, 0,
         NULL},
        CLI_ROLLING_FLAGS(s.rolling),
        CLI_SIFTING_FLAGS(s.rolling, common),
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
        {"time", CLI_TIME, &s.time, "D", time_help, 1, 8.64e6, NULL},
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
    if (status < 0) status = check_length(&s);
    if (status < 0) status = loss_options(&s, &j.loss);
    if (status < 0) status = check_output(&s, &common);
    if (status < 0) status = cli_check_rolling(&s.rolling);
    return status < 0 ? train_on(&s, &common, argv + first, argc - first, &j) : status;
}
