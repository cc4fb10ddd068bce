/* SPDX-License-Identifier: MIT
 *
 * The MIDI reader on real files (odd ones and whole collections), if the folder SPIRAL_DATA exists. The
 * result must be valid, which the writer checks field by field. tests/oracle/test_midi_mido.py tests that it
 * is right.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "testing.h"

#include "spiral/midi.h"

static const char *data; /* the folder */

/* Reads every file below path. Returns their number; adds to the notes read and the files refused. */
static int read_folder(const char *path, size_t *notes, int *refusals) {
    int files = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[4096];
        struct stat info;
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (!stat(name, &info) && S_ISDIR(info.st_mode)) files += read_folder(name, notes, refusals);
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || (strcmp(dot, ".mid") && strcmp(dot, ".rmi") && strcmp(dot, ".syx"))) continue;
        spiral_midi midi;
        spiral_error err = {0};
        spiral_status status = spiral_midi_load(name, &midi, &err);
        if (status != SPIRAL_OK && status != SPIRAL_FORMAT) fail_msg("%s", err.text);
        size_t size;
        if (status == SPIRAL_OK && spiral_midi_size(&midi, &size, &err) != SPIRAL_OK)
            fail_msg("%s: %s", name, err.text);
        *notes += midi.note_count;
        *refusals += status == SPIRAL_FORMAT;
        files++;
        spiral_midi_clear(&midi);
    }
    closedir(folder);
    return files;
}

static void test_odd_files_are_read_or_refused(void **state) {
    (void)state;
    char path[4096];
    size_t notes = 0;
    int refusals = 0;
    snprintf(path, sizeof path, "%s/midi-odd", data);
    int files = read_folder(path, &notes, &refusals);
    print_message("# %d odd files, %d refused, %zu notes\n", files, refusals, notes);
    assert_true(files > 50 && notes > 1000);
    assert_int_equal(refusals, 3); /* an empty one, a text, a bare system exclusive message */
}

static void test_all_files_of_the_data_sets_are_read(void **state) {
    (void)state;
    static const char *const sets[] = {"ai-jam-npm-mixed", "freedoom-bsd", "jsb-chorales", "nottingham-gpl3",
                                       "piano-midi-de-ccbysa"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char path[4096];
        size_t notes = 0;
        int refusals = 0;
        snprintf(path, sizeof path, "%s/%s", data, sets[i]);
        int files = read_folder(path, &notes, &refusals);
        print_message("# %s: %d files, %zu notes\n", sets[i], files, notes);
        assert_true(files > 0 && notes > 0);
        assert_int_equal(refusals, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_files_are_read_or_refused),
        cmocka_unit_test(test_all_files_of_the_data_sets_are_read),
    };
    struct stat info;
    data = getenv("SPIRAL_DATA");
    if (!data || stat(data, &info) || !S_ISDIR(info.st_mode)) {
        /* cmocka reports a skipped test as "not ok", so this is said in TAP here, for all */
        printf("1..0 # SKIP SPIRAL_DATA names no folder\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
