/* SPDX-License-Identifier: MIT
 *
 * How arrays grow while a file is read: to twice their size, but never beyond what the rest of the file can
 * fill, so that memory stays in proportion to the file.
 */
#ifndef SPIRAL_MIDI_GROWTH_H
#define SPIRAL_MIDI_GROWTH_H

#include <stddef.h>

/* An event that is kept takes three bytes of the file or more; but a program change may take two, and its
 * array then grows a few times more. */
enum { SPIRAL__EVENT_BYTES_MIN = 3 };

/* The next capacity of an array of `count` elements, one for each event. rest: bytes still to be read. */
static inline size_t spiral__larger_capacity(size_t count, size_t rest) {
    size_t most = rest / SPIRAL__EVENT_BYTES_MIN + 1;
    return count + (count < most ? count : most);
}

#endif
