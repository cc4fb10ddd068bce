// SPDX-License-Identifier: MIT
// Undo and redo without limit. Every step is kept as text (piece_text.js), a few hundred bytes for eight
// bars.
import { pieceToText, textToPiece } from "./piece_text.js";

export class History {
    /** @param piece the piece to begin with */
    constructor(piece) {
        this.current = piece;
        this.text = pieceToText(piece);
        this.before = []; // { text, label }: the text to go back to, and what was done after it
        this.after = [];
    }

    /** Makes a piece the current one. False, and no step, if nothing about it is new. */
    push(piece, label) {
        const text = pieceToText(piece);
        if (text === this.text) {
            this.current = piece;
            return false;
        }
        this.before.push({ text: this.text, label });
        this.after.length = 0;
        this.current = piece;
        this.text = text;
        return true;
    }

    /** Goes one step back. The label of what was undone, or null if there is nothing. */
    undo() {
        return this.#step(this.before, this.after);
    }

    redo() {
        return this.#step(this.after, this.before);
    }

    #step(from, to) {
        const step = from.pop();
        if (!step) return null;
        to.push({ text: this.text, label: step.label });
        this.current = textToPiece(step.text);
        this.text = step.text;
        return step.label;
    }
}
