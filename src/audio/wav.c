/* SPDX-License-Identifier: MIT
 *
 * 16-bit stereo PCM in a RIFF WAVE file (Microsoft and IBM, Multimedia Programming Interface 1.0, 1991).
 */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "audio/synth.h"

enum { CHANNELS = 2, BYTES = 2 };

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
    at = put(put_name(at, "RIFF"), SPIRAL__WAV_HEADER - 8 + data, 4);
    at = put(put_name(put_name(at, "WAVE"), "fmt "), 16, 4);
    at = put(put(at, 1, 2), CHANNELS, 2); /* 1: PCM */
    at = put(put(at, rate, 4), rate * CHANNELS * BYTES, 4);
    at = put(put(at, CHANNELS * BYTES, 2), 8 * BYTES, 2);
    return put(put_name(at, "data"), data, 4);
}

/* Without their signs, floats are in the order of their bits as integers, which are compared many at a time.
 */
static float largest_level(size_t n, const float *samples) {
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t level;
        memcpy(&level, &samples[i], sizeof level);
        level &= INT32_MAX;
        most = level > most ? level : most;
    }
    float peak;
    memcpy(&peak, &most, sizeof peak);
    return peak;
}

/* A block at a time, through a buffer: `to` may overlap what was read before. Adding 1.5 * 2^52 rounds to an
 * integer, as lrint does, and leaves it in the low bits. */
static void put_samples(size_t n, const float *samples, double scale, unsigned char *to) {
    enum { BLOCK = 1024 };
    unsigned char block[BYTES * BLOCK];
    for (size_t begin = 0, count; begin < n; begin += count) {
        count = n - begin < BLOCK ? n - begin : BLOCK;
        for (size_t i = 0; i < count; i++) {
            const double rounded = scale * (double)samples[begin + i] + 0x1.8p52;
            uint64_t bits;
            memcpy(&bits, &rounded, sizeof bits);
            block[BYTES * i] = (unsigned char)bits;
            block[BYTES * i + 1] = (unsigned char)(bits >> 8);
        }
        memcpy(to + BYTES * begin, block, BYTES * count);
    }
}

spiral_status spiral__wav_write(const spiral__audio *audio, double gain, unsigned char *bytes, size_t *size,
                                spiral_error *err) {
    const uint64_t wanted = SPIRAL__WAV_HEADER + (uint64_t)audio->frames * CHANNELS * BYTES;
    if (wanted > UINT32_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%llu bytes of audio, a WAV file holds 4 GiB",
                            (unsigned long long)wanted);
    const size_t samples = audio->frames * CHANNELS;
    const float peak = largest_level(samples, audio->samples);
    put_samples(samples, audio->samples, 32767 * (peak * gain > 0.98 ? 0.98 / peak : gain),
                put_header(bytes, audio));
    *size = (size_t)wanted;
    return SPIRAL_OK;
}
