/* SPDX-License-Identifier: MIT
 *
 * The options of a loss: names, defaults, limits, and structs of another version's size.
 */
#include "harness.h"

static void names_and_kinds_correspond(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        spiral_loss_kind found;
        assert_int_equal(
            spiral_loss_kind_from_name(spiral_loss_kind_name((spiral_loss_kind)kind), &found, NULL),
            SPIRAL_OK);
        assert_int_equal(found, kind);
    }
    assert_string_equal(spiral_loss_kind_name((spiral_loss_kind)99), "?");
    spiral_error err;
    spiral_loss_kind kind = SPIRAL_LOSS_GAUSS;
    assert_int_equal(spiral_loss_kind_from_name("mse", &kind, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text,
                        "loss \"mse\": not one of bce spiral energy gauss weighted_bce argmax_distance "
                        "argmax_distance_circular distance_mask distance_mask_circular channel");
    assert_int_equal(kind, SPIRAL_LOSS_GAUSS);
    assert_fails(spiral_loss_kind_from_name(NULL, &kind, &err), SPIRAL_BAD_ARG, &err, "NULL");
}

/* Model files and command lines of version 0.1 have these. */
static void names_of_version_0_1_still_work(void **state) {
    (void)state;
    static const struct {
        const char *name;
        spiral_loss_kind kind;
    } old[] = {{"seed_hard", SPIRAL_LOSS_ARGMAX_DISTANCE},
               {"seed_hard_circular", SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR},
               {"seed_mask", SPIRAL_LOSS_DISTANCE_MASK},
               {"seed_mask_circular", SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR}};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        spiral_loss_kind kind = SPIRAL_LOSS_BCE;
        assert_int_equal(spiral_loss_kind_from_name(old[i].name, &kind, NULL), SPIRAL_OK);
        assert_int_equal(kind, old[i].kind);
    }
}

/* The loss is refused; the message names the option and its value. */
static void check_refused(spiral_loss_options o, int P, const char *name, const char *value) {
    spiral_loss *loss = (spiral_loss *)&o;
    spiral_error err = {0};
    assert_fails(spiral_loss_create(&o, P, &loss, &err), SPIRAL_BAD_ARG, &err, name, value);
    assert_null(loss);
}

#define REFUSED(field, number, name, value)        \
    do {                                           \
        spiral_loss_options o = default_options(); \
        o.field = number;                          \
        check_refused(o, KEYS, name, value);       \
    } while (0)

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    REFUSED(lambda, -1, "lambda", "is -1:");
    REFUSED(lambda, NAN, "lambda", "is nan:");
    REFUSED(bce, INFINITY, "bce", "is inf:");
    REFUSED(kl_offset, 0, "kl_offset", "is 0:");
    REFUSED(blur_length, 0, "blur_length", "is 0: must be above 0");
    REFUSED(blur_radius, 0, "blur_radius", "is 0:");
    REFUSED(blur_radius, 128, "blur_radius", "is 128:");
    REFUSED(sigma, -0.5, "sigma", "is -0.5:");
    REFUSED(time_blur, 101, "time_blur", "is 101:");
    REFUSED(coil_radius, -10, "coil_radius", "is -10:");
    REFUSED(coil_rise, NAN, "coil_rise", "is nan:");
    REFUSED(coil_degrees, -30, "coil_degrees", "is -30:");
    REFUSED(kind, (spiral_loss_kind)SPIRAL_LOSS_COUNT, "kind", "is 10:");
    REFUSED(eta, -0.1, "eta", "is -0.1: must be at least 0");
    REFUSED(eta, 1, "eta", "is 1: must be at least 0 and less than 1");
    REFUSED(eta, NAN, "eta", "is nan:");
    REFUSED(reduction, (spiral_reduction)4, "reduction", "is 4:");
    REFUSED(low, 128, "low", "is 128:");
    REFUSED(low, 93, "low", "is 93:");
    REFUSED(helix.radii[0], 0, "radii", "is 0:");
    REFUSED(helix.radii[4], -1, "radii[4]", "is -1:");
    REFUSED(helix.octave, 0, "octave", "is 0:");
    spiral_loss_options o = default_options();
    check_refused(o, 0, "keys", "0");
    check_refused(o, 129, "keys", "129");
    o.kind = SPIRAL_LOSS_WEIGHTED_BCE;
    o.time_blur = 3;
    check_refused(o, KEYS, "time_blur", "is 3:");
    spiral_loss *loss;
    assert_int_equal(spiral_loss_create(NULL, KEYS, &loss, NULL), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_loss_create(&o, KEYS, NULL, NULL), SPIRAL_BAD_ARG);
}

/* The full text, once for each form of the message. */
static void refusals_are_one_sentence(void **state) {
    (void)state;
    spiral_loss *loss;
    spiral_error err;
    spiral_loss_options o = default_options();
    o.lambda = -1;
    assert_int_equal(spiral_loss_create(&o, KEYS, &loss, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "loss option lambda is -1: must be 0 to 1e+06");
    o = default_options(), o.sigma = 0;
    assert_int_equal(spiral_loss_create(&o, KEYS, &loss, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "loss option sigma is 0: must be above 0, at most 1000");
    o = default_options(), o.low = 93;
    assert_int_equal(spiral_loss_create(&o, KEYS, &loss, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text,
                        "loss option low is 93: with 36 keys the highest MIDI number is 128, above 127");
    o = default_options();
    assert_int_equal(spiral_loss_create(&o, 129, &loss, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "loss for 129 keys: must be 1 to 128");
}

/* A program built with a header whose struct ends before coil_radius: the rest keeps its defaults. */
static void a_smaller_struct_is_accepted(void **state) {
    (void)state;
    const size_t size = offsetof(spiral_loss_options, coil_radius);
    spiral_loss_options o, wanted = default_options();
    memset(&o, 0x55, sizeof o);
    spiral_loss_options_default(&o, size);
    assert_int_equal(o.struct_size, size);
    for (size_t i = size; i < sizeof o; i++) assert_int_equal(((unsigned char *)&o)[i], 0x55);
    o.kind = wanted.kind = SPIRAL_LOSS_ARGMAX_DISTANCE;
    spiral_loss *loss = create_loss(&o, KEYS);
    const spiral_loss_options *known = spiral_loss_get_options(loss);
    assert_int_equal(known->struct_size, sizeof o);
    assert_int_equal(known->kind, SPIRAL_LOSS_ARGMAX_DISTANCE);
    assert_true(known->coil_radius == wanted.coil_radius && known->coil_rise == wanted.coil_rise &&
                known->coil_degrees == wanted.coil_degrees);
    spiral_loss_destroy(loss);
}

static void structs_of_unknown_size_are_refused(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 8, offsetof(spiral_loss_options, coil_radius) - 1,
                                   sizeof(spiral_loss_options) + 8};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        spiral_loss_options o = default_options();
        char value[32];
        snprintf(value, sizeof value, "is %zu:", sizes[i]);
        o.struct_size = sizes[i];
        check_refused(o, KEYS, "struct_size", value);
    }
    struct {
        spiral_loss_options known;
        double later;
    } newer; /* a newer header with this library: the defaults are set, and creating a loss is refused
              */
    spiral_loss_options_default(&newer.known, sizeof newer);
    assert_true(newer.known.lambda == 1 && newer.later == 0);
    check_refused(newer.known, KEYS, "struct_size", "is ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_kinds_correspond),
        cmocka_unit_test(names_of_version_0_1_still_work),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(refusals_are_one_sentence),
        cmocka_unit_test(a_smaller_struct_is_accepted),
        cmocka_unit_test(structs_of_unknown_size_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
