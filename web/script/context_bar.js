// SPDX-License-Identifier: MIT
// The line between the tools and the roll: it says what the next command will act on, and offers the commands
// for it.
import { find, make } from "./dom.js";
import { capitalized, count, regionText } from "./music.js";
import { hasLocks } from "./piece.js";
import { notesOf } from "./roll.js";

export class ContextBar {
    #workspace;

    constructor(workspace) {
        this.#workspace = workspace;
        workspace.on("piece selection review busy tool", () => this.#show());
        this.#show();
    }

    #show() {
        const { busy, review, selection } = this.#workspace;
        const part = busy ? "busy" : review ? "review" : selection ? "selection" : "idle";
        for (const element of document.querySelectorAll("[data-context]"))
            element.hidden = element.dataset.context !== part;
        if (busy) this.#showBusy(busy);
        else if (review) this.#showReview(review);
        else if (selection) this.#showSelection(selection);
        else this.#showIdle();
    }

    #showBusy({ label, progress }) {
        find("#busy-text").textContent = `${label} …`;
        const bar = find("#progress");
        if (progress === null) bar.removeAttribute("value");
        else bar.value = progress;
    }

    #showReview({ label, pieces, index, nats }) {
        const known = Number.isFinite(nats[index]);
        const text = find("#review-text");
        text.textContent = label + (known ? ` · surprise ${nats[index].toFixed(2)}` : "");
        text.title = known ? "Nats per frame: lower means that the model finds the new notes more usual" : "";
        const choices = find("#choices");
        if (choices.children.length !== pieces.length) {
            const buttons = pieces.map((_, i) => {
                const button = make(
                    "button",
                    { type: "button", class: "choice", "aria-label": `Variation ${i + 1}` },
                    String(i + 1),
                );
                button.addEventListener("click", () => this.#workspace.showVariation(i));
                return button;
            });
            choices.replaceChildren(...buttons);
        }
        [...choices.children].forEach((button, i) =>
            button.setAttribute("aria-pressed", String(i === index)),
        );
    }

    #showSelection(selection) {
        const { preset } = this.#workspace;
        const notes = this.#workspace.chosenNotes().length;
        const region = capitalized(regionText(preset, selection));
        find("#selection-text").textContent = `${region} · ${count(notes, "note")}`;
    }

    #showIdle() {
        const { piece, tool } = this.#workspace;
        const texts = {
            draw: "Press to draw a note, drag for its length. Drag notes to move them, their ends to lengthen them.",
            erase: "Press or drag over notes to erase them.",
            lock: "Press notes to lock or unlock them. The model leaves locked notes as they are.",
        };
        const locks = hasLocks(piece);
        const unlock = find("[data-context=idle] [data-command=unlock-all]");
        if (!locks && unlock === document.activeElement) find("#roll").focus();
        unlock.hidden = !locks;
        const select = locks
            ? "Fill leaves locked notes as they are. Harmonize adds voices below."
            : notesOf(piece.roll).length
              ? "Drag over the roll to select what Fill rewrites."
              : "Draw a melody, then let the model harmonize or continue it.";
        find("#idle-text").textContent = texts[tool] ?? select;
    }
}
