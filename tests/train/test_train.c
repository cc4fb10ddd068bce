/* SPDX-License-Identifier: MIT
 *
 * Training as its user sees it: the loss falls, the same seed gives the same bytes whatever the number of
 * threads or the pauses, and what cannot work is refused with a sentence.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "spiral/isa.h"
#include "../data/pieces.h"
#include "train/trainer.h"

static pieces p;
static spiral_corpus *corpus, *held;

static int set_up(void **state) {
    (void)state;
    pieces_open(&p);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c.mid", 'a' + i);
        pieces_add(&p, name, (uint64_t)i, 150);
    }
    corpus = pieces_corpus(p.folder, 0, PIECE_T);
    return spiral_corpus_split(corpus, 5, &held, NULL) != SPIRAL_OK;
}

static int tear_down(void **state) {
    (void)state;
    spiral_corpus_destroy(corpus);
    spiral_corpus_destroy(held);
    pieces_close(&p);
    return 0;
}

/* What a callback saw, and when it asks to stop. */
typedef struct log {
    double first_loss, last_loss, first_valid, last_valid;
    int64_t stop_at; /* step, or 0: never */
    int64_t last_step;
    int reports, validations;
} log_t;

static int watch(void *context, const spiral_train_progress *progress) {
    log_t *log = context;
    assert_true(progress->step > log->last_step && progress->step <= progress->steps);
    assert_true(isfinite(progress->train_loss) && progress->windows_per_s > 0 && progress->eta_s >= 0);
    assert_true(progress->rate >= 0);
    if (!log->reports++) log->first_loss = progress->train_loss;
    log->last_loss = progress->train_loss;
    log->last_step = progress->step;
    if (progress->event == SPIRAL_TRAIN_VALID) {
        if (!log->validations++) log->first_valid = progress->valid_loss;
        log->last_valid = progress->valid_loss;
        assert_true(progress->best_step > 0 && progress->best_step <= progress->step);
    }
    return log->stop_at && progress->step >= log->stop_at;
}

static unsigned char *model_bytes(size_t *size) {
    unsigned char *bytes;
    assert_int_equal(spiral__file_read(p.model, 1 << 24, &bytes, size, NULL), SPIRAL_OK);
    return bytes;
}

static void train(const spiral_train_options *o, int resume, log_t *log, spiral_status wanted) {
    spiral_error err = {.text = ""};
    spiral_status status =
        spiral_train(o, corpus, held, p.model, resume, log ? watch : NULL, log, NULL, NULL, &err);
    if (status != wanted) fail_msg("status %d: %s", status, err.text);
}

/* From principal components on, sixty steps of a small model take a third off its loss. */
static void test_loss_falls(void **state) {
    (void)state;
    spiral_train_options o = piece_training();
    spiral_train_progress result;
    spiral_model *m = NULL;
    log_t log = {.stop_at = 0};
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, watch, &log, &result, &m, NULL), SPIRAL_OK);
    print_message("# training %.2f -> %.2f, validation %.2f -> %.2f\n", log.first_loss, log.last_loss,
                  log.first_valid, log.last_valid);
    assert_true(log.last_loss < 0.67 * log.first_loss);
    assert_true(log.last_valid < log.first_valid);
    assert_int_equal(log.reports, 60);
    assert_int_equal(log.validations, 20);
    assert_int_equal(result.step, 60);
    assert_int_equal(result.steps, 60);
    assert_int_equal(result.windows_seen, 60 * 70);
    assert_true(result.best_step > 0 && result.valid_f1 > 0.5);

    /* The model given back is the one in the file, and the file says how it came about. */
    spiral_model *loaded;
    assert_int_equal(spiral_model_load(p.model, &loaded, NULL), SPIRAL_OK);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *a = spiral_model_get_tensor(m, i), *b = spiral_model_get_tensor(loaded, i);
        assert_memory_equal(a->data, b->data, a->rows * a->columns * sizeof(float));
    }
    json_t *note = json_loads(spiral_model_get_metadata(loaded, "training"), 0, NULL);
    json_t *data = json_loads(spiral_model_get_metadata(loaded, "data"), 0, NULL);
    assert_true(json_is_true(json_object_get(note, "finished")));
    assert_int_equal(json_integer_value(json_object_get(note, "step")), 60);
    assert_int_equal(json_array_size(json_object_get(note, "history")), 20);
    assert_int_equal(json_integer_value(json_object_get(data, "files")), 4);
    assert_int_equal(json_integer_value(json_object_get(data, "files_held_out")), 1);
    assert_int_equal(json_integer_value(json_object_get(data, "columns")), 600);
    json_decref(note);
    json_decref(data);
    spiral_model_destroy(m);
    spiral_model_destroy(loaded);
}

/* Trained on one piece and scored on its mirror image it gets worse again: the file holds the best, not the
 * last. */
static void test_best_is_kept(void **state) {
    (void)state;
    spiral_corpus *a = pieces_corpus(p.path[0], 0, PIECE_T), *b = pieces_corpus(p.path[0], 0, PIECE_T);
    spiral_roll *mirror = &b->entries[0].roll;
    for (size_t t = 0; t < mirror->frames; t++) {
        spiral_keys upside_down = {{0, 0}};
        for (int key = PIECE_LOW; key <= PIECE_HIGH; key++)
            if (spiral_keys_get(&mirror->sounding[t], key))
                spiral_keys_set(&upside_down, PIECE_LOW + PIECE_HIGH - key, 1);
        mirror->sounding[t] = upside_down;
    }
    spiral_train_options o = piece_training();
    spiral_train_progress result;
    spiral_model *m = NULL;
    o.learning_rate = 0.05;
    o.steps = 100;
    assert_int_equal(spiral_train(&o, a, b, p.model, 0, NULL, NULL, &result, &m, NULL), SPIRAL_OK);
    json_t *note = json_loads(spiral_model_get_metadata(m, "training"), 0, NULL), *entry;
    double least = INFINITY, last = 0;
    json_int_t best_step = 0;
    size_t i;
    json_array_foreach(json_object_get(note, "history"), i, entry) {
        last = json_number_value(json_object_get(entry, "valid"));
        if (last >= least) continue;
        least = last;
        best_step = json_integer_value(json_object_get(entry, "step"));
    }
    print_message("# best %.3f at step %d, last %.3f\n", least, (int)best_step, last);
    assert_true(last > 1.02 * least && best_step < 100);
    assert_int_equal(result.best_step, best_step);
    assert_int_equal(json_integer_value(json_object_get(note, "best_step")), best_step);
    assert_true(fabs(result.valid_loss - least) < 1e-6 * least); /* of the weights that were saved */
    json_decref(note);
    spiral_model_destroy(m);
    spiral_corpus_destroy(a);
    spiral_corpus_destroy(b);
}

/* The first step of AdamW: each weight moves by the rate against its gradient's sign, m and v hold a tenth of
 * the gradient and a hundredth of its square, and decay pulls at matrices only. */
static void test_first_step(void **state) {
    (void)state;
    spiral_train_options o = piece_training();
    spiral__trainer t;
    o.weight_decay = 0.5;
    assert_int_equal(spiral__trainer_create(&o, corpus, held, &t, NULL), SPIRAL_OK);
    assert_int_equal(spiral__trainer_start(&t, NULL), SPIRAL_OK);
    const spiral_model *m = t.model;
    float *before = malloc(m->tensors.trained * sizeof *before);
    memcpy(before, m->arena, m->tensors.trained * sizeof *before);
    t.steps = 10; /* no warm-up: half a step of it is none */
    const double rate = spiral__trainer_rate(&t, 0);
    assert_int_equal(spiral__trainer_step(&t, NULL), SPIRAL_OK);
    size_t moved[2] = {0, 0};
    for (size_t i = 0; i < m->tensors.trained; i++) {
        double g = t.m[i] / 0.1, decay = i < m->tensors.matrices ? 0.5 * before[i] : 0;
        double wanted = before[i] - rate * (g / (fabs(g) + 1e-8) + decay);
        assert_true(fabs(t.v[i] - 0.01 * g * g) <= 1e-4 * t.v[i] + 1e-37);
        assert_true(t.grad[i] == 0);
        if (fabs(g) < 1e-12) continue; /* too near to epsilon and to the smallest square */
        if (!(fabs(m->arena[i] - wanted) < 1e-5)) fail_msg("weight %zu: %g, not %g", i, m->arena[i], wanted);
        moved[i >= m->tensors.matrices]++;
    }
    assert_true(moved[0] > m->tensors.matrices / 4 && moved[1] > 50);
    free(before);
    spiral__trainer_clear(&t);
}

/* One piece by heart: every one of its windows comes back without a fault. */
static void test_overfits_one_file(void **state) {
    (void)state;
    spiral_corpus *one = pieces_corpus(p.path[0], 0, PIECE_T);
    spiral_train_options o = piece_training();
    spiral_train_progress result;
    spiral_model *m = NULL;
    spiral_evaluation e;
    o.model.latent = 12, o.model.hidden = 64;
    o.steps = 400;
    assert_int_equal(spiral_train(&o, one, one, p.model, 0, NULL, NULL, &result, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_evaluate(m, one, 0.05, 1, &e, NULL), SPIRAL_OK);
    print_message("# f1 %.4f, windows without a fault %.3f; linear %.4f, %.3f\n", e.model.f1,
                  e.model.exact_windows, e.pca.f1, e.pca.exact_windows);
    assert_true(e.model.f1 > 0.999 && e.model.exact_windows > 0.9);
    assert_true(e.model.f1 > e.pca.f1);
    spiral_model_destroy(m);
    spiral_corpus_destroy(one);
}

static spiral_train_options vae_training(void) {
    spiral_train_options o = piece_training();
    o.model.kind = SPIRAL_MODEL_VAE;
    o.model.layers = 2;
    o.batch = 150; /* three shards */
    o.steps = 41;  /* validation every second step, and the last is odd */
    o.transpose = 2;
    return o;
}

static int first_report(void *context, const spiral_train_progress *progress) {
    *(spiral_train_progress *)context = *progress;
    return 1;
}

/* The loss reported holds beta times the divergence reported beside it. */
static void test_kl_is_reported(void **state) {
    (void)state;
    spiral_train_options o = vae_training();
    spiral_train_progress with, without;
    o.beta = 0;
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, first_report, &without, NULL, NULL, NULL),
                     SPIRAL_INTERRUPTED);
    o.beta = 2.5;
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, first_report, &with, NULL, NULL, NULL),
                     SPIRAL_INTERRUPTED);
    assert_int_equal(with.step, 1); /* the weights are the same still */
    assert_true(with.train_kl > 0 && fabs(with.train_kl - without.train_kl) < 1e-9 * with.train_kl);
    assert_true(fabs(with.train_loss - without.train_loss - 2.5 * with.train_kl) < 1e-6 * with.train_loss);
}

static void assert_same_file(const unsigned char *bytes, size_t size, const char *what) {
    size_t mine;
    unsigned char *now = model_bytes(&mine);
    if (mine != size || memcmp(now, bytes, size)) fail_msg("%s: the file differs", what);
    free(now);
}

/* With our own product and with that of the BLAS, which the baseline uses where there is one. */
static void same_bytes_for_any_threads(const char *isa) {
    spiral_train_options o = vae_training();
    size_t size, other_size;
    assert_int_equal(spiral_isa_set(isa, NULL), SPIRAL_OK);
    train(&o, 0, NULL, SPIRAL_OK);
    unsigned char *bytes = model_bytes(&size);
    for (o.threads = 2; o.threads <= 3; o.threads++) {
        train(&o, 0, NULL, SPIRAL_OK);
        assert_same_file(bytes, size, "threads");
    }
    o.seed = 2;
    train(&o, 0, NULL, SPIRAL_OK);
    unsigned char *other = model_bytes(&other_size);
    assert_true(other_size != size || memcmp(bytes, other, size) != 0);
    free(bytes);
    free(other);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    same_bytes_for_any_threads("auto");
    same_bytes_for_any_threads("baseline");
}

/* Stopped before the first validation, at one, between two, and twice; with another number of threads. */
static void test_resume(void **state) {
    (void)state;
    spiral_train_options o = vae_training();
    const int64_t stops[][2] = {{1, 0}, {2, 0}, {15, 0}, {7, 24}, {40, 0}};
    size_t size;
    train(&o, 0, NULL, SPIRAL_OK);
    unsigned char *bytes = model_bytes(&size);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        o.threads = 1 + (int)i % 2;
        for (int k = 0; k < 2 && stops[i][k]; k++) {
            log_t log = {.stop_at = stops[i][k]};
            spiral_error err = {.text = ""};
            assert_int_equal(spiral_train(&o, corpus, held, p.model, k, watch, &log, NULL, NULL, &err),
                             SPIRAL_INTERRUPTED);
            char text[40];
            snprintf(text, sizeof text, "stopped at step %d of 41", (int)stops[i][k]);
            assert_string_equal(err.text, text);
            spiral_model *half; /* what was reached is a model already */
            assert_int_equal(spiral_model_load(p.model, &half, NULL), SPIRAL_OK);
            spiral_model_destroy(half);
        }
        train(&o, 1, NULL, SPIRAL_OK);
        assert_same_file(bytes, size, "resumed");
    }
    /* A wish to stop at the last step comes too late: the training is done. */
    log_t last = {.stop_at = 41};
    train(&o, 0, &last, SPIRAL_OK);
    assert_same_file(bytes, size, "stopped at the end");
    free(bytes);
}

static void refuse(const spiral_train_options *o, int resume, spiral_status status, const char *text) {
    spiral_error err = {.text = ""};
    spiral_model *m = NULL;
    spiral_status got = spiral_train(o, corpus, held, p.model, resume, NULL, NULL, NULL, &m, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("status %d, \"%s\"; wanted \"%s\"", got, err.text, text);
    assert_null(m);
}

/* One changed option at a time, and the error that must name it. */
static void test_resume_refuses_other_options(void **state) {
    (void)state;
    log_t log = {.stop_at = 5};
    const spiral_train_options before = vae_training();
    train(&before, 0, &log, SPIRAL_INTERRUPTED);
#define DIFFERS(change, text)                \
    do {                                     \
        spiral_train_options o = before;     \
        change;                              \
        refuse(&o, 1, SPIRAL_BAD_ARG, text); \
    } while (0)
    DIFFERS(o.batch = 151, "the training to go on with has batch 150, not 151");
    DIFFERS(o.learning_rate *= 2, "has rate");
    DIFFERS(o.weight_decay = 0.5, "has decay");
    DIFFERS(o.transpose = 1, "has transpose 2, not 1");
    DIFFERS(o.seed = 9, "has seed 1, not 9");
    DIFFERS(o.beta = 0.25, "has beta");
    DIFFERS(o.free_bits = 0.75, "has free_bits");
    DIFFERS(o.loss.kind = SPIRAL_LOSS_ENERGY, "has loss \"spiral\", not \"energy\"");
    DIFFERS(o.loss.lambda = 3, "has lambda");
    DIFFERS(o.loss.bce = 3, "has bce");
    DIFFERS(o.loss.kl_offset *= 2, "has floor");
    DIFFERS(o.loss.blur_length *= 2, "has blur");
    DIFFERS(o.loss.blur_radius = 5, "has reach");
    DIFFERS(o.loss.sigma *= 2, "has sigma");
    DIFFERS(o.loss.time_blur = 1, "has time_columns");
    DIFFERS(o.loss.helix.octave *= 2, "has octave");
    DIFFERS(o.loss.helix.radii[3] = 1, "has helix_radii");
    DIFFERS(o.loss.coil_radius = 3, "has seed_radius");
    DIFFERS(o.loss.coil_rise = 3, "has seed_octave");
    DIFFERS(o.model.latent = 5, "latent is 6, not 5");
    DIFFERS(o.model.hidden = 25, "hidden is 24, not 25");
    DIFFERS(o.model.layers = 1, "layers is 2, not 1");
    DIFFERS(o.model.kind = SPIRAL_MODEL_AE, "kind is vae, not ae");
    DIFFERS(o.model.drums = 1, "drums is false, not true");
    DIFFERS(o.model.high = 72, "high is 71, not 72");
#undef DIFFERS
    spiral_corpus *all = pieces_corpus(p.folder, 0, PIECE_T);
    spiral_error err;
    assert_int_equal(spiral_train(&before, all, held, p.model, 1, NULL, NULL, NULL, NULL, &err),
                     SPIRAL_BAD_ARG);
    assert_non_null(strstr(err.text, "trained on other files"));
    assert_int_equal(strncmp(err.text, p.model, strlen(p.model)), 0);
    spiral_corpus_destroy(all);

    spiral_train_options o = before;
    train(&o, 1, NULL, SPIRAL_OK); /* none of these spoilt the file */
    refuse(&o, 1, SPIRAL_NO_DATA, "its training is finished, there is nothing to go on with");
    unlink(p.model);
    refuse(&o, 1, SPIRAL_IO, "cannot open");
    spiral_model *fresh;
    assert_int_equal(spiral_model_create(&o.model, 1, &fresh, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_save(fresh, p.model, NULL), SPIRAL_OK);
    refuse(&o, 1, SPIRAL_FORMAT, "it says nothing about its training");
    spiral_model_destroy(fresh);
}

static void test_options_refused(void **state) {
    (void)state;
    const spiral_train_options before = piece_training();
#define REFUSED(change, status, text)    \
    do {                                 \
        spiral_train_options o = before; \
        change;                          \
        refuse(&o, 0, status, text);     \
    } while (0)
    REFUSED(o.struct_size = 8, SPIRAL_BAD_ARG, "struct_size is 8, must be");
    REFUSED(o.batch = 0, SPIRAL_BAD_ARG, "batch is 0, must be 1 to 65536");
    REFUSED(o.learning_rate = 0, SPIRAL_BAD_ARG, "learning rate is 0, must be");
    REFUSED(o.learning_rate = NAN, SPIRAL_BAD_ARG, "learning rate is nan");
    REFUSED(o.weight_decay = -1, SPIRAL_BAD_ARG, "weight decay is -1");
    REFUSED(o.beta = -1, SPIRAL_BAD_ARG, "beta is -1");
    REFUSED(o.free_bits = -1, SPIRAL_BAD_ARG, "free bits is -1");
    REFUSED(o.transpose = 25, SPIRAL_BAD_ARG, "transpose is 25, must be 0 to 24");
    REFUSED(o.steps = -1, SPIRAL_BAD_ARG, "steps is -1");
    REFUSED((o.steps = 0, o.epochs = -1), SPIRAL_BAD_ARG, "epochs is -1");
    REFUSED((o.steps = 0, o.seconds = 0), SPIRAL_BAD_ARG, "time in seconds is 0");
    REFUSED(o.loss.kind = SPIRAL_LOSS_ARGMAX_DISTANCE, SPIRAL_UNSUPPORTED, "argmax_distance is a metric");
    REFUSED(o.loss.lambda = -1, SPIRAL_BAD_ARG, "-1");
    REFUSED(o.model.latent = 0, SPIRAL_BAD_ARG, "latent is 0");
    REFUSED(o.model.frames = PIECE_T - 1, SPIRAL_BAD_ARG, "windows of 8 columns, the model of 7");
    REFUSED(o.model.planes = 2, SPIRAL_BAD_ARG, "its roll has 1 planes, the model's windows 2");
    REFUSED(o.model.grid.steps_per_quarter = 3, SPIRAL_BAD_ARG, "the grid of its roll is not the model's");
#undef REFUSED
    spiral_train_options o = before;
    spiral_error err;
    o.steps = 1;
    assert_int_equal(spiral_train(&o, corpus, held, "/no/such/folder/x", 0, NULL, NULL, NULL, NULL, &err),
                     SPIRAL_IO);
    assert_non_null(strstr(err.text, "/no/such/folder/x"));
}

/* Weights of one key blow up: the error names the one file that has this key. */
static void test_not_finite_names_the_file(void **state) {
    (void)state;
    pieces q;
    pieces_open(&q);
    for (int i = 0; i < 2; i++) {
        spiral_roll roll;
        assert_int_equal(spiral_roll_create(PIECE_GRID, 60, 0, &roll, NULL), SPIRAL_OK);
        for (size_t t = 0; t < 60; t++) spiral_keys_set(&roll.sounding[t], i ? PIECE_HIGH : PIECE_LOW, 1);
        pieces_add_roll(&q, i ? "high.mid" : "low.mid", &roll);
        spiral_roll_clear(&roll);
    }
    spiral_corpus *c = pieces_corpus(q.folder, 0, PIECE_T);
    spiral_train_options o = piece_training();
    for (int i = 0; i < 2; i++) {
        spiral__trainer t;
        spiral_error err;
        assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
        float *W = spiral__tensor_data(t.model, t.model->ae.encoder_in);
        t.steps = 10;
        for (size_t column = 0; column < PIECE_T; column++)
            W[(column * (size_t)t.model->ae.P + (i ? 11 : 0)) * t.model->ae.N + t.model->ae.H] = 3e38f;
        spiral__model_update(t.model, NULL);
        assert_int_equal(spiral__trainer_step(&t, &err), SPIRAL_NUMERIC);
        const char *name = q.path[i];
        if (strncmp(err.text, name, strlen(name)) || !strstr(err.text, "at step 1"))
            fail_msg("%s, not %s", err.text, name);
        spiral__trainer_clear(&t);
    }
    spiral_corpus_destroy(c);
    pieces_close(&q);
}

/* From the outside: rate and decay at the limit of what is allowed throw every weight a hundredfold to the
 * other side at each step. */
static void test_absurd_rate(void **state) {
    (void)state;
    spiral_train_options o = piece_training();
    spiral_error err = {.text = ""};
    o.model.kind = SPIRAL_MODEL_VAE;
    o.learning_rate = 10;
    o.weight_decay = 10;
    o.steps = 400;
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, NULL, NULL, NULL, NULL, &err),
                     SPIRAL_NUMERIC);
    assert_int_equal(strncmp(err.text, p.folder, strlen(p.folder)), 0);
    assert_non_null(strstr(err.text, ".mid: the loss of one of its windows is not a finite number"));
    assert_non_null(strstr(err.text, "smaller learning rate than 10"));
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A budget of seconds is kept and used: two seconds, or, where the machine is busy or the code slow, more. An
 * epoch is so many windows. */
static void test_budgets(void **state) {
    (void)state;
    spiral_train_options o = piece_training();
    spiral_train_progress result;
    int kept = 0;
    o.steps = 0;
    for (o.seconds = 2; o.seconds < 40 && !kept; o.seconds *= 2) {
        double begin = now_s();
        assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, NULL, NULL, &result, NULL, NULL),
                         SPIRAL_OK);
        double took = now_s() - begin;
        print_message("# asked for %g s, took %.2f s, %d steps\n", o.seconds, took, (int)result.steps);
        assert_true(result.step == result.steps);
        kept = took > 0.25 * o.seconds && took < 2 * o.seconds && result.steps > 20;
    }
    assert_true(kept);
    o.epochs = 2.5;
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, NULL, NULL, &result, NULL, NULL), SPIRAL_OK);
    assert_int_equal(result.steps, (int)ceil(2.5 * (double)corpus->positions / PIECE_T / 70));
}

/* Warm-up to the peak, half a cosine to nothing. */
static void test_rate(void **state) {
    (void)state;
    spiral__trainer t = {.options = {.learning_rate = 0.5}, .steps = 1000};
    double sum = 0, before = 0;
    for (int64_t step = 0; step < 1000; step++) {
        double rate = spiral__trainer_rate(&t, step);
        assert_true(rate >= 0 && rate <= 0.5);
        if (step < 50)
            assert_true(rate > before);
        else
            assert_true(rate < before || step == 50);
        sum += before = rate;
    }
    assert_true(fabs(spiral__trainer_rate(&t, 49) - 0.5) < 1e-9);
    assert_true(fabs(spiral__trainer_rate(&t, 0) - 0.01) < 1e-12);
    assert_true(before < 1e-5);
    assert_true(fabs(sum / 1000 - 0.25) < 0.001);
    assert_true(spiral__trainer_rate(&t, 1000) == 0);
}

/* The loss of the original answer: silence is its optimum, and training finds it. */
static void test_distance_mask_ends_silent(void **state) {
    (void)state;
    spiral_train_options o = piece_training();
    spiral_model *m = NULL;
    spiral_evaluation e;
    o.loss.kind = SPIRAL_LOSS_DISTANCE_MASK;
    o.loss.bce = 0;
    o.steps = 300;
    o.learning_rate = 0.02;
    assert_int_equal(spiral_train(&o, corpus, held, p.model, 0, NULL, NULL, NULL, &m, NULL), SPIRAL_OK);
    json_t *note = json_loads(spiral_model_get_metadata(m, "training"), 0, NULL);
    json_t *history = json_object_get(note, "history");
    double first = json_real_value(json_object_get(json_array_get(history, 0), "f1"));
    double last = json_real_value(json_object_get(json_array_get(history, 19), "f1"));
    assert_int_equal(spiral_model_evaluate(m, held, 0.05, 1, &e, NULL), SPIRAL_OK);
    print_message("# f1 %.3f -> %.3f, density %.3f -> %.4f, threshold %.1f\n", first, last, e.target_density,
                  e.predicted_density, (double)spiral_model_get_threshold(m));
    assert_true(first > 0.2 && last < 0.02);
    assert_true(e.predicted_density < 0.02 * e.target_density);
    json_decref(note);
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_falls),
        cmocka_unit_test(test_best_is_kept),
        cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_overfits_one_file),
        cmocka_unit_test(test_kl_is_reported),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_resume_refuses_other_options),
        cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_not_finite_names_the_file),
        cmocka_unit_test(test_absurd_rate),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_distance_mask_ends_silent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
