/* SPDX-License-Identifier: MIT
 *
 * The autoencoder's logits and gradient against a second implementation of the network: in double precision,
 * on dense windows, one loop per sum, derivatives by central differences. It has every part from the windows
 * to the loss: first layer, layer normalisation, linear paths, the random draw of a variational model, the KL
 * term.
 */
#include <math.h>

#include "testing.h"
#include "base/rng.h"
#include "model/autoencoder.h"
#include "model/model.h"
#include "nn/tasks.h"
#include "spiral/isa.h"
#include "spiral/loss.h"

enum { B = SPIRAL__SHARD + 7, ENTRIES = 12, DIRECTIONS = 3 };
static const double BETA = 0.37, LOG_VARIANCE_SHIFT = -4, STEP = 1e-5;

/* Largest difference allowed, in units of the larger of the derivative and the tensor's root mean square. */
static const double TOLERANCE = 2e-5;

typedef struct problem {
    spiral_model *m;
    spiral__autoencoder_batch batch;
    spiral__pool *pool;
    spiral_loss *loss; /* BCE and spiral, summed, from logits */
    spiral_keys *windows;
    double *x;     /* (B, D) windows as numbers */
    double *theta; /* (trained) the parameters */
    double free_bits;
    float *grad; /* (trained) analytic */
} problem;

static void *zeros(size_t n, size_t size) {
    void *p = aligned_alloc(64, (n * size + 64) / 64 * 64);
    assert_non_null(p);
    memset(p, 0, (n * size + 64) / 64 * 64);
    return p;
}

static const double *at(const problem *p, const double *theta, int tensor) {
    return theta + p->m->tensors.at[tensor].offset;
}

/* out (columns) += in (rows) * W */
static void add_product(size_t rows, size_t columns, const double *in, const double *W, size_t stride,
                        double *out) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) out[j] += in[i] * W[i * stride + j];
}

static void norm_silu(size_t n, const double *pre, const double *gain, const double *shift, double *out) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) mean += pre[i] / (double)n;
    for (size_t i = 0; i < n; i++) variance += (pre[i] - mean) * (pre[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double a = gain[i] * (pre[i] - mean) / sqrt(variance + 1e-5) + shift[i];
        out[i] = a / (1 + exp(-a));
    }
}

/* The encoder's output for row r: mean and, for a vae, log variance. */
static void encode(const problem *p, const double *theta, size_t r, double *latent) {
    const spiral__autoencoder *ae = &p->m->ae;
    const size_t H = ae->H, N = ae->N, O = ae->O;
    double *first = zeros(N, sizeof *first), *pre = zeros(H, sizeof *pre), *h = zeros(H, sizeof *h);
    add_product(ae->D, N, p->x + r * ae->D, at(p, theta, ae->encoder_in), N, first);
    for (int l = 0; l < ae->layers; l++) {
        memset(pre, 0, H * sizeof *pre);
        if (l) add_product(H, H, h, at(p, theta, ae->encoder_hidden[l]), H, pre);
        norm_silu(H, l ? pre : first, at(p, theta, ae->encoder_gain[l]), at(p, theta, ae->encoder_shift[l]),
                  h);
    }
    memcpy(latent, at(p, theta, ae->latent_bias), O * sizeof *latent);
    for (size_t z = 0; z < ae->Z; z++) latent[z] += first[H + z];
    add_product(H, O, h, at(p, theta, ae->latent_weight), O, latent);
    free(first);
    free(pre);
    free(h);
}

static void decode(const problem *p, const double *theta, const double *z, double *logits) {
    const spiral__autoencoder *ae = &p->m->ae;
    const size_t H = ae->H, D = ae->D;
    const double *W = at(p, theta, ae->out_weight);
    double *pre = zeros(H, sizeof *pre), *h = zeros(H, sizeof *h);
    for (int l = 0; l < ae->layers; l++) {
        memset(pre, 0, H * sizeof *pre);
        if (l)
            add_product(H, H, h, at(p, theta, ae->decoder_hidden[l]), H, pre);
        else
            add_product(ae->Z, H, z, at(p, theta, ae->decoder_in), H, pre);
        norm_silu(H, pre, at(p, theta, ae->decoder_gain[l]), at(p, theta, ae->decoder_shift[l]), h);
    }
    memcpy(logits, at(p, theta, ae->out_bias), D * sizeof *logits);
    add_product(H, D, h, W, D, logits);
    add_product(ae->Z, D, z, W + H * D, D, logits);
    free(pre);
    free(h);
}

static double kl_of(double mean, double lv) { return 0.5 * (mean * mean + exp(lv) - 1 - lv); }

/* Loss of the batch; also its logits (B, D), if logits_out is not NULL. */
static double objective(const problem *p, const double *theta, double *logits_out) {
    const spiral_model *m = p->m;
    const ptrdiff_t T = m->ae.T, P = m->ae.P;
    const spiral_strides strides = {T * P, P, 1};
    double *logits = logits_out ? logits_out : zeros(B * m->ae.D, sizeof *logits);
    double *latent = zeros(m->ae.O, sizeof *latent), value = 0, kl = 0;
    for (size_t r = 0; r < B; r++) {
        encode(p, theta, r, latent);
        for (size_t i = 0; m->config.kind == SPIRAL_MODEL_VAE && i < m->ae.Z; i++) {
            double lv = latent[m->ae.Z + i] + LOG_VARIANCE_SHIFT;
            kl += fmax(kl_of(latent[i], lv), p->free_bits);
            latent[i] += exp(lv / 2) * p->batch.noise[r * m->ae.Z + i];
        }
        decode(p, theta, latent, logits + r * m->ae.D);
    }
    void *work = zeros(spiral_loss_work_size_f64(p->loss, (size_t)T), 1);
    assert_int_equal(spiral_loss_value_grad_f64(p->loss, B * (size_t)m->ae.planes, (size_t)T, logits, strides,
                                                p->x, strides, NULL, strides, &value, NULL, strides, work,
                                                NULL),
                     SPIRAL_OK);
    free(work);
    free(latent);
    if (!logits_out) free(logits);
    return value + BETA * kl;
}

/* A value between the smallest and the largest KL, so that some are below the kink and some above, and in the
 * middle of the widest gap between them, so that no difference step crosses the kink. */
static double choose_free_bits(const problem *p) {
    const spiral_model *m = p->m;
    const size_t n = B * m->ae.Z;
    double *kl = zeros(n, sizeof *kl), *latent = zeros(m->ae.O, sizeof *latent), free_bits = 0, widest = 0;
    for (size_t r = 0; r < B; r++) {
        encode(p, p->theta, r, latent);
        for (size_t i = 0; i < m->ae.Z; i++)
            kl[r * m->ae.Z + i] = kl_of(latent[i], latent[m->ae.Z + i] + LOG_VARIANCE_SHIFT);
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && kl[j] < kl[j - 1]; j--) {
            double swap = kl[j];
            kl[j] = kl[j - 1];
            kl[j - 1] = swap;
        }
    for (size_t i = n / 4; i < 3 * n / 4; i++)
        if (kl[i + 1] - kl[i] > widest) {
            widest = kl[i + 1] - kl[i];
            free_bits = 0.5 * (kl[i] + kl[i + 1]);
        }
    assert_true(widest > 1e-3);
    free(kl);
    free(latent);
    return free_bits;
}

/* Notes of random positions and lengths; keys outside the range must be ignored. */
static void draw_window(const spiral_model *m, spiral__rng *rng, spiral_keys *window) {
    for (int note = 0; note < 6; note++) {
        int plane = (int)spiral__rng_below(rng, (uint64_t)m->ae.planes);
        int key = m->config.low - 2 + (int)spiral__rng_below(rng, (uint64_t)m->ae.P + 4);
        int begin = (int)spiral__rng_below(rng, (uint64_t)m->ae.T);
        int end = begin + 1 + (int)spiral__rng_below(rng, (uint64_t)(m->ae.T - begin));
        for (int t = begin; t < end; t++) spiral_keys_set(&window[plane * m->ae.T + t], key, 1);
    }
}

static void create(spiral_model_kind kind, int layers, int planes, problem *p) {
    spiral_model_config config;
    spiral_model_config_default(&config, sizeof config);
    config.low = 61, config.high = 66, config.planes = planes;
    config.frames = 5, config.kind = kind, config.latent = 3, config.hidden = 10, config.layers = layers;
    memset(p, 0, sizeof *p);
    assert_int_equal(spiral_model_create(&config, 5, &p->m, NULL), SPIRAL_OK);
    spiral_model *m = p->m;
    spiral__rng rng = spiral__rng_init(11, (uint64_t)(8 * layers + 2 * planes) + kind);
    for (size_t t = 0; t < m->tensors.count; t++) /* so that gains, shifts and biases are not 1 or 0 */
        for (size_t i = 0; m->tensors.at[t].group == SPIRAL_TENSOR_VECTOR && i < m->tensors.at[t].columns;
             i++)
            spiral__tensor_data(m, (int)t)[i] += 0.4f * (float)spiral__rng_normal(&rng);
    spiral__model_update(m, NULL);
    p->theta = zeros(m->tensors.trained, sizeof *p->theta);
    for (size_t i = 0; i < m->tensors.trained; i++) p->theta[i] = m->arena[i];

    const size_t window_size = (size_t)m->ae.planes * (size_t)m->ae.T;
    p->windows = zeros(B * window_size, sizeof *p->windows);
    p->x = zeros(B * m->ae.D, sizeof *p->x);
    for (size_t r = 0; r < B; r++) {
        draw_window(m, &rng, p->windows + r * window_size);
        for (size_t t = 0; t < window_size; t++)
            for (int k = 0; k < m->ae.P; k++)
                p->x[r * m->ae.D + t * (size_t)m->ae.P + (size_t)k] =
                    spiral_keys_get(&p->windows[r * window_size + t], config.low + k);
    }
    assert_int_equal(spiral__pool_create(2, &p->pool, NULL), SPIRAL_OK);
    assert_int_equal(spiral__autoencoder_batch_create(m, B, 1, 2, &p->batch, NULL), SPIRAL_OK);
    for (size_t i = 0; kind == SPIRAL_MODEL_VAE && i < B * m->ae.Z; i++)
        p->batch.noise[i] = (float)spiral__rng_normal(&rng);
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    options.reduction = SPIRAL_REDUCE_SUM;
    options.low = config.low;
    assert_int_equal(spiral_loss_create(&options, m->ae.P, &p->loss, NULL), SPIRAL_OK);
    if (kind == SPIRAL_MODEL_VAE) p->free_bits = choose_free_bits(p);
    p->grad = zeros(m->tensors.trained, sizeof *p->grad);
}

static void clear(problem *p) {
    spiral__autoencoder_batch_clear(&p->batch);
    spiral__pool_destroy(p->pool);
    spiral_loss_destroy(p->loss);
    spiral_model_destroy(p->m);
    free(p->windows);
    free(p->x);
    free(p->theta);
    free(p->grad);
}

/* Each part must be given once. */
static void receive(void *context, size_t begin, size_t n, float *part) {
    float *grad = context;
    for (size_t i = 0; i < n; i++) {
        assert_true(grad[begin + i] == 0);
        grad[begin + i] = part[i];
    }
}

/* The network's own gradient; logits (B, D) before they become gradients. */
static void analytic(problem *p, float *logits) {
    const spiral__autoencoder *ae = &p->m->ae;
    const ptrdiff_t T = ae->T, P = ae->P;
    const spiral_strides strides = {T * P, P, 1};
    float *target = zeros(B * ae->D, sizeof *target);
    void *work = zeros(spiral_loss_work_size_f32(p->loss, (size_t)T), 1);
    double value;
    for (size_t i = 0; i < B * ae->D; i++) target[i] = (float)p->x[i];
    for (size_t s = 0; s < spiral__shard_count(B); s++)
        spiral__autoencoder_forward_shard(&p->batch, s, p->windows);
    memcpy(logits, p->batch.logits, B * ae->D * sizeof *logits);
    assert_int_equal(spiral_loss_value_grad_f32(p->loss, B * (size_t)ae->planes, (size_t)T, logits, strides,
                                                target, strides, NULL, strides, &value, p->batch.logits,
                                                strides, work, NULL),
                     SPIRAL_OK);
    memset(p->grad, 0, p->m->tensors.trained * sizeof *p->grad);
    for (size_t s = 0; s < spiral__shard_count(B); s++)
        spiral__autoencoder_backward_shard(&p->batch, s, (float)BETA, (float)p->free_bits);
    const spiral__gradient_receiver receiver = {receive, p->grad};
    spiral__autoencoder_weight_gradient(&p->batch, p->pool, &receiver);
    free(target);
    free(work);
}

/* Derivative of the objective along `direction` (n numbers) at the tensor that begins at `offset`. */
static double derivative(problem *p, size_t offset, size_t n, const double *direction) {
    double value[2], *kept = zeros(n, sizeof *kept);
    memcpy(kept, p->theta + offset, n * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) p->theta[offset + i] = kept[i] + (side ? -STEP : STEP) * direction[i];
        value[side] = objective(p, p->theta, NULL);
    }
    memcpy(p->theta + offset, kept, n * sizeof *kept);
    free(kept);
    return (value[0] - value[1]) / (2 * STEP);
}

/* Largest relative difference over some entries and some directions of one tensor. */
static double tensor_error(problem *p, size_t offset, size_t n, spiral__rng *rng) {
    const float *grad = p->grad + offset;
    double squares = 0, worst = 0, *direction = zeros(n, sizeof *direction);
    for (size_t i = 0; i < n; i++) squares += (double)grad[i] * grad[i];
    double rms = sqrt(squares / (double)n);
    assert_true(rms > 0);
    for (int k = 0; k < ENTRIES + DIRECTIONS; k++) {
        double wanted, got = 0;
        memset(direction, 0, n * sizeof *direction);
        if (k < ENTRIES)
            direction[spiral__rng_below(rng, n)] = 1;
        else /* unit length, so the derivative along it is about as large as the rms */
            for (size_t i = 0; i < n; i++) direction[i] = spiral__rng_normal(rng) / sqrt((double)n);
        wanted = derivative(p, offset, n, direction);
        for (size_t i = 0; i < n; i++) got += direction[i] * grad[i];
        worst = fmax(worst, fabs(got - wanted) / fmax(rms, fabs(wanted)));
    }
    free(direction);
    return worst;
}

static void check(spiral_model_kind kind, int layers, int planes) {
    problem p;
    create(kind, layers, planes, &p);
    const spiral_model *m = p.m;
    float *logits = zeros(B * m->ae.D, sizeof *logits);
    double *wanted = zeros(B * m->ae.D, sizeof *wanted), forward = 0, worst = 0;
    analytic(&p, logits);
    objective(&p, p.theta, wanted);
    for (size_t i = 0; i < B * m->ae.D; i++) { /* not fmax, which ignores NaN */
        const double off = fabs(logits[i] - wanted[i]);
        if (!(off < 1e-5)) fail_msg("logit %zu is off by %g", i, off);
        if (off > forward) forward = off;
    }
    spiral__rng rng = spiral__rng_init(3, (uint64_t)layers);
    for (size_t t = 0; t < m->tensors.count; t++) {
        const spiral__tensor *tensor = &m->tensors.at[t];
        if (tensor->group == SPIRAL_TENSOR_MEASURED) continue;
        double error = tensor_error(&p, tensor->offset, tensor->rows * tensor->columns, &rng);
        if (!(error < TOLERANCE)) fail_msg("%s: relative error %g", tensor->name, error);
        worst = fmax(worst, error);
    }
    print_message("# %s, %d layers, %d planes, %s: logits %.1e, gradient %.1e relative\n",
                  kind == SPIRAL_MODEL_VAE ? "vae" : "ae", layers, planes, spiral_isa_name(), forward, worst);
    free(logits);
    free(wanted);
    clear(&p);
}

static void gradients_of_an_ae(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++)
        for (int layers = 1; layers <= 3; layers += 2) check(SPIRAL_MODEL_AE, layers, planes);
}

static void gradients_of_a_vae(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++)
        for (int layers = 1; layers <= 3; layers += 2) check(SPIRAL_MODEL_VAE, layers, planes);
}

static void gradients_on_every_instruction_set(void **state) {
    (void)state;
    const char *const names[] = {"baseline", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (spiral_isa_set(names[i], NULL) == SPIRAL_OK) check(SPIRAL_MODEL_VAE, 2, 1);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* spiral_model_encode gives the mean, without a random draw, and the divergence of the posterior. */
static void encode_gives_the_mean_and_the_divergence(void **state) {
    (void)state;
    problem p;
    create(SPIRAL_MODEL_VAE, 2, 2, &p);
    const spiral_model *m = p.m;
    spiral_model_work *work;
    float *latents = zeros(B * m->ae.Z, sizeof *latents), *logits = zeros(B * m->ae.D, sizeof *logits);
    double *kl = zeros(B, sizeof *kl), *latent = zeros(m->ae.O, sizeof *latent),
           *out = zeros(m->ae.D, sizeof *out);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    spiral_model_encode(m, B, p.windows, latents, kl, work);
    spiral_model_decode(m, B, latents, logits, work);
    for (size_t r = 0; r < B; r++) {
        double sum = 0;
        encode(&p, p.theta, r, latent);
        decode(&p, p.theta, latent, out);
        for (size_t i = 0; i < m->ae.Z; i++) {
            assert_true(fabs(latents[r * m->ae.Z + i] - latent[i]) < 2e-5);
            sum += kl_of(latent[i], latent[m->ae.Z + i] + LOG_VARIANCE_SHIFT);
        }
        assert_true(fabs(kl[r] - sum) < 1e-4);
        for (size_t i = 0; i < m->ae.D; i++) assert_true(fabs(logits[r * m->ae.D + i] - out[i]) < 2e-5);
    }
    free(latents);
    free(logits);
    free(kl);
    free(latent);
    free(out);
    spiral_model_work_destroy(work);
    clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_an_ae),
        cmocka_unit_test(gradients_of_a_vae),
        cmocka_unit_test(gradients_on_every_instruction_set),
        cmocka_unit_test(encode_gives_the_mean_and_the_divergence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
