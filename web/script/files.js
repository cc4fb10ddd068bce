// SPDX-License-Identifier: MIT
// Files in and out: MIDI opened by button or drop; MIDI, WAV and a picture downloaded.
import { find } from "./dom.js";
import { count, lengthText } from "./music.js";
import { TEMPO_MAX, TEMPO_MIN, TITLE_MAX } from "./piece_text.js";
import { createPiece } from "./piece.js";
import { acceptRoll, notesOf } from "./roll.js";
import { paintPicture } from "./picture.js";
import { say, show, showError } from "./messages.js";

const MIDI_BYTES_MAX = 16 * 1024 * 1024;

export class Files {
    #workspace;
    #engine;
    #work;

    constructor(workspace, engine, work) {
        this.#workspace = workspace;
        this.#engine = engine;
        this.#work = work;
        const input = find("#file");
        input.addEventListener("change", () => {
            if (input.files[0]) this.open(input.files[0]);
            input.value = "";
        });
        this.#listenForDrops();
    }

    choose() {
        find("#file").click();
    }

    #listenForDrops() {
        const sign = find("#drop");
        let inside = 0; // dragenter and dragleave come for every element
        const show = (on) => (sign.hidden = !on);
        addEventListener("dragenter", (event) => {
            event.preventDefault();
            inside++;
            show(true);
        });
        addEventListener("dragover", (event) => event.preventDefault());
        addEventListener("dragleave", () => {
            inside--;
            if (inside <= 0) show((inside = 0));
        });
        addEventListener("drop", (event) => {
            event.preventDefault();
            inside = 0;
            show(false);
            const file = event.dataTransfer?.files[0];
            if (file) this.open(file);
        });
    }

    /** Opens a MIDI file. What the reader refuses, or repaired, is reported in its own sentences. */
    open(file) {
        const name = file.name.slice(0, 100);
        if (file.size > MIDI_BYTES_MAX) {
            showError(`${name} was not opened: it has ${file.size} bytes; the limit is ${MIDI_BYTES_MAX}.`);
            return Promise.resolve();
        }
        return this.#work.run(`Open ${name}`, async () => {
            const bytes = new Uint8Array(await file.arrayBuffer());
            const { roll, tempo, warnings } = await this.#engine.call("openMidi", { bytes });
            const accepted = acceptRoll(roll);
            const title = name.replace(/\.(midi?|kar|rmi)$/i, "").slice(0, TITLE_MAX);
            const usable = Math.max(TEMPO_MIN, Math.min(TEMPO_MAX, Math.round(tempo * 100) / 100));
            this.#workspace.load("open file", createPiece(accepted, usable, title, { kind: "file" }));
            const notes = count(notesOf(accepted).length, "note");
            const what = `${lengthText(this.#workspace.preset, accepted.frames)}, ${notes}`;
            const lines = warnings.map(String);
            if (usable !== tempo)
                lines.push(`The tempo of ${tempo} was set to ${usable}, which this page can play.`);
            if (lines.length) show(`Opened ${name}: ${what}. The reader says:`, { lines });
            else show(`Opened ${name}: ${what}.`);
            say(`Opened ${name}: ${what}. ${lines.join(" ")}`);
        });
    }

    #fileName(ending) {
        const name = this.#workspace.piece.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
        return `${name.toLowerCase() || "piece"}.${ending}`;
    }

    downloadMidi() {
        return this.#work.run("Download MIDI", async () => {
            const { roll, tempo } = this.#workspace.piece;
            const { bytes } = await this.#engine.call("saveMidi", { roll, tempo });
            download(new Blob([bytes], { type: "audio/midi" }), this.#fileName("mid"));
        });
    }

    downloadWav() {
        return this.#work.run("Download WAV", async (onProgress) => {
            const { roll, tempo } = this.#workspace.piece;
            const { bytes } = await this.#engine.call("wav", { roll, tempo }, { onProgress });
            download(new Blob([bytes], { type: "audio/wav" }), this.#fileName("wav"));
        });
    }

    downloadPicture() {
        return this.#work.run("Download picture", async () => {
            const canvas = paintPicture(this.#workspace.piece, this.#workspace.preset);
            const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
            if (!blob) throw new Error("the browser could not make a PNG of this size");
            download(blob, this.#fileName("png"));
        });
    }
}

function download(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    show(`Downloaded ${name}.`);
}
