/* SPDX-License-Identifier: MIT
 *
 * The one list of verbs. Declarations, dispatch, help, man page and shell completions are made from it.
 */
#ifndef SPIRAL_CLI_VERBS_H
#define SPIRAL_CLI_VERBS_H

/* Exit status of the program, and return value of every verb. */
enum { CLI_DONE = 0, CLI_FAILED = 1 /* the work failed */, CLI_USAGE = 2 /* the command line is wrong */ };

/* name, arguments, summary (no full stop, follows "spiral NAME - "), example */
#define CLI_VERB_LIST(X)                                                                               \
    X(inspect, "PATH...", "show what MIDI files contain, and what a piano roll keeps and loses of it", \
      "spiral inspect my_midi/ --preset 36x36")                                                        \
    X(pack, "PATH...", "read MIDI files once and write their rolls to one file, to train on",          \
      "spiral pack my_midi/ -o corpus.pack")                                                           \
    X(train, "PATH...", "train an autoencoder on MIDI files",                                          \
      "spiral train my_midi/ -o model.safetensors --time 5min")                                        \
    X(info, "[MODEL]", "print a model's configuration, training data and training record",             \
      "spiral info model.safetensors")                                                                 \
    X(eval, "MODEL PATH...", "measure how well a model reconstructs files it was not trained on",      \
      "spiral eval model.safetensors other_midi/")                                                     \
    X(reconstruct, "[MODEL] IN", "encode a piece with a model and decode it again",                    \
      "spiral reconstruct model.safetensors tune.mid -o back.mid")                                     \
    X(sample, "[MODEL]", "generate new pieces with a model", "spiral sample -n 8 --seed 1 -o new/")    \
    X(continue, "[MODEL] IN", "continue a piece from its end",                                         \
      "spiral continue tune.mid --length 8bars -o longer.mid")                                         \
    X(fill, "[MODEL] IN", "rewrite a part of a piece and keep its other notes",                        \
      "spiral fill tune.mid --from 2bars --to 4bars -n 4 -o filled/")                                  \
    X(harmonize, "[MODEL] MELODY", "write voices below or around a melody",                            \
      "spiral harmonize melody.mid -o harmonized.mid")                                                 \
    X(vary, "[MODEL] IN", "generate pieces near a given piece",                                        \
      "spiral vary model.safetensors tune.mid --amount 0.3 -n 4 -o varied/")                           \
    X(encode, "[MODEL] IN", "write the latents of a piece to a NumPy file",                            \
      "spiral encode model.safetensors tune.mid -o tune.npy")                                          \
    X(decode, "[MODEL] LATENTS", "write the latents in a NumPy file as music",                         \
      "spiral decode model.safetensors tune.npy -o tune-again.mid")                                    \
    X(interpolate, "[MODEL] A B", "generate pieces between two given pieces",                          \
      "spiral interpolate model.safetensors a.mid b.mid -n 5 -o between/")                             \
    X(explore, "[MODEL]", "write a web page for making music with the model",                          \
      "spiral explore model.safetensors --against my_midi/ -o page.html")                              \
    X(loss, "A B", "compare piece B with piece A by every loss and metric",                            \
      "spiral loss right.mid played.mid")                                                              \
    X(compare, "PATH...", "compare two sets of pieces: statistics, overlap, most similar passages",    \
      "spiral compare tune.mid --with my_midi/")                                                       \
    X(render, "IN", "convert MIDI or a text score to audio (.wav), pictures or MIDI",                  \
      "spiral render tune.mid -o tune.wav")

typedef struct cli_verb cli_verb;

/* A verb's code. argv[0] is its name; the arguments follow. Returns the exit status. */
typedef int (*cli_run)(const cli_verb *verb, int argc, char **argv);

struct cli_verb {
    const char *name, *arguments, *summary, *example;
    cli_run run;
};

#define SPIRAL_X(name, arguments, summary, example) \
    int verb_##name(const cli_verb *verb, int argc, char **argv);
CLI_VERB_LIST(SPIRAL_X)
#undef SPIRAL_X

extern const cli_verb cli_verbs[]; /* ends with a NULL name */

#endif
