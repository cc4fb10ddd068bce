// SPDX-License-Identifier: MIT
// A piece and everything one can do to its notes by hand. Pieces are never changed: each function returns a
// new one.
//
// { roll, locked, tempo, title, made, sliders }
//   roll     see roll.js; normalized
//   locked   Uint32Array(4 T): the cells of locked notes, which the model leaves as they are
//   tempo    quarter notes per minute
//   made     how it was made: { kind: "new", seed, temperature, ... }; kind "file" or "blend"; null if drawn
//   sliders  { base, values, seed, span }: base is the roll they start from, values one number of standard
//            deviations per axis, seed the decoder's, span { from, to } the frames they change, or null for all;
//            sliders is null while all are at 0
import { clearSpan, copyPlane, copyRoll, createRoll, getBit, notesOf, setBit, writeNote } from "./roll.js";

export function createPiece(roll, tempo, title, made = null) {
    return { roll, locked: new Uint32Array(4 * roll.frames), tempo, title, made, sliders: null };
}

/** Another roll in place of the piece's: the locks stay where the notes under them did. */
export function withRoll(piece, roll) {
    return { ...piece, roll, locked: tidyLocks(copyPlane(piece.locked, roll.frames), roll), sliders: null };
}

/** Changes the mask: locks belong to whole notes; cells where nothing sounds, or only part of a note, lose
 *  them. */
function tidyLocks(locked, roll) {
    const tidy = new Uint32Array(locked.length);
    for (const note of notesOf(roll)) {
        let all = true;
        for (let t = note.begin; t < note.end && all; t++) all = getBit(locked, t, note.key) === 1;
        if (all) for (let t = note.begin; t < note.end; t++) setBit(tidy, t, note.key, 1);
    }
    return tidy;
}

export function isLocked(piece, note) {
    return getBit(piece.locked, note.begin, note.key) === 1;
}

export function hasLocks(piece) {
    return piece.locked.some((word) => word !== 0);
}

/** Edits a copy of the roll and the locks. */
function edited(piece, edit) {
    const roll = copyRoll(piece.roll);
    const locked = copyPlane(piece.locked, roll.frames);
    edit(roll, locked);
    return { ...piece, roll, locked: tidyLocks(locked, roll), sliders: null };
}

function setSpan(plane, note, on) {
    for (let t = note.begin; t < note.end; t++) setBit(plane, t, note.key, on);
}

/** Writes notes (with their `locked`), each cut to the roll; later ones win. */
export function withNotes(piece, notes) {
    return edited(piece, (roll, locked) => {
        for (const note of notes) {
            const inside = { ...note, end: Math.min(note.end, roll.frames) };
            if (inside.begin < 0 || inside.begin >= inside.end) continue;
            writeNote(roll, inside);
            setSpan(locked, inside, note.locked ? 1 : 0);
        }
    });
}

export function withoutNotes(piece, notes) {
    return edited(piece, (roll, locked) => {
        for (const note of notes) {
            clearSpan(roll, note.key, note.begin, note.end);
            setSpan(locked, note, 0);
        }
    });
}

/** The notes taken away and written again, each as `change` makes it. */
function rewritten(piece, notes, change) {
    const after = notes.map((note) => ({ ...change(note), locked: isLocked(piece, note) }));
    return withNotes(withoutNotes(piece, notes), after);
}

/** How far these notes can move: the wanted step, cut so that all stay on the roll and in the keys low ..
 *  high. */
export function possibleMove(piece, notes, frames, keys, low = 0, high = 127) {
    const within = (step, least, most) => Math.max(least, Math.min(most, step));
    const first = Math.min(...notes.map((note) => note.begin));
    const last = Math.max(...notes.map((note) => note.end));
    const lowest = Math.min(...notes.map((note) => note.key));
    const highest = Math.max(...notes.map((note) => note.key));
    return {
        frames: within(frames, -first, piece.roll.frames - last),
        keys: within(keys, Math.min(0, low - lowest), Math.max(0, high - highest)),
    };
}

/** The notes moved in time and pitch (see possibleMove). */
export function withMoved(piece, notes, frames, keys) {
    return rewritten(piece, notes, ({ key, begin, end }) => ({
        key: key + keys,
        begin: begin + frames,
        end: end + frames,
    }));
}

/** The notes made longer (or shorter) by a number of frames; at least one frame is left, and none grows past
 *  the end. */
export function withLengthened(piece, notes, frames) {
    const end = (note) => Math.max(note.begin + 1, Math.min(piece.roll.frames, note.end + frames));
    return rewritten(piece, notes, (note) => ({ ...note, end: end(note) }));
}

/** Notes locked or unlocked. Sliders start again from here: a locked note need not be in the roll they started
 *  from. */
export function withLocks(piece, notes, on) {
    const locked = copyPlane(piece.locked, piece.roll.frames);
    for (const note of notes) setSpan(locked, note, on ? 1 : 0);
    return { ...piece, locked, sliders: null };
}

/** The notes of the highest voice: those above which nothing sounds when they begin. */
export function melodyNotes(piece) {
    const { roll } = piece;
    const highest = new Int16Array(roll.frames).fill(-1);
    const notes = notesOf(roll);
    for (const { key, begin, end } of notes)
        for (let t = begin; t < end; t++) if (key > highest[t]) highest[t] = key;
    return notes.filter((note) => highest[note.begin] === note.key);
}

/** More silent frames at the end. */
export function withFrames(piece, frames) {
    const roll = copyRoll(piece.roll, frames);
    return { ...piece, roll, locked: tidyLocks(copyPlane(piece.locked, frames), roll), sliders: null };
}

/** Only the frames from .. to - 1; notes are cut at both ends. */
export function cropped(piece, from, to) {
    const roll = createRoll(to - from);
    const locked = new Uint32Array(4 * roll.frames);
    for (const note of notesOf(piece.roll)) {
        const begin = Math.max(note.begin, from) - from;
        const end = Math.min(note.end, to) - from;
        if (begin >= end) continue;
        writeNote(roll, { key: note.key, begin, end });
        if (isLocked(piece, note)) setSpan(locked, { key: note.key, begin, end }, 1);
    }
    return { ...piece, roll, locked, sliders: null };
}

/** The notes that have a cell in the region { from, to, low, high }. */
export function notesIn(roll, region) {
    return notesOf(roll).filter(
        (note) =>
            note.begin < region.to &&
            note.end > region.from &&
            note.key >= region.low &&
            note.key <= region.high,
    );
}

/** The note that sounds in a cell, or null. */
export function noteAt(roll, frame, key) {
    if (frame < 0 || frame >= roll.frames || key < 0 || key > 127 || !getBit(roll.sounding, frame, key))
        return null;
    return notesOf(roll).find((note) => note.key === key && note.begin <= frame && frame < note.end) ?? null;
}

/** The region that holds all of these notes, or null for none. */
export function regionOf(notes) {
    if (!notes.length) return null;
    const region = { from: Infinity, to: 0, low: 127, high: 0 };
    for (const { key, begin, end } of notes) {
        region.from = Math.min(region.from, begin);
        region.to = Math.max(region.to, end);
        region.low = Math.min(region.low, key);
        region.high = Math.max(region.high, key);
    }
    return region;
}

/** What the engine made, with the piece's locked notes exactly as they were: their cells are put back, and a
 *  key that sounds in the frame after a locked note begins a note of its own there, so that no locked note
 *  grows. */
export function keepLocked(piece, result) {
    const roll = copyRoll(result);
    for (const note of notesOf(piece.roll)) {
        if (!isLocked(piece, note) || note.end > roll.frames) continue;
        for (let t = note.begin; t < note.end; t++) {
            setBit(roll.sounding, t, note.key, 1);
            setBit(roll.onsets, t, note.key, t === note.begin ? 1 : 0);
        }
        if (note.end < roll.frames && getBit(roll.sounding, note.end, note.key))
            setBit(roll.onsets, note.end, note.key, 1);
    }
    return roll;
}
