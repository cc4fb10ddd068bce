/* SPDX-License-Identifier: MIT
 *
 * The program: one table of verbs.
 */
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

static void print_map(FILE *to) {
    fprintf(to,
            "spiral %s - a folder of MIDI in, a trained music autoencoder out, and from it new music\n\n"
            "  spiral VERB [flags] ARGUMENTS\n\n",
            SPIRAL_VERSION);
    for (const cli_verb *v = cli_verbs; v->name; v++)
        fprintf(to, "  %-12s %-15s %s\n", v->name, v->arguments, v->summary);
    fprintf(
        to,
        "\nEvery verb takes --json, --quiet, --threads N and --help, which shows its flags and an example.\n"
        "The way from nothing to sound:\n\n"
        "  spiral inspect my_midi/\n"
        "  spiral train my_midi/ -o model.safetensors --time 5min\n"
        "  spiral sample model.safetensors -n 4 -o new/\n"
        "  spiral render new/sample-1.mid -o sample-1.wav\n");
}

int main(int argc, char **argv) {
    spiral_error err = {.text = ""};
    if (spiral_isa_set(getenv("SPIRAL_ISA"), &err) != SPIRAL_OK) {
        fprintf(stderr, "spiral: SPIRAL_ISA: %s\n", err.text);
        return CLI_USAGE;
    }
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_map(stdout);
        return CLI_DONE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("spiral %s (%s)\n", SPIRAL_VERSION, spiral_isa_name());
        return CLI_DONE;
    }
    for (current = cli_verbs; current->name; current++)
        if (!strcmp(argv[1], current->name)) return current->run(argc - 1, argv + 1);
    fprintf(stderr, "spiral: \"%s\" is not a verb; the verbs are", argv[1]);
    for (const cli_verb *v = cli_verbs; v->name; v++)
        fprintf(stderr, "%s %s", v == cli_verbs ? "" : ",", v->name);
    fprintf(stderr, "\n");
    return CLI_USAGE;
}
