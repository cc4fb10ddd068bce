// SPDX-License-Identifier: MIT
// Blending: a piece between A and B. Their latents are mixed window by window, and the decoder writes the
// result.
import { Stopped, URGENT } from "./engine.js";
import { find } from "./dom.js";
import { liveControl } from "./live_control.js";
import { lengthText } from "./music.js";
import { createPiece } from "./piece.js";
import { TITLE_MAX } from "./piece_text.js";
import { acceptRoll, copyRoll, normalizeOnsets } from "./roll.js";
import { readNumber } from "./generate.js";
import { say, show, showError } from "./messages.js";

const SEED = [1, 0]; // one seed for all blends, so that only the latents differ along the way

export class Blending {
    #workspace;
    #engine;
    #kept;
    #latents = new WeakMap(); // roll -> promise of its latents
    #pageBefore = null; // the last piece on the page that was not a blend

    constructor(workspace, engine, kept) {
        this.#workspace = workspace;
        this.#engine = engine;
        this.#kept = kept;
        const live = liveControl({
            begin: () => ({ a: this.#chosen("#blend-a"), b: this.#chosen("#blend-b"), piece: null }),
            update: (blend, isActive) => this.#update(blend, isActive),
            finish: (blend) => this.#finish(blend),
            fail: (error) => error instanceof Stopped || showError(`Blend failed: ${error.message}`),
        });
        find("#blend-value").addEventListener("input", () => live.input());
        find("#blend-value").addEventListener("change", () => live.change());
        for (const selector of ["#blend-a", "#blend-b"])
            find(selector).addEventListener("change", (event) => (event.target.dataset.chosen = "yes"));
        kept.onChange(() => this.#showChoices());
        this.#showChoices();
    }

    /** Until the user chooses: the two pieces kept last, or the piece on the page and the only one kept. */
    #showChoices() {
        const { pieces } = this.#kept;
        find("#blend").hidden = pieces.length === 0;
        const defaults = pieces.length > 1 ? [pieces[0].id, pieces[1].id] : ["now", pieces[0]?.id ?? "now"];
        ["#blend-a", "#blend-b"].forEach((selector, i) => {
            const select = find(selector);
            const { value } = select;
            const options = pieces.map(({ id, piece }) => new Option(piece.title || "Untitled", id));
            select.replaceChildren(new Option("Piece on the page", "now"), ...options);
            const known = value === "now" || pieces.some(({ id }) => id === value);
            select.value = known && select.dataset.chosen ? value : defaults[i];
        });
    }

    /** The chosen piece. "The piece on the page" is the one there was before the blending began. */
    #chosen(selector) {
        const { value } = find(selector);
        if (value !== "now") return this.#kept.pieces.find(({ id }) => id === value).piece;
        const { piece } = this.#workspace;
        if (piece.made?.kind !== "blend" || !this.#pageBefore) this.#pageBefore = piece;
        return this.#pageBefore;
    }

    #encode({ roll }) {
        if (!this.#latents.has(roll)) {
            const promise = this.#engine
                .call("encode", { roll }, { urgency: URGENT })
                .then(({ latents }) => latents);
            promise.catch(() => this.#latents.delete(roll));
            this.#latents.set(roll, promise);
        }
        return this.#latents.get(roll);
    }

    async #update(blend, isActive) {
        const { a, b } = blend;
        const share = Number(find("#blend-value").value);
        const latentsA = await this.#encode(a);
        const latentsB = await this.#encode(b);
        const latents = latentsA
            .slice(0, Math.min(latentsA.length, latentsB.length))
            .map((value, i) => value + share * (latentsB[i] - value));
        const request = { latents, seed: SEED, temperature: readNumber("#temperature") };
        const { roll } = await this.#engine.call("decode", request, { urgency: URGENT, slot: "blend" });
        if (!isActive()) return;
        const blended = normalizeOnsets(copyRoll(acceptRoll(roll), Math.min(a.roll.frames, b.roll.frames)));
        const tempo = Math.round(a.tempo + share * (b.tempo - a.tempo));
        const title = `Blend of ${a.title} and ${b.title}`.slice(0, TITLE_MAX);
        blend.piece = createPiece(blended, tempo, title, { kind: "blend" });
        this.#workspace.preview(blend.piece);
    }

    #finish({ a, b, piece }) {
        if (!piece) return;
        this.#workspace.load("blend", piece);
        const { value } = find("#blend-value");
        say(
            `Blend: ${Math.round(100 * value)} percent of B, ${lengthText(this.#workspace.preset, piece.roll.frames)}.`,
        );
        if (a.roll.frames !== b.roll.frames) show("The blend is as long as the shorter of the two pieces.");
    }
}
