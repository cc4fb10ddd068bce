// SPDX-License-Identifier: MIT
// What the page works on: the piece with its history, the selection, the tool, variations under review. The
// parts of the page change it here and listen to topics; they do not call each other.
//
// Topics: "piece" (another piece or roll is shown), "selection", "tool", "review", "busy", "play" (playing
// starts or stops), "cursor".
import { History } from "./history.js";
import { noteAt, notesIn } from "./piece.js";
import { noteId, sameRoll } from "./roll.js";

export class Workspace {
    #listeners = new Map();
    #history;
    #isBlank = true; // until the first piece there is nothing to undo
    #preview = null; // a piece shown during a drag or a slider's motion, not yet a step of undo

    /** @param preset the model's { low, high, framesPerBar, stepsPerQuarter, secondsPerFrame, windowFrames }
     */
    constructor(preset, piece) {
        this.preset = preset;
        this.#history = new History(piece);
        this.origin = piece.roll; // what the distance is measured from: the roll as last made or opened
        this.selection = null; // { from, to, low, high, only? }: see select
        this.cursor = { frame: 0, key: Math.round((preset.low + preset.high) / 2), shown: false };
        this.tool = "select";
        this.review = null; // { kind, label, region, pieces, nats, index }
        this.busy = null; // { label, progress }
        this.noteFrames = Math.max(1, preset.stepsPerQuarter || Math.round(preset.framesPerBar / 8)); // of a drawn note
    }

    on(topic, listener) {
        for (const name of topic.split(" ")) {
            if (!this.#listeners.has(name)) this.#listeners.set(name, []);
            this.#listeners.get(name).push(listener);
        }
    }

    emit(topic) {
        for (const listener of this.#listeners.get(topic) ?? []) listener();
    }

    /** The piece that is shown: a variation, a preview, or the current piece. */
    get piece() {
        if (this.#preview) return this.#preview;
        return this.review ? this.review.pieces[this.review.index] : this.#history.current;
    }

    /** The current piece, without variations and previews. */
    get settled() {
        return this.#history.current;
    }

    /** Shows a piece without a step of undo, until `commit` or `cancelPreview`. Accepts a variation under
     *  review. */
    preview(piece) {
        this.accept();
        this.#preview = piece;
        this.emit("piece");
    }

    cancelPreview() {
        if (!this.#preview) return;
        this.#preview = null;
        this.emit("piece");
    }

    /** Makes a piece (or else the preview) the current one, as one step of undo. */
    commit(label, piece = this.#preview) {
        this.accept();
        this.#preview = null;
        if (piece) this.#history.push(piece, label);
        this.#clipSelection();
        this.emit("piece");
    }

    /** As `commit`, and distances are measured from here. */
    load(label, piece) {
        this.discard();
        this.origin = piece.roll;
        const span = piece.sliders?.span; // what the sliders change is selected, so that they show their values
        this.selection = span ? { ...span, low: this.preset.low, high: this.preset.high } : null;
        if (this.#isBlank) this.#history = new History(piece);
        this.#isBlank = false;
        this.commit(label, piece);
        this.emit("selection");
    }

    /** A change of the shown piece: a function from piece to piece. */
    edit(label, change) {
        this.commit(label, change(this.piece));
    }

    get canUndo() {
        return this.review !== null || this.#history.before.length > 0;
    }

    get canRedo() {
        return this.review === null && this.#history.after.length > 0;
    }

    /** What was undone, in words, or null. Variations under review are discarded first. */
    undo() {
        if (this.review) return this.discard();
        this.#preview = null;
        return this.#after(this.#history.undo());
    }

    redo() {
        if (this.review) return null;
        this.#preview = null;
        return this.#after(this.#history.redo());
    }

    #after(label) {
        if (label !== null) {
            this.#clipSelection();
            this.emit("piece");
        }
        return label;
    }

    /** Shows variations of the current piece for review: { kind, label, region, pieces, nats }. */
    startReview(review) {
        this.#preview = null;
        this.review = { ...review, index: 0 };
        this.emit("review");
        this.emit("piece");
    }

    showVariation(index) {
        if (!this.review || index < 0 || index >= this.review.pieces.length) return;
        this.review.index = index;
        this.emit("review");
        this.emit("piece");
    }

    /** The variation that is shown becomes the piece. */
    accept() {
        if (!this.review) return;
        const { pieces, index, label } = this.review;
        this.review = null;
        this.#history.push(pieces[index], label);
        this.#clipSelection();
        this.emit("review");
        this.emit("piece");
    }

    /** The label of the variations that were dropped, or null. */
    discard() {
        if (!this.review) return null;
        const { label } = this.review;
        this.review = null;
        this.emit("review");
        this.emit("piece");
        return label;
    }

    /** Selects a region { from, to, low, high } (frames from .. to - 1), or nothing (null). With `notes`, commands
     *  for notes act on these alone, although others lie in the region: a group moved over others stays a group. */
    select(region, notes = null) {
        this.selection = region && { ...region, only: notes && new Set(notes.map(noteId)) };
        this.emit("selection");
    }

    #clipSelection() {
        if (!this.selection) return;
        const to = Math.min(this.selection.to, this.piece.roll.frames);
        this.selection = this.selection.from < to ? { ...this.selection, to } : null;
        this.emit("selection");
    }

    setTool(tool) {
        this.tool = tool;
        this.emit("tool");
    }

    setBusy(busy) {
        this.busy = busy;
        this.emit("busy");
    }

    /** The notes that commands act on: those in the selection, else the one under the keyboard's cursor. */
    chosenNotes() {
        if (this.selection) {
            const inside = notesIn(this.piece.roll, this.selection);
            const group = inside.filter((note) => this.selection.only?.has(noteId(note)));
            return group.length ? group : inside;
        }
        const note = this.cursor.shown && noteAt(this.piece.roll, this.cursor.frame, this.cursor.key);
        return note ? [note] : [];
    }

    /** Whether the roll is as it was made, opened or taken from the kept pieces. */
    get isUnchanged() {
        return sameRoll(this.origin, this.piece.roll);
    }
}
