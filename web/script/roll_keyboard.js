// SPDX-License-Identifier: MIT
// Editing the roll by keyboard: a cursor that moves over frames and keys and says what is there.
import {
    isLocked,
    noteAt,
    notesIn,
    possibleMove,
    regionOf,
    withLengthened,
    withLocks,
    withMoved,
    withNotes,
    withoutNotes,
} from "./piece.js";
import { count, lengthText, positionText, regionText, spokenKey, timeUnits } from "./music.js";
import { keysAt, notesOf } from "./roll.js";
import { say, show } from "./messages.js";

export class RollKeyboard {
    #workspace;
    #roll;
    #player;
    #sound;
    #anchor = null; // the corner from which Shift and arrows select
    #clipboard = null; // { notes, from }

    constructor(workspace, roll, player, sound) {
        this.#workspace = workspace;
        this.#roll = roll;
        this.#player = player;
        this.#sound = sound;
        roll.canvas.addEventListener("focus", () => {
            if (!roll.canvas.matches(":focus-visible")) return;
            workspace.cursor.shown = true;
            workspace.cursor.frame = Math.min(
                workspace.cursor.frame,
                Math.max(0, workspace.piece.roll.frames - 1),
            );
            workspace.emit("cursor");
        });
        roll.canvas.addEventListener("blur", () => roll.redraw());
    }

    get units() {
        return timeUnits(this.#workspace.preset);
    }

    /** Moves the cursor by frames and keys; `extend` selects from where it was. */
    move(frames, keys, extend = false) {
        const { cursor, piece } = this.#workspace;
        const { low, high } = this.#roll.geometry;
        if (extend) this.#anchor ??= { frame: cursor.frame, key: cursor.key };
        else this.#anchor = null;
        cursor.frame = Math.max(0, Math.min(piece.roll.frames - 1, cursor.frame + frames));
        cursor.key = Math.max(low, Math.min(high, cursor.key + keys));
        cursor.shown = true;
        this.#workspace.select(extend ? this.#selected() : null);
        if (extend && !this.#player.playing) this.#player.setStart(this.#workspace.selection.from);
        this.#roll.geometry.reveal(cursor.frame, cursor.key);
        this.#workspace.emit("cursor");
        say(extend ? this.#describeSelection() : this.describeCell());
    }

    /** Playing will begin at the cursor. */
    placePlayhead() {
        const { cursor, preset } = this.#workspace;
        this.#player.setStart(cursor.frame);
        say(`Playhead at ${positionText(preset, cursor.frame)}.`);
    }

    /** Moves the cursor to the beginning or the end of the piece. */
    moveToEnd(end) {
        this.move(end ? this.#workspace.piece.roll.frames : -this.#workspace.piece.roll.frames, 0);
    }

    #selected() {
        const { cursor } = this.#workspace;
        const anchor = this.#anchor;
        return {
            from: Math.min(anchor.frame, cursor.frame),
            to: Math.max(anchor.frame, cursor.frame) + 1,
            low: Math.min(anchor.key, cursor.key),
            high: Math.max(anchor.key, cursor.key),
        };
    }

    #describeSelection() {
        const { selection, preset, piece } = this.#workspace;
        return `${regionText(preset, selection)}, ${count(notesIn(piece.roll, selection).length, "note")}`;
    }

    /** "C 4, bar 1, beat 2: note of half a bar, locked". */
    describeCell() {
        const { cursor, piece, preset } = this.#workspace;
        const place = `${spokenKey(cursor.key)}, ${positionText(preset, cursor.frame)}`;
        const note = noteAt(piece.roll, cursor.frame, cursor.key);
        if (!note) return place;
        const state = note.begin === cursor.frame ? "note begins" : "note goes on";
        const locked = isLocked(piece, note) ? ", locked" : "";
        return `${place}: ${state}, ${count(note.end - note.begin, "frame")} long${locked}`;
    }

    /** Says what the piece is and what sounds at the cursor. */
    describe() {
        const { cursor, piece, preset } = this.#workspace;
        const notes = notesOf(piece.roll);
        const range = regionOf(notes);
        const keys = keysAt(piece.roll, cursor.frame);
        const extent = range ? ` from ${spokenKey(range.low)} to ${spokenKey(range.high)}` : "";
        const here = keys.length ? keys.map(spokenKey).join(", ") : "nothing";
        const size = `${lengthText(preset, piece.roll.frames)}, ${count(notes.length, "note")}${extent}`;
        show(`${piece.title || "Untitled"}: ${size}. At ${positionText(preset, cursor.frame)}: ${here}.`);
    }

    /** Writes a note at the cursor, or deletes the one that is there. */
    toggleNote() {
        const { cursor, piece, noteFrames } = this.#workspace;
        const note = noteAt(piece.roll, cursor.frame, cursor.key);
        if (note) {
            this.#workspace.edit("delete note", (before) => withoutNotes(before, [note]));
            return say(`Deleted ${spokenKey(note.key)}.`);
        }
        const end = Math.min(piece.roll.frames, cursor.frame + noteFrames);
        this.#workspace.edit("draw note", (before) =>
            withNotes(before, [{ key: cursor.key, begin: cursor.frame, end, locked: false }]),
        );
        this.#hear(cursor.key);
        return say(`Wrote ${this.describeCell()}.`);
    }

    /** Moves the chosen notes. */
    moveNotes(frames, keys) {
        const { piece, selection, cursor } = this.#workspace;
        const notes = this.#workspace.chosenNotes();
        if (!notes.length) return say("No note is chosen.");
        const { low, high } = this.#roll.geometry;
        const step = possibleMove(piece, notes, frames, keys, low, high);
        if (!step.frames && !step.keys) return say("The notes cannot move further.");
        this.#workspace.edit(`move ${count(notes.length, "note")}`, (before) =>
            withMoved(before, notes, step.frames, step.keys),
        );
        cursor.frame += step.frames;
        cursor.key += step.keys;
        const moved = notes.map(({ key, begin, end }) => ({
            key: key + step.keys,
            begin: begin + step.frames,
            end: end + step.frames,
        }));
        if (selection) this.#workspace.select(regionOf(moved), moved);
        if (notes.length > 1) return say(`Moved ${count(notes.length, "note")}.`);
        const key = notes[0].key + step.keys;
        if (step.keys) this.#hear(key);
        return say(
            `Moved to ${spokenKey(key)}, ${positionText(this.#workspace.preset, notes[0].begin + step.frames)}.`,
        );
    }

    #hear(key) {
        this.#sound.touch(key).catch((error) => say(`No sound: ${error.message}`));
    }

    lengthenNotes(frames) {
        const notes = this.#workspace.chosenNotes();
        if (!notes.length) return say("No note is chosen.");
        this.#workspace.edit(frames > 0 ? "lengthen notes" : "shorten notes", (piece) =>
            withLengthened(piece, notes, frames),
        );
        if (notes.length === 1)
            this.#workspace.noteFrames = Math.max(1, notes[0].end - notes[0].begin + frames);
        return say(
            notes.length === 1
                ? this.describeCell()
                : `${frames > 0 ? "Lengthened" : "Shortened"} ${count(notes.length, "note")}.`,
        );
    }

    deleteNotes() {
        const notes = this.#workspace.chosenNotes();
        if (!notes.length) return say("No note is chosen.");
        const label = `delete ${count(notes.length, "note")}`;
        this.#workspace.edit(label, (piece) => withoutNotes(piece, notes));
        return say(`Deleted ${count(notes.length, "note")}.`);
    }

    /** Whether the chosen notes are all locked. */
    get allLocked() {
        const notes = this.#workspace.chosenNotes();
        return notes.length > 0 && notes.every((note) => isLocked(this.#workspace.piece, note));
    }

    toggleLocks() {
        const notes = this.#workspace.chosenNotes();
        if (!notes.length) return say("No note is chosen.");
        const on = !this.allLocked;
        this.#workspace.edit(on ? "lock notes" : "unlock notes", (piece) => withLocks(piece, notes, on));
        return say(`${on ? "Locked" : "Unlocked"} ${count(notes.length, "note")}.`);
    }

    copy() {
        const { piece, selection } = this.#workspace;
        const notes = this.#workspace.chosenNotes();
        if (!notes.length) return say("No note is chosen.");
        const from = selection ? Math.min(selection.from, notes[0].begin) : notes[0].begin;
        this.#clipboard = { from, notes: notes.map((note) => ({ ...note, locked: isLocked(piece, note) })) };
        return show(`Copied ${count(notes.length, "note")}. Paste puts them at the playhead.`);
    }

    cut() {
        this.copy();
        this.deleteNotes();
    }

    get canPaste() {
        return this.#clipboard !== null;
    }

    /** Writes the copied notes from the playhead on. */
    paste() {
        if (!this.#clipboard) return say("Nothing was copied.");
        const at = this.#player.start;
        const notes = this.#clipboard.notes.map((note) => ({
            ...note,
            begin: note.begin - this.#clipboard.from + at,
            end: note.end - this.#clipboard.from + at,
        }));
        const { frames } = this.#workspace.piece.roll;
        const inside = notes.filter((note) => note.begin >= 0 && note.begin < frames);
        if (!inside.length) return say("There is no room after the playhead.");
        this.#workspace.edit(`paste ${count(inside.length, "note")}`, (piece) => withNotes(piece, inside));
        const region = regionOf(inside);
        this.#workspace.select({ ...region, to: Math.min(frames, region.to) });
        return say(`Pasted ${count(inside.length, "note")} at ${positionText(this.#workspace.preset, at)}.`);
    }
}
