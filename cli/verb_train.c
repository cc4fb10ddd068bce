/* SPDX-License-Identifier: MIT
 *
 * spiral train: trains an autoencoder on MIDI files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corpus_notes.h"
#include "corpus_pack.h"
#include "flags.h"
#include "helices.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "profile.h"
#include "progress.h"
#include "roll_options.h"
#include "signals.h"
#include "terminal.h"
#include "spiral/train.h"

static const char *const kinds[] = {"ae", "vae", NULL}; /* in the order of spiral_model_kind */
/* Those with a gradient. */
static const char *const losses[] = {
    "bce",     "spiral", "energy", "gauss", "weighted_bce", "distance_mask", "distance_mask_circular",
    "channel", NULL};

typedef struct settings {
    const char *output, *valid, *log;
    const char *steps; /* a number, or a model whose steps are repeated */
    int kind, loss, helix, resume, profile;
    int64_t latent, hidden, layers, decoder, decoder_steps, batch, transpose, seed;
    double lambda, bce, eta, beta, free_bits, epochs, time, rate, decay, decoder_share, save_every;
    cli_roll_flags roll_flags;
    double began_s;
    char state[CLI_PATH_SIZE]; /* the training until it is finished; the output stays as it is until then */
} settings;

/* Fills the loss from the flags. spiral, energy and gauss are added to cross-entropy unless --bce says
 * otherwise; the others are used alone. Returns -1 or the exit status. */
static int loss_options(const settings *s, spiral_loss_options *loss) {
    spiral_error err = {.text = ""};
    spiral_loss_options_default(loss, sizeof *loss);
    if (spiral_loss_kind_from_name(losses[s->loss], &loss->kind, &err) != SPIRAL_OK ||
        spiral_helix_from_name(cli_helices[s->helix], &loss->helix, &err) != SPIRAL_OK)
        return cli_error(&err);
    int added = loss->kind == SPIRAL_LOSS_SPIRAL || loss->kind == SPIRAL_LOSS_ENERGY ||
                loss->kind == SPIRAL_LOSS_GAUSS;
    if (s->eta >= 0 && loss->kind != SPIRAL_LOSS_CHANNEL)
        return cli_usage("--eta %g: only --loss channel has it", s->eta);
    if (s->eta >= 0) loss->eta = s->eta;
    loss->lambda = s->lambda >= 0 ? s->lambda : 1;
    loss->bce = s->bce >= 0 ? s->bce : added || loss->kind == SPIRAL_LOSS_BCE;
    if (loss->bce == 0 && (loss->lambda == 0 || loss->kind == SPIRAL_LOSS_BCE))
        return cli_usage(
            "--bce and --lambda: the loss is 0 everywhere; one of the two weights must be above 0");
    return -1;
}

/* Reads --steps into the plan. Returns -1 or the exit status. */
static int read_steps(const settings *s, spiral_train_plan *plan) {
    const int64_t most = INT64_C(1000000000000);
    char *end;
    if (!s->steps) return -1;
    errno = 0;
    const long long steps = strtoll(s->steps, &end, 10);
    const int is_number = end != s->steps && !*end;
    if (is_number ? errno || steps < 1 || steps > most : access(s->steps, F_OK) != 0)
        return cli_usage("--steps \"%s\": must be a whole number from 1 to %lld, or a model file", s->steps,
                         (long long)most);
    if (is_number)
        plan->steps = steps;
    else
        plan->steps_of = s->steps;
    return -1;
}

static int check_length(const settings *s) {
    int given = (s->steps != NULL) + (s->epochs > 0) + (s->time > 0);
    return given > 1
               ? cli_usage(
                     "--time, --steps, --epochs: each sets the length of the training; give one of them")
               : -1;
}

/* What the library needs to know: the model, and how it is trained. */
typedef struct job {
    spiral_model_config config;
    spiral_loss_options loss;
    spiral_train_options options;
    spiral_train_plan plan;
} job;

/* Fills all but the loss and the rolls of the config. options.loss points into the job. */
static void set_job(const settings *s, const cli_common *common, job *j) {
    spiral_train_options *o = &j->options;
    j->config.kind = s->kind ? SPIRAL_MODEL_VAE : SPIRAL_MODEL_AE;
    j->config.latent = (int)s->latent;
    j->config.hidden = (int)s->hidden;
    j->config.layers = (int)s->layers;
    j->config.decoder = (int)s->decoder;
    j->plan.epochs = s->epochs > 0 ? s->epochs : 0;
    if (s->time > 0) j->plan.seconds = s->time;
    j->plan.decoder_steps = s->decoder_steps > 0 ? s->decoder_steps : 0;
    j->plan.decoder_share = s->decoder_share;
    j->plan.path = s->output;
    j->plan.state_path = s->state;
    j->plan.save_every_s = s->save_every;
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

/* The corpus to validate on, of files or of a pack. */
static int make_valid(const settings *s, const cli_common *common, const spiral_roll_options *options,
                      int frames, spiral_corpus **valid) {
    spiral_files *files = NULL;
    char *path = (char *)(uintptr_t)s->valid;
    if (spiral_corpus_is_pack(path)) return cli_load_corpus(&path, 1, options, frames, common, valid);
    int status = cli_load_files(&path, 1, common, &files);
    if (status < 0) status = cli_make_corpus(&s->roll_flags, files, options, frames, NULL, common, valid);
    spiral_files_destroy(files);
    return status;
}

/* Leaves duplicates of the validation files out of a pack, whose other duplicates are left out already. */
static int filter_pack(const cli_common *common, const spiral_corpus *valid, spiral_corpus *train) {
    spiral_error err = {.text = ""};
    size_t count = 0;
    if (valid && spiral_corpus_drop_duplicates(train, valid, &count, &err) != SPIRAL_OK)
        return cli_error(&err);
    if (count) cli_note_left_out(train, common);
    return -1;
}

/* Makes the training and the validation corpus; *train is set already if it is a pack. The validation files
 * come first, so that duplicates of them are left out of the training files. Returns -1 or the exit status.
 */
static int make_corpora(const settings *s, const cli_common *common, const spiral_files *files,
                        const spiral_model_config *config, spiral_corpus **train, spiral_corpus **valid) {
    spiral_error err = {.text = ""};
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(config, &options);
    int status = cli_set_longest_silence(&s->roll_flags, &options);
    if (status < 0 && s->valid) status = make_valid(s, common, &options, config->frames, valid);
    if (status < 0)
        status =
            *train ? filter_pack(common, *valid, *train)
                   : cli_make_corpus(&s->roll_flags, files, &options, config->frames, *valid, common, train);
    if (status >= 0 || s->valid) return status;
    return spiral_corpus_split(*train, 10, valid, &err) == SPIRAL_OK ? -1 : cli_error(&err);
}

static size_t files_used(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(c); i++) n += spiral_corpus_get_roll(c, i) != NULL;
    return n;
}

/* Consecutive windows that have a note. */
static size_t windows_used(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(c); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
        if (!f->left_out) n += f->windows;
    }
    return n;
}

/* Prints what the model will be trained on; refuses too little. Returns -1 or the exit status. */
static int check_music(const cli_common *common, const spiral_model_config *m, const spiral_corpus *train,
                       const spiral_corpus *valid) {
    enum { MIN_WINDOWS = 8, FEW_WINDOWS = 100 };
    size_t windows = windows_used(train), valid_windows = windows_used(valid);
    if (windows < MIN_WINDOWS || !valid_windows)
        return cli_fail(
            "too little music: %zu windows of %d frames to train on and %zu to validate on, at least "
            "%d and 1 are needed",
            windows, m->frames, valid_windows, MIN_WINDOWS);
    cli_note(common,
             "%s windows of %zu file%s to train on, %s of %zu to validate on; keys %d to %d, %d frames, %s",
             cli_thousands(windows), files_used(train), files_used(train) == 1 ? "" : "s",
             cli_thousands(valid_windows), files_used(valid), m->low, m->high, m->frames,
             m->planes == 2 ? "sounding keys and onsets" : "sounding keys only");
    cli_note_repaired(common, train, valid);
    if (windows < FEW_WINDOWS)
        cli_note(common, "with fewer than %d windows the model will overfit", FEW_WINDOWS);
    return -1;
}

/* ---- output ---- */

typedef enum found { NOTHING, UNFINISHED, FINISHED } found;

/* What kind of model is at `path`, if it is a model; else a sentence. Returns -1 or the exit status. */
static int look_at(const char *path, found *what) {
    struct stat info;
    spiral_model *model = NULL;
    spiral_error err = {.text = ""};
    *what = NOTHING;
    if (stat(path, &info) || !S_ISREG(info.st_mode) || !info.st_size) return -1;
    spiral_status status = spiral_model_load(path, &model, &err);
    if (status == SPIRAL_NO_MEMORY) return cli_error(&err);
    if (status != SPIRAL_OK)
        return cli_fail("%s; it is not overwritten: remove it, or give another -o", err.text);
    json_t *record = json_loads(spiral_model_get_metadata(model, "training"), 0, NULL);
    *what = json_is_false(json_object_get(record, "finished")) ? UNFINISHED : FINISHED;
    json_decref(record);
    spiral_model_destroy(model);
    return -1;
}

/* Checks, before the work, that the files can be written, and that neither a file that is not a model nor a
 * training that could be resumed is overwritten. Returns -1 or the exit status. */
static int check_output(const settings *s, const cli_common *common) {
    found model, state;
    int status = cli_check_writable(s->output, CLI_OUTPUT_MODEL);
    if (status < 0) status = look_at(s->output, &model);
    if (status < 0) status = look_at(s->state, &state);
    if (status >= 0) return status;
    if (state == FINISHED)
        return cli_fail("%s: a finished model has this name, under which the unfinished training would be "
                        "saved; rename it, or give another -o",
                        s->state);
    if (s->resume && state != UNFINISHED && model != UNFINISHED)
        return model == FINISHED
                   ? cli_fail(
                         "%s: its training is finished, nothing to resume; without --resume a new training "
                         "begins",
                         s->output)
                   : cli_fail("%s: no training to resume: there is no such file, nor %s", s->output,
                              s->state);
    if (!s->resume && state != NOTHING)
        return cli_fail("%s: a training of this model that is not finished; continue it with --resume, or "
                        "remove the file to begin a new one",
                        s->state);
    if (!s->resume && model == UNFINISHED)
        cli_note(common, "%s: its unfinished training will be overwritten; --resume would continue it",
                 s->output);
    return -1;
}

/* Checks that the log is not one of the other files, or a file of another kind. Returns -1 or the exit
 * status. */
static int check_log(const settings *s) {
    if (!s->log) return -1;
    if (cli_same_file(s->log, s->output) || cli_same_file(s->log, s->state))
        return cli_fail("%s: cannot write the log: the model has this name", s->log);
    return cli_check_target(s->log, CLI_OUTPUT_LOG);
}

/* Two trainings to one file would overwrite each other's result. */
static int lock_output(const settings *s, cli_lock *lock) {
    char path[CLI_PATH_SIZE], what[CLI_PATH_SIZE + 80];
    if (!strcmp(s->output, "-"))
        return cli_usage("-o -: must be a file: it is written several times during training");
    int status = cli_check_writable(s->output, CLI_OUTPUT_MODEL);
    if (status < 0) status = cli_beside(path, s->output, ".lock");
    snprintf(what, sizeof what, "%s: another training is writing this model", s->output);
    return status < 0 ? cli_lock_take(lock, path, what) : status;
}

static json_t *result_json(const settings *s, const spiral_train_progress *p,
                           const spiral_train_profile *profile) {
    json_t *json = json_pack(
        "{s:o, s:I, s:I, s:o, s:o, s:{s:o, s:o, s:o}, s:I, s:o}", "model", cli_text(s->output), "steps",
        (json_int_t)p->steps, "windows_seen", (json_int_t)p->windows_seen, "windows_per_second",
        cli_number(p->windows_per_s), "train_loss", cli_number(p->train_loss), "valid", "loss",
        cli_number(p->valid_loss), "f1", cli_number(p->valid_f1), "exact_windows", cli_number(p->valid_exact),
        "best_step", (json_int_t)p->best_step, "seconds", cli_number(p->seconds));
    if (s->decoder) {
        json_object_set_new(json_object_get(json, "valid"), "nats_per_frame",
                            cli_number(p->valid_nats_per_frame));
        json_object_set_new(json, "decoder_steps", json_integer((json_int_t)p->decoder_steps));
        json_object_set_new(json, "decoder_best_step", json_integer((json_int_t)p->decoder_best_step));
        json_object_set_new(json, "frames_seen", json_integer((json_int_t)p->frames_seen));
        json_object_set_new(json, "frames_per_second", cli_number(p->frames_per_s));
    }
    if (profile) json_object_set_new(json, "profile", cli_profile_json(profile));
    return json;
}

static int report(const settings *s, const cli_common *common, const spiral_train_progress *p,
                  const spiral_train_profile *profile) {
    if (cli_prints_text(common)) {
        cli_print_name(stdout, s->output);
        printf(": %s steps, %s windows in %s; on the validation files frame F1 %.4f, %.1f %% of windows "
               "without an error (step %s)\n",
               cli_thousands((uint64_t)p->steps), cli_thousands(p->windows_seen), cli_duration(p->seconds),
               p->valid_f1, 100 * p->valid_exact, cli_thousands((uint64_t)p->best_step));
    }
    if (cli_prints_text(common) && s->decoder)
        printf("decoder: %s frames; on the validation files %.3f nats per frame\n",
               cli_thousands(p->frames_seen), p->valid_nats_per_frame);
    if (cli_prints_text(common) && profile) cli_print_profile(profile);
    return cli_finish(common, result_json(s, p, profile));
}

static int run(const settings *s, const cli_common *common, job *j, const spiral_corpus *train,
               const spiral_corpus *valid) {
    progress shown;
    spiral_train_progress result = {.struct_size = sizeof result};
    spiral_model *model = NULL;
    spiral_error err = {.text = ""};
    progress_log log = {.fd = -1};
    int opened = check_log(s); /* again: now the files to read are known */
    if (opened < 0 && s->log) opened = progress_log_open(&log, s->log, s->resume);
    if (opened >= 0) return opened;
    const int timed = !s->resume && !s->steps && s->epochs <= 0;
    progress_init(&shown, common, s->state, &log, timed);
    j->plan.callback = progress_report;
    j->plan.context = &shown;
    cli_signals_defer_begin();
    j->plan.seconds_used = cli_now_s() - s->began_s;
    spiral_status status = spiral_model_create(&j->config, j->options.seed, &model, &err);
    if (status == SPIRAL_OK && s->profile) status = spiral_train_profile_create(&j->plan.profile, &err);
    if (status == SPIRAL_OK) status = spiral_train(&j->options, &j->plan, model, train, valid, &result, &err);
    cli_signals_defer_end();
    progress_end(&shown);
    if (status == SPIRAL_OK) cli_note_collapsed(model, common);
    spiral_model_destroy(model);
    if (status == SPIRAL_INTERRUPTED)
        return cli_fail("%s: %s; it is saved in %s, and the same command with --resume continues it",
                        s->output, err.text, s->state);
    if (status != SPIRAL_OK) return cli_error(&err);
    int closed = progress_log_close(&log);
    return closed < 0 ? report(s, common, &result, j->plan.profile) : closed;
}

static int open_pack(const settings *s, const cli_common *common, const char *path, spiral_corpus **train,
                     spiral_roll_options *options, int *frames) {
    const int wanted = s->roll_flags.frames > 0 ? (int)s->roll_flags.frames : 0;
    int status = cli_check_pack_flags(path, &s->roll_flags, common);
    if (status < 0) status = cli_open_pack(path, wanted, common, train);
    if (status >= 0) return status;
    *options = *spiral_corpus_get_options(*train);
    *frames = spiral_corpus_get_frames(*train);
    return -1;
}

static int train_on(const settings *s, const cli_common *common, char **paths, int n_paths, job *j) {
    spiral_files *files = NULL;
    spiral_corpus *train = NULL, *valid = NULL;
    spiral_roll_options options;
    int status;
    if (n_paths == 1 && spiral_corpus_is_pack(*paths)) {
        status = open_pack(s, common, *paths, &train, &options, &j->config.frames);
    } else {
        status = cli_load_files(paths, n_paths, common, &files);
        if (status < 0) status = cli_roll_options(&s->roll_flags, common, files, &options, &j->config.frames);
    }
    if (status < 0) {
        spiral_model_config_set_roll(&j->config, &options);
        set_job(s, common, j);
        status = make_corpora(s, common, files, &j->config, &train, &valid);
    }
    spiral_files_destroy(files);
    if (status < 0) status = check_music(common, &j->config, train, valid);
    if (status < 0) status = run(s, common, j, train, valid);
    spiral_train_profile_destroy(j->plan.profile);
    spiral_corpus_destroy(train);
    spiral_corpus_destroy(valid);
    return status;
}

static settings default_settings(const job *j) {
    return (settings){.output = "model.safetensors",
                      .began_s = cli_now_s(),
                      .loss = 1,
                      .latent = 16,
                      .hidden = j->config.hidden,
                      .layers = j->config.layers,
                      .decoder = 96,
                      .decoder_steps = -1,
                      .decoder_share = j->plan.decoder_share,
                      .batch = j->options.batch,
                      .transpose = j->options.transpose,
                      .seed = 1,
                      .lambda = -1,
                      .bce = -1,
                      .eta = -1,
                      .beta = j->options.beta,
                      .free_bits = j->options.free_bits,
                      .epochs = -1,
                      .time = -1,
                      .rate = j->options.learning_rate,
                      .decay = j->options.weight_decay,
                      .save_every = j->plan.save_every_s,
                      .roll_flags = CLI_ROLL_FLAGS_DEFAULT};
}

/* Checks what the flags say before any music is read. */
static int check_and_train(settings *s, const cli_common *common, char **paths, int n_paths, job *j) {
    int status = check_length(s);
    if (status < 0) status = read_steps(s, &j->plan);
    if (status < 0) status = loss_options(s, &j->loss);
    if (status < 0) status = cli_check_roll_flags(&s->roll_flags);
    cli_lock lock = {.fd = -1};
    if (status < 0) status = lock_output(s, &lock);
    if (status < 0) status = cli_beside(s->state, s->output, ".unfinished");
    if (status < 0) status = check_output(s, common);
    if (status < 0) status = check_log(s);
    if (status < 0) status = train_on(s, common, paths, n_paths, j);
    cli_lock_release(&lock);
    return status;
}

int verb_train(const cli_verb *verb, int argc, char **argv) {
    job j;
    spiral_model_config_default(&j.config, sizeof j.config);
    spiral_train_options_default(&j.options, sizeof j.options);
    spiral_train_plan_default(&j.plan, sizeof j.plan);
    settings s = default_settings(&j);
    cli_common common = {0};
    char time_help[80];
    snprintf(time_help, sizeof time_help, "time from the start of the program to its end (default %s)",
             cli_duration(j.plan.seconds));
    int first;
    const cli_flag flags[] = {
        {"o", CLI_PATH, &s.output, "MODEL",
         "model file to write, at the end; a file that is not a model is not overwritten"},
        {"valid", CLI_PATH, &s.valid, "PATH", "files to validate on (else every tenth of the files)"},
        CLI_ROLL_FLAGS(s.roll_flags),
        CLI_FILTER_FLAGS(s.roll_flags, common),
        {"kind", CLI_CHOICE, &s.kind, "KIND", "plain or variational autoencoder", 0, 0, kinds},
        {"latent", CLI_INT, &s.latent, "N", "numbers in the latent vector of a window", 1, 1024},
        {"hidden", CLI_INT, &s.hidden, "N", "units of a hidden layer", 1, 4096},
        {"layers", CLI_INT, &s.layers, "N", "hidden layers of the encoder, and of the decoder", 1, 8},
        {"decoder", CLI_INT, &s.decoder, "N", "units of the note-by-note decoder; 0: the model has none", 0,
         512},
        {"decoder-share", CLI_REAL, &s.decoder_share, "X", "share of the time for training the decoder", 0.05,
         0.95},
        {"decoder-steps", CLI_INT, &s.decoder_steps, "N",
         "with --steps: steps of the decoder (default: the same number)", 1, 1e12},
        {"beta", CLI_REAL, &s.beta, "X", "vae: weight of the KL term", 0, 1e6},
        {"free-bits", CLI_REAL, &s.free_bits, "X", "vae: KL in nats per latent number that costs nothing", 0,
         100},
        {"loss", CLI_CHOICE, &s.loss, "NAME",
         "loss to train with; spiral, energy and gauss are added to cross-entropy", 0, 0, losses},
        {"lambda", CLI_REAL, &s.lambda, "X", "weight of that loss (default 1)", 0, 1e6},
        {"bce", CLI_REAL, &s.bce, "X",
         "weight of the cross-entropy (default 1 with spiral, energy, gauss and bce, else 0)", 0, 1e6},
        {"eta", CLI_REAL, &s.eta, "X",
         "channel: share of the notes that are at a wrong key in the music (default 0.3)", 0, 0.999},
        {"helix", CLI_CHOICE, &s.helix, "NAME", "which pitches are near: preset of the pitch helix", 0, 0,
         cli_helices},
        {"time", CLI_TIME, &s.time, "TIME", time_help, 1, 8.64e6},
        {"steps", CLI_PATH, &s.steps, "STEPS",
         "train for this many steps, or as many as this model's training took: every run gives the same "
         "bytes"},
        {"epochs", CLI_REAL, &s.epochs, "N", "train until each window was used this many times on average",
         1e-6, 1e9},
        {"batch", CLI_INT, &s.batch, "N", "windows per step", 1, 65536},
        {"lr", CLI_REAL, &s.rate, "X", "peak learning rate", 1e-9, 10},
        {"decay", CLI_REAL, &s.decay, "X", "weight decay", 0, 10},
        {"transpose", CLI_INT, &s.transpose, "N", "transpose windows by up to N semitones at random", 0, 24},
        {"seed", CLI_INT, &s.seed, "N", "seed of the random numbers", 0, 9e15},
        {"resume", CLI_SWITCH, &s.resume, NULL, "continue a training that was stopped"},
        {"save-every", CLI_TIME, &s.save_every, "TIME",
         "how often the training is saved, in MODEL.unfinished, until it is finished", 0, 1e8},
        {"profile", CLI_SWITCH, &s.profile, NULL,
         "measure where the time goes, and print a table of it at the end"},
        {"log", CLI_PATH, &s.log, "FILE", "write a JSON object for each progress report, one per line"},
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 1, 1 << 20);
    return status < 0 ? check_and_train(&s, &common, argv + first, argc - first, &j) : status;
}
