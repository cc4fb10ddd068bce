/* SPDX-License-Identifier: MIT
 *
 * The engine of the page: what its worker calls (worker.js), one call at a time. A call that can fail returns
 * 0, or -1 after writing a sentence that engine_error() returns. Pointers are addresses in the module's
 * memory; planes of a roll are spiral_keys[frames] as in roll.h. The last result is kept until the next call
 * that makes one.
 */
#ifndef SPIRAL_ENGINE_H
#define SPIRAL_ENGINE_H

#include "pack/pack.h"
#include "spiral/generate.h"
#include "spiral/version.h"

#define EXPORT(name) __attribute__((export_name(#name), used)) name

typedef struct engine {
    spiral__pack pack; /* the model pack; pack.model is NULL until it is loaded */
    spiral_error error;
    spiral_roll roll;     /* the last roll made */
    double number;        /* a number that belongs to the result */
    unsigned char *bytes; /* the last bytes made, owned */
    size_t size;          /* their number */
} engine;

extern engine e;

/* -1. The sentence is in e.error. */
int engine_fail(const char *sentence);
/* 0 or -1. Without a pack: -1. */
int engine_need_pack(void);

/* A roll on the model's grid that borrows planes; onsets is left out for models of one plane. */
spiral_roll engine_borrow(size_t frames, spiral_keys *sounding, spiral_keys *onsets, double tempo);

/* Takes ownership of bytes. */
void engine_keep_bytes(unsigned char *bytes, size_t size);

#endif
