/* SPDX-License-Identifier: MIT
 *
 * All headers of libspiral: losses on the pitch helix, and MIDI files, piano rolls and metrics to use them
 * with.
 *
 *     version.h  the version       status.h   errors                isa.h      instruction set
 *     helix.h    the pitch helix   loss.h     losses, gradients     metrics.h  scores of rolls
 *     midi.h     MIDI files        score.h    text scores           roll.h     notes <-> piano rolls
 *     decode.h   logits -> rolls   statistics.h  properties of a piece, similarity of sets of pieces
 *     file.h     files that are written completely or not at all
 *
 * The headers of libspiral-net are included one by one:
 *
 *     model.h    the autoencoder   data.h     files, corpora        train.h    training
 *     eval.h     evaluation        generate.h new music             pack.h     models for the page of explore
 *     plot.h     pictures          audio.h    WAV files
 *
 * Names are spiral_<noun>_<verb>. Only calls named create, read, load and from (and those whose comment says
 * so) allocate, only destroy and clear free; all others work in the caller's memory. B is the number of rolls
 * in a batch, T of frames (time steps) in a roll, P of keys (pitches), Z of numbers in a latent vector.
 * Arrays are row-major; the comment of a pointer gives the shape. A key is a MIDI number.
 *
 * Structs of options and reports begin with their size, so that they can grow: a program built with older
 * headers works with a newer library. Defaults are set by spiral_<noun>_options_default(&options, sizeof
 * options).
 */
#ifndef SPIRAL_SPIRAL_H
#define SPIRAL_SPIRAL_H

#include "spiral/version.h"

#include "status.h"
#include "isa.h"
#include "helix.h"
#include "loss.h"
#include "midi.h"
#include "score.h"
#include "roll.h"
#include "metrics.h"
#include "decode.h"
#include "statistics.h"
#include "file.h"

#endif
