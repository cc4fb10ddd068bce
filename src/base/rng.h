/* SPDX-License-Identifier: MIT
 *
 * Random numbers: counter-based, so that the same seed gives the same numbers in any order and on any number
 * of threads. Number i of stream s of seed k is a pure function of (k, s, i): two rounds of the SplitMix64
 * finaliser (Steele, Lea, Flood 2014) over their combination.
 */
#ifndef SPIRAL_BASE_RNG_H
#define SPIRAL_BASE_RNG_H

#include <math.h>
#include <stdint.h>

typedef struct spiral__rng {
    uint64_t key, counter;
} spiral__rng;

static inline uint64_t spiral__mix(uint64_t x) {
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The stream `stream` of `seed`; streams of one seed are independent of each other. */
static inline spiral__rng spiral__rng_init(uint64_t seed, uint64_t stream) {
    uint64_t key = spiral__mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    return (spiral__rng){spiral__mix(key ^ spiral__mix(stream + UINT64_C(0xd1b54a32d192ed03))), 0};
}

static inline uint64_t spiral__rng_u64(spiral__rng *r) {
    return spiral__mix(spiral__mix(r->key + ++r->counter * UINT64_C(0x9e3779b97f4a7c15)) ^ r->key);
}

/* Uniform in [0, 1), 53 bits. */
static inline double spiral__rng_uniform(spiral__rng *r) {
    return (double)(spiral__rng_u64(r) >> 11) * 0x1p-53;
}

/* Uniform in 0 .. n-1 (n > 0), without bias: the few values that would favour low numbers are drawn again. */
static inline uint64_t spiral__rng_below(spiral__rng *r, uint64_t n) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do x = spiral__rng_u64(r);
    while (x >= limit);
    return x % n;
}

/* Standard normal (Box and Muller, one of the pair). */
static inline double spiral__rng_normal(spiral__rng *r) {
    double u = 1.0 - spiral__rng_uniform(r), v = spiral__rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

#endif
