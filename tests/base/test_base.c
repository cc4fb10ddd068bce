/* SPDX-License-Identifier: MIT
 *
 * The ground floor: status and error text, files that are whole or not there, random numbers, parallel-for.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/par.h"
#include "base/rng.h"
#include "base/sha256.h"

static void test_status_names(void **state) {
    (void)state;
    assert_string_equal(spiral_status_message(SPIRAL_OK), "ok");
    assert_string_equal(spiral_status_message(SPIRAL_NO_DATA), "no data");
    assert_string_equal(spiral_status_message((spiral_status)77), "unknown status");
}

static void test_error_text(void **state) {
    (void)state;
    spiral_error err = {0};
    assert_int_equal(spiral__fail(&err, SPIRAL_FORMAT, 7, "byte %d is above %d", 200, 127), SPIRAL_FORMAT);
    assert_string_equal(err.text, "byte 200 is above 127");
    assert_int_equal(err.offset, 7);
    assert_int_equal(spiral__error_prefix(&err, SPIRAL_FORMAT, "a.mid"), SPIRAL_FORMAT);
    assert_string_equal(err.text, "a.mid: byte 200 is above 127");
    assert_int_equal(spiral__fail(NULL, SPIRAL_IO, -1, "unheard"), SPIRAL_IO);
    char prefix[400]; /* a long path gives way to the reason: its end is shown */
    memset(prefix, 'x', sizeof prefix - 1);
    memcpy(prefix + sizeof prefix - 7, "/b.mid", 7);
    spiral__error_prefix(&err, SPIRAL_FORMAT, prefix);
    assert_memory_equal(err.text, "...xxx", 6);
    assert_non_null(strstr(err.text, "xxx/b.mid: a.mid: byte 200 is above 127"));
    char room[SPIRAL__PATH_ROOM];
    memset(prefix, 0xa9, sizeof prefix - 7); /* the second byte of a character never comes first */
    assert_string_equal(spiral__error_path(prefix, room) + 3, "/b.mid");
}

/* Words of a broken file in a sentence: nothing that a terminal obeys, nothing that is no UTF-8. */
static void test_error_text_without_control_characters(void **state) {
    (void)state;
    static const struct {
        const char *word, *text;
    } cases[] = {
        {"a\x1b[2J\tb\nc\x7f", "a?[2J?b?c?"},
        {"caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x8e\xb5", "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x8e\xb5"},
        {"\xc3", "?"},                                             /* cut */
        {"\xc3(\xa9\xff", "?(??"},                                 /* Latin-1 */
        {"\xc0\xaf|\xe0\x80\xaf|\xf0\x80\x80\xaf", "??|???|????"}, /* padded */
        {"\xed\xa0\x80|\xf4\x90\x80\x80", "???|????"},             /* a surrogate, beyond the last */
        {"\xc2\x9b"
         "2J|\xc2\xa0",
         "??2J|\xc2\xa0"}, /* a control sequence in two bytes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spiral_error err = {0};
        spiral__fail(&err, SPIRAL_FORMAT, 0, "%s", cases[i].word);
        assert_string_equal(err.text, cases[i].text);
        spiral__error_prefix(&err, SPIRAL_FORMAT, cases[i].word);
        assert_int_equal(strncmp(err.text, cases[i].text, strlen(cases[i].text)), 0);
    }
}

static void test_file_round_trip(void **state) {
    (void)state;
    char folder[] = "/tmp/spiral-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.bin", folder);
    spiral_error err = {0};
    assert_int_equal(spiral__file_write(path, "one\0two", 7, &err), SPIRAL_OK);
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral__file_read(path, 100, &bytes, &size, &err), SPIRAL_OK);
    assert_int_equal(size, 7);
    assert_memory_equal(bytes, "one\0two", 8);
    free(bytes);
    assert_int_equal(spiral__file_read(path, 6, &bytes, &size, &err), SPIRAL_TOO_BIG);
    assert_null(bytes);

    /* An abandoned write leaves the old file and nothing else. */
    spiral__file file;
    assert_int_equal(spiral__file_open(path, 1, &file, &err), SPIRAL_OK);
    fputs("half", file.stream);
    spiral__file_abort(&file);
    assert_int_equal(spiral__file_read(path, 100, &bytes, &size, &err), SPIRAL_OK);
    assert_int_equal(size, 7);
    free(bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void test_file_errors(void **state) {
    (void)state;
    spiral_error err = {0};
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral__file_read("/no/such/file", 100, &bytes, &size, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/no/such/file: cannot open: No such file or directory");
    assert_int_equal(spiral__file_read("/tmp", 100, &bytes, &size, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/tmp: is a folder, not a file");
    assert_int_equal(spiral__file_write("/no/such/file", "", 0, &err), SPIRAL_IO);
    assert_string_equal(err.text, "/no/such/file: cannot write: No such file or directory");
    if (access("/dev/full", W_OK) == 0) { /* a full disk, as the system offers it */
        spiral__file file = {fopen("/dev/full", "wb"), strdup("/dev/null/x"), strdup("/tmp/never")};
        fputs("text", file.stream);
        assert_int_equal(spiral__file_finish(&file, &err), SPIRAL_IO);
        assert_string_equal(err.text, "/tmp/never: cannot write: No space left on device");
    }
}

/* A device or a pipe named as output is written to and stays what it is; a link is followed. */
static void test_file_special(void **state) {
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
    assert_int_equal(spiral__file_write(pipe, "piped", 5, &err), SPIRAL_OK);
    assert_int_equal(read(reader, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "piped", 5);
    close(reader);
    spiral__file file;
    assert_int_equal(spiral__file_open(pipe, 0, &file, &err), SPIRAL_OK);
    spiral__file_abort(&file);
    assert_int_equal(lstat(pipe, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));

    assert_int_equal(spiral__file_write(target, "old", 3, &err), SPIRAL_OK);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(spiral__file_write(link, "new one", 7, &err), SPIRAL_OK);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_size, 7);
    unlink(pipe);
    unlink(link);
    unlink(target);
    assert_int_equal(rmdir(folder), 0);
}

static void test_rng(void **state) {
    (void)state;
    spiral__rng a = spiral__rng_init(1, 0), b = spiral__rng_init(1, 0), c = spiral__rng_init(1, 1);
    int same = 0;
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t x = spiral__rng_u64(&a);
        assert_int_equal(x, spiral__rng_u64(&b));
        same += x == spiral__rng_u64(&c);
        double n = spiral__rng_normal(&a);
        spiral__rng_normal(&b);
        sum += n;
        squares += n * n;
        assert_true(spiral__rng_below(&c, 7) < 7);
    }
    assert_int_equal(same, 0);
    assert_true(fabs(sum / 20000) < 0.03); /* four standard errors */
    assert_true(fabs(squares / 20000 - 1) < 0.04);
}

static void test_sha256(void **state) {
    (void)state;
    char hex[65], million[1000];
    spiral__sha256("", 0, hex); /* the examples of FIPS 180-4 and NIST's test vectors */
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    spiral__sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    spiral__sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    spiral__sha256(million, sizeof million, hex);
    assert_string_equal(hex, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void add(void *context, size_t i, int worker) {
    (void)worker;
    ((unsigned *)context)[i] += (unsigned)i;
}

static void test_par_for(void **state) {
    (void)state;
    enum { N = 1000 };
    for (int threads = 0; threads < 5; threads++) {
        spiral__pool *pool = NULL;
        assert_int_equal(spiral__pool_create(threads, &pool, NULL), SPIRAL_OK);
        unsigned seen[N] = {0};
        for (int round = 0; round < 200; round++) spiral__par_for(pool, N, add, seen);
        for (unsigned i = 0; i < N; i++) assert_int_equal(seen[i], 200 * i);
        spiral__pool_destroy(pool);
    }
    unsigned seen[N] = {0};
    spiral__par_for(NULL, N, add, seen);
    assert_int_equal(seen[N - 1], N - 1);
    spiral__pool_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_error_text_without_control_characters),
        cmocka_unit_test(test_file_round_trip),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_file_special),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_rng),
        cmocka_unit_test(test_par_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
