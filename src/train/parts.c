/* SPDX-License-Identifier: MIT
 *
 * A schedule in parts (see parts.h).
 */
#include "base/error.h"
#include "train/parts.h"

int64_t spiral__parts_sum(const spiral__parts *p) {
    int64_t sum = 0;
    for (int i = 0; i < p->count; i++) sum += p->steps[i];
    return sum;
}

spiral__part_position spiral__parts_find(const spiral__parts *p, int64_t step, int64_t steps) {
    if (!p->count) return (spiral__part_position){0, 1, step, steps};
    int part = 0;
    for (; part < p->count && step >= p->steps[part]; part++) step -= p->steps[part];
    if (part == p->count) return (spiral__part_position){part, part, 0, 1};
    return (spiral__part_position){part, p->count, step, p->steps[part]};
}

json_t *spiral__parts_to_json(const spiral__parts *p) {
    json_t *list = json_array();
    int failed = !list;
    for (int i = 0; i < p->count && !failed; i++)
        failed = json_array_append_new(list, json_integer((json_int_t)p->steps[i])) != 0;
    if (!failed) return list;
    json_decref(list);
    return NULL;
}

spiral_status spiral__parts_from_json(const json_t *list, spiral__parts *p, spiral_error *err) {
    const json_int_t most = INT64_C(1000000000000) / SPIRAL_TRAIN_PARTS_MAX;
    *p = (spiral__parts){.count = (int)json_array_size(list)};
    if (p->count < 1 || json_array_size(list) > SPIRAL_TRAIN_PARTS_MAX)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "its part_steps has %zu numbers, must have 1 to %d",
                            json_array_size(list), SPIRAL_TRAIN_PARTS_MAX);
    for (int i = 0; i < p->count; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        const json_int_t steps = json_integer_value(item);
        if (!json_is_integer(item) || steps < 0 || steps > most)
            return spiral__fail(err, SPIRAL_FORMAT, -1, "number %d of its part_steps is not 0 to %lld", i + 1,
                                (long long)most);
        p->steps[i] = steps;
    }
    return SPIRAL_OK;
}
