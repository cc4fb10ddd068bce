/* SPDX-License-Identifier: MIT
 *
 * Files that were changed in transfer because a program treated them as text.
 */
#ifndef SPIRAL_MIDI_TRANSFER_H
#define SPIRAL_MIDI_TRANSFER_H

#include "base/bytes.h"
#include "spiral/status.h"

/* FORMAT, with what was done to the file, if its bytes show it: every byte above 127 was encoded as UTF-8, or
 * is gone, or a byte 0D was put before every 0A. file: from its header on, at least HEADER_SIZE bytes. start:
 * of the whole file, for the offset. A file that is merely damaged is SPIRAL_OK. */
spiral_status spiral__transfer_check(const spiral__bytes *file, const unsigned char *start,
                                     spiral_error *err);

#endif
