/* SPDX-License-Identifier: MIT
 *
 * The kinds of loss, the options, their defaults and limits.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "loss/plan.h"

const char *spiral_loss_kind_name(spiral_loss_kind kind) {
    switch (kind) {
#define SPIRAL_X(id, name, text) \
    case SPIRAL_LOSS_##id: return name;
        SPIRAL_LOSS_LIST(SPIRAL_X)
#undef SPIRAL_X
    case SPIRAL_LOSS_COUNT: break;
    }
    return "?";
}

/* Names of version 0.1, still accepted because model files and command lines have them. */
static const struct {
    const char *name;
    spiral_loss_kind kind;
} old_names[] = {
    {"seed_hard", SPIRAL_LOSS_ARGMAX_DISTANCE},
    {"seed_hard_circular", SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR},
    {"seed_mask", SPIRAL_LOSS_DISTANCE_MASK},
    {"seed_mask_circular", SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR},
};

spiral_status spiral_loss_kind_from_name(const char *name, spiral_loss_kind *kind, spiral_error *err) {
    if (!name || !kind) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss: name and kind must not be NULL");
    for (int k = 0; k < SPIRAL_LOSS_COUNT; k++)
        if (!strcmp(name, spiral_loss_kind_name((spiral_loss_kind)k)))
            return *kind = (spiral_loss_kind)k, SPIRAL_OK;
    for (size_t i = 0; i < sizeof old_names / sizeof *old_names; i++)
        if (!strcmp(name, old_names[i].name)) return *kind = old_names[i].kind, SPIRAL_OK;
#define SPIRAL_X(id, name, text) " " name
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss \"%.40s\": not one of" SPIRAL_LOSS_LIST(SPIRAL_X),
                        name);
#undef SPIRAL_X
}

/* The smallest struct_size that is accepted: what follows the time blur may be missing. */
#define FIRST_SIZE offsetof(spiral_loss_options, coil_radius)

static spiral_loss_options defaults(void) {
    return (spiral_loss_options){
        .struct_size = sizeof(spiral_loss_options),
        .kind = SPIRAL_LOSS_SPIRAL,
        .lambda = 1,
        .bce = 1,
        .from_logits = 1,
        .reduction = SPIRAL_REDUCE_MEAN,
        .low = 0,
        .helix = spiral_helix_default(),
        .kl_offset = 0.02,
        .blur_length = 0.5,
        .blur_radius = 24,
        .sigma = 0.5,
        .time_blur = 0,
        .coil_radius = 10,
        .coil_rise = 5,
        .coil_degrees = 30,
        .threads = 1,
        .eta = 0.3,
    };
}

void spiral_loss_options_default(spiral_loss_options *options, size_t struct_size) {
    const spiral_loss_options o = defaults();
    spiral__sized_write(&o, sizeof o, options, struct_size);
}

int spiral__loss_is_quadratic(spiral_loss_kind kind) {
    return kind == SPIRAL_LOSS_ENERGY || kind == SPIRAL_LOSS_GAUSS;
}

int spiral__loss_is_metric(spiral_loss_kind kind) {
    return kind == SPIRAL_LOSS_ARGMAX_DISTANCE || kind == SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR;
}

int spiral__loss_uses_argmax(spiral_loss_kind kind) {
    return spiral__loss_is_metric(kind) || kind == SPIRAL_LOSS_DISTANCE_MASK ||
           kind == SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR;
}

typedef struct range {
    const char *name;
    double value, low, high;
    int above; /* nonzero: low itself is not allowed */
} range;

static spiral_status check_ranges(const range *ranges, size_t n, spiral_error *err) {
    for (size_t i = 0; i < n; i++) {
        const range *r = &ranges[i];
        if (!(r->value >= r->low && r->value <= r->high) || (r->above && r->value == r->low))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss option %s is %.9g: must be %s%g%s%g", r->name,
                                r->value, r->above ? "above " : "", r->low, r->above ? ", at most " : " to ",
                                r->high);
    }
    return SPIRAL_OK;
}

static spiral_status check_shape(const spiral_loss_options *o, int P, spiral_error *err) {
    const range ranges[] = {
        {"kind", (int)o->kind, 0, SPIRAL_LOSS_COUNT - 1, 0},
        {"reduction", (int)o->reduction, 0, SPIRAL_REDUCE_PER_NOTE, 0},
        {"low", o->low, 0, 127, 0},
        {"threads", o->threads, 0, SPIRAL__MAX_THREADS, 0},
    };
    SPIRAL_TRY(check_ranges(ranges, sizeof ranges / sizeof *ranges, err));
    if (P < 1 || P > SPIRAL__MAX_KEYS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss for %d keys: must be 1 to %d", P,
                            SPIRAL__MAX_KEYS);
    if (o->low + P > 128)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss option low is %d: with %d keys the highest MIDI number is %d, above 127",
                            o->low, P, o->low + P - 1);
    return SPIRAL_OK;
}

static spiral_status check_values(const spiral_loss_options *o, spiral_error *err) {
    const range ranges[] = {
        {"lambda", o->lambda, 0, 1e6, 0},
        {"bce", o->bce, 0, 1e6, 0},
        {"kl_offset", o->kl_offset, 1e-6, 1000, 0},
        {"blur_length", o->blur_length, 0, 1000, 1},
        {"blur_radius", o->blur_radius, 1, SPIRAL__MAX_BLUR_RADIUS, 0},
        {"sigma", o->sigma, 0, 1000, 1},
        {"time_blur", o->time_blur, 0, SPIRAL__MAX_TIME_BLUR, 0},
        {"coil_radius", o->coil_radius, 0, 1e6, 0},
        {"coil_rise", o->coil_rise, 0, 1e6, 0},
        {"coil_degrees", o->coil_degrees, 0, 1e6, 0},
    };
    SPIRAL_TRY(check_ranges(ranges, sizeof ranges / sizeof *ranges, err));
    if (!(o->eta >= 0 && o->eta < 1))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss option eta is %.9g: must be at least 0 and less than 1", o->eta);
    SPIRAL_TRY(spiral_helix_check(&o->helix, err));
    if (o->time_blur > 0 && o->kind != SPIRAL_LOSS_SPIRAL && !spiral__loss_is_quadratic(o->kind))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss option time_blur is %g: must be 0 for the kind %s, which has no time blur",
                            o->time_blur, spiral_loss_kind_name(o->kind));
    return SPIRAL_OK;
}

spiral_status spiral__loss_options_read(const spiral_loss_options *options, int P, spiral_loss_options *known,
                                        spiral_error *err) {
    *known = defaults();
    SPIRAL_TRY(spiral__sized_read("loss options", options, FIRST_SIZE, known, sizeof *known, err));
    SPIRAL_TRY(check_shape(known, P, err));
    return check_values(known, err);
}
