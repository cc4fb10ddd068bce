/* SPDX-License-Identifier: MIT
 *
 * The program: one table of verbs.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const cli_verb cli_verbs[] = {
    {"inspect", "PATH...", "what is in MIDI files, and what a grid and a range would keep and lose",
     "spiral inspect my_midi/ --preset seed", verb_inspect},
    {"train", "PATH...", "trains an autoencoder", "spiral train my_midi/ -o model.safetensors --time 5min",
     verb_train},
    {"info", "MODEL", "what a model is and what it was trained on", "spiral info model.safetensors",
     verb_info},
    {"eval", "MODEL PATH...", "scores how well a model gives back unseen pieces",
     "spiral eval model.safetensors other_midi/", verb_eval},
    {"reconstruct", "MODEL IN", "takes a piece through the model's code and back",
     "spiral reconstruct model.safetensors tune.mid -o back.mid", verb_reconstruct},
    {"sample", "MODEL", "writes new music", "spiral sample model.safetensors -n 8 --seed 1 -o new/",
     verb_sample},
    {"interpolate", "MODEL A B", "goes from one piece to another in a few steps",
     "spiral interpolate model.safetensors a.mid b.mid -n 5 -o between/", verb_interpolate},
    {"loss", "A B", "how far apart two pieces are, by every measure there is",
     "spiral loss right.mid played.mid", verb_loss},
    {"render", "IN", "MIDI or a text score to sound, picture or MIDI, by the ending of the output",
     "spiral render tune.mid -o tune.wav", verb_render},
    {NULL, NULL, NULL, NULL, NULL},
};

static const cli_verb *current;
const cli_verb *cli_current(void) { return current; }

static int print_map(void) {
    printf("spiral %s - a folder of MIDI in, a trained music autoencoder out, and from it new music\n\n"
           "  spiral VERB [flags] ARGUMENTS\n\n",
           spiral_version());
    for (const cli_verb *v = cli_verbs; v->name; v++)
        printf("  %-12s %-15s %s\n", v->name, v->arguments, v->summary);
    printf(
        "\nEvery verb takes --json, --quiet, --threads N and --help, which shows its flags and an example.\n"
        "The way from nothing to sound:\n\n"
        "  spiral inspect my_midi/\n"
        "  spiral train my_midi/ -o model.safetensors --time 5min\n"
        "  spiral sample model.safetensors -n 4 -o new/\n"
        "  spiral render new/sample-1.mid -o sample-1.wav\n");
    return cli_flush();
}

static int run(const char *name, int argc, char **argv) {
    for (current = cli_verbs; current->name; current++)
        if (!strcmp(name, current->name)) return current->run(argc, argv);
    current = NULL;
    fprintf(stderr, "spiral: \"%s\" is not a verb; the verbs are", name);
    for (const cli_verb *v = cli_verbs; v->name; v++)
        fprintf(stderr, "%s %s", v == cli_verbs ? "" : ",", v->name);
    fprintf(stderr, "\n");
    return CLI_USAGE;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = ""};
    if (spiral_isa_set(getenv("SPIRAL_ISA"), &err) != SPIRAL_OK) {
        fprintf(stderr, "spiral: SPIRAL_ISA: %s\n", err.text);
        return CLI_USAGE;
    }
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write, and no end of a long training */
    const char *name = argc > 1 ? argv[1] : "help";
    int help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (help && argc < 3) return print_map();
    if (help) return run(argv[2], 2, (char *[]){argv[2], "--help", NULL});
    if (!strcmp(name, "--version")) {
        printf("spiral %s (%s)\n", spiral_version(), spiral_isa_name());
        return cli_flush();
    }
    return run(name, argc - 1, argv + 1);
}
