/* SPDX-License-Identifier: MIT
 *
 * Writing variations with the note-by-note decoder (see variations.h).
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "messages.h"
#include "variations.h"

enum { BATCH = 64 }; /* variations that are in memory at a time */

const char *const cli_decodings[] = {"decoder", "threshold", "min-risk", NULL};

int cli_set_decoding(spiral_model *model, int way) {
    spiral_error err = {.text = ""};
    const spiral_decoding decoding =
        way == DECODE_MIN_RISK ? SPIRAL_DECODING_MIN_RISK : SPIRAL_DECODING_THRESHOLD;
    return spiral_model_set_decoding(model, decoding, &err) == SPIRAL_OK ? -1 : cli_error(&err);
}

/* ---- session ---- */

static int is_file(const char *path) {
    cli_output_kind kind;
    return !strcmp(path, "-") || cli_kind_by_ending(path, &kind);
}

int cli_check_output(const char *verb, const cli_variations *v, const cli_common *common) {
    cli_output_kind kind;
    if (cli_kind_by_ending(v->output, &kind) && kind != CLI_OUTPUT_MIDI)
        return cli_usage("-o %s: %s writes MIDI files; spiral render makes sound and pictures of them",
                         v->output, verb);
    if (!is_file(v->output)) return -1;
    if (v->n > 1 && !strcmp(v->output, "-"))
        return cli_usage("-o -: the %lld files go to a folder, not to standard output", (long long)v->n);
    if (v->n > 1) return cli_usage("-o %s: with -n %lld it must be a folder", v->output, (long long)v->n);
    if (common->json && !strcmp(v->output, "-"))
        return cli_usage("-o -: standard output cannot hold both the MIDI file and the result of --json");
    return -1;
}

/* Loads the music to compare with. */
static int load_against(cli_writing *w) {
    char *path = (char *)(uintptr_t)w->v->against;
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(spiral_model_get_config(w->model), &options);
    int status = cli_load_corpus(&path, 1, &options, spiral_model_get_config(w->model)->frames, w->common,
                                 &w->against);
    if (status < 0) cli_note_repaired(w->common, w->against, NULL);
    return status;
}

int cli_writing_begin(cli_writing *w, const cli_verb *verb, const cli_variations *v, const cli_common *common,
                      const char *model) {
    *w = (cli_writing){.v = v, .common = common, .verb = verb->name, .files = json_array()};
    int status = cli_check_output(verb->name, v, common);
    if (status < 0) status = cli_load_model(model, &w->model);
    if (status < 0 && v->against) status = load_against(w);
    return status;
}

int cli_writing_begin_given(cli_writing *w, const cli_verb *verb, const cli_variations *v,
                            const cli_common *common, const char *piece, cli_given *given,
                            spiral_generate_request *request) {
    int status = cli_writing_begin(w, verb, v, common, v->model);
    if (status < 0) status = cli_writing_need_decoder(w);
    if (status < 0) status = cli_given_load(w->model, piece, common, given);
    if (status < 0) status = cli_writing_request(w, request);
    return status;
}

int cli_writing_end(cli_writing *w, int status) {
    if (status >= 0 && w->made_folder) rmdir(w->v->output); /* if it is empty */
    if (status < 0) status = cli_finish(w->common, json_pack("{s:O}", "files", w->files));
    json_decref(w->files);
    spiral_corpus_destroy(w->against);
    spiral_model_destroy(w->model);
    return status;
}

int cli_writing_has_decoder(const cli_writing *w) { return spiral_model_get_config(w->model)->decoder > 0; }

int cli_writing_need_decoder(const cli_writing *w) {
    if (cli_writing_has_decoder(w)) return -1;
    return cli_fail("%s: %s needs a model with a note-by-note decoder, and it has none; train it again",
                    w->v->model, w->verb);
}

int cli_writing_path(cli_writing *w, char *path, const char *stem, int digits, uint64_t number) {
    int status = -1;
    if (!is_file(w->v->output)) {
        int made;
        status = cli_make_folder(w->v->output, &made);
        w->made_folder |= made;
        if (status < 0) status = cli_numbered_path(path, w->v->output, stem, digits, number);
    } else if (snprintf(path, CLI_PATH_SIZE, "%s", w->v->output) >= CLI_PATH_SIZE) {
        status = cli_fail("%.60s...: the path is too long", w->v->output);
    }
    return status < 0 ? cli_check_target(path, CLI_OUTPUT_MIDI) : status;
}

int cli_check_paths(cli_writing *w, const char *stem, int digits, uint64_t first) {
    char path[CLI_PATH_SIZE];
    int status = -1;
    for (int64_t i = 0; i < w->v->n && status < 0; i++)
        status = cli_writing_path(w, path, stem, digits, first + (uint64_t)i);
    return status;
}

/* ---- the request ---- */

/* "C", "f#", "Bb minor", "Ebm", "a minor": a letter, an accidental, and minor if it says so. 0, or -1. */
static int parse_key(const char *text, int *tonic, int *minor) {
    static const int classes[] = {9, 11, 0, 2, 4, 5, 7}; /* A .. G */
    const int letter = toupper((unsigned char)*text);
    if (letter < 'A' || letter > 'G') return -1;
    int class = classes[letter - 'A'] + 12;
    for (text++; *text == '#' || *text == 'b'; text++) class += *text == '#' ? 1 : -1;
    while (*text == ' ' || *text == '-') text++;
    static const struct {
        const char *word;
        int minor;
    } modes[] = {{"", 0}, {"major", 0}, {"maj", 0}, {"minor", 1}, {"min", 1}, {"m", 1}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcasecmp(text, modes[i].word)) {
            *tonic = class % 12;
            *minor = modes[i].minor;
            return 0;
        }
    return -1;
}

int cli_writing_request(const cli_writing *w, spiral_generate_request *q) {
    const cli_variations *v = w->v;
    spiral_generate_request_default(q, sizeof *q);
    q->seed = (uint64_t)v->seed;
    q->temperature = v->temperature;
    q->density = v->density;
    q->tries = (int)v->tries;
    q->threads = (int)w->common->threads;
    if (v->key && parse_key(v->key, &q->tonic, &q->minor))
        return cli_usage("--key \"%s\": must be a key like C, \"F# minor\" or Ebm", v->key);
    return -1;
}

/* ---- reports ---- */

static const struct {
    unsigned bit;
    const char *name, *text;
} faults[] = {
    {SPIRAL_GENERATE_SILENT, "silent", "no new note sounds"},
    {SPIRAL_GENERATE_STUCK, "stuck", "nothing changes for longer than in the training data"},
    {SPIRAL_GENERATE_SMEARED, "smeared", "more notes sound at a time than in the training data"},
};
enum { FAULTS = sizeof faults / sizeof *faults };

static json_t *faults_json(const spiral_generate_result *result) {
    json_t *list = json_array();
    for (int i = 0; i < FAULTS; i++)
        if (result->faults & faults[i].bit) json_array_append_new(list, json_string(faults[i].name));
    return list;
}

static void note_faults(const cli_writing *w, const char *path, const spiral_generate_result *result) {
    for (int i = 0; i < FAULTS; i++)
        if (result->faults & faults[i].bit)
            cli_note(w->common, "%s: %s, after %d %s", path, faults[i].text, result->tries,
                     result->tries == 1 ? "try" : "tries");
}

/* {file, share, ...}, or null: nothing to compare. */
static json_t *passage_json(cli_writing *w, const char *path, const spiral_roll *roll, double *share) {
    spiral_passage p = {.struct_size = sizeof p};
    const double limit = spiral_generate_passage_limit(w->model);
    *share = NAN;
    if (!w->against || !roll ||
        spiral_corpus_nearest_passage(w->against, roll, spiral_generate_passage_frames(w->model),
                                      (int)w->common->threads, &p, NULL) != SPIRAL_OK)
        return json_null();
    *share = p.share;
    const char *file = spiral_corpus_get_file(w->against, p.file)->path;
    if (p.share > limit)
        cli_note(w->common,
                 "%s: a passage is similar to one of %s: %.0f %% of the cells are equal; in 99 %% of unseen "
                 "pieces it is less than %.0f %%",
                 path, file, 100 * p.share, 100 * limit);
    return json_pack("{s:o, s:f, s:i, s:I, s:I}", "file", cli_text(file), "share", p.share, "transposition",
                     p.transposition, "frame", (json_int_t)p.begin, "file_frame", (json_int_t)p.file_begin);
}

json_t *cli_report_file(cli_writing *w, const char *path, size_t notes, double seconds,
                        const spiral_generate_result *result, const spiral_roll *roll) {
    double share;
    json_t *json =
        json_pack("{s:o, s:I, s:f}", "path", cli_text(path), "notes", (json_int_t)notes, "seconds", seconds);
    json_object_set_new(json, "nearest_training_passage", passage_json(w, path, roll, &share));
    if (cli_prints_text(w->common)) {
        FILE *to = strcmp(path, "-") ? stdout : stderr;
        cli_print_name(to, path);
        fprintf(to, ": %zu notes, %s", notes, cli_duration(seconds));
        if (result) fprintf(to, ", %.2f nats per frame", result->nats_per_frame);
        if (isfinite(share)) fprintf(to, ", %.0f %% of the cells equal to a training passage", 100 * share);
        fprintf(to, "\n");
    }
    if (result) {
        json_object_set_new(json, "seed", json_integer((json_int_t)result->seed));
        json_object_set_new(json, "nats_per_frame", cli_number(result->nats_per_frame));
        json_object_set_new(json, "tries", json_integer(result->tries));
        json_object_set_new(json, "faults", faults_json(result));
        note_faults(w, path, result);
    }
    json_array_append_new(w->files, json);
    return json;
}

/* ---- files ---- */

/* Frames begin .. end - 1 of a roll, borrowed. */
static spiral_roll part_of(const spiral_roll *roll, size_t begin, size_t end) {
    spiral_roll part = *roll;
    part.frames = end - begin;
    part.sounding += begin;
    if (part.onsets) part.onsets += begin;
    return part;
}

static int is_open(const spiral_model *model, const spiral_generate_request *q, size_t t) {
    const spiral_model_config *c = spiral_model_get_config(model);
    const spiral_keys range = spiral_keys_range(c->low, c->high);
    if (!q->known) return 1;
    return (range.word[0] & ~q->known[t].word[0]) || (range.word[1] & ~q->known[t].word[1]);
}

/* The flags of cli_variations that decide what is written, except --seed. */
static void flags_text(const cli_variations *v, char *text, size_t size) {
    int n = snprintf(text, size, "--temperature %.9g --tries %d", v->temperature, (int)v->tries);
    if (v->key && n < (int)size) n += snprintf(text + n, size - (size_t)n, " --key \"%s\"", v->key);
    if (!isnan(v->density) && n < (int)size)
        snprintf(text + n, size - (size_t)n, " --density %.9g", v->density);
}

static int write_file(cli_writing *w, const spiral_generate_request *q, const cli_given *given, int only_new,
                      const char *text, const spiral_roll *roll, const spiral_generate_result *result) {
    char path[CLI_PATH_SIZE], command[CLI_PATH_SIZE], flags[320];
    size_t begin = 0, end = q->frames, notes;
    double seconds;
    int status = cli_writing_path(w, path, w->verb, 1, result->seed);
    if (status >= 0) return status;
    while (begin + 1 < end && !is_open(w->model, q, begin)) begin++;
    while (end - 1 > begin && !is_open(w->model, q, end - 1)) end--;
    const spiral_roll written = part_of(roll, begin, end);
    flags_text(w->v, flags, sizeof flags);
    snprintf(command, sizeof command, "spiral %s -n 1 --seed %llu %s %s; model sha256 %s", w->verb,
             (unsigned long long)result->seed, flags, text, spiral_model_get_sha256(w->model));
    if (given && !only_new)
        status = cli_given_save(given, roll, command, path, &notes, &seconds);
    else
        status = cli_save_roll(&written, command, path, &notes, &seconds);
    if (status < 0) cli_report_file(w, path, notes, seconds, result, &written);
    return status;
}

/* Long pieces, or many, take long. Tries that are repeated are not counted. */
static void note_work(const cli_writing *w, const spiral_generate_request *q) {
    /* A frame and a unit of the decoder, on one core: `sample --length 1000bars --threads 1` writes 16,000
     * frames with 96 units. */
    const double unit_s = 1e-6, few_s = 10;
    const double frames = (double)q->frames * (double)w->v->n;
    const double s = frames * spiral_model_get_config(w->model)->decoder * unit_s;
    if (s >= few_s)
        cli_note(w->common, "writing %s frames takes about %s on one core", cli_thousands((uint64_t)frames),
                 cli_duration(s));
}

int cli_write_variations(cli_writing *w, const spiral_generate_request *request, const cli_given *given,
                         int only_new, const char *text) {
    spiral_generate_request q = *request;
    spiral_error err = {.text = ""};
    int status = cli_check_paths(w, w->verb, 1, request->seed);
    if (status < 0) note_work(w, request);
    for (int64_t done = 0; done < w->v->n && status < 0; done += BATCH) {
        spiral_roll rolls[BATCH];
        spiral_generate_result results[BATCH];
        const size_t n = (size_t)(w->v->n - done < BATCH ? w->v->n - done : BATCH);
        for (size_t i = 0; i < n; i++) results[i].struct_size = sizeof *results;
        q.seed = request->seed + (uint64_t)done;
        if (spiral_generate(w->model, &q, n, rolls, results, &err) != SPIRAL_OK)
            return cli_error_in(w->v->model, &err);
        for (size_t i = 0; i < n; i++) {
            if (status < 0) status = write_file(w, &q, given, only_new, text, &rolls[i], &results[i]);
            spiral_roll_clear(&rolls[i]);
        }
    }
    if (given && !only_new && status < 0) cli_given_note_not_kept(given, w->common);
    return status;
}
