/* SPDX-License-Identifier: MIT
 *
 * Statuses and error messages.
 */
#include <errno.h>

#include "testing.h"
#include "base/error.h"

static void each_status_has_a_name_and_a_message(void **state) {
    (void)state;
    assert_string_equal(spiral_status_name(SPIRAL_OK), "OK");
    assert_string_equal(spiral_status_name(SPIRAL_NO_DATA), "NO_DATA");
    assert_string_equal(spiral_status_message(SPIRAL_OK), "ok");
    assert_string_equal(spiral_status_message(SPIRAL_NO_DATA), "no data");
    assert_string_equal(spiral_status_name((spiral_status)77), "UNKNOWN");
    assert_string_equal(spiral_status_message((spiral_status)77), "unknown status");
}

static void a_failure_fills_the_sentence(void **state) {
    (void)state;
    spiral_error err = {0};
    assert_int_equal(spiral__fail(&err, SPIRAL_FORMAT, 7, "byte %d is above %d", 200, 127), SPIRAL_FORMAT);
    assert_string_equal(err.text, "byte 200 is above 127");
    assert_int_equal(err.offset, 7);
    assert_int_equal(spiral__error_prefix(&err, SPIRAL_FORMAT, "a.mid"), SPIRAL_FORMAT);
    assert_string_equal(err.text, "a.mid: byte 200 is above 127");
    assert_int_equal(spiral__fail(NULL, SPIRAL_IO, -1, "not reported"), SPIRAL_IO);
    char prefix[400]; /* a long path is shortened so that the reason fits: the end of the path is shown */
    memset(prefix, 'x', sizeof prefix - 1);
    memcpy(prefix + sizeof prefix - 7, "/b.mid", 7);
    spiral__error_prefix(&err, SPIRAL_FORMAT, prefix);
    assert_memory_equal(err.text, "...xxx", 6);
    assert_non_null(strstr(err.text, "xxx/b.mid: a.mid: byte 200 is above 127"));
    char text[SPIRAL__PATH_TEXT];
    memset(prefix, 0xa9, sizeof prefix - 7); /* the text never begins with the second byte of a character */
    assert_string_equal(spiral__error_path(prefix, text) + 3, "/b.mid");
}

/* Bytes of a damaged file in a message: no terminal control sequences, only valid UTF-8 (RFC 3629). */
static void control_characters_and_bad_utf8_become_question_marks(void **state) {
    (void)state;
    static const struct {
        const char *word, *text;
    } cases[] = {
        {"a\x1b[2J\tb\nc\x7f", "a?[2J?b?c?"},
        {"caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x8e\xb5", "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x8e\xb5"},
        {"\xc3", "?"},                                             /* incomplete */
        {"\xc3(\xa9\xff", "?(??"},                                 /* Latin-1 */
        {"\xc0\xaf|\xe0\x80\xaf|\xf0\x80\x80\xaf", "??|???|????"}, /* overlong */
        {"\xed\xa0\x80|\xf4\x90\x80\x80", "???|????"},             /* a surrogate; above U+10FFFF */
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

/* strerror returns a buffer that all threads share. This one counts its calls. */
static int strerror_calls;
char *strerror(int number) {
    (void)number;
    strerror_calls++;
    return "strerror";
}

static void system_errors_are_named_without_strerror(void **state) {
    (void)state;
    spiral_error err = {0};
    char text[SPIRAL__ERRNO_TEXT];
    assert_string_equal(spiral__errno_text(ENOENT, text), "No such file or directory");
    assert_true(strlen(spiral__errno_text(123456, text)) > 0);
    errno = EACCES;
    assert_int_equal(spiral__fail_io(&err, "a.mid", "open"), SPIRAL_IO);
    assert_string_equal(err.text, "a.mid: cannot open: Permission denied");
    assert_int_equal(strerror_calls, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_a_name_and_a_message),
        cmocka_unit_test(a_failure_fills_the_sentence),
        cmocka_unit_test(control_characters_and_bad_utf8_become_question_marks),
        cmocka_unit_test(system_errors_are_named_without_strerror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
