/* SPDX-License-Identifier: MIT
 *
 * spiral compare: two sets of pieces side by side. Statistics of both, how much they overlap, and for each
 * piece of the first set the passage of the second that is most similar to one of its own.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "roll_options.h"
#include "spiral/statistics.h"

/* Statistics, histograms and passages are all of rolls of sixteenths; a passage is four bars of 4/4. */
enum { PASSAGE_FRAMES = 64, STEPS_PER_QUARTER = 4 };

/* One set of pieces. */
typedef struct set {
    spiral_corpus *corpus;
    size_t count;                                 /* files that are not left out */
    size_t *file;                                 /* (count) their indices */
    spiral_statistics_counts *counts;             /* (count) */
    const spiral_statistics_counts **counts_list; /* (count) */
    spiral_statistics statistics;                 /* of the set */
} set;

static void set_clear(set *s) {
    spiral_corpus_destroy(s->corpus);
    free(s->file);
    free(s->counts);
    free((void *)s->counts_list);
}

static int set_count(set *s, spiral_error *err) {
    const size_t files = spiral_corpus_file_count(s->corpus);
    s->file = malloc(files * sizeof *s->file);
    s->counts = calloc(files, sizeof *s->counts);
    s->counts_list = malloc(files * sizeof *s->counts_list);
    if (!s->file || !s->counts || !s->counts_list) return cli_fail("out of memory");
    for (size_t i = 0; i < files; i++) {
        const spiral_roll *roll = spiral_corpus_get_roll(s->corpus, i);
        if (!roll) continue;
        spiral_statistics_counts *counts = &s->counts[s->count];
        counts->struct_size = sizeof *counts;
        if (spiral_statistics_add_roll(counts, roll, 0, 0, err) != SPIRAL_OK)
            return cli_error_in(spiral_corpus_get_file(s->corpus, i)->path, err);
        s->counts_list[s->count] = counts;
        s->file[s->count++] = i;
    }
    s->statistics.struct_size = sizeof s->statistics;
    return spiral_statistics_of_set(s->counts_list, s->count, &s->statistics, err) == SPIRAL_OK
               ? -1
               : cli_error(err);
}

static int set_load(set *s, char **paths, int count, const cli_roll_flags *roll_flags,
                    const cli_common *common) {
    spiral_roll_options options;
    spiral_files *files = NULL;
    spiral_error err = {.text = ""};
    int frames, status = cli_load_files(paths, count, common, &files);
    if (status < 0) status = cli_roll_options(roll_flags, common, files, &options, &frames);
    if (status < 0)
        status = cli_make_corpus(roll_flags, files, &options, PASSAGE_FRAMES, NULL, common, &s->corpus);
    spiral_files_destroy(files);
    if (status < 0) status = set_count(s, &err);
    return status;
}

/* The search takes long for large sets. */
static void note_search(const set *a, const set *b, const cli_common *common) {
    const double pairs_per_s = 1.5e8,
                 few_s = 10; /* of frames, in every transposition; measured on one core */
    double frames[2] = {0, 0};
    for (size_t i = 0; i < a->count; i++)
        frames[0] += (double)spiral_corpus_get_roll(a->corpus, a->file[i])->frames;
    for (size_t i = 0; i < b->count; i++)
        frames[1] += (double)spiral_corpus_get_roll(b->corpus, b->file[i])->frames;
    const double seconds = frames[0] * frames[1] / pairs_per_s;
    if (seconds >= few_s)
        cli_note(common, "searching %s sixteenths of A in %s of B takes about %s on one core",
                 cli_thousands((uint64_t)frames[0]), cli_thousands((uint64_t)frames[1]),
                 cli_duration(seconds));
}

/* The nearest passage in b of each piece of a; share is negative where a piece has none. */
static int find_passages(const set *a, const set *b, const cli_common *common, spiral_passage *passages) {
    for (size_t i = 0; i < a->count; i++) {
        spiral_error err = {.text = ""};
        passages[i] = (spiral_passage){.struct_size = sizeof *passages};
        const spiral_status status =
            spiral_corpus_nearest_passage(b->corpus, spiral_corpus_get_roll(a->corpus, a->file[i]),
                                          PASSAGE_FRAMES, (int)common->threads, &passages[i], &err);
        if (status == SPIRAL_NO_DATA)
            passages[i].share = -1;
        else if (status != SPIRAL_OK)
            return cli_error(&err);
    }
    return -1;
}

/* ---- JSON ---- */

static json_t *overlap_json(const spiral_overlaps *o) {
    json_t *json = json_object();
#define SPIRAL_X(name)                                                                             \
    json_object_set_new(json, #name,                                                               \
                        json_pack("{s:o, s:o}", "area", cli_number(o->name.area), "kl_divergence", \
                                  cli_number(o->name.kl_divergence)));
    SPIRAL_OVERLAP_LIST(SPIRAL_X)
#undef SPIRAL_X
    return json;
}

static const char *path_of(const set *s, size_t file) {
    return spiral_corpus_get_file(s->corpus, file)->path;
}

static double quarters(size_t frames) { return (double)frames / STEPS_PER_QUARTER; }

static json_t *nearest_json(const set *a, const set *b, const spiral_passage *passages) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->count; i++) {
        const spiral_passage *p = &passages[i];
        json_t *json = json_pack("{s:o}", "file", cli_text(path_of(a, a->file[i])));
        const int none = p->share < 0;
        json_object_set_new(json, "share", none ? json_null() : json_real(p->share));
        json_object_set_new(json, "at_quarters", none ? json_null() : json_real(quarters(p->begin)));
        json_object_set_new(json, "nearest_file", none ? json_null() : cli_text(path_of(b, p->file)));
        json_object_set_new(json, "nearest_at_quarters",
                            none ? json_null() : json_real(quarters(p->file_begin)));
        json_object_set_new(json, "transposition", none ? json_null() : json_integer(p->transposition));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *result_json(const set *a, const set *b, const spiral_overlaps *o,
                           const spiral_passage *passages) {
    return json_pack("{s:{s:I, s:I}, s:{s:o, s:o}, s:o, s:o}", "files", "a", (json_int_t)a->count, "b",
                     (json_int_t)b->count, "statistics", "a", cli_statistics_json(&a->statistics), "b",
                     cli_statistics_json(&b->statistics), "overlap", overlap_json(o), "nearest",
                     nearest_json(a, b, passages));
}

/* ---- text ---- */

static void print_number(double x) {
    if (isfinite(x))
        printf(" %11.4f", x);
    else
        printf(" %11s", isnan(x) ? "-" : "infinite");
}

static void print_row(const char *name, double x, double y) {
    printf("  %-26s", name);
    print_number(x);
    print_number(y);
    printf("\n");
}

static int ascending(const void *x, const void *y) {
    const spiral_passage *a = x, *b = y;
    return (a->share > b->share) - (a->share < b->share);
}

/* Prints the piece with the greatest share, and the median share. Sorts the passages. */
static void print_nearest(const set *a, const set *b, spiral_passage *passages) {
    size_t most = 0, first = 0;
    for (size_t i = 0; i < a->count; i++)
        if (passages[i].share > passages[most].share) most = i;
    const spiral_passage p = passages[most];
    if (p.share < 0) {
        printf("\nNo piece of A has four bars to search for in B\n");
        return;
    }
    qsort(passages, a->count, sizeof *passages, ascending);
    while (passages[first].share < 0) first++;
    printf("\nFour bars of A that are most similar to four bars of B, in any transposition:\n"
           "  %.1f %% of the cells are equal: ",
           100 * p.share);
    cli_print_name(stdout, path_of(a, a->file[most]));
    printf(" at quarter %g,\n  ", quarters(p.begin));
    cli_print_name(stdout, path_of(b, p.file));
    printf(" at quarter %g, %+d semitones; median of the pieces of A: %.1f %%\n", quarters(p.file_begin),
           p.transposition, 100 * passages[(first + a->count) / 2].share);
}

static void print_text(const set *a, const set *b, const spiral_overlaps *o, spiral_passage *passages) {
    printf("A: %zu file%s, B: %zu file%s, in sixteenths\n\n  %-26s %11s %11s\n", a->count,
           a->count == 1 ? "" : "s", b->count, b->count == 1 ? "" : "s", "", "A", "B");
#define SPIRAL_X(name, over) print_row(#name, a->statistics.name, b->statistics.name);
    SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
    printf("\nDistances inside B, and from B to A\n  %-26s %11s %11s\n", "", "overlap", "KL, nats");
#define SPIRAL_X(name) print_row(#name, o->name.area, o->name.kl_divergence);
    SPIRAL_OVERLAP_LIST(SPIRAL_X)
#undef SPIRAL_X
    print_nearest(a, b, passages);
}

/* ---- the verb ---- */

static int compare(const set *a, const set *b, const cli_common *common) {
    spiral_overlaps overlaps = {.struct_size = sizeof overlaps};
    spiral_error err = {.text = ""};
    spiral_passage *passages = malloc(a->count * sizeof *passages);
    note_search(a, b, common);
    int status = passages ? find_passages(a, b, common, passages) : cli_fail("out of memory");
    if (status < 0 && spiral_statistics_overlap(b->counts_list, b->count, a->counts_list, a->count, &overlaps,
                                                &err) != SPIRAL_OK)
        status = cli_error(&err);
    if (status < 0) {
        json_t *json = result_json(a, b, &overlaps, passages);
        if (!common->json) print_text(a, b, &overlaps, passages);
        status = cli_finish(common, json);
    }
    free(passages);
    return status;
}

int verb_compare(const cli_verb *verb, int argc, char **argv) {
    cli_roll_flags roll_flags = CLI_ROLL_FLAGS_DEFAULT;
    cli_common common = {0};
    char *with = NULL;
    int first_a, first_b = 0, split = 1;
    roll_flags.preset = PRESET_PHRASE;
    roll_flags.low = 0;
    roll_flags.high = SPIRAL_KEY_COUNT - 1;
    roll_flags.keep_duplicates = 1;
    const cli_flag flags[] = {
        {"with", CLI_PATH, &with, "PATH...",
         "the files and folders of the second set (B); the paths before it are A"},
        {"pedal", CLI_SWITCH, &roll_flags.pedal, NULL, "the sustain and sostenuto pedals prolong notes"},
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    /* "--with" alone: what comes after it is parsed by itself, so that it may be several paths. */
    while (split < argc && strcmp(argv[split], "--with")) split++;
    int status = cli_parse(verb, split, argv, flags, &common, &first_a);
    char **b = argv + split;
    int count_b = argc - split;
    if (status < 0 && split < argc) {
        status = cli_parse(verb, count_b, b, flags, &common, &first_b);
        if (status < 0 && first_b == count_b) status = cli_usage("--with: a value is missing");
    } else if (with) {
        b = &with;
        count_b = 1;
    }
    if (status < 0 && split == argc && !with)
        status = cli_usage("--with: must name the second set; for example: %s", verb->example);
    if (status < 0) status = cli_count(verb, split, first_a, 1, 1 << 20);
    set sets[2] = {{NULL}};
    if (status < 0) status = set_load(&sets[0], argv + first_a, split - first_a, &roll_flags, &common);
    if (status < 0) status = set_load(&sets[1], b + first_b, count_b - first_b, &roll_flags, &common);
    if (status < 0) {
        cli_note_repaired(&common, sets[0].corpus, sets[1].corpus);
        status = compare(&sets[0], &sets[1], &common);
    }
    set_clear(&sets[0]);
    set_clear(&sets[1]);
    return status;
}
