/* SPDX-License-Identifier: MIT
 *
 * A program that uses both libraries has one state: an instruction set chosen through one is used by the
 * other too. Unlike the other tests, this one loads the shared libraries; the build gives it their paths.
 */
#include <dlfcn.h>

#include "testing.h"

#include "spiral/isa.h"

/* A public function, found as in a program that loads only the library at `path`. */
static void *function_of(const char *path, const char *name) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    void *function = dlsym(library, name);
    if (!function) fail_msg("%s", dlerror());
    return function;
}

static void one_instruction_set_for_both_libraries(void **state) {
    (void)state;
    static const char *const paths[] = {CORE_LIBRARY, NET_LIBRARY};
    for (int i = 0; i < 2; i++) {
        spiral_status (*set)(const char *, spiral_error *);
        const char *(*name)(void);
        *(void **)&set = function_of(paths[i], "spiral_isa_set");
        *(void **)&name = function_of(paths[1 - i], "spiral_isa_name");
        assert_int_equal(set(NULL, NULL), SPIRAL_OK);
        if (!strcmp(name(), "baseline"))
            print_message("# this processor has only the baseline, so this test cannot fail\n");
        assert_int_equal(set("baseline", NULL), SPIRAL_OK);
        assert_string_equal(name(), "baseline");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_instruction_set_for_both_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
