// SPDX-License-Identifier: MIT
// The engine of a page without the page: its worker's script, module and pack, run in node.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

function partsOf(pagePath) {
    const html = fs.readFileSync(pagePath, "utf8");
    const part = (id) => new RegExp(`<script[^>]*id="${id}"[^>]*>([^]*?)</script>`).exec(html)[1];
    const data = (id) => new Uint8Array(Buffer.from(part(id), "base64"));
    return { script: part("engine-worker"), wasm: data("engine-module"), pack: data("model-pack") };
}

/** call(op, parameters) -> the worker's answer. */
function createWorker({ script }) {
    const waiting = new Map();
    const self = { postMessage: (message) => "ok" in message && waiting.get(message.id)(message) };
    const context = { self, WebAssembly, TextDecoder, Uint8Array, Uint32Array, Float32Array, Float64Array, ArrayBuffer };
    vm.runInContext(script, vm.createContext(context));
    let last = 0;
    return (op, parameters = {}) =>
        new Promise((resolve) => {
            waiting.set(++last, resolve);
            self.onmessage({ data: { id: last, op, ...parameters } });
        });
}

/** A worker with the page's model. */
async function openEngine(pagePath) {
    const parts = partsOf(pagePath);
    const call = createWorker(parts);
    const started = await call("init", { wasm: parts.wasm, pack: parts.pack });
    if (!started.ok) throw new Error(started.error);
    return { call, parts, started };
}

/** Numbers in 0 .. n - 1, the same for the same seed. */
function randomFrom(seed) {
    let state = seed >>> 0;
    return (n) => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % n;
    };
}

module.exports = { partsOf, createWorker, openEngine, randomFrom };
