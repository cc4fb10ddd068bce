/* SPDX-License-Identifier: MIT
 *
 * The key range that fits the music (see roll_options.h).
 */
#include "load.h"
#include "messages.h"
#include "roll_options.h"

/* Chooses the smallest range with 99.5 % of the onsets, at least an octave, by dropping the rarer of the two
 * outermost keys again and again. */
static void fit_range(const spiral_corpus *corpus, spiral_roll_options *options) {
    uint64_t onsets[SPIRAL_KEY_COUNT] = {0}, all = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        const spiral_roll *roll = spiral_corpus_get_roll(corpus, i);
        for (size_t t = 0; roll && t < roll->frames; t++) {
            spiral_keys starts = spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                                                    roll->onsets ? &roll->onsets[t] : NULL);
            for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
                onsets[key] += (uint64_t)spiral_keys_get(&starts, key);
        }
    }
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++) all += onsets[key];
    uint64_t spare = all / 200, dropped = 0;
    int low = 0, high = SPIRAL_KEY_COUNT - 1;
    while (high - low > 11) {
        uint64_t *end = onsets[low] <= onsets[high] ? &onsets[low] : &onsets[high];
        if (dropped + *end > spare) break;
        dropped += *end;
        if (end == &onsets[low])
            low++;
        else
            high--;
    }
    options->low = low;
    options->high = high;
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
    fit_range(all, options);
    spiral_corpus_destroy(all);
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

int cli_roll_options(const cli_roll_flags *r, const cli_common *common, const spiral_files *files,
                     spiral_roll_options *options, int *frames) {
    int status = cli_roll_options_given(r, options, frames);
    if (status >= 0 || !cli_range_from_music(r)) return status;
    return choose_range(r, common, files, *frames, options);
}
