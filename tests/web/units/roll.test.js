// SPDX-License-Identifier: MIT
// The roll, the piece and its text, without a browser: random pieces against plain reference code.
import assert from "node:assert/strict";
import test from "node:test";
import {
    KEYS,
    acceptRoll,
    clearSpan,
    createRoll,
    getBit,
    keysAt,
    normalizeOnsets,
    notesOf,
    sameRoll,
    setBit,
    withRegion,
    writeNote,
} from "../../../web/script/roll.js";
import {
    createPiece,
    cropped,
    isLocked,
    keepLocked,
    melodyNotes,
    noteAt,
    notesIn,
    possibleMove,
    withFrames,
    withLengthened,
    withLocks,
    withMoved,
    withNotes,
    withRoll,
    withoutNotes,
} from "../../../web/script/piece.js";
import { pieceToText, textToPiece } from "../../../web/script/piece_text.js";
import { History } from "../../../web/script/history.js";

/** Random numbers 0 .. 1 from a seed (a linear congruential generator). */
function random(seed) {
    let state = seed >>> 0 || 1;
    return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296;
}

function randomRoll(seed, frames = 1 + (seed % 40)) {
    const next = random(seed);
    const roll = createRoll(frames);
    for (let i = 0; i < frames * 3; i++) {
        const key = Math.floor(next() * KEYS);
        setBit(roll.sounding, Math.floor(next() * frames), key, 1);
        if (next() < 0.5) setBit(roll.onsets, Math.floor(next() * frames), key, 1);
    }
    return normalizeOnsets(roll);
}

function randomPiece(seed) {
    const piece = createPiece(randomRoll(seed), 60 + (seed % 100), `Piece ${seed}`, {
        kind: "new",
        seed: String(seed),
        temperature: 1.25,
    });
    return withLocks(
        piece,
        notesOf(piece.roll).filter((_, i) => (i * seed) % 3 === 0),
        true,
    );
}

/** The notes by their definition, key by key and cell by cell. */
function slowNotes(roll) {
    const notes = [];
    for (let t = 0; t < roll.frames; t++)
        for (let key = 0; key < KEYS; key++) {
            const starts =
                getBit(roll.sounding, t, key) &&
                (t === 0 || !getBit(roll.sounding, t - 1, key) || getBit(roll.onsets, t, key));
            if (!starts) continue;
            let end = t + 1;
            while (end < roll.frames && getBit(roll.sounding, end, key) && !getBit(roll.onsets, end, key))
                end++;
            notes.push({ key, begin: t, end });
        }
    return notes;
}

const seeds = Array.from({ length: 200 }, (_, i) => i + 1);

test("notesOf finds the notes of the definition, in order", () => {
    for (const seed of seeds) {
        const roll = randomRoll(seed);
        assert.deepEqual(notesOf(roll), slowNotes(roll), `seed ${seed}`);
    }
});

test("notes written into a silent roll give the same roll", () => {
    for (const seed of seeds) {
        const roll = randomRoll(seed);
        const copy = createRoll(roll.frames);
        for (const note of notesOf(roll)) writeNote(copy, note);
        assert.ok(sameRoll(copy, roll), `seed ${seed}`);
    }
});

test("a written note is in the roll, and no other key changes", () => {
    for (const seed of seeds) {
        const next = random(seed);
        const roll = randomRoll(seed, 30);
        const before = notesOf(roll);
        const begin = Math.floor(next() * 29);
        const note = { key: before[0].key, begin, end: begin + 1 + Math.floor(next() * (30 - begin - 1)) };
        const after = notesOf(withNotes(createPiece(roll, 90, ""), [note]).roll);
        assert.ok(
            after.some(
                (other) => other.key === note.key && other.begin === note.begin && other.end === note.end,
            ),
            `seed ${seed}`,
        );
        const others = (notes) => notes.filter((other) => other.key !== note.key);
        assert.deepEqual(others(after), others(before));
    }
});

test("clearing part of a note leaves two notes", () => {
    const roll = createRoll(10);
    writeNote(roll, { key: 60, begin: 0, end: 10 });
    clearSpan(roll, 60, 3, 5);
    assert.deepEqual(notesOf(normalizeOnsets({ ...roll })), [
        { key: 60, begin: 0, end: 3 },
        { key: 60, begin: 5, end: 10 },
    ]);
});

test("notes are deleted, moved and lengthened as whole notes, and the move stays on the roll", () => {
    for (const seed of seeds) {
        const piece = randomPiece(seed);
        const [note] = notesOf(piece.roll);
        const rest = notesOf(piece.roll).slice(1);
        assert.deepEqual(notesOf(withoutNotes(piece, [note]).roll), rest);
        const step = possibleMove(piece, [note], 1000, -1000);
        const moved = withMoved(piece, [note], step.frames, step.keys);
        const place = noteAt(moved.roll, moved.roll.frames - 1, 0);
        assert.equal(place.end - place.begin, note.end - note.begin, `seed ${seed}`);
        assert.equal(isLocked(moved, place), isLocked(piece, note));
        const long = withLengthened(piece, [note], 1000);
        assert.equal(noteAt(long.roll, note.begin, note.key).end, piece.roll.frames);
        const short = withLengthened(piece, [note], -1000);
        assert.equal(noteAt(short.roll, note.begin, note.key).end, note.begin + 1);
    }
});

test("a piece is the same after writing and reading its text", () => {
    for (const seed of seeds) {
        const plain = randomPiece(seed);
        const piece =
            seed % 2
                ? plain
                : {
                      ...plain,
                      sliders: {
                          base: randomRoll(seed + 7, plain.roll.frames),
                          values: Float32Array.of(1, -2.5),
                          seed: "12",
                          span: seed % 4 ? null : { from: 0, to: 1 },
                      },
                  };
        const text = pieceToText(piece);
        assert.match(text, /^[A-Za-z0-9_-]+$/);
        const read = textToPiece(text);
        assert.ok(sameRoll(read.roll, piece.roll), `seed ${seed}`);
        assert.deepEqual(read.locked, piece.locked);
        assert.deepEqual([read.tempo, read.title, read.made], [piece.tempo, piece.title, piece.made]);
        assert.equal(pieceToText(read), text);
        if (piece.sliders) {
            assert.ok(sameRoll(read.sliders.base, piece.sliders.base));
            assert.deepEqual(read.sliders.values, piece.sliders.values);
            assert.deepEqual(read.sliders.span, piece.sliders.span);
        }
    }
});

test("a text that is cut or changed gives a piece or an error message, in little time", () => {
    const text = pieceToText(randomPiece(33));
    let refused = 0;
    const tried = [];
    for (let i = 0; i < text.length; i++)
        tried.push(text.slice(0, i), text.slice(0, i) + (text[i] === "z" ? "A" : "z") + text.slice(i + 1));
    for (const damaged of tried)
        try {
            const piece = textToPiece(damaged);
            assert.ok(piece.roll.frames <= 1 << 18);
            acceptRoll({ ...piece.roll });
        } catch (error) {
            refused++;
            assert.ok(error instanceof Error && error.message.length > 10, damaged);
        }
    assert.ok(refused > tried.length / 3);
});

test("fields of a link that the page does not know are dropped", () => {
    const piece = {
        ...createPiece(createRoll(4), 90, "x".repeat(500)),
        made: { kind: "new", seed: "1", evil: "<b>", temperature: Infinity, frames: "7" },
    };
    const read = textToPiece(pieceToText(piece));
    assert.equal(read.title.length, 80);
    assert.deepEqual(read.made, { kind: "new", seed: "1" });
});

test("locked notes are the same whatever roll the engine returns", () => {
    for (const seed of seeds) {
        const piece = randomPiece(seed);
        const result = keepLocked(piece, randomRoll(seed * 31 + 5, piece.roll.frames + (seed % 3)));
        const after = withRoll(piece, acceptRoll(result));
        const locked = (p) => notesOf(p.roll).filter((note) => isLocked(p, note));
        assert.deepEqual(locked(after), locked(piece), `seed ${seed}`);
    }
});

test("a region changes only inside", () => {
    for (const seed of seeds) {
        const before = randomRoll(seed, 24);
        const after = randomRoll(seed + 1000, 24);
        const region = { from: 5, to: 15, low: 30, high: 90 };
        const mixed = withRegion(before, after, region);
        for (let t = 0; t < 24; t++)
            for (let key = 0; key < KEYS; key++) {
                const inside = t >= 5 && t < 15 && key >= 30 && key <= 90;
                assert.equal(
                    getBit(mixed.sounding, t, key),
                    getBit((inside ? after : before).sounding, t, key),
                );
            }
    }
});

test("cropping, more frames, the melody, the keys of a frame", () => {
    for (const seed of seeds) {
        const piece = randomPiece(seed);
        const { frames } = piece.roll;
        assert.ok(sameRoll(cropped(withFrames(piece, frames + 9), 0, frames).roll, piece.roll));
        assert.deepEqual(cropped(piece, 0, frames).locked, piece.locked);
        for (let t = 0; t < frames; t++) {
            const keys = keysAt(piece.roll, t);
            assert.deepEqual(
                keys,
                [...keys].sort((a, b) => a - b),
            );
        }
        for (const note of melodyNotes(piece))
            assert.equal(Math.max(...keysAt(piece.roll, note.begin)), note.key);
    }
});

test("notes in a region are those with a cell inside", () => {
    const roll = createRoll(16);
    writeNote(roll, { key: 60, begin: 2, end: 6 });
    writeNote(roll, { key: 64, begin: 6, end: 8 });
    const at = (from, to, low, high) => notesIn(roll, { from, to, low, high }).map((note) => note.key);
    assert.deepEqual(at(0, 2, 0, 127), []);
    assert.deepEqual(at(5, 6, 0, 127), [60]);
    assert.deepEqual(at(5, 7, 0, 127), [60, 64]);
    assert.deepEqual(at(5, 7, 61, 127), [64]);
});

test("undo and redo walk through any number of steps", () => {
    const pieces = seeds.map(randomPiece);
    const history = new History(pieces[0]);
    for (const piece of pieces.slice(1)) assert.ok(history.push(piece, piece.title));
    assert.equal(history.push(pieces.at(-1), "again"), false);
    const current = () => pieceToText(history.current);
    for (let i = pieces.length - 2; i >= 0; i--) {
        assert.equal(history.undo(), pieces[i + 1].title);
        assert.equal(current(), pieceToText(pieces[i]));
    }
    assert.equal(history.undo(), null);
    for (let i = 1; i < pieces.length; i++) assert.equal(history.redo(), pieces[i].title);
    assert.equal(history.redo(), null);
    history.undo();
    history.push(pieces[5], "other");
    assert.equal(history.redo(), null);
});
