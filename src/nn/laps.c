/* SPDX-License-Identifier: MIT
 *
 * Laps (see laps.h). The clock is that of the caller that measures: the page's engine, which has none, links
 * this file too.
 */
#include "nn/laps.h"

_Thread_local spiral__laps *spiral__laps_now;

void spiral__laps_add(spiral__laps *l, spiral__lap_kind kind, double operations) {
    const double now = l->now_s();
    l->sums[kind].seconds += now - l->mark_s;
    l->sums[kind].operations += operations;
    l->mark_s = now;
}
