/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a safetensors file: refused, or every tensor is inside the file, directly after the one
 * before, and the numbers read from it are finite.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_model.h"
#include "model/safetensors.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_safetensors;

/* Reads the entry with the shape that it names, and with another one. */
static void check_entry(const spiral__safetensors *tensors, const char *name, const json_t *entry) {
    const json_t *span = json_object_get(entry, "data_offsets"), *shape = json_object_get(entry, "shape");
    json_int_t begin = json_integer_value(json_array_get(span, 0));
    json_int_t end = json_integer_value(json_array_get(span, 1));
    size_t rank = json_array_size(shape), columns = (size_t)(end - begin) / sizeof(float), rows = 1;
    FUZZ_CHECK(spiral__safetensors_has(tensors, name));
    FUZZ_CHECK(begin >= 0 && begin <= end && (size_t)end <= tensors->size);
    if (rank > 2) return;
    if (rank == 2 && columns) {
        rows = (size_t)json_integer_value(json_array_get(shape, 0));
        columns = rows ? columns / rows : 0;
    }
    spiral_error err = {0};
    float *data = malloc((size_t)(end - begin) + 1);
    FUZZ_CHECK(data);
    spiral_status status = spiral__safetensors_get(tensors, name, rows, columns, data, &err);
    if (status == SPIRAL_OK)
        for (size_t i = 0; i < rows * columns; i++) FUZZ_CHECK(isfinite(data[i]));
    else
        FUZZ_CHECK(fuzz_refusal(status, &err) == SPIRAL_FORMAT || status == SPIRAL_NUMERIC);
    FUZZ_CHECK(spiral__safetensors_get(tensors, name, rows + 1, columns + 1, data, &err) == SPIRAL_FORMAT);
    fuzz_refusal(SPIRAL_FORMAT, &err);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spiral__safetensors tensors;
    spiral_error err = {0};
    size_t covered = 0;
    const char *name;
    json_t *entry;
    fuzz_json_counted();
    fuzz_memory_begin();
    spiral_status status = spiral__safetensors_read(bytes, size, &tensors, &err);
    fuzz_memory_end(fuzz_json_limit(size), status != SPIRAL_OK);
    if (status != SPIRAL_OK) {
        FUZZ_CHECK(fuzz_refusal(status, &err) == SPIRAL_FORMAT && !tensors.header);
        return 0;
    }
    FUZZ_CHECK(tensors.arrays >= bytes && tensors.arrays + tensors.size == bytes + size);
    json_object_foreach(tensors.header, name, entry) {
        if (!strcmp(name, "__metadata__")) continue;
        const json_t *span = json_object_get(entry, "data_offsets");
        covered += (size_t)(json_integer_value(json_array_get(span, 1)) -
                            json_integer_value(json_array_get(span, 0)));
        check_entry(&tensors, name, entry);
    }
    FUZZ_CHECK(covered == tensors.size);
    spiral__safetensors_clear(&tensors);
    fuzz_memory_end(SIZE_MAX / 2, 1);
    return 0;
}
