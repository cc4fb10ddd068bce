/* SPDX-License-Identifier: MIT
 *
 * The table of train --profile (see profile.h).
 */
#include <stdio.h>

#include "json.h"
#include "profile.h"

static const char *const networks[] = {"autoencoder", "decoder"};

static spiral_train_profile_row row_of(const spiral_train_profile *profile, size_t index) {
    spiral_train_profile_row row = {.struct_size = sizeof row};
    spiral_train_profile_get(profile, index, &row);
    return row;
}

static double sum_of(const spiral_train_profile *profile, int network) {
    double seconds = 0;
    for (size_t i = 0; i < spiral_train_profile_count(profile); i++) {
        const spiral_train_profile_row row = row_of(profile, i);
        if ((int)row.network == network) seconds += row.seconds;
    }
    return seconds;
}

/* Operations per second of one thread. */
static double rate_of(const spiral_train_profile_row *row) {
    return row->seconds > 0 ? row->operations / row->seconds : 0;
}

static void print_network(const spiral_train_profile *profile, int network) {
    const double peak = spiral_train_profile_peak(profile);
    printf("%-50s %9s %7s %9s %8s\n", networks[network], "seconds", "share", "GFLOP/s", "of peak");
    for (size_t i = 0; i < spiral_train_profile_count(profile); i++) {
        const spiral_train_profile_row row = row_of(profile, i);
        if ((int)row.network != network) continue;
        printf("  %-48s %9.3f %5.1f %%", row.name, row.seconds, 100 * row.share);
        if (row.operations > 0) printf(" %9.1f %6.0f %%", 1e-9 * rate_of(&row), 100 * rate_of(&row) / peak);
        putchar('\n');
    }
}

void cli_print_profile(const spiral_train_profile *profile) {
    printf("processor seconds of all threads; peak: multiply-adds of one thread in registers, %.1f GFLOP/s\n",
           1e-9 * spiral_train_profile_peak(profile));
    for (int network = 0; network < SPIRAL_TRAIN_NETWORKS; network++)
        if (sum_of(profile, network) > 0) print_network(profile, network);
}

static json_t *network_json(const spiral_train_profile *profile, int network) {
    json_t *list = json_array();
    for (size_t i = 0; i < spiral_train_profile_count(profile); i++) {
        const spiral_train_profile_row row = row_of(profile, i);
        if ((int)row.network != network) continue;
        json_t *item = json_pack("{s:s, s:o, s:o}", "work", row.name, "seconds", cli_number(row.seconds),
                                 "share", cli_number(row.share));
        if (row.operations > 0) {
            json_object_set_new(item, "gflops", cli_number(1e-9 * rate_of(&row)));
            json_object_set_new(item, "of_peak",
                                cli_number(rate_of(&row) / spiral_train_profile_peak(profile)));
        }
        json_array_append_new(list, item);
    }
    return list;
}

json_t *cli_profile_json(const spiral_train_profile *profile) {
    json_t *json = json_pack("{s:o}", "peak_gflops", cli_number(1e-9 * spiral_train_profile_peak(profile)));
    for (int network = 0; network < SPIRAL_TRAIN_NETWORKS; network++)
        if (sum_of(profile, network) > 0)
            json_object_set_new(json, networks[network], network_json(profile, network));
    return json;
}
