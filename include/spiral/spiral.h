/* SPDX-License-Identifier: MIT
 *
 * libspiral: losses that know what "nearly the right note" means, and the music around them.
 *
 * The map:   status.h  errors            helix.h  the pitch helix     loss.h     losses and gradients
 *            midi.h    files <-> notes   score.h  text -> notes       roll.h     notes <-> columns of bits
 *            measure.h how good is it
 * with the whole program's library (libspiral-net):
 *            model.h   the autoencoder   train.h  corpus, training    create.h   new music
 *            view.h    pictures          sound.h  audio
 *
 * Names: spiral_<noun>_<verb>. Only create, read, load and from (and those that say so) allocate, only
 * destroy and clear free; everything else works in buffers you own. B batch, T time (columns), P pitch
 * (keys), Z code; arrays are row-major and every pointer's comment is its shape. A pitch is a MIDI number.
 */
#ifndef SPIRAL_SPIRAL_H
#define SPIRAL_SPIRAL_H

#define SPIRAL_VERSION "0.1.0"

#include "status.h"
#include "isa.h"
#include "helix.h"
#include "loss.h"
#include "midi.h"
#include "score.h"
#include "roll.h"
#include "metrics.h"
#include "decode.h"

#endif
