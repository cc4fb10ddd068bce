/* SPDX-License-Identifier: MIT
 *
 * Lists of files.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"
#include "base/file.h"
#include "data/paths.h"

static const char *const endings[] = {".mid", ".midi", NULL};
static const spiral__paths_filter wanted_files = {endings, "MThd"};

static void touch(const char *folder, const char *name) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(spiral_file_write(path, "", 0, NULL), SPIRAL_OK);
}

static void folders_are_listed_in_byte_order_and_links_end(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    spiral_error err = {0};
    spiral__paths paths = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    touch(folder, "b.MID"), touch(folder, "a.midi"), touch(folder, "c.txt"), touch(folder, "sub/d.Mid");
    snprintf(path, sizeof path, "%s/sub/up", folder);
    assert_int_equal(symlink("..", path), 0); /* a link to a folder that is being read */
    snprintf(path, sizeof path, "%s/z.mid", folder);
    assert_int_equal(symlink("nothing", path), 0);
    assert_int_equal(spiral__paths_add(&paths, folder, &wanted_files, &err), SPIRAL_OK);
    static const char *const wanted[] = {"/a.midi", "/b.MID", "/sub/d.Mid"};
    assert_int_equal(paths.count, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(paths.path[i] + strlen(folder), wanted[i]);
    spiral__paths_clear(&paths);

    snprintf(path, sizeof path, "%s/c.txt", folder); /* a file that is named explicitly may have any ending */
    assert_int_equal(spiral__paths_add(&paths, path, &wanted_files, &err), SPIRAL_OK);
    assert_int_equal(paths.count, 1);
    spiral__paths_clear(&paths);
    assert_fails(spiral__paths_add(&paths, "/no/such", &wanted_files, &err), SPIRAL_IO, &err, "/no/such",
                 "No such file or directory");
    static const char *const names[] = {"a.midi", "b.MID", "c.txt", "z.mid", "sub/up", "sub/d.Mid"};
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_listed_in_byte_order_and_links_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
