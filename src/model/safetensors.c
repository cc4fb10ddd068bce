/* SPDX-License-Identifier: MIT
 *
 * Reading and writing the safetensors container (see safetensors.h).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/safetensors.h"

enum { LENGTH_BYTES = 8 };
static const size_t MAX_HEADER = 100u << 20; /* the format's own limit */

static json_t *array_header(const spiral__array *a, size_t begin) {
    json_t *shape = a->rows == 1 ? json_pack("[I]", (json_int_t)a->columns)
                                 : json_pack("[I, I]", (json_int_t)a->rows, (json_int_t)a->columns);
    size_t end = begin + a->rows * a->columns * sizeof(float);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)end);
}

/* The header as text, padded with spaces so that the arrays start on a multiple of 8. NULL: no memory. */
static char *header_text(const spiral__array *arrays, size_t count, const json_t *metadata, size_t *length) {
    json_t *header = json_object();
    size_t at = 0;
    int bad = json_object_set_new(header, "__metadata__", json_deep_copy(metadata));
    for (size_t i = 0; i < count; i++) {
        bad |= json_object_set_new(header, arrays[i].name, array_header(&arrays[i], at));
        at += arrays[i].rows * arrays[i].columns * sizeof(float);
    }
    char *text = bad ? NULL : json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text) return NULL;
    size_t n = strlen(text), padded = (n + 7) / 8 * 8;
    char *longer = realloc(text, padded + 1);
    if (!longer) return free(text), NULL;
    memset(longer + n, ' ', padded - n);
    *length = padded;
    return longer;
}

spiral_status spiral__safetensors_write(const spiral__array *arrays, size_t count, const json_t *metadata,
                                        unsigned char **bytes, size_t *size, spiral_error *err) {
    size_t length, data = 0;
    for (size_t i = 0; i < count; i++) data += arrays[i].rows * arrays[i].columns * sizeof(float);
    char *header = header_text(arrays, count, metadata, &length);
    unsigned char *out = header ? malloc(LENGTH_BYTES + length + data) : NULL;
    if (!out) return free(header), spiral__no_memory(err, LENGTH_BYTES + data);
    spiral__put_le64(out, length);
    memcpy(out + LENGTH_BYTES, header, length);
    free(header);
    unsigned char *at = out + LENGTH_BYTES + length;
    for (size_t i = 0; i < count; i++) { /* floats are little-endian IEEE 754 on every machine we build for */
        size_t n = arrays[i].rows * arrays[i].columns * sizeof(float);
        memcpy(at, arrays[i].data, n);
        at += n;
    }
    *bytes = out;
    *size = LENGTH_BYTES + length + data;
    return SPIRAL_OK;
}

/* Begin, end and number of elements of an entry; FORMAT if its fields are wrong. */
static spiral_status entry_span(const char *name, const json_t *entry, size_t limit, size_t *begin,
                                size_t *end, spiral_error *err) {
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    json_t *shape = json_object_get(entry, "shape");
    const json_t *span = json_object_get(entry, "data_offsets");
    const json_t *b = json_array_get(span, 0), *e = json_array_get(span, 1);
    if (!type || !json_is_array(shape) || json_array_size(span) != 2 || !json_is_integer(b) ||
        !json_is_integer(e))
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "tensor \"%.60s\": dtype, shape or data_offsets is missing", name);
    json_int_t from = json_integer_value(b), to = json_integer_value(e);
    if (from < 0 || to < from || (uint64_t)to > limit)
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "tensor \"%.60s\": bytes %lld to %lld are not within the %zu of the file", name,
                            (long long)from, (long long)to, limit);
    if (!strcmp(type, "F32")) {
        size_t elements = 1, i;
        json_t *side;
        json_array_foreach(shape, i, side) {
            json_int_t n = json_is_integer(side) ? json_integer_value(side) : -1;
            if (n < 0 || (n && elements > limit / (uint64_t)n))
                return spiral__fail(err, SPIRAL_FORMAT, -1, "tensor \"%.60s\": impossible shape", name);
            elements *= (size_t)n;
        }
        if ((uint64_t)elements * sizeof(float) != (uint64_t)(to - from))
            return spiral__fail(err, SPIRAL_FORMAT, -1, "tensor \"%.60s\": %zu numbers do not fit %lld bytes",
                                name, elements, (long long)(to - from));
    }
    *begin = (size_t)from;
    *end = (size_t)to;
    return SPIRAL_OK;
}

typedef struct span {
    size_t begin, end;
} span;

static int by_begin(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte of the data belongs to exactly one tensor. */
static spiral_status check_spans(json_t *header, size_t data, spiral_error *err) {
    size_t count = 0, at = 0;
    span *spans = malloc((json_object_size(header) + 1) * sizeof *spans);
    if (!spans) return spiral__no_memory(err, json_object_size(header) * sizeof *spans);
    spiral_status status = SPIRAL_OK;
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (!strcmp(name, "__metadata__")) continue;
        status = entry_span(name, entry, data, &spans[count].begin, &spans[count].end, err);
        if (status != SPIRAL_OK) break;
        count++;
    }
    qsort(spans, count, sizeof *spans, by_begin);
    for (size_t i = 0; i < count && status == SPIRAL_OK; at = spans[i++].end)
        if (spans[i].begin != at)
            status = spiral__fail(err, SPIRAL_FORMAT, -1, "tensors overlap or leave a gap at byte %zu", at);
    if (status == SPIRAL_OK && at != data)
        status = spiral__fail(err, SPIRAL_FORMAT, -1,
                              "tensors end at byte %zu of %zu: the file is cut or too long", at, data);
    free(spans);
    return status;
}

static spiral_status check_metadata(json_t *metadata, spiral_error *err) {
    const char *key;
    json_t *value;
    if (metadata && !json_is_object(metadata))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "__metadata__ is not an object");
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return spiral__fail(err, SPIRAL_FORMAT, -1, "metadata \"%.60s\" is not a text", key);
    }
    return SPIRAL_OK;
}

spiral_status spiral__safetensors_read(const unsigned char *bytes, size_t size, spiral__safetensors *tensors,
                                       spiral_error *err) {
    memset(tensors, 0, sizeof *tensors);
    uint64_t length = size >= LENGTH_BYTES ? spiral__le64(bytes) : 0;
    if (size < LENGTH_BYTES || length > size - LENGTH_BYTES || length > MAX_HEADER || length < 2 ||
        bytes[LENGTH_BYTES] != '{')
        return spiral__fail(err, SPIRAL_FORMAT, 0, "not a safetensors file, or cut short");
    json_error_t json_error;
    json_t *header =
        json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &json_error);
    /* jansson may report a lack of memory as an error in the text; the status is then FORMAT. */
    if (!header && (!*json_error.text || json_error_code(&json_error) == json_error_out_of_memory))
        return spiral__no_memory(err, (size_t)length);
    if (!header)
        return spiral__fail(err, SPIRAL_FORMAT, LENGTH_BYTES + json_error.position, "header is not JSON: %s",
                            json_error.text);
    spiral_status status = check_metadata(json_object_get(header, "__metadata__"), err);
    if (status == SPIRAL_OK) status = check_spans(header, size - LENGTH_BYTES - (size_t)length, err);
    if (status != SPIRAL_OK) {
        json_decref(header);
        return status;
    }
    tensors->header = header;
    tensors->arrays = bytes + LENGTH_BYTES + length;
    tensors->size = size - LENGTH_BYTES - (size_t)length;
    return SPIRAL_OK;
}

void spiral__safetensors_clear(spiral__safetensors *tensors) {
    json_decref(tensors->header);
    memset(tensors, 0, sizeof *tensors);
}

const json_t *spiral__safetensors_metadata(const spiral__safetensors *tensors) {
    return json_object_get(tensors->header, "__metadata__");
}

int spiral__safetensors_has(const spiral__safetensors *tensors, const char *name) {
    return json_object_get(tensors->header, name) != NULL;
}

/* The shape is [rows, columns], or [columns] of a single row. */
static int has_shape(const json_t *entry, size_t rows, size_t columns) {
    const json_t *shape = json_object_get(entry, "shape");
    size_t rank = json_array_size(shape);
    json_int_t first = json_integer_value(json_array_get(shape, 0));
    json_int_t last = json_integer_value(json_array_get(shape, rank - 1));
    return (rank == 2 || (rank == 1 && rows == 1)) && last == (json_int_t)columns &&
           (rank == 1 || first == (json_int_t)rows);
}

spiral_status spiral__safetensors_get(const spiral__safetensors *tensors, const char *name, size_t rows,
                                      size_t columns, float *data, spiral_error *err) {
    const json_t *entry = json_object_get(tensors->header, name);
    if (!entry) return spiral__fail(err, SPIRAL_FORMAT, -1, "tensor \"%s\" is missing", name);
    const json_t *span_json = json_object_get(entry, "data_offsets");
    size_t begin = (size_t)json_integer_value(json_array_get(span_json, 0));
    size_t end = (size_t)json_integer_value(json_array_get(span_json, 1));
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (strcmp(type, "F32") || (uint64_t)(end - begin) != (uint64_t)rows * columns * sizeof(float))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "tensor \"%s\": %.20s of %zu bytes, not F32 of %zu x %zu",
                            name, type, end - begin, rows, columns);
    if (!has_shape(entry, rows, columns))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "tensor \"%s\": its shape is not %zu x %zu", name, rows,
                            columns);
    memcpy(data, tensors->arrays + begin, end - begin);
    for (size_t i = 0; i < rows * columns; i++)
        if (!isfinite(data[i]))
            return spiral__fail(err, SPIRAL_NUMERIC, -1, "tensor \"%s\": number %zu is not finite", name, i);
    return SPIRAL_OK;
}
