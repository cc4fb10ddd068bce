// SPDX-License-Identifier: MIT
// The engine's answers. SPIRAL_PAGE is a page with a model. SPIRAL_TERMINAL is a folder with the output of `spiral sample` for
// the same model and the seeds 1 to 20 (sample-1.mid to sample-20.mid, 8 bars each) and of `spiral vary sample-1.mid` with the
// seeds 1 to 4. SPIRAL_EXACT_PAGE is a page with the same model, written with --exact.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const { openEngine, partsOf, randomFrom } = require("./page_engine.js");

const page = process.env.SPIRAL_PAGE;
const chance = { seed: [1, 0], temperature: 1 };
const engine = openEngine(page);
const on = (plane, t, key) => (plane[4 * t + (key >> 5)] >>> (key & 31)) & 1;
const good = (answer) => {
    assert.equal(answer.error, undefined);
    assert.equal(answer.ok, true);
    return answer;
};
const ask = async (op, parameters) => good(await (await engine).call(op, parameters));
const copyOf = ({ frames, sounding, onsets }) => ({ frames, sounding: sounding.slice(), onsets: onsets.slice() });

function notesOf({ frames, sounding, onsets }) {
    const notes = [];
    for (let key = 0; key < 128; key++)
        for (let t = 0; t < frames; t++) {
            if (!on(sounding, t, key) || !on(onsets, t, key)) continue;
            let end = t + 1;
            while (end < frames && on(sounding, end, key) && !on(onsets, end, key)) end++;
            notes.push(`${t} ${key} ${end}`);
        }
    return notes.sort();
}

/** A MIDI file without its text event (FF 01), which has the command that wrote it. */
function withoutText(bytes) {
    const at = bytes.findIndex((byte, i) => byte === 0 && bytes[i + 1] === 0xff && bytes[i + 2] === 1);
    assert.ok(at > 0);
    let size = 0;
    let i = at + 3;
    do size = (size << 7) | (bytes[i] & 127);
    while (bytes[i++] & 128);
    const result = Buffer.concat([bytes.subarray(0, at), bytes.subarray(i + size)]);
    const track = bytes.indexOf("MTrk");
    result.writeUInt32BE(bytes.readUInt32BE(track + 4) - (i + size - at), track + 4);
    return result;
}

test("20 seeds: the page and the terminal write the same bytes", async () => {
    for (let seed = 1; seed <= 20; seed++) {
        const { roll } = await ask("sample", { seed: [seed, 0], temperature: 1, frames: 128 });
        const { bytes } = await ask("saveMidi", { roll, tempo: 120 });
        const terminal = fs.readFileSync(path.join(process.env.SPIRAL_TERMINAL, `sample-${seed}.mid`));
        assert.ok(withoutText(terminal).equals(Buffer.from(bytes)), `seed ${seed}`);
        assert.ok(notesOf(roll).length > 8);
    }
});

test("vary: a page of --exact and the terminal write the same bytes", async () => {
    const exact = await openEngine(process.env.SPIRAL_EXACT_PAGE);
    const folder = process.env.SPIRAL_TERMINAL;
    const source = new Uint8Array(fs.readFileSync(path.join(folder, "sample-1.mid")));
    const { roll } = good(await exact.call("openMidi", { bytes: source }));
    const request = { amount: 0.3, n: 4, seed: [1, 0], temperature: 0.5 };
    const { rolls } = good(await exact.call("vary", { roll: copyOf(roll), ...request }));
    assert.equal(rolls.length, 4);
    for (let seed = 1; seed <= 4; seed++) {
        const { bytes } = good(await exact.call("saveMidi", { roll: rolls[seed - 1], tempo: 120 }));
        const terminal = fs.readFileSync(path.join(folder, `vary-${seed}.mid`));
        assert.ok(withoutText(terminal).equals(Buffer.from(bytes)), `seed ${seed}`);
    }
    assert.notDeepEqual(rolls[0].sounding, rolls[1].sounding);
});

test("the same request gives the same roll, another seed another roll", async () => {
    const rolls = [];
    for (const seed of [[7, 0], [7, 0], [8, 0], [7, 1]])
        rolls.push(notesOf((await ask("sample", { seed, temperature: 1, frames: 64 })).roll).join());
    assert.equal(rolls[0], rolls[1]);
    assert.equal(new Set(rolls).size, 3);
});

test("a key is preferred, and density changes the number of notes", async () => {
    const share = async (key) => {
        let inside = 0;
        let all = 0;
        for (let seed = 1; seed <= 6; seed++)
            for (const note of notesOf((await ask("sample", { seed: [seed, 0], temperature: 1, frames: 128, key })).roll)) {
                all++;
                inside += [3, 5, 6, 8, 10, 11, 1].includes(Number(note.split(" ")[1]) % 12);
            }
        return inside / all;
    };
    assert.ok((await share("Eb minor")) > (await share(null)) + 0.1);
    const cells = async (density) => {
        const { roll } = await ask("sample", { seed: [3, 0], temperature: 1, frames: 128, density });
        let count = 0;
        for (let t = 0; t < 128; t++) for (let key = 0; key < 128; key++) count += on(roll.sounding, t, key);
        return count;
    };
    assert.ok((await cells(-2)) < (await cells(2)));
});

test("continue keeps the piece; fill keeps what is outside and what is locked; harmonize keeps the melody", async () => {
    const { started } = await engine;
    const { low, high } = started.preset;
    const { roll } = await ask("sample", { ...chance, frames: 64 });
    const longer = (await ask("continue", { ...chance, roll: copyOf(roll), frames: 32 })).roll;
    assert.equal(longer.frames, 96);
    assert.deepEqual(longer.sounding.slice(0, 256), roll.sounding);
    assert.deepEqual(longer.onsets.slice(0, 256), roll.onsets);

    const middle = (low + high) >> 1;
    const random = randomFrom(5);
    const locked = new Uint32Array(256).map(() => random(2 ** 32) & random(2 ** 32));
    const filled = await ask("fill", { ...chance, roll: copyOf(roll), from: 16, to: 48, low, high: middle, locked: locked.slice(), n: 3 });
    assert.equal(filled.rolls.length, 3);
    assert.equal(filled.natsPerFrame.length, 3);
    for (const made of filled.rolls)
        for (let t = 0; t < 64; t++)
            for (let key = 0; key < 128; key++)
                if (t < 16 || t >= 48 || key < low || key > middle || on(locked, t, key))
                    assert.equal(on(made.sounding, t, key), on(roll.sounding, t, key), `frame ${t}, key ${key}`);
    assert.notDeepEqual(filled.rolls[0].sounding, filled.rolls[1].sounding);

    const melody = { frames: 64, sounding: new Uint32Array(256), onsets: new Uint32Array(256) };
    for (let t = 0; t < 64; t++)
        for (let key = high; key >= low; key--)
            if (on(roll.sounding, t, key)) {
                melody.sounding[4 * t + (key >> 5)] |= 1 << (key & 31);
                if (on(roll.onsets, t, key)) melody.onsets[4 * t + (key >> 5)] |= 1 << (key & 31);
                break;
            }
    const top = notesOf(melody);
    for (const voices of ["below", "around"]) {
        const { rolls } = await ask("harmonize", { ...chance, roll: copyOf(melody), voices, n: 2 });
        for (const made of rolls) {
            for (let t = 0; t < 64; t++)
                for (let key = 0; key < 128; key++) if (on(melody.sounding, t, key)) assert.ok(on(made.sounding, t, key));
            assert.ok(notesOf(made).length > top.length);
        }
    }
});

test("encode and decode: the same latents for the same roll, and sliders at 0 change nothing", async () => {
    const { started } = await engine;
    const { roll } = await ask("sample", { ...chance, frames: 4 * started.preset.windowFrames });
    const { latents } = await ask("encode", { roll: copyOf(roll) });
    assert.equal(latents.length, 4 * started.latent);
    const first = (await ask("decode", { latents: latents.slice(), ...chance })).roll;
    const again = (await ask("decode", { latents: latents.slice(), ...chance })).roll;
    assert.deepEqual(first, again);
    const moved = latents.slice();
    moved[0] += 3 * started.axes[0].sd;
    assert.notDeepEqual((await ask("decode", { latents: moved, ...chance })).roll.sounding, first.sounding);
    const near = (await ask("compare", { a: copyOf(roll), b: copyOf(first) })).spiral;
    const other = (await ask("sample", { seed: [99, 0], temperature: 1, frames: roll.frames })).roll;
    assert.ok(near < (await ask("compare", { a: copyOf(roll), b: other })).spiral);
    assert.equal((await ask("compare", { a: copyOf(roll), b: copyOf(roll) })).spiral, 0);
});

test("MIDI written and read, sound, helix, nearest passage", async () => {
    const { roll } = await ask("sample", { ...chance, frames: 128 });
    const { bytes } = await ask("saveMidi", { roll: copyOf(roll), tempo: 97 });
    const back = await ask("openMidi", { bytes: bytes.slice() });
    assert.deepEqual(notesOf(back.roll), notesOf(roll));
    assert.ok(Math.abs(back.tempo - 97) < 0.001);
    assert.equal(back.warnings.length, 0);
    const wav = Buffer.from((await ask("wav", { roll: copyOf(roll), tempo: 97 })).bytes);
    assert.equal(wav.toString("latin1", 0, 4), "RIFF");
    assert.ok(wav.readUInt32LE(40) / 4 / 44100 > (128 / 4) * (60 / 97) * 0.9);
    const { pcm } = await ask("tone", { key: 69, seconds: 1, rate: 48000 });
    let crossings = 0;
    for (let i = 1; i < 24000; i++) crossings += pcm[i - 1] < 0 && pcm[i] >= 0;
    assert.ok(Math.abs(crossings - 220) < 12, `${crossings} periods of 440 Hz in half a second`);
    const { points } = await ask("helix");
    assert.equal(points.length, 128);
    assert.ok(Math.abs(points[72][2] - points[60][2] - 0.5) < 1e-9 && Math.abs(points[72][0] - points[60][0]) < 1e-9);
    const found = await ask("nearest", { roll: copyOf(roll) });
    assert.ok(found.share > 0 && found.share < 1 && found.name.endsWith(".mid"));
});

test("bad requests get an error message", async () => {
    const { call } = await engine;
    const roll = { frames: 2, sounding: new Uint32Array(8), onsets: new Uint32Array(8) };
    for (const [op, parameters, word] of [
        ["sample", { ...chance, frames: 0 }, "frames"],
        ["sample", { ...chance, frames: 16, temperature: 99 }, "temperature"],
        ["sample", { ...chance, frames: 16, key: "H moll" }, "key"],
        ["sample", { ...chance, frames: 16, density: 9 }, "density"],
        ["encode", { roll: { ...roll, frames: 3 } }, "damaged"],
        ["decode", { ...chance, latents: new Float32Array(0) }, "long"],
        ["vary", { ...chance, roll, amount: 2, n: 1 }, "amount"],
        ["openMidi", { bytes: new Uint8Array([1, 2, 3]) }, "MIDI"],
        ["saveMidi", { roll, tempo: 0 }, "minute"],
        ["wav", { roll, tempo: 100 }, "no notes"],
        ["tone", { key: 200, seconds: 1, rate: 44100 }, "tone"],
    ]) {
        const answer = await call(op, parameters);
        assert.equal(answer.ok, false, op);
        assert.match(answer.error, new RegExp(word, "i"), op);
        assert.doesNotMatch(answer.error, /engine failed/i, op);
    }
});

test("the module imports nothing and exports what is listed", async () => {
    const module = await WebAssembly.compile(partsOf(page).wasm);
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const names = "alloc bytes compare encode error frame_s frames free helix high know_around know_melody " +
        "know_past latent limit load low nearest number onsets open_midi save_midi size sketch sounding steps text tone " +
        "vary version wav window windows write";
    const wanted = ["_initialize", "memory", ...names.split(" ").map((name) => `engine_${name}`)];
    assert.deepEqual(WebAssembly.Module.exports(module).map(({ name }) => name).sort(), wanted.sort());
    assert.ok(partsOf(page).wasm.length < 210_000);
});
