// SPDX-License-Identifier: MIT
// What the model writes on request: a new piece, and variations of a piece (fill, continue, harmonize) for
// review.
import { find } from "./dom.js";
import { count, lengthText, regionText, timeUnits, tonalities } from "./music.js";
import { createPiece, hasLocks, keepLocked, melodyNotes, withRoll } from "./piece.js";
import {
    FRAMES_MAX,
    acceptRoll,
    copyPlane,
    createRoll,
    notesOf,
    sameRoll,
    withRegion,
    writeNote,
} from "./roll.js";
import { say, show, showError } from "./messages.js";

const SEED_LIMIT = 2n ** 64n;

/** A seed as the two 32-bit numbers of the worker's messages, low bits first. Throws an error with a sentence if
 *  it is not a seed. */
export function seedWords(text) {
    if (!/^\d{1,20}$/.test(text.trim())) throw new Error(`the seed "${text}" is not a whole number`);
    const seed = BigInt(text.trim());
    if (seed >= SEED_LIMIT) throw new Error(`the seed ${text} is above the limit of ${SEED_LIMIT - 1n}`);
    return [Number(seed & 0xffffffffn), Number(seed >> 32n)];
}

/** A random seed that is short enough to read out or type. */
export function randomSeed() {
    return String(crypto.getRandomValues(new Uint32Array(1))[0] % 1000000);
}

/** The number in an input, cut to its limits (whole in a number field) and written back. */
export function readNumber(selector) {
    const input = find(selector);
    const { min, max, value, defaultValue } = input;
    const written = value.trim() === "" || Number.isNaN(Number(value)) ? Number(defaultValue) : Number(value);
    const number = input.type === "number" ? Math.round(written) : written;
    const cut = Math.max(Number(min), Math.min(Number(max), number));
    if (String(cut) !== value) input.value = String(cut);
    return cut;
}

export class Generator {
    #workspace;
    #engine;
    #work;

    constructor(workspace, engine, work) {
        this.#workspace = workspace;
        this.#engine = engine;
        this.#work = work;
        const units = timeUnits(workspace.preset);
        if (!units.inBeats) {
            find("#length-label").textContent = "Seconds";
            find("#extra-label").textContent = "Seconds that Continue adds";
        }
        const keys = tonalities().map(({ value, name }) => new Option(name, value));
        find("#key").append(...keys);
        const showValues = () => this.#showValues();
        for (const selector of ["#density", "#temperature"])
            find(selector).addEventListener("input", showValues);
        showValues();
        find("#new-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.makeNew(find("#seed").value);
        });
    }

    #showValues() {
        const density = Number(find("#density").value);
        const words = { "-2": "very sparse", "-1": "sparse", 0: "as learned", 1: "dense", 2: "very dense" };
        find("#density-value").textContent = words[Math.round(density)];
        find("#density").setAttribute("aria-valuetext", `${words[Math.round(density)]}, ${density}`);
        find("#temperature-value").textContent = Number(find("#temperature").value).toFixed(2);
    }

    /** Shows how a piece was made in the fields that would make it again. */
    showRecipe(made) {
        if (!made || made.kind !== "new") return;
        const { bar } = timeUnits(this.#workspace.preset);
        const seed = find("#seed");
        if (seed !== document.activeElement) seed.value = made.seed ?? ""; // else the user is typing one
        find("#temperature").value = String(made.temperature ?? 1);
        find("#length").value = String(Math.max(1, Math.round((made.frames ?? 8 * bar) / bar)));
        find("#key").value = made.key ?? "";
        find("#density").value = String(made.density ?? 0);
        this.#showValues();
    }

    /** A new piece with the settings of the panel, from this seed. */
    makeNew(seed = randomSeed()) {
        const { preset } = this.#workspace;
        const { bar, barName } = timeUnits(preset);
        let words;
        try {
            words = seedWords(seed);
        } catch (error) {
            showError(`No new piece: ${error.message}.`);
            return Promise.resolve();
        }
        find("#seed").value = seed.trim();
        const made = {
            kind: "new",
            seed: seed.trim(),
            temperature: readNumber("#temperature"),
            frames: readNumber("#length") * bar,
            key: find("#key").value,
            density: readNumber("#density"),
        };
        return this.#work.run("New piece", async (onProgress) => {
            const { roll, tempo } = await this.#engine.call(
                "sample",
                {
                    ...made,
                    seed: words,
                    key: made.key || null,
                    density: made.density || null,
                    kind: undefined,
                },
                { onProgress },
            );
            this.#workspace.load(
                "new piece",
                createPiece(
                    acceptRoll(roll),
                    tempo ?? this.#workspace.piece.tempo,
                    `Seed ${made.seed}`,
                    made,
                ),
            );
            say(
                `New piece: ${count(made.frames / bar, barName)}, ${count(notesOf(roll).length, "note")}, ` +
                    `seed ${made.seed}.`,
            );
        });
    }

    /** A silent piece to draw in. */
    makeEmpty() {
        const { preset, piece } = this.#workspace;
        const frames = readNumber("#length") * timeUnits(preset).bar;
        this.#workspace.load("empty piece", createPiece(createRoll(frames), piece.tempo, "Drawn"));
        this.#workspace.setTool("draw");
        say(`Empty piece of ${lengthText(preset, frames)}. The draw tool is on.`);
    }

    /** Before variations are asked for: those of the same kind under review are dropped; of another kind, the
     *  shown one is accepted. */
    settleReview(kind) {
        if (this.#workspace.review?.kind === kind) this.#workspace.discard();
        else this.#workspace.accept();
    }

    /** Variations of the selection, or of the whole piece; locked notes stay. */
    fill() {
        this.settleReview("fill");
        const { piece, selection, preset } = this.#workspace;
        const locks = hasLocks(piece);
        const region = selection ?? this.#everything(piece.roll.frames);
        const label = selection
            ? `Fill ${regionText(preset, region)}`
            : locks
              ? "Fill all but the locked notes"
              : "Fill the whole piece";
        const locked = locks ? copyPlane(piece.locked, piece.roll.frames) : null;
        return this.#variations("fill", label, region, (onProgress) =>
            this.#engine.call(
                "fill",
                { roll: piece.roll, ...region, locked, ...this.#several() },
                { onProgress },
            ),
        );
    }

    #everything(frames) {
        const { low, high } = this.#workspace.preset;
        return { from: 0, to: frames, low, high };
    }

    #several() {
        return {
            n: readNumber("#variations"),
            seed: seedWords(randomSeed()),
            temperature: readNumber("#temperature"),
        };
    }

    /** Variations that continue from the end of the piece. */
    continuePiece() {
        this.settleReview("continue");
        const { piece, preset } = this.#workspace;
        const frames = readNumber("#extra") * timeUnits(preset).bar;
        const end = piece.roll.frames;
        if (end + frames > FRAMES_MAX)
            return showError(`Continue failed: a piece can have at most ${FRAMES_MAX} frames.`);
        const region = { ...this.#everything(end + frames), from: end };
        return this.#variations(
            "continue",
            `Continue by ${lengthText(preset, frames)}`,
            region,
            async (onProgress) => {
                const { n, temperature } = this.#several();
                const rolls = [];
                for (let i = 0; i < n; i++) {
                    const request = { roll: piece.roll, frames, seed: seedWords(randomSeed()), temperature };
                    const answer = await this.#engine.call("continue", request, {
                        onProgress: (share) => onProgress((i + share) / n),
                    });
                    rolls.push(answer.roll);
                }
                return { rolls };
            },
        );
    }

    /** Variations with other voices under a melody; with a selection, only its span of time is written. */
    harmonize() {
        this.settleReview("harmonize");
        const { piece, selection } = this.#workspace;
        const { notes, words } = this.#melody();
        if (!notes.length) return show("Harmonize needs a melody. Draw one, or select its notes.");
        const melody = createRoll(piece.roll.frames);
        for (const note of notes) writeNote(melody, note);
        const all = this.#everything(piece.roll.frames);
        const region = selection ? { ...all, from: selection.from, to: selection.to } : all;
        const voices = find("#voices").value;
        return this.#variations("harmonize", `Harmonize ${words}`, region, async (onProgress) => {
            const { rolls, natsPerFrame } = await this.#engine.call(
                "harmonize",
                { roll: melody, voices, ...this.#several() },
                { onProgress },
            );
            return {
                rolls: rolls.map((roll) =>
                    withRegion(piece.roll, acceptRoll(roll), { ...region, low: 0, high: 127 }),
                ),
                natsPerFrame,
            };
        });
    }

    /** What is harmonized: the selected notes; else all notes, if no two sound together; else the highest
     *  voice. */
    #melody() {
        const { piece, selection } = this.#workspace;
        const chosen = selection ? this.#workspace.chosenNotes() : [];
        if (chosen.length) return { notes: chosen, words: count(chosen.length, "selected note") };
        const all = notesOf(piece.roll);
        const highest = melodyNotes(piece);
        if (all.length === highest.length) return { notes: all, words: "the melody" };
        return { notes: highest, words: "the highest voice" };
    }

    /** Asks for variations and shows them for review. */
    #variations(kind, label, region, ask) {
        const { piece } = this.#workspace;
        return this.#work.run(label, async (onProgress) => {
            const { rolls, natsPerFrame = [] } = await ask(onProgress);
            this.review(kind, label, region, rolls, natsPerFrame, piece);
        });
    }

    /** Variations of `piece` for review. Locked notes are put back into each; those without a change are left out. */
    review(kind, label, region, rolls, natsPerFrame, piece) {
        if (piece !== this.#workspace.settled)
            return show(
                `${label}: the piece was changed meanwhile, so the variations no longer fit. Try again.`,
            );
        const variations = rolls
            .map((roll, i) => ({
                roll: acceptRoll(keepLocked(piece, acceptRoll(roll))),
                nats: natsPerFrame[i],
            }))
            .filter(({ roll }) => !sameRoll(roll, piece.roll));
        if (!variations.length) return show(`${label}: nothing was changed. Are all of these notes locked?`);
        const pieces = variations.map(({ roll }) => withRoll(piece, roll));
        const nats = variations.map((variation) => variation.nats);
        this.#workspace.startReview({ kind, label, region, pieces, nats });
        const number = count(pieces.length, "variation");
        return say(`${label}: ${number}. Numbers choose, Space plays, Enter accepts, Escape discards.`);
    }
}
