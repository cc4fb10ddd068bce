// SPDX-License-Identifier: MIT
// The page's side of the worker (web/README.md has the messages): one request at a time, the urgent ones
// first.
//
// Requests of the same slot replace each other while they wait, so that a slider that moves faster than the
// model writes never makes a queue. Stop ends the worker and starts another; the requests that Stop ends are
// rejected with Stopped.

/** A request was ended by Stop, or replaced by a newer one of its slot. */
export class Stopped extends Error {}

/** Most urgent first. URGENT: sliders and tones. NORMAL: long work, which Stop ends. BACKGROUND: what can wait. */
export const URGENT = 0;
export const NORMAL = 1;
export const BACKGROUND = 2;

export class Engine {
    #script;
    #parts;
    #worker = null;
    #waiting = [];
    #running = null;
    #lastId = 0;
    #starting = null;

    /**
     * @param {string} script the worker's source text
     * @param {{wasm: Uint8Array, pack: Uint8Array}} parts copied to every new worker
     */
    constructor(script, parts) {
        this.#script = script;
        this.#parts = parts;
    }

    /** Starts the worker; resolves to what `init` answers. */
    start() {
        const url = URL.createObjectURL(new Blob([this.#script], { type: "text/javascript" }));
        this.#worker = new Worker(url);
        URL.revokeObjectURL(url);
        const worker = this.#worker;
        worker.onmessage = ({ data }) => worker === this.#worker && this.#receive(data);
        worker.onerror = (event) => {
            event.preventDefault();
            if (worker === this.#worker)
                this.#receive({ id: this.#running?.id, ok: false, error: event.message });
        };
        this.#starting = this.call("init", this.#parts, { urgency: -1 });
        return this.#starting;
    }

    /** A request. Resolves to the answer; rejects with the engine's sentence, or Stopped. */
    call(op, parameters = {}, { urgency = NORMAL, slot = null, onProgress = null } = {}) {
        return new Promise((resolve, reject) => {
            const request = {
                id: ++this.#lastId,
                op,
                parameters,
                urgency,
                slot,
                onProgress,
                resolve,
                reject,
            };
            if (slot !== null) this.#drop((other) => other.slot === slot);
            this.#enqueue(request);
            this.#next();
        });
    }

    /** Makes a waiting request of this slot as urgent as `urgency`, if it is less. */
    hurry(slot, urgency) {
        const request = this.#waiting.find((other) => other.slot === slot);
        if (!request || request.urgency <= urgency) return;
        this.#waiting.splice(this.#waiting.indexOf(request), 1);
        request.urgency = urgency;
        this.#enqueue(request);
    }

    #enqueue(request) {
        const behind = this.#waiting.findIndex((other) => other.urgency > request.urgency);
        this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, request);
    }

    /** Ends the requests of NORMAL urgency, running and waiting. The others are short: the new worker does them. */
    stop() {
        this.#worker.terminate();
        if (this.#running) this.#waiting.unshift(this.#running);
        this.#running = null;
        this.#drop((request) => request.urgency === NORMAL || request.op === "init");
        return this.start();
    }

    #drop(matches) {
        const dropped = this.#waiting.filter(matches);
        this.#waiting = this.#waiting.filter((request) => !matches(request));
        for (const request of dropped) request.reject(new Stopped(`${request.op} was stopped`));
    }

    #next() {
        if (this.#running || !this.#waiting.length) return;
        this.#running = this.#waiting.shift();
        const { id, op, parameters } = this.#running;
        this.#worker.postMessage({ id, op, ...parameters });
    }

    #receive(message) {
        const request = this.#running;
        if (!request || message.id !== request.id) return;
        if (message.progress !== undefined) {
            request.onProgress?.(message.progress);
            return;
        }
        this.#running = null;
        if (message.ok) request.resolve(message);
        else request.reject(new Error(String(message.error)));
        this.#next();
    }
}

/** The bytes of a base64 data block of the page. */
export function decodeBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
}
