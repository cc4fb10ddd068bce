/* SPDX-License-Identifier: MIT
 *
 * Corpus packs as inputs (see corpus_pack.h).
 */
#include "corpus_pack.h"
#include "messages.h"
#include "output.h"
#include "signals.h"
#include "spiral/model.h"

/* Reading a part of a mapped file that another program has truncated is a memory fault (SIGBUS). */
static void expect_cuts(const char *path) {
    static char sentence[4 * CLI_PATH_SIZE];
    static int packs; /* train may have one to train on and one to validate on */
    cli_keep_message(sentence, sizeof sentence,
                     "%s: a part of the corpus pack is gone: it was changed while it was used, or its disk "
                     "failed",
                     packs++ ? "one of the two corpus packs" : path);
    cli_signals_file_was_cut(sentence);
}

int cli_open_pack(const char *path, int frames, const cli_common *common, spiral_corpus **corpus) {
    spiral_error err = {.text = ""};
    expect_cuts(path);
    if (spiral_corpus_pack_open(path, frames, 1, (int)common->threads, corpus, &err) != SPIRAL_OK)
        return cli_error(&err);
    return cli_note_input(path);
}

int cli_check_pack_rolls(const char *path, const spiral_corpus *corpus, const spiral_roll_options *options) {
    spiral_model_config wanted, packed;
    spiral_model_config_default(&wanted, sizeof wanted);
    spiral_model_config_default(&packed, sizeof packed);
    spiral_model_config_set_roll(&wanted, options);
    spiral_model_config_set_roll(&packed, spiral_corpus_get_options(corpus));
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        const int a = spiral_model_config_get_value(&packed, i),
                  b = spiral_model_config_get_value(&wanted, i);
        if (a == b || (f->grid >= 0 && f->grid != (int)wanted.grid.kind)) continue;
        if (f->words)
            return cli_fail("%s: its rolls have %s %s, not %s; pack the files again with the model's options",
                            path, f->name, f->words[a], f->words[b]);
        return cli_fail("%s: its rolls have %s %d, not %d; pack the files again with the model's options",
                        path, f->name, a, b);
    }
    return -1;
}

int cli_check_pack_flags(const char *path, const cli_roll_flags *r, const cli_common *common) {
    const struct {
        const char *name;
        int given;
    } flags[] = {{"preset", r->preset != PRESET_BAR},
                 {"grid", r->grid != NULL},
                 {"low", r->low >= 0},
                 {"high", r->high >= 0},
                 {"planes", r->planes >= 0},
                 {"drums", r->drums != NULL},
                 {"pedal", r->pedal},
                 {"out-of-range", r->out_of_range != SPIRAL_OUT_OF_RANGE_DROP},
                 {"longest-silence", r->longest_silence != NULL},
                 {"keep-duplicates", r->keep_duplicates},
                 {"strict", common->strict}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].given)
            return cli_usage("--%s: the rolls of %s are already made; give the flag to spiral pack",
                             flags[i].name, path);
    return -1;
}
