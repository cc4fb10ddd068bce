// SPDX-License-Identifier: MIT
// What is measured about the piece on the page: its distance from where it started, and the nearest training
// passage.
import { BACKGROUND, Stopped } from "./engine.js";
import { debounced, find } from "./dom.js";
import { positionText } from "./music.js";
import { notesOf } from "./roll.js";

const WAIT_MS = 250; // after the last change

export class Measurements {
    #workspace;
    #engine;
    #measured = { piece: null, origin: null };

    constructor(workspace, engine) {
        this.#workspace = workspace;
        this.#engine = engine;
        const measure = debounced(WAIT_MS, () => this.#measure());
        workspace.on("piece", measure);
        measure();
    }

    async #measure() {
        const { piece, origin } = this.#workspace;
        if (this.#measured.piece === piece.roll && this.#measured.origin === origin) return;
        this.#measured = { piece: piece.roll, origin };
        const unchanged = this.#workspace.isUnchanged;
        await Promise.all([
            this.#show("#distance", async () => {
                if (unchanged) return { text: "nothing" };
                const { spiral } = await this.#engine.call(
                    "compare",
                    { a: origin, b: piece.roll },
                    { urgency: BACKGROUND, slot: "compare" },
                );
                return { text: `${spiral.toFixed(2)} missed notes per frame` };
            }),
            this.#show("#nearest", async () => {
                if (!notesOf(piece.roll).length) return { text: "none: the piece is silent" };
                return this.#describeNearest(
                    await this.#engine.call(
                        "nearest",
                        { roll: piece.roll },
                        { urgency: BACKGROUND, slot: "nearest" },
                    ),
                );
            }),
        ]);
    }

    #describeNearest({ share, name, frame, limit, music }) {
        if (music === false) return { text: "not known: this page was made without training music" };
        if (share === null) return { text: "not known: the piece is too short" };
        const place = `${name}, ${positionText(this.#workspace.preset, frame)}`;
        const close = limit !== undefined && share > limit;
        const warning = close
            ? ". Unseen pieces are rarely this close to the training music."
            : "";
        return { text: `${Math.round(100 * share)} % the same notes: ${place}${warning}`, close };
    }

    async #show(selector, ask) {
        const element = find(selector);
        try {
            const { text, close = false } = await ask();
            element.textContent = text;
            element.classList.toggle("warning", close);
        } catch (error) {
            if (!(error instanceof Stopped)) element.textContent = `not known: ${error.message}`;
        }
    }
}
