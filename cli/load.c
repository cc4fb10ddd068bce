/* SPDX-License-Identifier: MIT
 *
 * Loads corpora and pieces, and reports what was left out, repaired or changed.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "corpus_notes.h"
#include "corpus_pack.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "reading.h"
#include "spiral/midi.h"
#include "spiral/score.h"

int cli_load_files(char **paths, int count, const cli_common *common, spiral_files **files) {
    spiral_error err = {.text = ""};
    for (int i = 0; i < count; i++) {
        int checked = cli_check_input(paths[i]);
        if (checked >= 0) return checked;
        if (spiral_corpus_is_pack(paths[i]))
            return cli_fail(
                "%s: it is a corpus pack, which this verb does not read, or not together with other files",
                paths[i]);
    }
    cli_reading reading;
    cli_reading_begin(&reading, common, "reading");
    const spiral_status status =
        spiral_files_load_with_callback((const char *const *)paths, (size_t)count, (int)common->threads,
                                        cli_reading_report, &reading, files, &err);
    cli_reading_end(&reading);
    if (status != SPIRAL_OK) return cli_error(&err);
    cli_note_skipped(*files, common);
    return -1;
}

static spiral_status filter(const cli_roll_flags *r, const cli_common *common, spiral_corpus *corpus,
                            const spiral_corpus *of, spiral_error *err) {
    spiral_status status = common->strict ? spiral_corpus_drop_repaired(corpus, NULL, err) : SPIRAL_OK;
    if (status != SPIRAL_OK || r->keep_duplicates) return status;
    return spiral_corpus_drop_duplicates(corpus, of, NULL, err);
}

/* The verb must not write to them. */
static int note_inputs(const spiral_corpus *corpus) {
    int status = -1;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus) && status < 0; i++)
        status = cli_note_input(spiral_corpus_get_file(corpus, i)->path);
    return status;
}

int cli_load_corpus(char **paths, int count, const spiral_roll_options *options, int frames,
                    const cli_common *common, spiral_corpus **corpus) {
    const cli_roll_flags all = {.keep_duplicates = 1};
    spiral_files *files = NULL;
    spiral_roll_options cut = *options;
    if (count == 1 && spiral_corpus_is_pack(*paths)) {
        int opened = cli_open_pack(*paths, frames, common, corpus);
        return opened < 0 ? cli_check_pack_rolls(*paths, *corpus, options) : opened;
    }
    int status = cli_load_files(paths, count, common, &files);
    if (status < 0) status = cli_set_longest_silence(&all, &cut);
    if (status < 0) status = cli_make_corpus(&all, files, &cut, frames, NULL, common, corpus);
    spiral_files_destroy(files);
    return status;
}

spiral_status cli_try_corpus(const cli_roll_flags *r, const spiral_files *files,
                             const spiral_roll_options *options, int frames, const spiral_corpus *of,
                             const cli_common *common, spiral_corpus **corpus, spiral_error *err) {
    *corpus = NULL;
    spiral_status status = spiral_corpus_create(files, options, frames, (int)common->threads, corpus, err);
    if (status == SPIRAL_OK) status = filter(r, common, *corpus, of, err);
    if (status == SPIRAL_OK) return status;
    spiral_corpus_destroy(*corpus);
    *corpus = NULL;
    return status;
}

int cli_make_corpus(const cli_roll_flags *r, const spiral_files *files, const spiral_roll_options *options,
                    int frames, const spiral_corpus *of, const cli_common *common, spiral_corpus **corpus) {
    spiral_error err = {.text = ""};
    if (cli_try_corpus(r, files, options, frames, of, common, corpus, &err) != SPIRAL_OK)
        return cli_error(&err);
    cli_note_left_out(*corpus, common);
    cli_note_cut(*corpus, common);
    return note_inputs(*corpus);
}

static int ends_in(const char *path, const char *ending) {
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && !strcasecmp(path + n - k, ending);
}

int cli_load_piece(const char *path, const cli_common *common, spiral_midi *midi) {
    spiral_error err = {.text = ""};
    int checked = cli_check_input(path);
    if (checked >= 0) return checked;
    spiral_status status = ends_in(path, ".txt") ? spiral_score_load(path, midi, &err)
                                                 : spiral_midi_load_compressed(path, midi, &err);
    if (status != SPIRAL_OK) return cli_error(&err);
    char faults[1024];
    int noted = cli_note_input(path);
    if (noted >= 0) spiral_midi_clear(midi);
    if (noted >= 0 || !spiral_midi_warnings_text(midi->warnings, faults, sizeof faults)) return noted;
    if (!common->strict) return cli_note(common, "%s: repaired while reading: %s", path, faults), -1;
    spiral_midi_clear(midi);
    return cli_fail("%s: the reader had to repair it: %s", path, faults);
}

static size_t repaired_files(const spiral_corpus *c) {
    size_t n = 0;
    for (size_t i = 0; c && i < spiral_corpus_file_count(c); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
        n += !f->left_out && spiral_midi_warnings_text(f->warnings, NULL, 0);
    }
    return n;
}

void cli_note_repaired(const cli_common *common, const spiral_corpus *a, const spiral_corpus *b) {
    size_t n = repaired_files(a) + repaired_files(b);
    if (n)
        cli_note(
            common,
            "%zu file%s repaired while reading; inspect counts the faults, --strict leaves such files out", n,
            n == 1 ? " was" : "s were");
}

void cli_note_not_kept(const cli_common *common, const char *path, const char *done, const uint32_t *counts) {
    char text[600];
    if (spiral_midi_not_kept_text(counts, text, sizeof text))
        cli_note(common, "%s: not %s: %s", path, done, text);
}

int cli_is_drum(const spiral_model_config *config, const spiral_note *note) {
    return config->drum_channels ? config->drum_channels >> note->channel & 1 : spiral_note_is_drum(note);
}

/* Prints how many notes of a piece are left out or moved for the model. stay: they are written as they are.
 */
static void note_changes(const cli_common *common, const char *path, const spiral_roll_options *o,
                         const spiral_roll_report *r, int stay) {
    const size_t lost = r->notes_low + r->notes_high;
    const char *written = stay ? "; they are written as they are in the file" : "";
    if (r->transposed_by)
        cli_note(common, "%s: its notes are transposed by %+d semitone%s to fit the model's keys %d to %d%s",
                 path, r->transposed_by, abs(r->transposed_by) == 1 ? "" : "s", o->low, o->high, written);
    if (r->notes_folded)
        cli_note(common, "%s: %zu of its %zu notes are moved by octaves into the model's keys %d to %d%s",
                 path, r->notes_folded, r->notes, o->low, o->high, written);
    if (lost)
        cli_note(common, "%s: %zu of its %zu notes are outside the model's keys %d to %d%s", path, lost,
                 r->notes, o->low, o->high,
                 stay ? ": the model does not see them; they stay in the piece" : " and left out");
}

static int load(const spiral_model *model, const char *path, const cli_common *common, spiral_midi *midi,
                spiral_roll *roll, spiral_roll_report *report, int stay) {
    spiral_roll_options options;
    spiral_error err = {.text = ""};
    int status = cli_load_piece(path, common, midi);
    if (status >= 0) return status;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(spiral_model_get_config(model), &options);
    if (spiral_roll_from_midi(midi, &options, roll, report, &err) != SPIRAL_OK)
        status = cli_fail("%s: %s", path, err.text);
    else if (!roll->frames && report->notes)
        status = cli_fail("%s: none of its %zu notes is in the model's range, keys %d to %d", path,
                          report->notes, options.low, options.high);
    else if (!roll->frames)
        status = cli_fail("%s: it has %s", path, report->notes_drums ? "drums only, no pitches" : "no notes");
    else
        note_changes(common, path, &options, report, stay);
    return status;
}

int cli_load_midi_and_roll(const spiral_model *model, const char *path, const cli_common *common,
                           spiral_midi *midi, spiral_roll *roll, spiral_roll_report *report) {
    return load(model, path, common, midi, roll, report, 1);
}

int cli_load_roll(const spiral_model *model, const char *path, const cli_common *common, spiral_roll *roll) {
    spiral_midi midi = {0};
    spiral_roll_report report = {.struct_size = sizeof report};
    int status = load(model, path, common, &midi, roll, &report, 0);
    spiral_midi_clear(&midi);
    return status;
}
