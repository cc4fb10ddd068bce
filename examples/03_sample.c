/* SPDX-License-Identifier: MIT
 *
 * A new piece, written with a model that has a note-by-note decoder, such as models/chorales.safetensors.
 *     cc examples/03_sample.c $(pkg-config --cflags --libs spiral-net) && ./a.out chorales.safetensors
 * new.mid
 */
#include <spiral/generate.h>
#include <spiral/model.h>
#include <spiral/roll.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: 03_sample MODEL.safetensors NEW.mid\n"), 2;
    spiral_error err;
    spiral_model *model;
    if (spiral_model_load(argv[1], &model, &err)) return fprintf(stderr, "%s\n", err.text), 1;

    spiral_generate_request request;
    spiral_generate_request_default(&request, sizeof request); /* 256 frames: 16 bars of sixteenths */
    request.seed = 7;
    spiral_roll roll = {0}; /* of the model's grid */
    spiral_generate_result result = {.struct_size = sizeof result};
    spiral_midi midi = {0};
    spiral_status status = spiral_generate(model, &request, 1, &roll, &result, &err);
    if (status == SPIRAL_OK) status = spiral_midi_from_roll(&roll, &midi, &err);
    if (status == SPIRAL_OK) status = spiral_midi_save(&midi, argv[2], &err);
    if (status == SPIRAL_OK)
        printf("%zu notes, %.2f nats per frame\n", midi.note_count, result.nats_per_frame);
    else
        fprintf(stderr, "%s\n", err.text);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
    spiral_model_destroy(model);
    return status == SPIRAL_OK ? 0 : 1;
}
