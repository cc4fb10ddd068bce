/* SPDX-License-Identifier: MIT
 *
 * Choosing the instruction set.
 */
#include "testing.h"

#include "simd/isa.h"
#include "simd/tables.h"

static void names_choose_instruction_sets(void **state) {
    (void)state;
    spiral_error err = {0};
    assert_int_equal(spiral_isa_set("baseline", &err), SPIRAL_OK); /* every build has it */
    assert_string_equal(spiral_isa_name(), "baseline");
    assert_int_equal(spiral__isa_current(), SPIRAL__ISA_baseline);
    const struct spiral__loss_kernels *f32 = spiral__loss_kernels_f32(), *f64 = spiral__loss_kernels_f64();
    assert_true(f32 && f64 && f32 != f64);
    for (int best = 0; best < 3; best++) {
        assert_int_equal(spiral_isa_set((const char *[]){NULL, "", "auto"}[best], &err), SPIRAL_OK);
        const int chosen = (int)spiral__isa_current();
        assert_true((spiral__loss_kernels_f32() == f32) == (chosen == SPIRAL__ISA_baseline));
    }
}

static void other_names_are_refused_and_change_nothing(void **state) {
    (void)state;
    spiral_error err = {0};
    const char *before = spiral_isa_name();
    assert_fails(spiral_isa_set("sse9", &err), SPIRAL_BAD_ARG, &err, "sse9");
    assert_string_equal(err.text, "instruction set \"sse9\": not one of auto, baseline, avx2, avx512");
    assert_string_equal(spiral_isa_name(), before);
    static const char *const names[] = {"avx2", "avx512"};
    for (int i = 0; i < 2; i++) {
        spiral_status status = spiral_isa_set(names[i], &err);
        if (status == SPIRAL_OK)
            assert_string_equal(spiral_isa_name(), names[i]);
        else
            assert_fails(status, SPIRAL_UNSUPPORTED, &err, names[i]);
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_choose_instruction_sets),
        cmocka_unit_test(other_names_are_refused_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
