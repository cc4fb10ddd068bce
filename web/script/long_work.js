// SPDX-License-Identifier: MIT
// Operations that take a while: one at a time, with progress, and a Stop that really ends them.
import { Stopped } from "./engine.js";
import { say, show, showError } from "./messages.js";

export class LongWork {
    #workspace;
    #engine;
    #isHalted = false;

    constructor(workspace, engine) {
        this.#workspace = workspace;
        this.#engine = engine;
    }

    /** Runs work(onProgress). onProgress takes 0 .. 1, or null for "not known", and throws Stopped after
     *  Stop. Errors, and the end by Stop, are reported here; the promise never rejects. */
    async run(label, work) {
        if (this.#workspace.busy) {
            show(`"${this.#workspace.busy.label}" is still running. Stop it first.`);
            return;
        }
        this.#isHalted = false;
        const onProgress = (progress) => {
            if (this.#isHalted) throw new Stopped(`${label} was stopped`);
            this.#workspace.setBusy({ label, progress });
        };
        onProgress(null);
        try {
            await work(onProgress);
        } catch (error) {
            if (error instanceof Stopped) say(`${label} was stopped.`);
            else showError(`${label} failed: ${error.message}`);
        } finally {
            this.#workspace.setBusy(null);
        }
    }

    /** Ends the work: the worker is stopped and another started. */
    halt() {
        if (!this.#workspace.busy) return;
        this.#isHalted = true;
        this.#engine.stop().catch((error) => showError(`The engine did not start again: ${error.message}`));
    }
}
