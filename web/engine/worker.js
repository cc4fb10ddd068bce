// SPDX-License-Identifier: MIT
// The engine's worker: answers the page's messages (web/README.md) with the WebAssembly module (engine.h). A classic
// worker, started from a Blob. The module's memory grows: views of it are made after each call.
"use strict";

const KEY_WORDS = 4; // 32-bit words of a frame's keys
const LARGEST = 1 << 22; // frames
const TONICS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
let engine = null; // the module's exports

class Refusal extends Error {}
const refuse = (sentence) => {
    throw new Refusal(sentence);
};

// ---- memory

const bytesAt = (at, size) => new Uint8Array(engine.memory.buffer, at, size);

function textAt(at) {
    const memory = new Uint8Array(engine.memory.buffer);
    return new TextDecoder().decode(memory.subarray(at, memory.indexOf(0, at)));
}

/** Runs use(...addresses) with copies of arrays in the module's memory; null becomes 0. */
function withMemory(arrays, use) {
    const addresses = [];
    try {
        for (const array of arrays) {
            const address = array ? engine.engine_alloc(array.byteLength) : 0;
            if (array && !address) refuse("Out of memory.");
            addresses.push(address);
            if (array) bytesAt(address, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
        }
        return use(...addresses);
    } finally {
        for (const address of addresses) if (address) engine.engine_free(address);
    }
}

/** The sentence of a failed call. */
function check(status) {
    if (status === 0) return;
    const text = textAt(engine.engine_error());
    refuse(`${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
}

const resultBytes = () => bytesAt(engine.engine_bytes(), engine.engine_size()).slice();

function resultRoll() {
    const frames = engine.engine_frames();
    const onsets = engine.engine_onsets();
    if (!onsets) refuse("Out of memory.");
    const plane = (at) => new Uint32Array(engine.memory.buffer, at, KEY_WORDS * frames).slice();
    return { frames, sounding: plane(engine.engine_sounding()), onsets: plane(onsets) };
}

// ---- parameters

function checkRoll(roll) {
    const size = KEY_WORDS * roll.frames;
    if (!(roll.frames >= 1 && roll.frames <= LARGEST)) refuse("The piece is empty or too long.");
    if (roll.sounding.length !== size || roll.onsets.length !== size) refuse("The piece is damaged.");
}

const silent = (frames) => ({
    frames,
    sounding: new Uint32Array(KEY_WORDS * frames),
    onsets: new Uint32Array(KEY_WORDS * frames),
});

/** "Eb minor" -> its pitch class and mode; null: no key. */
function parseKey(text) {
    if (!text) return { tonic: -1, minor: 0 };
    const parts = /^([A-G])([#b]*) ?(major|minor)?$/.exec(text);
    if (!parts) refuse(`"${text}" is not a key.`);
    const accidentals = [...parts[2]].reduce((sum, sign) => sum + (sign === "#" ? 1 : -1), 0);
    return { tonic: (((TONICS[parts[1]] + accidentals) % 12) + 12) % 12, minor: parts[3] === "minor" ? 1 : 0 };
}

/** Writes a variation; the addresses are those that engine_write takes. */
function write(frames, known, sounding, onsets, sketch, { seed, temperature, key = null, density = null }, number = 0) {
    const { tonic, minor } = parseKey(key);
    const wanted = density === null ? NaN : density;
    check(
        engine.engine_write(
            frames, known, sounding, onsets, sketch, seed[0], seed[1], number, temperature, tonic, minor, wanted,
        ),
    );
    return { roll: resultRoll(), natsPerFrame: engine.engine_number() };
}

/** n variations of a roll; know(known address, sounding address) sets which cells are given. */
function writeAround(roll, n, parameters, know, onProgress) {
    checkRoll(roll);
    const known = new Uint32Array(KEY_WORDS * roll.frames);
    return withMemory([known, roll.sounding, roll.onsets], (knownAt, soundingAt, onsetsAt) => {
        know(knownAt, soundingAt);
        const results = { rolls: [], natsPerFrame: [] };
        for (let i = 0; i < n; i++) {
            const { roll: made, natsPerFrame } = write(roll.frames, knownAt, soundingAt, onsetsAt, 0, parameters, i);
            results.rolls.push(made);
            results.natsPerFrame.push(natsPerFrame);
            onProgress((i + 1) / n);
        }
        return results;
    });
}

// ---- what the model pack says

const isText = (value) => typeof value === "string" && value.length < 2000;

/** The pack's text: card, names of the axes, tempo. Anything else in it is ignored. */
function readSettings() {
    let given;
    try {
        given = JSON.parse(textAt(engine.engine_text()));
    } catch {
        refuse("The model of this page is damaged: its description cannot be read.");
    }
    const { card, axes, tempo } = given ?? {};
    const isRow = (row) => Array.isArray(row) && row.length === 2 && row.every(isText);
    if (!isText(card?.name) || !Array.isArray(card.rows) || !card.rows.every(isRow) || !Array.isArray(axes) ||
        !axes.every((axis) => isText(axis?.label)) || !(tempo >= 10 && tempo <= 1000))
        refuse("The model of this page is damaged: its description is incomplete.");
    const latent = engine.engine_latent();
    return {
        card: { name: card.name, rows: card.rows },
        axes: axes.slice(0, latent).map(({ label }) => ({ label, sd: 1 })),
        tempo,
        latent,
    };
}

function readPreset(tempo) {
    const steps = engine.engine_steps();
    const secondsPerFrame = steps ? 60 / tempo / steps : engine.engine_frame_s();
    return {
        low: engine.engine_low(),
        high: engine.engine_high(),
        framesPerBar: steps ? 4 * steps : Math.max(1, Math.round(2 / secondsPerFrame)),
        stepsPerQuarter: steps,
        secondsPerFrame,
        windowFrames: engine.engine_window(),
    };
}

// ---- operations

const operations = {
    async init({ wasm, pack }) {
        const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
        engine = (await WebAssembly.instantiate(module, {})).exports;
        engine._initialize();
        withMemory([pack], (at) => check(engine.engine_load(at, pack.length)));
        const { card, axes, tempo, latent } = readSettings();
        return { card, axes, tempo, latent, preset: readPreset(tempo), version: textAt(engine.engine_version()) };
    },

    sample({ frames, ...parameters }) {
        return write(frames, 0, 0, 0, 0, parameters);
    },

    continue({ roll, frames, ...parameters }, onProgress) {
        checkRoll(roll);
        const longer = silent(roll.frames + frames);
        longer.sounding.set(roll.sounding);
        longer.onsets.set(roll.onsets);
        const { rolls, natsPerFrame } = writeAround(
            longer, 1, parameters, (known) => engine.engine_know_past(longer.frames, roll.frames, known), onProgress,
        );
        return { roll: rolls[0], natsPerFrame: natsPerFrame[0] };
    },

    fill({ roll, from, to, low, high, locked, n, ...parameters }, onProgress) {
        return withMemory([locked], (lockedAt) =>
            writeAround(
                roll, n, parameters,
                (known) => engine.engine_know_around(roll.frames, from, to, low, high, lockedAt, known), onProgress,
            ),
        );
    },

    harmonize({ roll, voices, n, ...parameters }, onProgress) {
        const below = voices === "around" ? 0 : 1;
        return writeAround(
            roll, n, parameters,
            (known, sounding) => engine.engine_know_melody(roll.frames, sounding, below, known), onProgress,
        );
    },

    encode({ roll }) {
        checkRoll(roll);
        const latents = new Float32Array(engine.engine_windows(roll.frames) * engine.engine_latent());
        return withMemory([roll.sounding, roll.onsets, latents], (sounding, onsets, at) => {
            check(engine.engine_encode(roll.frames, sounding, onsets, at));
            return { latents: new Float32Array(engine.memory.buffer, at, latents.length).slice() };
        });
    },

    vary({ roll, amount, n, ...parameters }, onProgress) {
        checkRoll(roll);
        const [low, high] = parameters.seed;
        const results = { rolls: [], natsPerFrame: [] };
        for (let i = 0; i < n; i++) {
            withMemory([roll.sounding, roll.onsets], (sounding, onsets) =>
                check(engine.engine_vary(roll.frames, sounding, onsets, amount, low, high, i)),
            );
            const { roll: made, natsPerFrame } = write(roll.frames, 0, 0, 0, engine.engine_bytes(), parameters, i);
            results.rolls.push(made);
            results.natsPerFrame.push(natsPerFrame);
            onProgress((i + 1) / n);
        }
        return results;
    },

    decode({ latents, ...parameters }) {
        const windows = latents.length / engine.engine_latent();
        withMemory([latents], (at) => check(engine.engine_sketch(windows, at)));
        const frames = windows * engine.engine_window();
        return { roll: write(frames, 0, 0, 0, engine.engine_bytes(), parameters).roll };
    },

    openMidi({ bytes }) {
        withMemory([bytes], (at) => check(engine.engine_open_midi(at, bytes.length)));
        const warnings = new TextDecoder().decode(resultBytes()).split("\n").filter(Boolean);
        return { roll: resultRoll(), tempo: engine.engine_number(), warnings };
    },

    saveMidi({ roll, tempo }) {
        checkRoll(roll);
        withMemory([roll.sounding, roll.onsets], (sounding, onsets) =>
            check(engine.engine_save_midi(roll.frames, sounding, onsets, tempo)),
        );
        return { bytes: resultBytes() };
    },

    wav({ roll, tempo }) {
        checkRoll(roll);
        withMemory([roll.sounding, roll.onsets], (sounding, onsets) =>
            check(engine.engine_wav(roll.frames, sounding, onsets, tempo, 44100)),
        );
        return { bytes: resultBytes() };
    },

    tone({ key, seconds, rate }) {
        check(engine.engine_tone(key, Math.round(seconds * rate), rate));
        return { pcm: new Float32Array(resultBytes().buffer) };
    },

    compare({ a, b }) {
        checkRoll(a);
        checkRoll(b);
        const frames = Math.max(a.frames, b.frames);
        const padded = (roll) => {
            const { sounding } = silent(frames);
            sounding.set(roll.sounding);
            return sounding;
        };
        withMemory([padded(a), padded(b)], (x, y) => check(engine.engine_compare(frames, x, y)));
        return { spiral: engine.engine_number() };
    },

    nearest({ roll }) {
        checkRoll(roll);
        const frame = withMemory([roll.sounding], (at) => engine.engine_nearest(roll.frames, at));
        if (frame === -2 || frame === -3) return { share: null, name: "", frame: 0, music: frame === -2 };
        if (frame < 0) check(-1);
        const limit = engine.engine_limit();
        const name = new TextDecoder().decode(resultBytes());
        return { share: engine.engine_number(), name, frame, ...(Number.isNaN(limit) ? {} : { limit }) };
    },

    helix() {
        check(engine.engine_helix());
        const numbers = new Float64Array(resultBytes().buffer);
        return { points: Array.from({ length: 128 }, (_, key) => [...numbers.subarray(3 * key, 3 * key + 3)]) };
    },
};

function buffersOf(value, found = []) {
    if (ArrayBuffer.isView(value)) found.push(value.buffer);
    else if (value && typeof value === "object") for (const part of Object.values(value)) buffersOf(part, found);
    return found;
}

async function answer({ id, op, ...parameters }, send) {
    try {
        if (op !== "init" && !engine) refuse("No model is loaded.");
        const results = await operations[op](parameters, (progress) => send({ id, progress }));
        send({ id, ok: true, ...results }, buffersOf(results));
    } catch (error) {
        // Any other error is a fault of the engine: its sentence is for a bug report.
        const sentence = error instanceof Refusal ? error.message : `The engine failed: ${error.message}.`;
        send({ id, ok: false, error: sentence });
    }
}

if (typeof self !== "undefined" && typeof self.postMessage === "function")
    self.onmessage = ({ data }) => answer(data, (message, buffers = []) => self.postMessage(message, buffers));
