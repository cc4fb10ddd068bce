/* SPDX-License-Identifier: MIT
 *
 * Presets, and getting corpora, pieces and models in. What goes out: output.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

const char *const cli_presets[] = {"36x36", "bar", "phrase", NULL};
const char *const cli_out_of_range[] = {
#define SPIRAL_X(name, word) word,
    SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
        NULL};

/* "10ms" or "1/16" -> grid. */
static int parse_grid(const char *text, spiral_grid *grid) {
    double seconds, bars;
    int note, used = 0;
    if (sscanf(text, "1/%d%n", &note, &used) == 1 && !text[used]) {
        if (note < 4 || note > 384 || note % 4)
            return cli_usage("--grid \"%s\": a fraction must be 1/4 to 1/384, the number divisible by 4",
                             text);
        *grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, note / 4};
        return -1;
    }
    if (cli_length(text, &seconds, &bars) || bars > 0 || seconds < 1e-3 || seconds > 1)
        return cli_usage("--grid \"%s\": must be a time of 1ms to 1s, or a fraction like 1/16", text);
    *grid = (spiral_grid){SPIRAL_GRID_SECONDS, (int32_t)lround(seconds * 1e6), 0};
    return -1;
}

/* Chooses the least range that holds 99.5 % of the onsets, at least an octave. */
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
    while (high - low > 11) { /* give up the rarer of the two ends while it costs little enough */
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

/* Corpora are read from files and folders: their parts have names, and may be read twice. */
static int no_stdin(char **paths, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(paths[i], "-"))
            return cli_usage("-: files and folders are read here, not standard input");
    return -1;
}

static spiral_status sift(const cli_rolling *r, const cli_common *common, spiral_corpus *corpus,
                          const spiral_corpus *of, spiral_error *err) {
    spiral_status status = common->strict ? spiral_corpus_drop_repaired(corpus, NULL, err) : SPIRAL_OK;
    if (status != SPIRAL_OK || r->keep_duplicates) return status;
    return spiral_corpus_drop_duplicates(corpus, of, NULL, err);
}

/* Keys of the music itself where neither preset nor flags name them. Returns -1 or the exit status. */
static int choose_range(const cli_rolling *r, const cli_common *common, char **paths, int count, int columns,
                        spiral_roll_options *options) {
    spiral_corpus *all = NULL;
    spiral_error err = {.text = ""};
    options->low = 0;
    options->high = SPIRAL_KEY_COUNT - 1;
    if (cli_sift_corpus(r, paths, count, options, columns, NULL, common, &all, &err) != SPIRAL_OK)
        return cli_error(&err);
    fit_range(all, options);
    spiral_corpus_destroy(all);
    if (r->low > options->high)
        return cli_usage("--low %lld is above %d, the highest key of nearly all notes; give --high too",
                         (long long)r->low, options->high);
    if (r->high >= 0 && r->high < options->low)
        return cli_usage("--high %lld is below %d, the lowest key of nearly all notes; give --low too",
                         (long long)r->high, options->low);
    return -1;
}

int cli_roll_options(const cli_rolling *r, const cli_common *common, char **paths, int count,
                     spiral_roll_options *options, int *columns) {
    spiral_roll_options_default(options, sizeof *options);
    *columns = 36;
    if (r->preset != PRESET_36X36) {
        options->grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, 4};
        options->onsets = 1;
        *columns = r->preset == PRESET_BAR ? 16 : 64;
    }
    if (r->grid) {
        int status = parse_grid(r->grid, &options->grid);
        if (status >= 0) return status;
    }
    if (r->columns > 0) *columns = (int)r->columns;
    if (r->planes > 0) options->onsets = r->planes == 2;
    options->pedal = r->pedal;
    if (r->preset != PRESET_36X36 && (r->low < 0 || r->high < 0)) {
        int status = no_stdin(paths, count);
        if (status < 0) status = choose_range(r, common, paths, count, *columns, options);
        if (status >= 0) return status;
    }
    if (r->low >= 0) options->low = (int)r->low;
    if (r->high >= 0) options->high = (int)r->high;
    options->out_of_range = (spiral_out_of_range)r->out_of_range;
    if (options->low > options->high)
        return cli_usage("--low %d is above %d, the highest key", options->low, options->high);
    return -1;
}

static void say_left_out(const spiral_corpus *corpus, const cli_common *common) {
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        spiral_corpus_file file = spiral_corpus_get_file(corpus, i);
        if (file.skipped) cli_note(common, "%s: %s; left out", file.path, file.skipped);
    }
}

int cli_corpus(char **paths, int count, const spiral_roll_options *options, int columns,
               const cli_common *common, spiral_corpus **corpus) {
    const cli_rolling all = {.keep_duplicates = 1};
    return cli_sifted_corpus(&all, paths, count, options, columns, NULL, common, corpus);
}

spiral_status cli_sift_corpus(const cli_rolling *r, char **paths, int count,
                              const spiral_roll_options *options, int columns, const spiral_corpus *of,
                              const cli_common *common, spiral_corpus **corpus, spiral_error *err) {
    *corpus = NULL;
    spiral_status status = spiral_corpus_create((const char *const *)paths, (size_t)count, options, columns,
                                                (int)common->threads, corpus, err);
    if (status == SPIRAL_OK) status = sift(r, common, *corpus, of, err);
    if (status == SPIRAL_OK) return status;
    spiral_corpus_destroy(*corpus);
    *corpus = NULL;
    return status;
}

int cli_sifted_corpus(const cli_rolling *r, char **paths, int count, const spiral_roll_options *options,
                      int columns, const spiral_corpus *of, const cli_common *common,
                      spiral_corpus **corpus) {
    spiral_error err = {.text = ""};
    int status = no_stdin(paths, count);
    if (status >= 0) return status;
    if (cli_sift_corpus(r, paths, count, options, columns, of, common, corpus, &err) != SPIRAL_OK)
        return cli_error(&err);
    say_left_out(*corpus, common);
    return -1;
}

static int ends_in(const char *path, const char *ending) {
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && !strcasecmp(path + n - k, ending);
}

int cli_midi(const char *path, const cli_common *common, spiral_midi *midi) {
    spiral_error err = {.text = ""};
    spiral_status status =
        ends_in(path, ".txt") ? spiral_score_load(path, midi, &err) : spiral_midi_load(path, midi, &err);
    if (status != SPIRAL_OK) return cli_error(&err);
    char faults[1024];
    if (!spiral_midi_warnings_text(midi->warnings, faults, sizeof faults)) return -1;
    if (!common->strict) return cli_note(common, "%s: mended while reading: %s", path, faults), -1;
    spiral_midi_clear(midi);
    return cli_fail("%s: the reader had to mend it: %s", path, faults);
}

static size_t mended_files(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; c && i < spiral_corpus_file_count(c); i++) {
        spiral_corpus_file f = spiral_corpus_get_file(c, i);
        n += !f.skipped && spiral_midi_warnings_text(f.warnings, NULL, 0);
    }
    return n;
}

void cli_note_mended(const cli_common *common, const spiral_corpus *a, const spiral_corpus *b) {
    size_t n = mended_files(a) + mended_files(b);
    if (n)
        cli_note(common,
                 "%zu file%s mended while reading; inspect counts the faults, --strict leaves them out", n,
                 n == 1 ? " was" : "s were");
}

/* What of a piece the model does not get, or gets otherwise. */
static void say_lost(const cli_common *common, const char *path, const spiral_roll_options *o,
                     const spiral_roll_report *r) {
    size_t lost = r->notes_low + r->notes_high;
    if (r->transposed_by)
        cli_note(common, "%s: transposed by %+d semitone%s to fit the model's keys %d to %d", path,
                 r->transposed_by, abs(r->transposed_by) == 1 ? "" : "s", o->low, o->high);
    if (r->notes_folded)
        cli_note(common, "%s: %zu of its %zu notes are moved by octaves into the model's keys %d to %d", path,
                 r->notes_folded, r->notes, o->low, o->high);
    if (lost)
        cli_note(common, "%s: %zu of its %zu notes are outside the model's keys %d to %d and left out", path,
                 lost, r->notes, o->low, o->high);
}

int cli_roll(const spiral_model *model, const char *path, const cli_common *common, spiral_roll *roll) {
    const spiral_roll_options *options = &spiral_model_get_config(model)->roll;
    spiral_midi midi = {0};
    spiral_roll_report report = {.struct_size = sizeof report};
    spiral_error err = {.text = ""};
    int status = cli_midi(path, common, &midi);
    if (status >= 0) return status;
    if (spiral_roll_from_midi(&midi, options, roll, &report, &err) != SPIRAL_OK)
        status = cli_fail("%s: %s", path, err.text);
    else if (!roll->frames && report.notes)
        status = cli_fail("%s: none of its %zu notes is in the model's range, keys %d to %d", path,
                          report.notes, options->low, options->high);
    else if (!roll->frames)
        status =
            cli_fail("%s: it holds %s", path, report.notes_drums ? "drums only, no pitches" : "no notes");
    else
        say_lost(common, path, options, &report);
    spiral_midi_clear(&midi);
    return status;
}

int cli_model(const char *path, spiral_model **model) {
    spiral_error err = {.text = ""};
    return spiral_model_load(path, model, &err) == SPIRAL_OK ? -1 : cli_error(&err);
}

json_t *cli_measures_json(const spiral_metrics *m) {
    return json_pack("{s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, "
                     "s:o, s:o}, s:o}",
                     "frame", "precision", cli_number(m->precision), "recall", cli_number(m->recall), "f1",
                     cli_number(m->f1), "note", "precision", cli_number(m->note_precision), "recall",
                     cli_number(m->note_recall), "f1", cli_number(m->note_f1), "exact_windows",
                     cli_number(m->exact_windows), "spiral_error", cli_number(m->spiral_error),
                     "helix_distance", cli_number(m->helix_distance), "substitution",
                     cli_number(m->substitution), "miss", cli_number(m->miss), "false_alarm",
                     cli_number(m->false_alarm), "total_error", cli_number(m->total_error), "chroma",
                     "precision", cli_number(m->chroma_precision), "recall", cli_number(m->chroma_recall),
                     "f1", cli_number(m->chroma_f1), "substitution", cli_number(m->chroma_substitution),
                     "octave_share", cli_number(m->octave_share));
}
