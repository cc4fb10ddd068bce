// SPDX-License-Identifier: MIT
// FOR TESTS ONLY, never part of a page that is shipped. A replacement of the engine's worker: the same messages
// (web/README.md), answered by simple rules of music instead of a model. Every result is determined by its
// seed.
//
// The pack is JSON: { card, preset, delayMs, axes }, each optional; delayMs is how long a bar takes to write.
"use strict";

const defaults = {
    card: {
        name: "Development engine",
        rows: [
            ["Data", "none: notes by rule"],
            ["Limits", "for tests only"],
        ],
    },
    preset: {
        low: 36,
        high: 83,
        framesPerBar: 16,
        stepsPerQuarter: 4,
        secondsPerFrame: 0.1705,
        windowFrames: 16,
    },
    delayMs: 0,
    axes: [
        { label: "Register", sd: 4 },
        { label: "Notes a beat", sd: 1 },
        { label: "Spread of the voices", sd: 3 },
        { label: "Minor to major", sd: 1 },
        { label: "Root of the harmony", sd: 2 },
        { label: "Motion of the bass", sd: 1 },
    ],
};
const LATENT = 6;
let settings = defaults;

function randomFrom([low, high]) {
    let state = (low ^ Math.imul(high, 0x9e3779b1)) >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

const createRoll = (frames) => ({
    frames,
    sounding: new Uint32Array(4 * frames),
    onsets: new Uint32Array(4 * frames),
});
const bitOf = (plane, t, key) => (plane[4 * t + (key >> 5)] >>> (key & 31)) & 1;
function setBit(plane, t, key, on) {
    const i = 4 * t + (key >> 5);
    plane[i] = on ? plane[i] | (1 << (key & 31)) : plane[i] & ~(1 << (key & 31));
}
function writeNote(roll, key, begin, end, allowed = () => true) {
    if (key < 0 || key > 127) return;
    for (let t = begin; t < Math.min(end, roll.frames); t++) {
        if (!allowed(t, key)) return;
        setBit(roll.sounding, t, key, 1);
        setBit(roll.onsets, t, key, t === begin ? 1 : 0);
    }
}
function notesOf({ frames, sounding, onsets }) {
    const notes = [];
    for (let key = 0; key < 128; key++) {
        let open = null;
        for (let t = 0; t <= frames; t++) {
            const on = t < frames && bitOf(sounding, t, key);
            const begins = on && (!open || bitOf(onsets, t, key));
            if (open && (!on || begins)) {
                open.end = t;
                open = null;
            }
            if (begins) notes.push((open = { key, begin: t, end: frames }));
        }
    }
    return notes.sort((a, b) => a.begin - b.begin || a.key - b.key);
}

function waitFor(bars) {
    const end = performance.now() + settings.delayMs * bars;
    while (performance.now() < end);
}

// Music by rules: a chord for each half bar, four voices, passing notes.

const DEGREES = [0, 3, 4, 0, 5, 3, 4, 0, 1, 4, 0, 5];
const MAJOR = [0, 2, 4, 5, 7, 9, 11];
const MINOR = [0, 2, 3, 5, 7, 8, 10];
const TONICS = { C: 0, Db: 1, D: 2, Eb: 3, E: 4, F: 5, "F#": 6, G: 7, Ab: 8, A: 9, Bb: 10, B: 11 };

function scaleOf(key, random) {
    const [tonic, mode] = key
        ? key.split(" ")
        : [Object.keys(TONICS)[Math.floor(random() * 12)], random() < 0.6 ? "major" : "minor"];
    return { tonic: TONICS[tonic] ?? 0, steps: mode === "minor" ? MINOR : MAJOR };
}

/** Keys of a chord (a degree of the scale) near a pitch, in a range. */
function chordKey(scale, degree, voice, near, low, high) {
    const step = (degree + 2 * (voice % 3)) % 7;
    const pitchClass = (scale.tonic + scale.steps[step]) % 12;
    let best = -1;
    for (let key = low; key <= high; key++)
        if (key % 12 === pitchClass && (best < 0 || Math.abs(key - near) < Math.abs(best - near))) best = key;
    return best;
}

function writeBars(roll, from, to, { scale, random, density = 0, low, high, allowed, onProgress }) {
    const { stepsPerQuarter, framesPerBar } = settings.preset;
    const beat = stepsPerQuarter || Math.max(1, Math.round(framesPerBar / 4));
    const middle = [0.16, 0.4, 0.58, 0.78].map((share) => low + share * (high - low));
    const last = [...middle];
    for (let t = from; t < to; t += beat) {
        const bar = Math.floor(t / framesPerBar);
        const degree =
            t + beat >= to
                ? 0
                : DEGREES[(bar * 2 + Math.floor((t % framesPerBar) / (2 * beat))) % DEGREES.length];
        for (let voice = 0; voice < 4; voice++) {
            const near =
                last[voice] + (random() - 0.5) * (voice === 3 ? 9 : 4) + (middle[voice] - last[voice]) * 0.25;
            const key = chordKey(
                scale,
                degree,
                voice === 0 ? 0 : voice + Math.floor(random() * 2),
                near,
                low,
                high,
            );
            if (key < 0) continue;
            const long = voice < 3 && random() < 0.35 - 0.12 * density && t % (2 * beat) === 0;
            const split = !long && voice > 1 && random() < 0.3 + 0.15 * density && beat >= 2;
            const end = Math.min(to, t + (long ? 2 : 1) * beat);
            if (random() < 0.06 - 0.02 * density) continue;
            if (split) {
                writeNote(roll, key, t, t + beat / 2, allowed);
                writeNote(
                    roll,
                    chordKey(scale, (degree + 1) % 7, voice, key + 2, low, high),
                    t + beat / 2,
                    end,
                    allowed,
                );
            } else if (!bitOf(roll.sounding, t, key)) writeNote(roll, key, t, end, allowed);
            last[voice] = key;
        }
        if (t % framesPerBar === 0) {
            waitFor(1);
            onProgress?.((t - from) / (to - from));
        }
    }
}

const operations = {
    init({ pack }) {
        const given = pack.length ? JSON.parse(new TextDecoder().decode(pack)) : {};
        settings = { ...defaults, ...given, preset: { ...defaults.preset, ...given.preset } };
        return {
            card: settings.card,
            preset: settings.preset,
            latent: LATENT,
            axes: settings.axes,
            tempo: 88,
            version: "0.0.0-development",
        };
    },

    sample({ seed, temperature, frames, key, density }, onProgress) {
        const random = randomFrom(seed);
        const roll = createRoll(frames);
        const { low, high } = settings.preset;
        random();
        writeBars(roll, 0, frames, {
            scale: scaleOf(key, random),
            random,
            density: (density ?? 0) + (temperature - 1),
            low: low + 4,
            high: high - 2,
            onProgress,
        });
        return { roll, natsPerFrame: 1.5 + random() };
    },

    continue({ roll, frames, seed }, onProgress) {
        const random = randomFrom(seed);
        const longer = createRoll(roll.frames + frames);
        longer.sounding.set(roll.sounding);
        longer.onsets.set(roll.onsets);
        const { low, high } = settings.preset;
        writeBars(longer, roll.frames, longer.frames, {
            scale: guessScale(roll),
            random,
            low: low + 4,
            high: high - 2,
            onProgress,
        });
        return { roll: longer };
    },

    fill({ roll, from, to, low, high, locked, n, seed }, onProgress) {
        const random = randomFrom(seed);
        const rolls = [];
        for (let i = 0; i < n; i++) {
            const copy = {
                frames: roll.frames,
                sounding: roll.sounding.slice(),
                onsets: roll.onsets.slice(),
            };
            const free = (t, key) =>
                t >= from && t < to && key >= low && key <= high && !(locked && bitOf(locked, t, key));
            for (let t = from; t < to; t++)
                for (let key = low; key <= high; key++)
                    if (free(t, key)) {
                        setBit(copy.sounding, t, key, 0);
                        setBit(copy.onsets, t, key, 0);
                    }
            writeBars(copy, from, to, {
                scale: guessScale(roll),
                random,
                low,
                high,
                allowed: free,
                onProgress: (share) => onProgress((i + share) / n),
            });
            rolls.push(copy);
        }
        return { rolls, natsPerFrame: rolls.map(() => 1.4 + random()) };
    },

    harmonize({ roll, n, seed }, onProgress) {
        const random = randomFrom(seed);
        const rolls = [];
        for (let i = 0; i < n; i++) {
            const copy = {
                frames: roll.frames,
                sounding: roll.sounding.slice(),
                onsets: roll.onsets.slice(),
            };
            const lowest = Math.min(...notesOf(roll).map((note) => note.key));
            const given = (t, key) => !bitOf(roll.sounding, t, key);
            writeBars(copy, 0, roll.frames, {
                scale: guessScale(roll),
                random,
                low: settings.preset.low,
                high: Math.max(settings.preset.low + 12, lowest - 1),
                allowed: given,
            });
            rolls.push(copy);
            onProgress((i + 1) / n);
        }
        return { rolls, natsPerFrame: rolls.map(() => 1.4 + random()) };
    },

    encode({ roll }) {
        const window = settings.preset.windowFrames;
        const windows = Math.max(1, Math.ceil(roll.frames / window));
        const latents = new Float32Array(windows * LATENT);
        const notes = notesOf(roll);
        for (let w = 0; w < windows; w++) {
            const own = notes.filter((note) => note.begin >= w * window && note.begin < (w + 1) * window);
            const keys = own.map((note) => note.key);
            const mean = keys.length ? keys.reduce((sum, key) => sum + key, 0) / keys.length : 60;
            latents.set(
                [
                    mean - 60,
                    own.length / 16 - 1,
                    keys.length ? Math.max(...keys) - Math.min(...keys) - 24 : 0,
                    0,
                    (own[0]?.key ?? 0) % 12,
                    0,
                ],
                w * LATENT,
            );
        }
        return { latents };
    },

    vary({ roll, amount, n, seed }, onProgress) {
        const { latents } = operations.encode({ roll });
        const rolls = [];
        for (let i = 0; i < n; i++) {
            const varied = [seed[0] + i, seed[1]];
            const random = randomFrom(varied);
            const moved = latents.map((x) => x + 4 * amount * (random() - 0.5));
            const made = operations.decode({ latents: moved, seed: varied }).roll;
            const cut = createRoll(roll.frames);
            cut.sounding.set(made.sounding.subarray(0, cut.sounding.length));
            cut.onsets.set(made.onsets.subarray(0, cut.onsets.length));
            rolls.push(cut);
            onProgress((i + 1) / n);
        }
        return { rolls, natsPerFrame: rolls.map(() => 1.5 + amount) };
    },

    decode({ latents, seed }) {
        const window = settings.preset.windowFrames;
        const windows = latents.length / LATENT;
        const roll = createRoll(windows * window);
        const random = randomFrom(seed);
        for (let w = 0; w < windows; w++) {
            const [register, density, spread, major, root] = latents.subarray(w * LATENT, (w + 1) * LATENT);
            const middle = Math.max(45, Math.min(78, 60 + register));
            const half = Math.max(8, Math.min(22, 14 + spread / 2));
            const scale = { tonic: ((Math.round(root) % 12) + 12) % 12, steps: major < 0 ? MINOR : MAJOR };
            writeBars(roll, w * window, (w + 1) * window, {
                scale,
                random,
                density,
                low: Math.max(settings.preset.low, Math.round(middle - half)),
                high: Math.min(settings.preset.high, Math.round(middle + half)),
            });
        }
        return { roll };
    },

    openMidi({ bytes }) {
        return readMidi(bytes);
    },
    saveMidi({ roll, tempo }) {
        return { bytes: writeMidi(roll, tempo) };
    },

    tone({ key, seconds, rate }) {
        const pcm = new Float32Array(Math.round(seconds * rate));
        const hz = 440 * 2 ** ((key - 69) / 12);
        for (let i = 0; i < pcm.length; i++) {
            const t = i / rate;
            let sum = 0;
            for (let partial = 1; partial <= 6 && partial * hz < rate / 2; partial++)
                sum +=
                    (Math.sin(2 * Math.PI * partial * hz * t) * Math.exp(-t * (0.8 + 0.9 * partial))) /
                    partial ** 1.6;
            pcm[i] = 0.6 * sum * Math.min(1, t / 0.004);
        }
        return { pcm };
    },

    wav({ roll, tempo }, onProgress) {
        const rate = 22050;
        const { stepsPerQuarter, secondsPerFrame } = settings.preset;
        const seconds = stepsPerQuarter ? 60 / tempo / stepsPerQuarter : secondsPerFrame;
        const samples = new Float32Array(Math.ceil((roll.frames * seconds + 1) * rate));
        const notes = notesOf(roll);
        notes.forEach(({ key, begin, end }, i) => {
            const { pcm } = operations.tone({ key, seconds: (end - begin) * seconds, rate });
            const at = Math.round(begin * seconds * rate);
            for (let s = 0; s < pcm.length; s++) samples[at + s] += 0.2 * pcm[s];
            if (i % 16 === 0) onProgress(i / notes.length);
        });
        const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
        const text = (at, word) =>
            [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
        text(0, "RIFF");
        view.setUint32(4, 36 + 2 * samples.length, true);
        text(8, "WAVEfmt ");
        view.setUint32(16, 16, true);
        view.setUint16(20, 1, true);
        view.setUint16(22, 1, true);
        view.setUint32(24, rate, true);
        view.setUint32(28, 2 * rate, true);
        view.setUint16(32, 2, true);
        view.setUint16(34, 16, true);
        text(36, "data");
        view.setUint32(40, 2 * samples.length, true);
        samples.forEach((value, i) =>
            view.setInt16(44 + 2 * i, 32767 * Math.max(-1, Math.min(1, value)), true),
        );
        return { bytes: new Uint8Array(view.buffer) };
    },

    compare({ a, b }) {
        let differing = 0;
        const words = Math.max(a.sounding.length, b.sounding.length);
        for (let i = 0; i < words; i++)
            for (let bits = (a.sounding[i] ?? 0) ^ (b.sounding[i] ?? 0); bits; bits &= bits - 1) differing++;
        return { spiral: differing / Math.max(1, words / 4) };
    },

    nearest({ roll }) {
        const count = notesOf(roll).length;
        return {
            share: 0.2 + (count % 30) / 100,
            name: "development-1.mid",
            frame: (count % 8) * settings.preset.framesPerBar,
            limit: 0.6,
        };
    },

    helix() {
        const point = (key) => [
            1.3 * Math.cos((Math.PI * key) / 6),
            1.3 * Math.sin((Math.PI * key) / 6),
            (0.5 * key) / 12,
        ];
        return { points: Array.from({ length: 128 }, (_, key) => point(key)) };
    },
};

/** The scale in which most of the notes lie. */
function guessScale(roll) {
    const time = new Array(12).fill(0);
    for (const { key, begin, end } of notesOf(roll)) time[key % 12] += end - begin;
    let best = { tonic: 0, steps: MAJOR, score: -1 };
    for (let tonic = 0; tonic < 12; tonic++)
        for (const steps of [MAJOR, MINOR]) {
            const score = steps.reduce((sum, step) => sum + time[(tonic + step) % 12], 0) + 0.5 * time[tonic];
            if (score > best.score) best = { tonic, steps, score };
        }
    return best;
}

// MIDI: enough of the format for the tests.

function readMidi(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
    if (bytes.length < 14 || word(0) !== "MThd")
        throw new Error(`no MIDI file: the first bytes are not "MThd" (${bytes.length} bytes)`);
    const ticksPerQuarter = view.getUint16(12);
    const warnings = [];
    const notes = [];
    let tempo = 120;
    let at = 8 + view.getUint32(4);
    while (at + 8 <= bytes.length) {
        const end = at + 8 + view.getUint32(at + 4);
        if (end > bytes.length)
            warnings.push(`track cut: it ends at byte ${bytes.length}, before its length of ${end - at - 8}`);
        if (word(at) === "MTrk")
            readTrack(
                bytes,
                at + 8,
                Math.min(end, bytes.length),
                notes,
                (value) => (tempo = value),
                warnings,
            );
        at = end;
    }
    if (!notes.length) throw new Error("there is no note in the file");
    const { stepsPerQuarter, secondsPerFrame } = settings.preset;
    const perFrame = stepsPerQuarter
        ? ticksPerQuarter / stepsPerQuarter
        : (secondsPerFrame * tempo * ticksPerQuarter) / 60;
    const place = (tick) => Math.floor(tick / perFrame + 0.5);
    const roll = createRoll(Math.max(...notes.map((note) => Math.max(place(note.on) + 1, place(note.off)))));
    for (const { key, on, off } of notes)
        writeNote(roll, key, place(on), Math.max(place(on) + 1, place(off)));
    return { roll, tempo, warnings };
}

function readTrack(bytes, at, end, notes, setTempo, warnings) {
    let tick = 0;
    let status = 0;
    const open = new Map();
    const variable = () => {
        let number = 0;
        for (;;) {
            const byte = bytes[at++];
            number = number * 128 + (byte & 127);
            if (!(byte & 128) || at >= end) return number;
        }
    };
    while (at < end) {
        tick += variable();
        if (bytes[at] & 128) status = bytes[at++];
        if (status === 0xff || status === 0xf0 || status === 0xf7) {
            const type = status === 0xff ? bytes[at++] : 0;
            const length = variable();
            if (type === 0x51)
                setTempo(60000000 / ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]));
            at += length;
            continue;
        }
        const kind = status >> 4;
        const key = bytes[at];
        const velocity = bytes[at + 1];
        at += kind === 12 || kind === 13 ? 1 : 2;
        if (kind !== 8 && kind !== 9) continue;
        if (open.has(key)) {
            notes.push({ key, on: open.get(key), off: tick });
            open.delete(key);
        }
        if (kind === 9 && velocity) open.set(key, tick);
    }
    for (const [key, on] of open) notes.push({ key, on, off: tick });
    if (open.size)
        warnings.push(
            `${open.size} ${open.size === 1 ? "note has" : "notes have"} no end: ended with the track`,
        );
}

function writeMidi(roll, tempo) {
    const perFrame = 24;
    const { stepsPerQuarter, secondsPerFrame } = settings.preset;
    const division = stepsPerQuarter
        ? stepsPerQuarter * perFrame
        : Math.round((perFrame / secondsPerFrame) * (60 / tempo));
    const events = [];
    for (const { key, begin, end } of notesOf(roll))
        events.push([begin * perFrame, 1, key], [end * perFrame, 0, key]);
    events.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const micros = Math.round(60000000 / tempo);
    const track = [0, 0xff, 0x51, 3, micros >> 16, (micros >> 8) & 255, micros & 255];
    const variable = (number) => {
        const groups = [number & 127];
        for (number >>= 7; number; number >>= 7) groups.unshift((number & 127) | 128);
        track.push(...groups);
    };
    let tick = 0;
    for (const [time, on, key] of events) {
        variable(time - tick);
        track.push(on ? 0x90 : 0x80, key, on ? 80 : 64);
        tick = time;
    }
    track.push(0, 0xff, 0x2f, 0);
    const four = (number) => [number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255];
    const text = (letters) => [...letters].map((letter) => letter.charCodeAt(0));
    return new Uint8Array([
        ...text("MThd"),
        ...four(6),
        0,
        0,
        0,
        1,
        division >> 8,
        division & 255,
        ...text("MTrk"),
        ...four(track.length),
        ...track,
    ]);
}

self.onmessage = ({ data: { id, op, ...parameters } }) => {
    try {
        const answer = operations[op](parameters, (progress) => self.postMessage({ id, progress }));
        self.postMessage({ id, ok: true, ...answer });
    } catch (error) {
        self.postMessage({ id, ok: false, error: error.message });
    }
};
