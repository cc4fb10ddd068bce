// SPDX-License-Identifier: MIT
// A piano roll: which keys sound and which notes begin in each frame, one bit per key; and the notes in it.
//
// A roll is { frames: T, sounding: Uint32Array(4 T), onsets: Uint32Array(4 T) }: key p of frame t is bit p %
// 32 of word 4 t + floor(p / 32), the layout of the worker's messages. A note is { key, begin, end }: it
// sounds in the frames begin .. end - 1. Rolls are not changed once they are part of a piece; the functions
// that change one say so.

export const KEYS = 128;
export const FRAMES_MAX = 1 << 18;

/** A silent roll. */
export function createRoll(frames) {
    return { frames, sounding: new Uint32Array(4 * frames), onsets: new Uint32Array(4 * frames) };
}

/** A copy with another number of frames: cut, or silent at the end. */
export function copyRoll(roll, frames = roll.frames) {
    return { frames, sounding: copyPlane(roll.sounding, frames), onsets: copyPlane(roll.onsets, frames) };
}

/** One plane of bits (4 T words), copied to another number of frames. */
export function copyPlane(plane, frames) {
    const copy = new Uint32Array(4 * frames);
    copy.set(plane.subarray(0, copy.length));
    return copy;
}

export function getBit(plane, frame, key) {
    return (plane[4 * frame + (key >> 5)] >>> (key & 31)) & 1;
}

/** Changes the plane. */
export function setBit(plane, frame, key, on) {
    const word = 4 * frame + (key >> 5);
    const bit = 1 << (key & 31);
    plane[word] = on ? plane[word] | bit : plane[word] & ~bit;
}

/** Changes the roll: an onset bit wherever a note begins, and nowhere else (the rule of spiral_keys_starts).
 */
export function normalizeOnsets(roll) {
    const { sounding, onsets } = roll;
    for (let i = 0; i < sounding.length; i++)
        onsets[i] = sounding[i] & (~(i < 4 ? 0 : sounding[i - 4]) | onsets[i]);
    return roll;
}

/** Checks a roll that comes from outside and normalizes it. */
export function acceptRoll(roll) {
    const { frames, sounding, onsets } = roll;
    const fits = (plane) => plane instanceof Uint32Array && plane.length === 4 * frames;
    if (frames > FRAMES_MAX)
        throw new Error(`the piece has ${frames} frames; the limit of this page is ${FRAMES_MAX}`);
    if (!Number.isInteger(frames) || frames < 0 || !fits(sounding) || !fits(onsets))
        throw new Error(`the engine returned a roll of ${frames} frames whose planes do not fit`);
    return normalizeOnsets(roll);
}

const notesOfRoll = new WeakMap();

/** The notes of a roll, by begin, then by key. Computed once per roll: call it only for rolls that do not
 *  change. */
export function notesOf(roll) {
    let notes = notesOfRoll.get(roll);
    if (!notes) notesOfRoll.set(roll, (notes = readNotes(roll)));
    return notes;
}

function readNotes(roll) {
    const { frames, sounding, onsets } = roll;
    const notes = [];
    const open = new Array(KEYS).fill(null);
    const close = (key, frame) => {
        if (open[key]) open[key].end = frame;
        open[key] = null;
    };
    for (let i = 0; i < 4 * frames; i++) {
        const frame = i >> 2;
        const before = i < 4 ? 0 : sounding[i - 4];
        const begins = sounding[i] & (~before | onsets[i]);
        let changed = begins | (before & ~sounding[i]);
        while (changed) {
            const bit = changed & -changed;
            const key = 32 * (i & 3) + 31 - Math.clz32(bit);
            close(key, frame);
            if (begins & bit) notes.push((open[key] = { key, begin: frame, end: frames }));
            changed &= ~bit;
        }
    }
    return notes;
}

/** A text that tells the notes of a roll apart. */
export function noteId({ key, begin, end }) {
    return `${key} ${begin} ${end}`;
}

/** Changes the roll: silences these frames of a key. A part that sounded after them becomes a note of its own. */
export function clearSpan(roll, key, begin, end) {
    if (end < roll.frames && getBit(roll.sounding, end, key)) setBit(roll.onsets, end, key, 1);
    for (let t = begin; t < end; t++) {
        setBit(roll.sounding, t, key, 0);
        setBit(roll.onsets, t, key, 0);
    }
}

/** Changes the roll: writes a note. A note of this key that sounds where it begins is cut there; one that
 *  begins inside it is removed. */
export function writeNote(roll, { key, begin, end }) {
    let last = end;
    while (last < roll.frames && getBit(roll.sounding, last, key) && !getBit(roll.onsets, last, key)) last++;
    clearSpan(roll, key, begin, last);
    for (let t = begin; t < end; t++) setBit(roll.sounding, t, key, 1);
    setBit(roll.onsets, begin, key, 1);
}

/** A new roll: the cells of `after` inside the region { from, to, low, high }, those of `before` outside. */
export function withRegion(before, after, { from, to, low, high }) {
    const roll = copyRoll(before);
    for (let t = from; t < Math.min(to, before.frames, after.frames); t++)
        for (let key = low; key <= high; key++) {
            setBit(roll.sounding, t, key, getBit(after.sounding, t, key));
            setBit(roll.onsets, t, key, getBit(after.onsets, t, key));
        }
    return normalizeOnsets(roll);
}

export function sameRoll(a, b) {
    if (a.frames !== b.frames) return false;
    for (let i = 0; i < a.sounding.length; i++)
        if (a.sounding[i] !== b.sounding[i] || a.onsets[i] !== b.onsets[i]) return false;
    return true;
}

/** The keys that sound in a frame, lowest first. */
export function keysAt(roll, frame) {
    const keys = [];
    if (frame < 0 || frame >= roll.frames) return keys;
    for (let key = 0; key < KEYS; key++) if (getBit(roll.sounding, frame, key)) keys.push(key);
    return keys;
}
