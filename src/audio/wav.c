/* SPDX-License-Identifier: MIT
 *
 * 16-bit stereo PCM in a RIFF WAVE file (Microsoft and IBM, Multimedia Programming Interface 1.0, 1991).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "audio/synth.h"

enum { HEADER = 44, CHANNELS = 2, BYTES = 2 };

static unsigned char *put(unsigned char *at, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++, value >>= 8) *at++ = (unsigned char)value;
    return at;
}

static unsigned char *put_name(unsigned char *at, const char *name) {
    memcpy(at, name, 4);
    return at + 4;
}

static unsigned char *put_header(unsigned char *at, const spiral__audio *audio) {
    uint32_t data = (uint32_t)(audio->frames * CHANNELS * BYTES), rate = (uint32_t)audio->rate_hz;
    at = put(put_name(at, "RIFF"), HEADER - 8 + data, 4);
    at = put(put_name(put_name(at, "WAVE"), "fmt "), 16, 4);
    at = put(put(at, 1, 2), CHANNELS, 2); /* 1: PCM */
    at = put(put(at, rate, 4), rate * CHANNELS * BYTES, 4);
    at = put(put(at, CHANNELS * BYTES, 2), 8 * BYTES, 2);
    return put(put_name(at, "data"), data, 4);
}

spiral_status spiral__wav_write(const spiral__audio *audio, double gain, unsigned char **out,
                                size_t *out_size, spiral_error *err) {
    const uint64_t wanted = HEADER + (uint64_t)audio->frames * CHANNELS * BYTES;
    if (wanted > UINT32_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%llu bytes of audio, a WAV file holds 4 GiB",
                            (unsigned long long)wanted);
    const size_t samples = audio->frames * CHANNELS, size = (size_t)wanted;
    unsigned char *bytes = malloc(size), *at;
    if (!bytes) return spiral__no_memory(err, size);
    float peak = 0;
    for (size_t i = 0; i < samples; i++) {
        float level = fabsf(audio->samples[i]);
        peak = level > peak ? level : peak;
    }
    double scale = 32767 * (peak * gain > 0.98 ? 0.98 / peak : gain);
    at = put_header(bytes, audio);
    for (size_t i = 0; i < samples; i++)
        at = put(at, (uint32_t)(int32_t)lrint(scale * audio->samples[i]), BYTES);
    *out = bytes;
    *out_size = size;
    return SPIRAL_OK;
}
