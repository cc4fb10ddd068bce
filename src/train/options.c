/* SPDX-License-Identifier: MIT
 *
 * The options of a training (see options.h). An option that decides the result has a line in the table.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "train/options.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_OPTIONS (offsetof(spiral_train_options, threads) + sizeof(int))
#define FIRST_PLAN    (offsetof(spiral_train_plan, context) + sizeof(void *))

static const spiral_train_options OPTIONS = {.struct_size = sizeof(spiral_train_options),
                                             .beta = 1,
                                             .free_bits = 0.1,
                                             .learning_rate = 0.008,
                                             .weight_decay = 0.01,
                                             .batch = 256,
                                             .transpose = 3,
                                             .seed = 1};
static const spiral_train_plan PLAN = {
    .struct_size = sizeof(spiral_train_plan), .seconds = 120, .decoder_share = 0.8, .save_every_s = 30};

void spiral_train_options_default(spiral_train_options *options, size_t struct_size) {
    spiral__sized_write(&OPTIONS, sizeof OPTIONS, options, struct_size);
}

void spiral_train_plan_default(spiral_train_plan *plan, size_t struct_size) {
    spiral__sized_write(&PLAN, sizeof PLAN, plan, struct_size);
}

/* ---- the table ---- */

typedef enum kind { REAL, INT, UINT64, LOSS_KIND, RADII } kind;

/* In the model file; old_name: in files before version 0.2, if it was another one; "": it was not there, and
 * no loss had it. */
static const struct option {
    const char *name, *old_name;
    kind kind;
    size_t offset;    /* in spiral__train_settings */
    double low, high; /* of a REAL or an INT; both 0: checked elsewhere */
} table[] = {
#define OPTION(name, old, kind, member, low, high) \
    { name, old, kind, offsetof(spiral__train_settings, member), low, high }
    OPTION("batch", NULL, INT, options.batch, 1, 65536),
    OPTION("learning_rate", "rate", REAL, options.learning_rate, 1e-9, 10),
    OPTION("weight_decay", "decay", REAL, options.weight_decay, 0, 10),
    OPTION("beta", NULL, REAL, options.beta, 0, 1e6),
    OPTION("free_bits", NULL, REAL, options.free_bits, 0, 100),
    OPTION("transpose", NULL, INT, options.transpose, 0, 24),
    OPTION("seed", NULL, UINT64, options.seed, 0, 0),
    OPTION("loss", NULL, LOSS_KIND, loss.kind, 0, 0),
    OPTION("lambda", NULL, REAL, loss.lambda, 0, 0),
    OPTION("bce", NULL, REAL, loss.bce, 0, 0),
    OPTION("kl_offset", "floor", REAL, loss.kl_offset, 0, 0),
    OPTION("blur_length", "blur", REAL, loss.blur_length, 0, 0),
    OPTION("blur_radius", "reach", INT, loss.blur_radius, 0, 0),
    OPTION("sigma", NULL, REAL, loss.sigma, 0, 0),
    OPTION("time_blur", "time_columns", REAL, loss.time_blur, 0, 0),
    OPTION("octave", NULL, REAL, loss.helix.octave, 0, 0),
    OPTION("helix_radii", NULL, RADII, loss.helix.radii, 0, 0),
    OPTION("coil_radius", "seed_radius", REAL, loss.coil_radius, 0, 0),
    OPTION("coil_rise", "seed_octave", REAL, loss.coil_rise, 0, 0),
    OPTION("eta", "", REAL, loss.eta, 0, 0),
#undef OPTION
};
enum { ROWS = sizeof table / sizeof *table };

static double number(const spiral__train_settings *s, const struct option *o) {
    const char *at = (const char *)s + o->offset;
    if (o->kind == INT) {
        int value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, at, sizeof value);
    return value;
}

static spiral_status check(const spiral__train_settings *s, spiral_error *err) {
    for (int i = 0; i < ROWS; i++) {
        const struct option *o = &table[i];
        if (o->low == o->high) continue;
        double value = number(s, o);
        if (!(value >= o->low && value <= o->high))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %g, must be %g to %g", o->name, value, o->low,
                                o->high);
    }
    if (s->loss.kind == SPIRAL_LOSS_ARGMAX_DISTANCE || s->loss.kind == SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "%s is a metric: it takes the loudest key of each frame, which has no gradient",
                            spiral_loss_kind_name(s->loss.kind));
    return SPIRAL_OK;
}

/* Takes a caller's loss options of any accepted size and checks them, by making a loss. */
static spiral_status read_loss(const spiral_loss_options *given, spiral_loss_options *options,
                               spiral_error *err) {
    spiral_loss *loss;
    SPIRAL_TRY(spiral_loss_create(given, 1, &loss, err));
    *options = *spiral_loss_get_options(loss);
    spiral_loss_destroy(loss);
    return SPIRAL_OK;
}

spiral_status spiral__train_settings_read(const spiral_train_options *given, spiral__train_settings *s,
                                          spiral_error *err) {
    *s = (spiral__train_settings){.options = OPTIONS};
    spiral_loss_options_default(&s->loss, sizeof s->loss);
    SPIRAL_TRY(
        spiral__sized_read("train options", given, FIRST_OPTIONS, &s->options, sizeof s->options, err));
    if (s->options.loss) SPIRAL_TRY(read_loss(s->options.loss, &s->loss, err));
    s->options.loss = NULL;
    return check(s, err);
}

spiral_status spiral__train_plan_read(const spiral_train_plan *given, spiral_train_plan *plan,
                                      spiral_error *err) {
    *plan = PLAN;
    return spiral__sized_read("train plan", given, FIRST_PLAN, plan, sizeof *plan, err);
}

/* ---- JSON ---- */

static json_t *radii_to_json(const double radii[6]) {
    return json_pack("[f, f, f, f, f, f]", radii[0], radii[1], radii[2], radii[3], radii[4], radii[5]);
}

static json_t *option_to_json(const spiral__train_settings *s, const struct option *o) {
    switch (o->kind) {
    case INT: return json_integer((json_int_t)number(s, o));
    case UINT64: return json_integer((json_int_t)s->options.seed);
    case LOSS_KIND: return json_string(spiral_loss_kind_name(s->loss.kind));
    case RADII: return radii_to_json(s->loss.helix.radii);
    default: return json_real(number(s, o));
    }
}

json_t *spiral__train_settings_to_json(const spiral__train_settings *settings) {
    json_t *object = json_object();
    int failed = !object;
    for (int i = 0; i < ROWS && !failed; i++)
        failed = json_object_set_new(object, table[i].name, option_to_json(settings, &table[i])) != 0;
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* Whether a saved value is the option's; losses had other names before version 0.2. */
static int is_same(const struct option *o, const json_t *now, const json_t *saved) {
    spiral_loss_kind a, b;
    if (o->kind != LOSS_KIND || !json_is_string(saved)) return json_equal(now, saved);
    return spiral_loss_kind_from_name(json_string_value(now), &a, NULL) == SPIRAL_OK &&
           spiral_loss_kind_from_name(json_string_value(saved), &b, NULL) == SPIRAL_OK && a == b;
}

static spiral_status fail_different(const char *name, const json_t *now, const json_t *saved,
                                    spiral_error *err) {
    char *is = saved ? json_dumps(saved, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *wanted = json_dumps(now, JSON_ENCODE_ANY | JSON_COMPACT);
    spiral_status status =
        spiral__fail(err, SPIRAL_BAD_ARG, -1, "the training to resume has %s %.60s, not %.60s", name,
                     is ? is : "unset", wanted ? wanted : "unset");
    free(is);
    free(wanted);
    return status;
}

spiral_status spiral__train_settings_compare(const spiral__train_settings *settings, const json_t *saved,
                                             spiral_error *err) {
    for (int i = 0; i < ROWS; i++) {
        const struct option *o = &table[i];
        const json_t *value = json_object_get(saved, o->name);
        if (!value && o->old_name && !*o->old_name) continue;
        if (!value && o->old_name) value = json_object_get(saved, o->old_name);
        json_t *now = option_to_json(settings, o);
        spiral_status status = !now                     ? spiral__no_memory(err, 0)
                               : is_same(o, now, value) ? SPIRAL_OK
                                                        : fail_different(o->name, now, value, err);
        json_decref(now);
        SPIRAL_TRY(status);
    }
    return SPIRAL_OK;
}
