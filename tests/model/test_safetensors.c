/* SPDX-License-Identifier: MIT
 *
 * The safetensors container: arrays are read as they were written, bit for bit, and every damaged file is
 * refused with a message that says what is wrong. Exchange with other programs:
 * tests/oracle/test_safetensors.py.
 */
#include <math.h>

#include "testing.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "model/safetensors.h"

/* A file of this header and `data` bytes, malloc'ed to its exact size so that a sanitizer sees a read beyond
 * it. */
static unsigned char *file_of(const char *header, size_t data, size_t *size) {
    size_t length = strlen(header);
    unsigned char *bytes = calloc(1, *size = 8 + length + data);
    assert_non_null(bytes);
    spiral__put_le64(bytes, length);
    memcpy(bytes + 8, header, length);
    return bytes;
}

static void expect(const char *header, size_t data, spiral_status status, const char *text) {
    size_t size;
    unsigned char *bytes = file_of(header, data, &size);
    spiral__safetensors tensors;
    spiral_error err = {.text = ""};
    spiral_status got = spiral__safetensors_read(bytes, size, &tensors, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("%s: status %d, \"%s\"; wanted \"%s\"", header, got, err.text, text);
    if (got == SPIRAL_OK) spiral__safetensors_clear(&tensors);
    assert_null(tensors.header);
    free(bytes);
}

static void refused(const char *header, size_t data, const char *text) {
    expect(header, data, SPIRAL_FORMAT, text);
}

static unsigned char *two_arrays(size_t *size) {
    static const float a[6] = {0.0f, -0.0f, 1.5f, 1e-45f, 3.4e38f, -7.25f}, b[2] = {0.1f, 0.2f};
    const spiral__array arrays[] = {{"a", 2, 3, a}, {"b", 1, 2, b}};
    json_t *metadata = json_pack("{s:s, s:s}", "spiral", "{\"x\":1}", "f\xc3\xbcr", "caf\xc3\xa9 \" \\ \n");
    unsigned char *bytes = NULL;
    assert_int_equal(spiral__safetensors_write(arrays, 2, metadata, &bytes, size, NULL), SPIRAL_OK);
    json_decref(metadata);
    return bytes;
}

static const char *text_of(const spiral__safetensors *tensors, const char *name) {
    return json_string_value(json_object_get(spiral__safetensors_metadata(tensors), name));
}

static void arrays_and_texts_return_bit_for_bit(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = two_arrays(&size);
    spiral__safetensors tensors;
    uint32_t a[6], b[2];
    const uint32_t bits[6] = {0, 0x80000000, 0x3fc00000, 1, 0x7f7fc99e, 0xc0e80000}; /* IEEE 754 */
    assert_int_equal((8 + spiral__le64(bytes)) % 8, 0);
    assert_int_equal(spiral__safetensors_read(bytes, size, &tensors, NULL), SPIRAL_OK);
    assert_int_equal(spiral__safetensors_get(&tensors, "a", 2, 3, (float *)(void *)a, NULL), SPIRAL_OK);
    assert_int_equal(spiral__safetensors_get(&tensors, "b", 1, 2, (float *)(void *)b, NULL), SPIRAL_OK);
    assert_memory_equal(a, bits, sizeof bits);
    assert_int_equal(b[0], 0x3dcccccd);
    assert_string_equal(text_of(&tensors, "spiral"), "{\"x\":1}");
    assert_string_equal(text_of(&tensors, "f\xc3\xbcr"), "caf\xc3\xa9 \" \\ \n");
    assert_null(text_of(&tensors, "none"));
    assert_true(spiral__safetensors_has(&tensors, "a"));
    assert_false(spiral__safetensors_has(&tensors, "c"));
    spiral__safetensors_clear(&tensors);
    free(bytes);
}

static void an_array_of_another_kind_is_refused(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = two_arrays(&size);
    spiral__safetensors tensors;
    spiral_error err;
    float x[6];
    assert_int_equal(spiral__safetensors_read(bytes, size, &tensors, NULL), SPIRAL_OK);
    assert_int_equal(spiral__safetensors_get(&tensors, "c", 1, 1, x, &err), SPIRAL_FORMAT);
    assert_string_equal(err.text, "tensor \"c\" is missing");
    assert_int_equal(spiral__safetensors_get(&tensors, "a", 1, 5, x, &err), SPIRAL_FORMAT);
    assert_non_null(strstr(err.text, "tensor \"a\""));
    assert_int_equal(spiral__safetensors_get(&tensors, "a", 3, 2, x, &err), SPIRAL_FORMAT); /* transposed */
    assert_non_null(strstr(err.text, "tensor \"a\""));
    assert_int_equal(spiral__safetensors_get(&tensors, "a", 1, 6, x, &err), SPIRAL_FORMAT); /* flattened */
    const float not_finite[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        memcpy(bytes + size - 4, &not_finite[i], 4);
        assert_int_equal(spiral__safetensors_get(&tensors, "b", 1, 2, x, &err), SPIRAL_NUMERIC);
        assert_string_equal(err.text, "tensor \"b\": number 1 is not finite");
    }
    spiral__safetensors_clear(&tensors);
    free(bytes);
    /* A file may have arrays of other types; they cannot be read as floats. */
    bytes = file_of("{\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, &size);
    assert_int_equal(spiral__safetensors_read(bytes, size, &tensors, NULL), SPIRAL_OK);
    assert_int_equal(spiral__safetensors_get(&tensors, "h", 1, 1, x, &err), SPIRAL_FORMAT);
    assert_non_null(strstr(err.text, "tensor \"h\": F16"));
    spiral__safetensors_clear(&tensors);
    free(bytes);
}

/* The bytes end where their allocation ends, so that a sanitizer sees a read beyond it. */
static void every_cut_is_refused(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = two_arrays(&size);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);
        spiral__safetensors tensors;
        spiral_error err = {.text = ""};
        memcpy(part, bytes, cut);
        assert_int_equal(spiral__safetensors_read(part, cut, &tensors, &err), SPIRAL_FORMAT);
        assert_true(err.text[0] != 0);
        assert_null(tensors.header);
        free(part);
    }
    unsigned char *longer = calloc(1, size + 1);
    spiral__safetensors tensors;
    memcpy(longer, bytes, size);
    assert_int_equal(spiral__safetensors_read(longer, size + 1, &tensors, NULL), SPIRAL_FORMAT);
    free(longer);
    free(bytes);
}

/* No access out of bounds, no leak. */
static void a_flipped_bit_is_refused_or_read(void **state) {
    (void)state;
    size_t size, refusals = 0;
    unsigned char *bytes = two_arrays(&size);
    size_t header = 8 + (size_t)spiral__le64(bytes);
    for (size_t bit = 0; bit < 8 * header; bit++) {
        spiral__safetensors tensors;
        spiral_error err = {.text = ""};
        float x[6];
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (spiral__safetensors_read(bytes, size, &tensors, &err) != SPIRAL_OK) {
            assert_true(err.status == SPIRAL_FORMAT && err.text[0]);
            refusals++;
        } else {
            const char *name;
            json_t *entry;
            json_object_foreach(tensors.header, name, entry) {
                if (!strcmp(name, "__metadata__")) continue;
                if (spiral__safetensors_get(&tensors, name, 2, 3, x, &err) == SPIRAL_OK) continue;
                assert_true(err.status == SPIRAL_FORMAT || err.status == SPIRAL_NUMERIC);
            }
            spiral__safetensors_clear(&tensors);
        }
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    print_message("# %zu of %zu flips refused\n", refusals, 8 * header);
    assert_true(refusals > 4 * header); /* the others change a name, a text or a space */
    free(bytes);
}

static void impossible_lengths_are_refused(void **state) {
    (void)state;
    const uint64_t lengths[] = {
        0, 1, 1 << 20, UINT64_C(100) << 20, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t size;
        spiral__safetensors tensors;
        spiral_error err;
        unsigned char *bytes = file_of("{}", 6, &size);
        spiral__put_le64(bytes, lengths[i]);
        assert_int_equal(spiral__safetensors_read(bytes, size, &tensors, &err), SPIRAL_FORMAT);
        assert_string_equal(err.text, "not a safetensors file, or cut short");
        free(bytes);
    }
}

#define ENTRY(name, type, shape, from, to) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void valid_headers_are_read(void **state) {
    (void)state;
    expect("{}", 0, SPIRAL_OK, "");
    expect("{\"__metadata__\":{}}   ", 0, SPIRAL_OK, "");
    expect("{" ENTRY("a", "F32", "[]", "0", "4") "}", 4, SPIRAL_OK, ""); /* a scalar */
    expect("{" ENTRY("a", "F32", "[0,5]", "0", "0") "}", 0, SPIRAL_OK, "");
    expect("{" ENTRY("b", "F32", "[1]", "4", "8") "," ENTRY("e", "F32", "[0]", "4", "4") "," ENTRY(
               "a", "F32", "[1,1,1]", "0", "4") "}",
           8, SPIRAL_OK, "");
}

static void hostile_headers_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *text;
    } cases[] = {
        {"[]", 0, "not a safetensors file"},
        {" {}", 0, "not a safetensors file"}, /* the format requires that the brace comes first */
        {"{\"a\":", 0, "header is not JSON"},
        {"{} {}", 0, "header is not JSON"},
        {"{\"a\xff\":1}", 0, "header is not JSON"},
        {"{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("a", "F32", "[1]", "0", "4") "}", 4,
         "header is not JSON: duplicate"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"step\":3}}", 0, "metadata \"step\" is not a text"},
        {"{\"a\":7}", 0, "tensor \"a\": dtype, shape or data_offsets is missing"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": dtype, shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "tensor \"a\": dtype, shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor \"a\": dtype, shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4,
         "tensor \"a\": dtype, shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4,
         "tensor \"a\": dtype, shape"},
        {"{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": dtype, shape"},
        {"{" ENTRY("a", "F32", "[1]", "-4", "0") "}", 4, "bytes -4 to 0 are not within the 4 of the file"},
        {"{" ENTRY("a", "F32", "[1]", "4", "0") "}", 4, "bytes 4 to 0 are not within"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8") "}", 4, "bytes 0 to 8 are not within the 4 of the file"},
        {"{" ENTRY("a", "F32", "[1]", "0", "9223372036854775807") "}", 4, "are not within"},
        {"{" ENTRY("a", "F32", "[1]", "0", "18446744073709551620") "}", 4, "header is not JSON"},
        {"{" ENTRY("a", "F32", "[3]", "0", "4") "}", 4, "tensor \"a\": "},
        {"{" ENTRY("a", "F32", "[-1]", "0", "4") "}", 4, "tensor \"a\": impossible shape"},
        {"{" ENTRY("a", "F32", "[1.0]", "0", "4") "}", 4, "tensor \"a\": impossible shape"},
        {"{" ENTRY("a", "F32", "[4294967296,4294967296]", "0", "0") "}", 0, "tensor \"a\": impossible shape"},
        {"{" ENTRY("a", "F32", "[4611686018427387905]", "0", "4") "}", 4, "tensor \"a\": impossible shape"},
        {"{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("b", "F32", "[1]", "0", "4") "}", 4, "overlap"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[1]", "4", "8") "}", 8, "overlap"},
        {"{" ENTRY("a", "F32", "[1]", "4", "8") "}", 8, "gap at byte 0"},
        {"{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("b", "F32", "[1]", "8", "12") "}", 12,
         "gap at byte 4"},
        {"{" ENTRY("a", "F32", "[1]", "0", "4") "}", 5, "tensors end at byte 4 of 5"},
        {"{}", 1, "tensors end at byte 0 of 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].header, cases[i].data, cases[i].text);
}

/* The parser has a limit for nesting, so the stack is not exhausted. */
static void deep_nesting_is_refused(void **state) {
    (void)state;
    enum { DEPTH = 100000 };
    char *header = malloc(DEPTH + 16);
    strcpy(header, "{\"a\":");
    memset(header + 5, '[', DEPTH);
    header[DEPTH + 5] = 0;
    refused(header, 0, "header is not JSON");
    free(header);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_and_texts_return_bit_for_bit),
        cmocka_unit_test(an_array_of_another_kind_is_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_flipped_bit_is_refused_or_read),
        cmocka_unit_test(impossible_lengths_are_refused),
        cmocka_unit_test(valid_headers_are_read),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
