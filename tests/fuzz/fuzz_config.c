/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the texts inside a model file: the config, a zero byte, the metadata about the data, a zero
 * byte, the metadata about the training. Container and tensors are valid, and those of the smallest models,
 * so that only the texts matter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "fuzz_model.h"
#include "model/model_file.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_json;

typedef struct text {
    char *at;
    size_t size, room;
} text;

static void add(text *t, const void *bytes, size_t size) {
    if (t->size + size > t->room) {
        t->room = 2 * (t->size + size);
        t->at = realloc(t->at, t->room);
        FUZZ_CHECK(t->at);
    }
    memcpy(t->at + t->size, bytes, size);
    t->size += size;
}

static void add_text(text *t, const char *string) { add(t, string, strlen(string)); }

/* Appends bytes as a JSON string; bytes that are not UTF-8 are not changed. */
static void add_quoted(text *t, const uint8_t *bytes, size_t size) {
    static const char hex[] = "0123456789abcdef";
    add_text(t, "\"");
    for (size_t i = 0; i < size; i++) {
        const char escaped[6] = {'\\', 'u', '0', '0', hex[bytes[i] >> 4], hex[bytes[i] & 15]};
        int plain = bytes[i] >= ' ' && bytes[i] != '"' && bytes[i] != '\\';
        add(t, plain ? (const void *)&bytes[i] : escaped, plain ? 1 : sizeof escaped);
    }
    add_text(t, "\"");
}

/* The tensors of a model of `layers` layers: their part of the header, which follows the metadata, and their
 * bytes. */
static void tensors_of(int layers, text *header, const unsigned char **arrays, size_t *size,
                       unsigned char **owned) {
    spiral_model_config config;
    spiral_model_config_default(&config, sizeof config);
    spiral_model *m;
    config.low = 60, config.high = 61;
    config.frames = 2, config.latent = 1, config.hidden = 2, config.layers = layers;
    FUZZ_CHECK(spiral_model_create(&config, 1, &m, NULL) == SPIRAL_OK);
    FUZZ_CHECK(spiral__model_file_write(&(spiral__model_parts){.model = m}, owned, size, NULL) == SPIRAL_OK);
    size_t length = (size_t)spiral__le64(*owned);
    const char *at = (const char *)*owned + 8;
    const char *first = memchr(at, '}', length); /* this brace ends the config, the next one the metadata */
    FUZZ_CHECK(first && (first = memchr(first + 1, '}', length - (size_t)(first + 1 - at))));
    add(header, first, length - (size_t)(first - at));
    *arrays = *owned + 8 + length;
    *size -= 8 + length;
    spiral_model_destroy(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"{\"__metadata__\":{\"spiral\":", ",\"data\":", ",\"training\":"};
    text header = {0}, file = {0};
    const unsigned char *arrays;
    unsigned char length[8], *owned;
    size_t arrays_size, at = 0;
    fuzz_json_counted();
    for (int i = 0; i < 3; i++) {
        const uint8_t *zero = at < size ? memchr(bytes + at, 0, size - at) : NULL;
        size_t end = zero && i < 2 ? (size_t)(zero - bytes) : size;
        add_text(&header, names[i]);
        add_quoted(&header, bytes + at, end - at);
        at = end < size ? end + 1 : size;
    }
    tensors_of(1 + (size & 1), &header, &arrays, &arrays_size, &owned);
    spiral__put_le64(length, header.size);
    add(&file, length, sizeof length);
    add(&file, header.at, header.size);
    add(&file, arrays, arrays_size);
    free(header.at);
    free(owned);
    unsigned char *exact = malloc(file.size); /* so that a sanitizer sees a read beyond it */
    FUZZ_CHECK(exact);
    memcpy(exact, file.at, file.size);
    free(file.at);
    fuzz_model_file(exact, file.size);
    free(exact);
    return 0;
}
