// SPDX-License-Identifier: MIT
// A piece as text: one form for links, for kept pieces and for the steps of undo.
//
// base64url of bytes: version 1, then whole numbers of 7 bits a byte, low bits first (the high bit says that
// more follow): frames, tempo * 100, number of notes; for each note begin - begin of the note before, key, 2
// * length + locked; then the number of bytes of a JSON text { title, made, sliders }, and that text in UTF-8.
// Texts from outside are checked.
import { FRAMES_MAX, createRoll, notesOf, writeNote } from "./roll.js";
import { createPiece, isLocked, withLocks } from "./piece.js";

const VERSION = 1;
const NOTES_MAX = 200000;
export const TEMPO_MIN = 20;
export const TEMPO_MAX = 300;
export const TITLE_MAX = 80;

export function pieceToText(piece) {
    const bytes = [VERSION];
    const number = (value) => {
        for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
        bytes.push(value);
    };
    const notes = notesOf(piece.roll);
    number(piece.roll.frames);
    number(Math.round(piece.tempo * 100));
    number(notes.length);
    let before = 0;
    for (const note of notes) {
        number(note.begin - before);
        number(note.key);
        number(2 * (note.end - note.begin) + (isLocked(piece, note) ? 1 : 0));
        before = note.begin;
    }
    const json = new TextEncoder().encode(JSON.stringify(describeRest(piece)));
    number(json.length);
    return bytesToText(new Uint8Array([...bytes, ...json]));
}

function describeRest({ title, made, sliders, tempo }) {
    if (!sliders) return { title, made, sliders: null };
    const base = pieceToText(createPiece(sliders.base, tempo, ""));
    return { title, made, sliders: { ...sliders, base, values: Array.from(sliders.values) } };
}

/** The piece of a text. Throws an error with one sentence if the text is not a piece. */
export function textToPiece(text) {
    const bytes = textToBytes(text);
    let at = 0;
    const number = (what, most) => {
        let value = 0;
        for (let scale = 1; ; scale *= 128) {
            if (at >= bytes.length) throw new Error(`the piece's text ends before its ${what}`);
            const byte = bytes[at++];
            value += (byte % 128) * scale;
            if (value > most) throw new Error(`the piece's text has a ${what} above the limit of ${most}`);
            if (byte < 128) return value;
        }
    };
    if (number("version", 127) !== VERSION)
        throw new Error("the piece's text is of another version of this page");
    const roll = createRoll(number("number of frames", FRAMES_MAX));
    const tempo = number("tempo", TEMPO_MAX * 100) / 100;
    if (tempo < TEMPO_MIN) throw new Error(`the piece's text has a tempo below the limit of ${TEMPO_MIN}`);
    const notes = [];
    const locked = [];
    let begin = 0;
    for (let left = number("number of notes", NOTES_MAX); left > 0; left--) {
        begin += number("beginning of a note", roll.frames);
        const key = number("key", 127);
        const length = number("length of a note", 2 * roll.frames + 1);
        const note = { key, begin, end: begin + Math.floor(length / 2) };
        if (note.end <= begin || note.end > roll.frames)
            throw new Error("the piece's text has a note outside its frames");
        writeNote(roll, note);
        notes.push(note);
        if (length % 2) locked.push(note);
    }
    const size = number("number of bytes", bytes.length);
    if (size !== bytes.length - at) throw new Error("the piece's text is not as long as it says");
    const rest = readRest(new TextDecoder().decode(bytes.subarray(at)), roll.frames);
    const piece = createPiece(roll, tempo, rest.title, rest.made);
    return { ...(locked.length ? withLocks(piece, locked, true) : piece), sliders: rest.sliders };
}

function readRest(json, frames) {
    const rest = JSON.parse(json);
    if (typeof rest !== "object" || rest === null) throw new Error("the piece's text has no description");
    return {
        title: typeof rest.title === "string" ? rest.title.slice(0, TITLE_MAX) : "",
        made: readMade(rest.made),
        sliders: readSliders(rest.sliders, frames),
    };
}

/** Only fields the page knows, only values of their kind: numbers, and short texts that are shown as text. */
function readMade(made) {
    if (typeof made !== "object" || made === null) return null;
    const known = {
        kind: "string",
        seed: "string",
        temperature: "number",
        frames: "number",
        key: "string",
        density: "number",
    };
    const read = {};
    for (const [name, type] of Object.entries(known)) {
        const value = made[name];
        if (typeof value !== type) continue;
        if (type === "number" && !Number.isFinite(value)) continue;
        read[name] = type === "string" ? value.slice(0, 40) : value;
    }
    return read.kind ? read : null;
}

function readSliders(sliders, frames) {
    if (typeof sliders !== "object" || sliders === null || !Array.isArray(sliders.values)) return null;
    const base = textToPiece(String(sliders.base)).roll;
    if (base.frames !== frames) throw new Error("the piece's sliders start from a piece of another length");
    const values = sliders.values.slice(0, 64).map((value) => Math.max(-5, Math.min(5, Number(value) || 0)));
    const { from, to } = sliders.span ?? {};
    const isSpan = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= frames;
    return {
        base,
        values: Float32Array.from(values),
        seed: String(sliders.seed).slice(0, 20),
        span: isSpan ? { from, to } : null,
    };
}

export function bytesToText(bytes) {
    let characters = "";
    for (let i = 0; i < bytes.length; i += 4096)
        characters += String.fromCharCode(...bytes.subarray(i, i + 4096));
    return btoa(characters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function textToBytes(text) {
    if (!/^[A-Za-z0-9_-]+$/.test(text))
        throw new Error("the piece's text has characters that do not belong there");
    const characters = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
}
