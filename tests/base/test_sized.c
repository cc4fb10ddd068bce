/* SPDX-License-Identifier: MIT
 *
 * Structs whose size is that of another version.
 */
#include "testing.h"
#include "base/sized.h"

/* A struct of options in a first version and in today's. */
typedef struct first {
    size_t struct_size;
    double a;
} first;
typedef struct today {
    size_t struct_size;
    double a, b;
} today;
static const today defaults = {sizeof(today), 1, 2};

static spiral_status read(const void *options, today *known, spiral_error *err) {
    *known = defaults;
    return spiral__sized_read("test options", options, sizeof(first), known, sizeof *known, err);
}

static void options_of_an_earlier_version_get_defaults_for_the_rest(void **state) {
    (void)state;
    today known;
    spiral_error err = {0};
    assert_int_equal(read(&(first){sizeof(first), 7}, &known, &err), SPIRAL_OK);
    assert_true(known.struct_size == sizeof(today) && known.a == 7 && known.b == 2);
    assert_int_equal(read(&(today){sizeof(today), 7, 8}, &known, &err), SPIRAL_OK);
    assert_true(known.struct_size == sizeof(today) && known.a == 7 && known.b == 8);
}

static void other_sizes_are_refused_by_value(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 8, sizeof(first) - 1, sizeof(today) + 1, SIZE_MAX};
    today known;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        spiral_error err = {0};
        char value[32];
        snprintf(value, sizeof value, "is %zu:", sizes[i]);
        assert_fails(read(&(today){sizes[i], 7, 8}, &known, &err), SPIRAL_BAD_ARG, &err,
                     "test options struct_size", value);
        assert_memory_equal(&known, &defaults, sizeof known);
    }
    spiral_error err = {0};
    assert_fails(read(NULL, &known, &err), SPIRAL_BAD_ARG, &err, "test options", "NULL");
    assert_int_equal(spiral__sized_check("report", 24, 24, 24, &err), SPIRAL_OK);
    assert_fails(spiral__sized_check("report", 25, 24, 24, &err), SPIRAL_BAD_ARG, &err, "is 25: must be 24");
}

/* No byte after the caller's struct is written, and fields that the library does not know are 0. */
static void structs_are_written_up_to_the_callers_size(void **state) {
    (void)state;
    struct {
        today known;
        double later, guard;
    } out;
    for (size_t size = 0; size <= sizeof out - sizeof out.guard; size += 8) {
        memset(&out, 0x55, sizeof out);
        spiral__sized_write(&defaults, sizeof defaults, &out, size);
        for (size_t i = size; i < sizeof out; i++) assert_int_equal(((unsigned char *)&out)[i], 0x55);
        if (size >= sizeof(size_t)) assert_int_equal(out.known.struct_size, size);
        if (size >= sizeof(first)) assert_true(out.known.a == 1);
        if (size >= sizeof(today)) assert_true(out.known.b == 2);
        if (size >= (size_t)((char *)&out.guard - (char *)&out)) assert_true(out.later == 0);
    }
    spiral__sized_write(&defaults, sizeof defaults, NULL, sizeof defaults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_an_earlier_version_get_defaults_for_the_rest),
        cmocka_unit_test(other_sizes_are_refused_by_value),
        cmocka_unit_test(structs_are_written_up_to_the_callers_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
