/* SPDX-License-Identifier: MIT
 *
 * spiral pack: reads MIDI files once and writes their rolls to one file, a corpus pack.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corpus_notes.h"
#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "reading.h"
#include "roll_options.h"
#include "signals.h"
#include "terminal.h"

typedef struct settings {
    const char *output;
    cli_roll_flags roll_flags;
} settings;

/* Packs to `path`; what: for the progress. *corpus is the caller's to destroy. Returns -1 or the exit status.
 */
static int pack(const settings *s, const cli_common *common, char **paths, int count,
                const spiral_roll_options *roll, int frames, const char *what, const char *path,
                spiral_corpus **corpus, spiral_files **skipped) {
    spiral_corpus_pack_options options;
    spiral_error err = {.text = ""};
    cli_reading reading;
    cli_reading_begin(&reading, common, what);
    spiral_corpus_pack_options_default(&options, sizeof options);
    options.roll = roll;
    options.frames = frames;
    options.drop_repaired = common->strict;
    options.keep_duplicates = s->roll_flags.keep_duplicates;
    options.threads = (int)common->threads;
    options.callback = cli_reading_report;
    options.context = &reading;
    const spiral_status status = spiral_corpus_pack_create((const char *const *)paths, (size_t)count,
                                                           &options, path, corpus, skipped, &err);
    cli_reading_end(&reading);
    if (status == SPIRAL_OK) return -1;
    if (!strncmp(err.text, path, strlen(path))) /* which may be a temporary file */
        return cli_fail("%s%s", s->output, err.text + strlen(path));
    return cli_error(&err);
}

/* Where the range depends on the music, the files are read twice: first with all keys, to another file. */
static int choose_range(const settings *s, const cli_common *common, char **paths, int count,
                        spiral_roll_options *roll, int frames) {
    char path[CLI_PATH_SIZE];
    spiral_corpus *all = NULL;
    int status = cli_temporary_beside(path, s->output);
    if (status < 0) {
        spiral_roll_options whole = *roll;
        whole.low = 0;
        whole.high = SPIRAL_KEY_COUNT - 1;
        cli_signals_remove(path);
        status = pack(s, common, paths, count, &whole, frames, "looking for the key range", path, &all, NULL);
        unlink(path); /* also if only closing it failed; mapped bytes stay until the corpus is destroyed */
        cli_signals_remove(NULL);
    }
    if (status < 0) status = cli_choose_range(&s->roll_flags, all, roll);
    spiral_corpus_destroy(all);
    return status;
}

static int report(const settings *s, const cli_common *common, const spiral_corpus *corpus, double begin) {
    size_t files = 0, left_out = 0, frames = 0, windows = 0;
    struct stat info = {0};
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(corpus, i);
        files += !f->left_out;
        left_out += f->left_out != NULL;
        if (f->left_out) continue;
        frames += f->frames;
        windows += f->windows;
    }
    stat(s->output, &info);
    const spiral_roll_options *o = spiral_corpus_get_options(corpus);
    if (cli_prints_text(common)) {
        cli_print_name(stdout, s->output);
        printf(": %s file%s, %s frames of keys %d to %d, %s MB, in %s\n", cli_thousands(files),
               files == 1 ? "" : "s", cli_thousands(frames), o->low, o->high,
               cli_thousands(((uint64_t)info.st_size + 500000) / 1000000), cli_duration(cli_now_s() - begin));
    }
    return cli_finish(common, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:o}", "pack",
                                        cli_text(s->output), "files", (json_int_t)files, "left_out",
                                        (json_int_t)left_out, "all_frames", (json_int_t)frames, "windows",
                                        (json_int_t)windows, "bytes", (json_int_t)info.st_size, "low", o->low,
                                        "high", o->high, "frames", spiral_corpus_get_frames(corpus), "planes",
                                        o->onsets ? 2 : 1, "seconds", cli_number(cli_now_s() - begin)));
}

static int make_pack(const settings *s, const cli_common *common, char **paths, int count) {
    const double begin = cli_now_s();
    spiral_roll_options roll;
    spiral_corpus *corpus = NULL;
    spiral_files *skipped = NULL;
    int frames, status = cli_check_roll_flags(&s->roll_flags);
    if (status < 0) status = cli_check_writable(s->output, CLI_OUTPUT_PACK);
    if (status < 0) status = cli_roll_options_given(&s->roll_flags, &roll, &frames);
    if (status < 0 && cli_range_from_music(&s->roll_flags))
        status = choose_range(s, common, paths, count, &roll, frames);
    if (status < 0)
        status = pack(s, common, paths, count, &roll, frames, "packing", s->output, &corpus, &skipped);
    if (status < 0) {
        cli_note_skipped(skipped, common);
        cli_note_left_out(corpus, common);
        cli_note_cut(corpus, common);
        cli_note_repaired(common, corpus, NULL);
        status = report(s, common, corpus, begin);
    }
    spiral_files_destroy(skipped);
    spiral_corpus_destroy(corpus);
    return status;
}

int verb_pack(const cli_verb *verb, int argc, char **argv) {
    settings s = {.output = "corpus.pack", .roll_flags = CLI_ROLL_FLAGS_DEFAULT};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {{"o", CLI_PATH, &s.output, "PACK", "the corpus pack to write"},
                              CLI_ROLL_FLAGS(s.roll_flags),
                              CLI_FILTER_FLAGS(s.roll_flags, common),
                              {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 1, 1 << 20);
    if (status < 0 && !strcmp(s.output, "-")) status = cli_usage("-o -: the corpus pack must be a file");
    return status < 0 ? make_pack(&s, &common, argv + first, argc - first) : status;
}
