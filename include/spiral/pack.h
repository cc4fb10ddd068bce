/* SPDX-License-Identifier: MIT
 *
 * A model pack: a trained model for the page of `spiral explore`, in one block of bytes that needs no JSON
 * reader. Besides the numbers of the model it has the principal axes of its latents, a text for the page,
 * and, if wanted, the training music, to compare new music with. Model packs are read only by the engine of
 * the same version (docs/formats.md). They are not corpus packs (data.h).
 */
#ifndef SPIRAL_PACK_H
#define SPIRAL_PACK_H

#include "data.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest number of frames of music in a model pack. */
#define SPIRAL_PACK_FRAMES_MAX ((size_t)1 << 21)

typedef struct spiral_pack_options {
    size_t struct_size;
    const char *text;           /* for the page, UTF-8; NULL: "" */
    const spiral_corpus *music; /* on the model's grid; NULL: none */
    int exact; /* nonzero: all weights as they are; 0: the large matrices of the autoencoder in 8 bits. Music
                  without a sketch is the same in both cases: the note-by-note decoder is always as it is */
} spiral_pack_options;

/* Fills struct_size bytes of *options: no text, no music, 8 bits. */
SPIRAL_API void spiral_pack_options_default(spiral_pack_options *options, size_t struct_size);

/* What is in a model pack, and its precision. */
typedef struct spiral_pack_report {
    size_t struct_size;  /* set by the caller */
    size_t music_bytes;  /* of the pack, for the music */
    double sketch_error; /* mean difference of the probabilities in sketches, caused by 8 bits; 0 if exact */
    double sketch_largest; /* the largest */
} spiral_pack_report;

/* The bytes of the model pack; *bytes is malloc'ed. report may be NULL. UNSUPPORTED: the model has no
 * note-by-note decoder; NO_DATA: its training is not finished; BAD_ARG: an option, or the music has another
 * grid; TOO_BIG: the music has more than SPIRAL_PACK_FRAMES_MAX frames; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_pack_write(const spiral_model *model,
                                                             const spiral_pack_options *options,
                                                             unsigned char **bytes, size_t *size,
                                                             spiral_pack_report *report, spiral_error *err);

/* The axes of the sliders. Along the first ones the quantities below rise most steeply; the others are the
 * principal axes of what is left. An effect is how much a quantity of the windows of the training music rises
 * when their latents are one standard deviation further along an axis (linear regression); _sd is the same in
 * standard deviations of the quantity, to compare axes. X(name) */
#define SPIRAL_AXIS_EFFECT_LIST(X)                                             \
    X(height)     /* mean sounding key, semitones */                           \
    X(density)    /* keys that sound at a time */                              \
    X(onsets)     /* notes that begin in a frame; 0 for models of one plane */ \
    X(brightness) /* major thirds among the thirds that sound together, a share */

typedef struct spiral_axis {
#define SPIRAL_X(name) double name, name##_sd;
    SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_axis;

/* axes (count), count 1..16, at most Z. music: on the model's grid; NULL: the quantities are those of
 * sketches. The sign of an axis is such that the largest of its effects (in standard deviations) is positive.
 * Errors as above. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_pack_measure_axes(const spiral_model *model,
                                                                    const spiral_corpus *music, size_t count,
                                                                    spiral_axis *axes, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
