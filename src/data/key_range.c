/* SPDX-License-Identifier: MIT
 *
 * The range of keys that the music of a corpus needs.
 */
#include "data/corpus.h"

void spiral_corpus_choose_range(const spiral_corpus *corpus, int *chosen_low, int *chosen_high) {
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
    *chosen_low = low;
    *chosen_high = high;
}
