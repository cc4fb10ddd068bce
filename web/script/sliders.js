// SPDX-License-Identifier: MIT
// The latent side of the model: sliders along its principal axes, Vary and Reconstruct.
//
// The engine gives latents as coordinates on the principal axes: Z numbers a window, number i belongs to axis i. A
// slider at v adds v standard deviations of its axis to every window in the selection, or to all.
import { Stopped, URGENT } from "./engine.js";
import { find, make } from "./dom.js";
import { liveControl } from "./live_control.js";
import { regionText, regionTimeText } from "./music.js";
import { keepLocked } from "./piece.js";
import { acceptRoll, copyRoll, normalizeOnsets, withRegion } from "./roll.js";
import { randomSeed, readNumber, seedWords } from "./generate.js";
import { showError } from "./messages.js";

const SLIDER_MAX = 3; // standard deviations

export class Sliders {
    #workspace;
    #engine;
    #generator;
    #work;
    #axes;
    #latent;
    #sliders = [];
    #latents = { roll: null, promise: null }; // of the roll encoded last
    #live = liveControl({
        begin: () => this.#beginSlide(),
        update: (slide, isActive) => this.#showMoved(slide, isActive),
        finish: () => this.#workspace.commit("move sliders"),
        fail: (error) => this.#tell(error, "The sliders"),
    });

    /** @param axes [{ label, sd }]: the axes that get a slider; @param latent Z */
    constructor(workspace, engine, generator, work, { axes, latent }) {
        this.#workspace = workspace;
        this.#work = work;
        this.#engine = engine;
        this.#generator = generator;
        this.#axes = axes;
        this.#latent = latent;
        this.#makeSliders();
        workspace.on("piece selection", () => this.#showValues());
        workspace.on("piece selection", () => this.#showScope());
        const amount = find("#amount");
        const showAmount = () => (find("#amount-value").textContent = Number(amount.value).toFixed(1));
        amount.addEventListener("input", showAmount);
        showAmount();
    }

    #makeSliders() {
        const list = find("#axes");
        this.#axes.forEach(({ label }, i) => {
            const input = make("input", {
                type: "range",
                min: -SLIDER_MAX,
                max: SLIDER_MAX,
                step: 0.1,
                value: 0,
                id: `axis-${i}`,
            });
            const output = make("output", { for: `axis-${i}` }, "0");
            list.append(
                make("label", { class: "slider centred" }, make("span", {}, String(label)), input, output),
            );
            input.addEventListener("input", () => this.#slide());
            input.addEventListener("change", () => this.#live.change());
            input.addEventListener("dblclick", () => {
                input.value = "0";
                this.#slide();
                this.#live.change();
            });
            this.#sliders.push({ input, output });
        });
    }

    #showScope() {
        const { selection, preset } = this.#workspace;
        const what = selection ? regionTimeText(preset, selection) : "the whole piece";
        find("#sliders-scope").textContent = `Sliders change ${what}.`;
    }

    #showValues() {
        if (this.#live.active) return;
        const values = this.#inForce()?.values;
        this.#sliders.forEach(({ input, output }, i) => {
            input.value = String(values ? values[i] : 0);
            this.#showValue(input, output);
        });
    }

    /** The piece's sliders if they were moved for the span that is selected now. For another span they begin at 0. */
    #inForce() {
        const { selection, piece } = this.#workspace;
        const { sliders } = piece;
        if (!sliders) return null;
        const { span } = sliders;
        const same = span
            ? selection && span.from === selection.from && span.to === selection.to
            : !selection;
        return same ? sliders : null;
    }

    #showValue(input, output) {
        const value = Number(input.value);
        output.textContent = value === 0 ? "0" : `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}`;
        input.setAttribute("aria-valuetext", `${value.toFixed(1)} standard deviations`);
    }

    /** The latents of a roll, (windows, Z); asked for once per roll. */
    #encode(roll) {
        if (this.#latents.roll !== roll) {
            const promise = this.#engine
                .call("encode", { roll }, { urgency: URGENT })
                .then(({ latents }) => latents);
            promise.catch(() => (this.#latents.roll = null));
            this.#latents = { roll, promise };
        }
        return this.#latents.promise;
    }

    /** Decodes latents to a roll as long as the piece; outside the region, and for locked notes, it is the piece. */
    async #decode(latents, seed, piece, region, options) {
        const request = { latents, seed: seedWords(seed), temperature: readNumber("#temperature") };
        const { roll } = await this.#engine.call("decode", request, options);
        return this.#inside(piece, copyRoll(acceptRoll(roll), piece.roll.frames), region);
    }

    /** A roll inside the region (null: everywhere), the piece outside; locked notes are the piece's. */
    #inside(piece, roll, region) {
        return normalizeOnsets(keepLocked(piece, region ? withRegion(piece.roll, roll, region) : roll));
    }

    #slide() {
        for (const { input, output } of this.#sliders) this.#showValue(input, output);
        this.#live.input();
    }

    #beginSlide() {
        this.#workspace.accept();
        const { piece, selection } = this.#workspace;
        const sliders = this.#inForce();
        return {
            piece: { ...piece, roll: sliders?.base ?? piece.roll },
            seed: sliders?.seed ?? randomSeed(),
            selection,
        };
    }

    async #showMoved({ piece, seed, selection }, isActive) {
        const values = Float32Array.from(this.#sliders, ({ input }) => Number(input.value));
        const span = selection && { from: selection.from, to: selection.to };
        const moved = values.some((value) => value !== 0);
        let { roll } = piece;
        if (moved) {
            const latents = this.#shifted(await this.#encode(piece.roll), piece.roll, selection, values);
            roll = await this.#decode(latents, seed, piece, wholeHeight(selection), {
                urgency: URGENT,
                slot: "slider",
            });
        }
        if (isActive())
            this.#workspace.preview({
                ...piece,
                roll,
                sliders: moved ? { base: piece.roll, values, seed, span } : null,
            });
    }

    #shifted(latents, roll, selection, values) {
        const moved = Float32Array.from(latents);
        const { from, to } = this.#windows(latents, roll, selection);
        for (let w = from; w < to; w++)
            values.forEach((value, i) => (moved[w * this.#latent + i] += value * this.#axes[i].sd));
        return moved;
    }

    /** The windows that the selection touches; all without one. */
    #windows(latents, roll, selection) {
        const windows = latents.length / this.#latent;
        if (!selection) return { from: 0, to: windows };
        const frames = this.#workspace.preset.windowFrames || Math.ceil(roll.frames / windows);
        return {
            from: Math.floor(selection.from / frames),
            to: Math.min(windows, Math.ceil(selection.to / frames)),
        };
    }

    /** All sliders back to 0: the piece they started from. */
    reset() {
        for (const { input } of this.#sliders) input.value = "0";
        this.#slide();
        return this.#live.change();
    }

    get areMoved() {
        return this.#inForce() !== null;
    }

    /** Variations near the piece, as `spiral vary` writes them: the latents of all windows moved at random. */
    vary() {
        const request = {
            n: readNumber("#variations"),
            amount: readNumber("#amount"),
            seed: seedWords(randomSeed()),
            temperature: readNumber("#temperature"),
        };
        return this.#rewrite("vary", "Vary", async ({ piece, region }, onProgress) => {
            const { rolls, natsPerFrame } = await this.#engine.call(
                "vary",
                { roll: piece.roll, ...request },
                { onProgress },
            );
            return { rolls: rolls.map((roll) => this.#inside(piece, acceptRoll(roll), region)), natsPerFrame };
        });
    }

    /** The piece as the model writes it from its own latents. */
    reconstruct() {
        return this.#rewrite("reconstruct", "Reconstruct", async ({ piece, region }, onProgress) => {
            const latents = await this.#encode(piece.roll);
            onProgress(0);
            return { rolls: [await this.#decode(latents, randomSeed(), piece, region, {})], natsPerFrame: [] };
        });
    }

    /** Variations for review: write({ piece, region }, onProgress) gives { rolls, natsPerFrame }; region null: all. */
    #rewrite(kind, name, write) {
        this.#generator.settleReview(kind);
        const { piece, selection, preset } = this.#workspace;
        const label = selection ? `${name} ${regionText(preset, selection)}` : `${name} the whole piece`;
        const region = selection ?? { from: 0, to: piece.roll.frames, low: preset.low, high: preset.high };
        return this.#work.run(label, async (onProgress) => {
            const { rolls, natsPerFrame } = await write({ piece, region: selection }, onProgress);
            this.#generator.review(kind, label, region, rolls, natsPerFrame, piece);
        });
    }

    #tell(error, what) {
        if (!(error instanceof Stopped)) showError(`${what} failed: ${error.message}`);
    }
}

/** A selection over all keys. */
function wholeHeight(selection) {
    return selection && { ...selection, low: 0, high: 127 };
}
