/* SPDX-License-Identifier: MIT
 *
 * Files are written completely or not at all.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "testing.h"
#include "base/file.h"

static void what_is_written_is_read_back(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bin", folder);
    spiral_error err = {0};
    assert_int_equal(spiral_file_write(path, "one\0two", 7, &err), SPIRAL_OK);
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral__file_read(path, 100, &bytes, &size, &err), SPIRAL_OK);
    assert_int_equal(size, 7);
    assert_memory_equal(bytes, "one\0two", 8);
    free(bytes);
    assert_int_equal(spiral__file_read(path, 6, &bytes, &size, &err), SPIRAL_TOO_BIG);
    assert_null(bytes);

    /* An aborted write leaves the old file and nothing else. */
    spiral__file file;
    assert_int_equal(spiral__file_open(path, &file, &err), SPIRAL_OK);
    fputs("half", file.stream);
    spiral__file_abort(&file);
    assert_int_equal(spiral__file_read(path, 100, &bytes, &size, &err), SPIRAL_OK);
    assert_int_equal(size, 7);
    free(bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void errors_name_the_path_and_the_reason(void **state) {
    (void)state;
    spiral_error err = {0};
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral__file_read("/no/such/file", 100, &bytes, &size, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/no/such/file: cannot open: No such file or directory");
    assert_int_equal(spiral__file_read("/tmp", 100, &bytes, &size, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/tmp: is a folder, not a file");
    assert_int_equal(spiral_file_write("/no/such/file", "", 0, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/no/such/file: cannot write: No such file or directory");
    if (access("/dev/full", W_OK) == 0) { /* behaves like a full disk */
        spiral__file file = {fopen("/dev/full", "wb"), strdup("/dev/null/x"), strdup("/tmp/never")};
        fputs("text", file.stream);
        assert_int_equal(spiral__file_finish(&file, &err), SPIRAL_IO);
        assert_string_equal(err.text, "/tmp/never: cannot write: No space left on device");
    }
}

/* A device or a pipe is written to, not replaced; a link is followed. */
static void devices_pipes_and_links_stay_what_they_are(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", pipe[64], link[64], target[64], bytes[8] = "";
    spiral_error err = {0};
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_int_equal(spiral_file_write(pipe, "piped", 5, &err), SPIRAL_OK);
    assert_int_equal(read(reader, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "piped", 5);
    close(reader);
    assert_fails(spiral__file_read(pipe, 100, (unsigned char **)&(unsigned char *){NULL}, &(size_t){0}, &err),
                 SPIRAL_IO, &err, pipe, "is a pipe, not a file");
    assert_fails(spiral_file_write(pipe, "", 0, &err), SPIRAL_IO, &err, pipe,
                 "no program reads from this pipe");
    reader = open(pipe, O_RDONLY | O_NONBLOCK);
    spiral__file file;
    assert_int_equal(spiral__file_open(pipe, &file, &err), SPIRAL_OK);
    spiral__file_abort(&file);
    close(reader);
    assert_int_equal(lstat(pipe, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));

    assert_int_equal(spiral_file_write(target, "old", 3, &err), SPIRAL_OK);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(spiral_file_write(link, "new one", 7, &err), SPIRAL_OK);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_size, 7);
    unlink(pipe);
    unlink(link);
    unlink(target);
    assert_int_equal(rmdir(folder), 0);
}

static void a_file_that_is_replaced_keeps_its_permissions(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    spiral_error err = {0};
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bin", folder);
    assert_int_equal(spiral_file_write(path, "old", 3, &err), SPIRAL_OK);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(spiral_file_write(path, "newer", 5, &err), SPIRAL_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0604);
    assert_int_equal(chmod(path, 0444), 0);
    assert_fails(spiral_file_write(path, "newest", 6, &err), SPIRAL_IO, &err, path, "read-only");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 5);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- temporary files ---- */

static int exists(const char *path) { return !access(path, F_OK); }

/* A process that is killed while it writes leaves its temporary file. The next writer removes it, but not the
 * temporary file of a process that is still writing, nor other files. */

/* Removes the folder's files that end in .tmp and returns their number. */
static int remove_temporary(const char *folder) {
    int count = 0;
    char path[512];
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        const size_t n = strlen(entry->d_name);
        if (n < 4 || strcmp(entry->d_name + n - 4, ".tmp")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(unlink(path), 0);
        count++;
    }
    closedir(listing);
    return count;
}

static void temporary_files_without_an_owner_are_removed(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64], left[64], other[64];
    spiral_error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.mid", folder);
    snprintf(left, sizeof left, "%s/.spiral-0123abcd.tmp", folder);
    snprintf(other, sizeof other, "%s/.spiral-0123ABCD.tmp", folder);
    close(open(left, O_WRONLY | O_CREAT, 0600));
    close(open(other, O_WRONLY | O_CREAT, 0600));
    spiral__file mine;
    assert_int_equal(spiral__file_open(path, &mine, &err), SPIRAL_OK);
    assert_false(exists(left));
    assert_true(exists(other));
    assert_true(exists(mine.temporary));
    pid_t child = fork(); /* another process, because a process removes such files from a folder only once */
    if (child == 0) {
        char second[64];
        snprintf(second, sizeof second, "%s/../%s/b.mid", folder, folder + 5);
        spiral__file theirs;
        _exit(spiral__file_open(second, &theirs, NULL) == SPIRAL_OK ? 7 : 1); /* without removing it */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(exists(mine.temporary));
    spiral_temporary_files_remove();
    assert_false(exists(mine.temporary));
    assert_int_equal(spiral__file_finish(&mine, &err), SPIRAL_IO);
    assert_false(exists(path));
    assert_int_equal(remove_temporary(folder), 2); /* the child's, and the one whose name has another form */
    assert_int_equal(rmdir(folder), 0);
}

static void the_longest_name_can_be_written(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[300], name[256];
    assert_non_null(mkdtemp(folder));
    memset(name, 'x', 255);
    name[255] = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(spiral_file_write(path, "x", 1, NULL), SPIRAL_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

#if defined(__linux__)
/* The umask belongs to the process, and to read it one must set it, for all threads. This function replaces
 * the C library's and counts calls. The real umask is set by the system call, which has this name on Linux
 * only. */
static mode_t mask = 027;
static int umask_calls;
mode_t umask(mode_t wanted) {
    (void)wanted;
    umask_calls++;
    return mask;
}

static void permissions_follow_the_umask_without_changing_it(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    spiral_error err = {0};
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bin", folder);
    syscall(SYS_umask, mask);
    assert_int_equal(spiral_file_write(path, "x", 1, &err), SPIRAL_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(umask_calls, 0);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}
#endif

/* Many threads write the same file at once, each under its own temporary name; the last one replaces the
 * file. */
typedef struct writer {
    const char *path;
    int number, failed;
} writer;

static void *write_often(void *context) {
    writer *w = context;
    char bytes[100];
    memset(bytes, 'a' + w->number, sizeof bytes);
    for (int i = 0; i < 50; i++)
        w->failed |= spiral_file_write(w->path, bytes, sizeof bytes, NULL) != SPIRAL_OK;
    return NULL;
}

static void threads_that_write_one_file_leave_one_whole_file(void **state) {
    (void)state;
    enum { THREADS = 4 };
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bin", folder);
    writer writers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (writer){path, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, write_often, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(writers[i].failed);
    }
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral__file_read(path, 1000, &bytes, &size, NULL), SPIRAL_OK);
    assert_int_equal(size, 100);
    for (size_t i = 1; i < size; i++) assert_int_equal(bytes[i], bytes[0]);
    free(bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(errors_name_the_path_and_the_reason),
        cmocka_unit_test(devices_pipes_and_links_stay_what_they_are),
        cmocka_unit_test(a_file_that_is_replaced_keeps_its_permissions),
        cmocka_unit_test(temporary_files_without_an_owner_are_removed),
        cmocka_unit_test(the_longest_name_can_be_written),
#if defined(__linux__)
        cmocka_unit_test(permissions_follow_the_umask_without_changing_it),
#endif
        cmocka_unit_test(threads_that_write_one_file_leave_one_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
