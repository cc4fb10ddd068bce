/* SPDX-License-Identifier: MIT
 *
 * The hard helix distance of two columns: notes are paired off so that the sum of their distances on the
 * helix is least; a note left over costs 1 (docs/math.md, equations 30 and 31). Read next: frames.c, which
 * calls it.
 */
#include "metrics/matching.h"

#include <math.h>

#include "spiral/roll.h"

/* Rows are the notes of the shorter list, each of which gets a column; the duals show that no cheaper way
 * exists: price - row_dual - column_dual is never negative, and 0 for every pair. */
typedef struct assignment {
    int rows, columns;
    const int *row_key, *column_key;
    const double *price; /* by interval */
    double row_dual[SPIRAL_KEY_COUNT], column_dual[SPIRAL_KEY_COUNT];
    int row_of[SPIRAL_KEY_COUNT]; /* by column; -1: free */
} assignment;

static double price(const assignment *a, int row, int column) {
    int interval = a->row_key[row] - a->column_key[column];
    return a->price[interval < 0 ? -interval : interval];
}

/* The cheapest way on from a tree of columns that were reached: where from, and at what total. */
typedef struct search {
    double total[SPIRAL_KEY_COUNT];
    int from[SPIRAL_KEY_COUNT]; /* the column before, -1: the row that began it */
    int reached[SPIRAL_KEY_COUNT];
} search;

/* Goes on from `row`, which was reached by way of column `last` at `total`; the nearest column outside. */
static int nearest(const assignment *a, search *s, int row, int last, double total) {
    int best = -1;
    for (int c = 0; c < a->columns; c++) {
        if (s->reached[c]) continue;
        double here = total + (price(a, row, c) - a->row_dual[row] - a->column_dual[c]);
        if (here < s->total[c]) s->total[c] = here, s->from[c] = last;
        if (best < 0 || s->total[c] < s->total[best]) best = c;
    }
    return best;
}

/* Gives `row` a column by the cheapest chain of exchanges that ends in a free one. */
static void augment(assignment *a, int row) {
    search s;
    for (int c = 0; c < a->columns; c++) s.total[c] = INFINITY, s.reached[c] = 0;
    int last = nearest(a, &s, row, -1, 0);
    for (s.reached[last] = 1; a->row_of[last] >= 0; s.reached[last] = 1)
        last = nearest(a, &s, a->row_of[last], last, s.total[last]);
    const double far = s.total[last];
    a->row_dual[row] += far;
    for (int c = 0; c < a->columns; c++) {
        if (!s.reached[c] || c == last) continue;
        a->column_dual[c] -= far - s.total[c];
        a->row_dual[a->row_of[c]] += far - s.total[c];
    }
    for (int c = last; c >= 0; c = s.from[c]) a->row_of[c] = s.from[c] < 0 ? row : a->row_of[s.from[c]];
}

double spiral__matching(const double *distance, const int *missed, int n, const int *stray, int m) {
    double
        capped[SPIRAL_KEY_COUNT]; /* two notes further apart than a miss and a stray are a miss and a stray */
    for (int i = 0; i < SPIRAL_KEY_COUNT; i++) capped[i] = distance[i] < 2 ? distance[i] : 2;
    assignment a = {.rows = n < m ? n : m,
                    .columns = n < m ? m : n,
                    .row_key = n < m ? missed : stray,
                    .column_key = n < m ? stray : missed,
                    .price = capped};
    for (int c = 0; c < a.columns; c++) a.row_of[c] = -1;
    for (int row = 0; row < a.rows; row++) augment(&a, row);
    double sum = a.columns - a.rows;
    for (int c = 0; c < a.columns; c++)
        if (a.row_of[c] >= 0) sum += price(&a, a.row_of[c], c);
    return sum;
}
