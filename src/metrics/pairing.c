/* SPDX-License-Identifier: MIT
 *
 * The helix distance of a frame: cells that differ are paired such that the sum of their distances is
 * smallest (docs/math.md, equations 30 and 31).
 *
 * This is the assignment problem, solved by shortest augmenting paths (Jonker and Volgenant 1987). Two cells
 * further apart than 2 cost as much as two cells without partners, so every cell of the smaller set can get a
 * partner at cost min(distance, 2).
 */
#include "metrics/pairing.h"

#include <math.h>

#include "spiral/roll.h"

/* Each of n `left` keys gets one of m >= n `right` keys. The duals prove that no cheaper assignment exists:
 * cost - left_dual - right_dual is never negative, and 0 for every pair. */
typedef struct assignment {
    int n, m;
    const int *left_key, *right_key; /* (n), (m) */
    const double *cost;              /* by interval, (SPIRAL_KEY_COUNT) */
    double left_dual[SPIRAL_KEY_COUNT], right_dual[SPIRAL_KEY_COUNT];
    int left_of[SPIRAL_KEY_COUNT]; /* (m) the partner of each right key, -1: none yet */
} assignment;

static double pair_cost(const assignment *a, int left, int right) {
    int interval = a->left_key[left] - a->right_key[right];
    return a->cost[interval < 0 ? -interval : interval];
}

/* Dijkstra's search for the cheapest path from a left key to a right key without partner. By right key: */
typedef struct search {
    double total[SPIRAL_KEY_COUNT]; /* least cost of a path to it so far */
    int from[SPIRAL_KEY_COUNT];     /* the right key before it on that path, -1: none */
    int done[SPIRAL_KEY_COUNT];     /* total is final */
} search;

/* Extends the paths from `left`, which is reached through right key `last` at cost `total`. Returns the
 * cheapest right key that is not done. */
static int extend(const assignment *a, search *s, int left, int last, double total) {
    int best = -1;
    for (int r = 0; r < a->m; r++) {
        if (s->done[r]) continue;
        double here = total + (pair_cost(a, left, r) - a->left_dual[left] - a->right_dual[r]);
        if (here < s->total[r]) s->total[r] = here, s->from[r] = last;
        if (best < 0 || s->total[r] < s->total[best]) best = r;
    }
    return best;
}

/* Gives `left` a partner: the pairs along the cheapest path are exchanged. */
static void add_pair(assignment *a, int left) {
    search s;
    for (int r = 0; r < a->m; r++) s.total[r] = INFINITY, s.done[r] = 0;
    int last = extend(a, &s, left, -1, 0);
    for (s.done[last] = 1; a->left_of[last] >= 0; s.done[last] = 1)
        last = extend(a, &s, a->left_of[last], last, s.total[last]);
    const double total = s.total[last];
    a->left_dual[left] += total;
    for (int r = 0; r < a->m; r++) {
        if (!s.done[r] || r == last) continue;
        a->right_dual[r] -= total - s.total[r];
        a->left_dual[a->left_of[r]] += total - s.total[r];
    }
    for (int r = last; r >= 0; r = s.from[r]) a->left_of[r] = s.from[r] < 0 ? left : a->left_of[s.from[r]];
}

double spiral__pairing_cost(const double *distance, const int *a, int n, const int *b, int m) {
    double capped[SPIRAL_KEY_COUNT];
    for (int i = 0; i < SPIRAL_KEY_COUNT; i++) capped[i] = distance[i] < 2 ? distance[i] : 2;
    assignment x = {.n = n < m ? n : m,
                    .m = n < m ? m : n,
                    .left_key = n < m ? a : b,
                    .right_key = n < m ? b : a,
                    .cost = capped};
    for (int r = 0; r < x.m; r++) x.left_of[r] = -1;
    for (int left = 0; left < x.n; left++) add_pair(&x, left);
    double sum = x.m - x.n; /* cells without a partner */
    for (int r = 0; r < x.m; r++)
        if (x.left_of[r] >= 0) sum += pair_cost(&x, x.left_of[r], r);
    return sum;
}
