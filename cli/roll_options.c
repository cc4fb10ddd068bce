/* SPDX-License-Identifier: MIT
 *
 * The key range that fits the music (see roll_options.h).
 */
#include "load.h"
#include "messages.h"
#include "roll_options.h"

int cli_choose_range(const cli_roll_flags *r, const spiral_corpus *all, spiral_roll_options *options) {
    spiral_corpus_choose_range(all, &options->low, &options->high);
    if (r->low > options->high)
        return cli_usage(
            "--low %lld is above %d, the highest key that was chosen from the music; give --high too",
            (long long)r->low, options->high);
    if (r->high >= 0 && r->high < options->low)
        return cli_usage(
            "--high %lld is below %d, the lowest key that was chosen from the music; give --low too",
            (long long)r->high, options->low);
    if (r->low >= 0) options->low = (int)r->low;
    if (r->high >= 0) options->high = (int)r->high;
    return -1;
}

/* Chooses the key range from the music. Returns -1 or the exit status. */
static int choose_range(const cli_roll_flags *r, const cli_common *common, const spiral_files *files,
                        int frames, spiral_roll_options *options) {
    spiral_corpus *all = NULL;
    spiral_error err = {.text = ""};
    options->low = 0;
    options->high = SPIRAL_KEY_COUNT - 1;
    if (cli_try_corpus(r, files, options, frames, NULL, common, &all, &err) != SPIRAL_OK)
        return cli_error(&err);
    const int status = cli_choose_range(r, all, options);
    spiral_corpus_destroy(all);
    return status;
}

int cli_roll_options(const cli_roll_flags *r, const cli_common *common, const spiral_files *files,
                     spiral_roll_options *options, int *frames) {
    int status = cli_roll_options_given(r, options, frames);
    if (status >= 0 || !cli_range_from_music(r)) return status;
    return choose_range(r, common, files, *frames, options);
}
