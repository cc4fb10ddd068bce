/* SPDX-License-Identifier: MIT
 *
 * The bounds stated in simd/vmath.h, over the whole range and on each instruction set of this processor: f32
 * against libm in double, f64 against libm in long double.
 */
#include <math.h>

#include "testing.h"

#include "base/rng.h"
#include "simd/isa.h"
#include "simd/vmath.h"
#include "vmath_arrays.h"

enum { BLOCK = 4096, ISAS = SPIRAL__ISA_COUNT };

/* The table of each instruction set that this build has. */
extern const vmath_arrays vmath_arrays_baseline, vmath_arrays_avx2, vmath_arrays_avx512;
static const struct {
    const char *name;
    const vmath_arrays *arrays;
} isas[ISAS] = {
    {"baseline", &vmath_arrays_baseline},
#ifdef SPIRAL_BUILT_avx2
    {"avx2", &vmath_arrays_avx2},
#endif
#ifdef SPIRAL_BUILT_avx512
    {"avx512", &vmath_arrays_avx512},
#endif
};

static int has_isa(int k) {
    int has = isas[k].name && spiral_isa_set(isas[k].name, NULL) == SPIRAL_OK;
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
    return has;
}

static long double sigmoid_l(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static long double softplus_l(long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }
static double sigmoid_d(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus_d(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

/* (1 + e) log(1 + e) - e; where that cancels, its series to the 9th power of |e| < 1/64. */
static long double entropy_l(long double e) {
    if (fabsl(e) > 1 / 64.0L) return (1 + e) * log1pl(e) - e;
    long double sum = 0;
    for (int n = 12; n >= 2; n--) sum = sum * -e + 1.0L / (n * (n - 1));
    return e * e * sum;
}
static double entropy_d(double e) { return (double)entropy_l(e); }

/* name, bound in ulp for f32 and f64, domain, double reference, long double reference */
#define FUNCTIONS(X)                                                   \
    X(exp, 1.0, 1.0, -INFINITY, INFINITY, exp, expl)                   \
    X(exp_down, 1.0, 1.0, -69, 0, exp, expl)                           \
    X(log, 1.0, 1.0, -INFINITY, INFINITY, log, logl)                   \
    X(log1p01, 1.5, 1.3, 0, 1, log1p, log1pl)                          \
    X(log1p01_short, 1.9, 1.3, 0, 1, log1p, log1pl)                    \
    X(sigmoid, 2.4, 2.4, -INFINITY, INFINITY, sigmoid_d, sigmoid_l)    \
    X(softplus, 1.8, 1.7, -INFINITY, INFINITY, softplus_d, softplus_l) \
    X(entropy, 32, 32, 0x1p-20 - 1, 1e6, entropy_d, entropy_l)

/* Distance in units of the last place of the true value; infinite if one of the two is special and the other
 * is not equal to it. */
static double ulps_f32(float y, double ref) {
    float nearest = (float)ref;
    if (isnan(nearest) || isnan(y)) return isnan(nearest) && isnan(y) ? 0 : (double)INFINITY;
    if (isinf(nearest) || isinf(y)) return nearest == y ? 0 : (double)INFINITY;
    int e;
    frexp(ref, &e);
    return fabs(y - ref) / ldexp(1, (e < -125 ? -125 : e) - 24);
}
static double ulps_f64(double y, long double ref) {
    double nearest = (double)ref;
    if (isnan(nearest) || isnan(y)) return isnan(nearest) && isnan(y) ? 0 : (double)INFINITY;
    if (isinf(nearest) || isinf(y)) return nearest == y ? 0 : (double)INFINITY;
    int e;
    frexpl(ref, &e);
    return (double)(fabsl(y - ref) / ldexpl(1, (e < -1021 ? -1021 : e) - 53));
}

typedef struct worst {
    double ulps, at;
} worst;

static void note(worst *w, double ulps, double at) {
    if (ulps > w->ulps) *w = (worst){ulps, at};
}

#define SPIRAL_X(name, bound_f32, bound_f64, low, high, ref_f32, ref_f64)                                  \
    static void check_##name##_f32(const float *x, worst *w) {                                             \
        float y[BLOCK];                                                                                    \
        double ref[BLOCK];                                                                                 \
        for (int i = 0; i < BLOCK; i++) ref[i] = ref_f32((double)x[i]);                                    \
        for (int k = 0; k < ISAS; k++) {                                                                   \
            if (!has_isa(k)) continue;                                                                     \
            isas[k].arrays->name##_f32(BLOCK, x, y);                                                       \
            for (int i = 0; i < BLOCK; i++) note(&w[k], ulps_f32(y[i], ref[i]), (double)x[i]);             \
        }                                                                                                  \
    }                                                                                                      \
    static void check_##name##_f64(const double *x, worst *w) {                                            \
        double y[BLOCK];                                                                                   \
        for (int k = 0; k < ISAS; k++) {                                                                   \
            if (!has_isa(k)) continue;                                                                     \
            isas[k].arrays->name##_f64(BLOCK, x, y);                                                       \
            for (int i = 0; i < BLOCK; i++) note(&w[k], ulps_f64(y[i], ref_f64((long double)x[i])), x[i]); \
        }                                                                                                  \
    }
FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X

static void report(const char *name, const worst *w, double bound) {
    for (int k = 0; k < ISAS; k++) {
        if (!has_isa(k)) continue;
        printf("# %s %s: %.3f ulp at %a\n", name, isas[k].name, w[k].ulps, w[k].at);
        if (!(w[k].ulps <= bound))
            fail_msg("%s %s: %g ulp at %a, bound %g", name, isas[k].name, w[k].ulps, w[k].at, bound);
    }
}

/* Whether x is outside the domain of a function. A NaN is, unless the function takes any number. */
static int outside(double x, double low, double high) {
    return isnan(x) ? low > -(double)INFINITY : x < low || x > high;
}

/* A number of the domain. */
static double inside(double low, double high) { return outside(0.5, low, high) ? -0.5 : 0.5; }

/* Every 499th of all 2^32 bit patterns: every exponent, both signs, infinities and NaNs, 16,800 mantissas
 * each. Numbers outside a function's domain are replaced. */
enum { STRIDE = 499 };

#define SPIRAL_X(name, bound_f32, bound_f64, low, high, ref_f32, ref_f64)              \
    static void test_##name##_f32(void **state) {                                      \
        (void)state;                                                                   \
        worst w[ISAS] = {{0, 0}, {0, 0}, {0, 0}};                                      \
        float x[BLOCK];                                                                \
        for (uint64_t u = 0; u <= UINT32_MAX;) {                                       \
            for (int i = 0; i < BLOCK; i++, u += STRIDE) {                             \
                x[i] = spiral__from_bits_f32((uint32_t)u);                             \
                if (outside((double)x[i], low, high)) x[i] = (float)inside(low, high); \
            }                                                                          \
            check_##name##_f32(x, w);                                                  \
        }                                                                              \
        report(#name " f32", w, bound_f32);                                            \
    }
FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X

/* Random bit patterns have every exponent; most arguments in practice are of ordinary size. */
static double draw_f64(spiral__rng *r, int round) {
    double u = spiral__rng_uniform(r);
    switch (round % 5) {
    case 0: return spiral__from_bits_f64(spiral__rng_u64(r));
    case 1: return 1500 * u - 750;
    case 2: return 40 * u - 20;
    case 3: return 2 * u - 1;
    default: return ldexp(1 + u, -(int)spiral__rng_below(r, 1075));
    }
}

#define SPIRAL_X(name, bound_f32, bound_f64, low, high, ref_f32, ref_f64) \
    static void test_##name##_f64(void **state) {                         \
        (void)state;                                                      \
        worst w[ISAS] = {{0, 0}, {0, 0}, {0, 0}};                         \
        double x[BLOCK];                                                  \
        spiral__rng r = spiral__rng_init(1, 0);                           \
        for (int round = 0; round < 200; round++) {                       \
            for (int i = 0; i < BLOCK; i++) {                             \
                x[i] = draw_f64(&r, round);                               \
                if (outside(x[i], low, high)) x[i] = inside(low, high);   \
            }                                                             \
            check_##name##_f64(x, w);                                     \
        }                                                                 \
        report(#name " f64", w, bound_f64);                               \
    }
FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X

static void test_special_values(void **state) {
    (void)state;
    static const double at[] = {0.0, -0.0, INFINITY, -INFINITY, 0x1p-149, 0x1p-1074, 1.0, -1.0, 1e4, -1e4};
    for (int k = 0; k < ISAS; k++) {
        if (!has_isa(k)) continue;
        const vmath_arrays *v = isas[k].arrays;
        for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
            double x = at[i], y;
            float xf = (float)x, yf;
            v->exp_f64(1, &x, &y);
            assert_true(ulps_f64(y, expl(x)) <= 1);
            v->log_f64(1, &x, &y);
            assert_true(ulps_f64(y, logl(x)) <= 1);
            v->softplus_f64(1, &x, &y);
            assert_true(ulps_f64(y, softplus_l(x)) <= 2);
            v->exp_f32(1, &xf, &yf);
            assert_true(ulps_f32(yf, exp((double)xf)) <= 1);
            v->log_f32(1, &xf, &yf);
            assert_true(ulps_f32(yf, log((double)xf)) <= 1);
            v->softplus_f32(1, &xf, &yf);
            assert_true(ulps_f32(yf, softplus_d((double)xf)) <= 2);
        }
        float zero = 0, y;
        v->exp_f32(1, &zero, &y);
        assert_true(y == 1);
        v->sigmoid_f32(1, &zero, &y);
        assert_true(y == 0.5f);
        double nan = NAN, z;
#define SPIRAL_X(name)          \
    v->name##_f64(1, &nan, &z); \
    assert_true(isnan(z));
        SPIRAL_VMATH_LIST(SPIRAL_X)
#undef SPIRAL_X
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define SPIRAL_X(name, bound_f32, bound_f64, low, high, ref_f32, ref_f64) \
    cmocka_unit_test(test_##name##_f32), cmocka_unit_test(test_##name##_f64),
        FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X
            cmocka_unit_test(test_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
