// SPDX-License-Identifier: MIT
// Damaged MIDI files and packs give a result or an error message, never a trap. SPIRAL_PAGE is a page with a small model;
// SPIRAL_CORPUS a folder of MIDI files, whole and broken.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const { createWorker, openEngine, partsOf, randomFrom } = require("./page_engine.js");

const page = process.env.SPIRAL_PAGE;

/** Some bytes changed, cut out, doubled or cut off. */
function damage(bytes, random) {
    let result = Buffer.from(bytes);
    for (let i = 0; i <= random(4) && result.length; i++) {
        const at = random(result.length);
        const size = 1 + random(16);
        switch (random(5)) {
            case 0: result[at] = random(256); break;
            case 1: result[at] ^= 1 << random(8); break;
            case 2: result = Buffer.concat([result.subarray(0, at), result.subarray(at + size)]); break;
            case 3: result = Buffer.concat([result.subarray(0, at + size), result.subarray(at)]); break;
            default: result = result.subarray(0, at);
        }
    }
    return new Uint8Array(result);
}

function checkAnswer(answer, what) {
    if (answer.ok) return true;
    assert.equal(typeof answer.error, "string", what);
    assert.ok(answer.error.length > 10 && answer.error.length < 400, `${what}: ${answer.error}`);
    assert.doesNotMatch(answer.error, /engine failed|unreachable|out of bounds|stack/i, what);
    return false;
}

test("10,000 damaged MIDI files", async () => {
    const { call } = await openEngine(page);
    const folder = process.env.SPIRAL_CORPUS;
    const files = fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name))).filter((file) => file.length < 20000);
    assert.ok(files.length > 5);
    let read = 0;
    for (const file of files) checkAnswer(await call("openMidi", { bytes: new Uint8Array(file) }), "whole file");
    for (let i = 0; i < 10000; i++) {
        const random = randomFrom(i);
        const answer = await call("openMidi", { bytes: damage(files[random(files.length)], random) });
        if (checkAnswer(answer, `file ${i}`)) {
            read++;
            assert.equal(answer.roll.sounding.length, 4 * answer.roll.frames);
        }
    }
    assert.ok(read > 1000 && read < 9900, `${read} were read`);
});

function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}

/** A damaged pack: in the head, in the last part, or anywhere; half of them with a right checksum. */
function damagedPack(pack, i) {
    const random = randomFrom(i);
    let result = Buffer.from(pack);
    const part = [[8, 120], [result.length - 4000, 4000], [8, result.length - 8]][random(3)];
    for (let k = 0; k <= random(6); k++) result[part[0] + random(part[1])] = random(2) ? random(256) : 255;
    if (random(8) === 0) result = result.subarray(0, random(result.length));
    if (i % 2 && result.length > 12) result.writeUInt32LE(crc32(result.subarray(12)), 8);
    return new Uint8Array(result);
}

test("2,000 damaged packs", async () => {
    const { wasm, pack, script } = partsOf(page);
    const module = await WebAssembly.compile(wasm);
    let opened = 0;
    for (let i = 0; i < 2000; i++) {
        const call = createWorker({ script });
        const answer = await call("init", { wasm: module, pack: damagedPack(pack, i) });
        if (!checkAnswer(answer, `pack ${i}`)) continue;
        opened++;
        if (opened % 10) continue; /* use every tenth pack that was read */
        const chance = { seed: [i, 0], temperature: 1 };
        const made = await call("sample", { ...chance, frames: 8 });
        if (checkAnswer(made, `pack ${i}, sample`)) {
            checkAnswer(await call("encode", { roll: made.roll }), `pack ${i}, encode`);
            checkAnswer(await call("nearest", { roll: made.roll }), `pack ${i}, nearest`);
        }
    }
    assert.ok(opened > 100 && opened < 1900, `${opened} were read`);
});
