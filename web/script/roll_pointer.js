// SPDX-License-Identifier: MIT
// Mouse, pen and touch on the roll. One pointer uses the tool; two move and zoom the view; the wheel scrolls.
//
// Every press begins a gesture { move(point), end(point), click(point), cancel() }; edits are previews until
// the end, so that one gesture is one step of undo and can be taken back by a second finger or Escape.
import {
    isLocked,
    noteAt,
    possibleMove,
    regionOf,
    withLengthened,
    withLocks,
    withMoved,
    withNotes,
    withoutNotes,
} from "./piece.js";
import { count, timeUnits } from "./music.js";

const DRAG_PIXELS = 4; // less is a click
const DOUBLE_MS = 350;
const WHEEL_ZOOM = 0.0022;

export class RollPointer {
    #workspace;
    #roll;
    #player;
    #sound;
    #pointers = new Map();
    #gesture = null;
    #pinch = null;
    #lastTap = { time: 0, frame: -1, key: -1 };

    constructor(workspace, roll, player, sound) {
        this.#workspace = workspace;
        this.#roll = roll;
        this.#player = player;
        this.#sound = sound;
        this.onError = null; // called when a tone cannot be made
        const { canvas } = roll;
        canvas.addEventListener("pointerdown", (event) => this.#down(event));
        canvas.addEventListener("pointermove", (event) => this.#move(event));
        canvas.addEventListener("pointerup", (event) => this.#up(event));
        canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
        canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    }

    /** Ends a gesture without its effect. True if there was one. */
    abort() {
        if (!this.#gesture) return false;
        this.#gesture.cancel?.();
        this.#gesture = null;
        this.#roll.band = null;
        this.#roll.redraw();
        return true;
    }

    #point(event) {
        const box = this.#roll.canvas.getBoundingClientRect();
        const x = event.clientX - box.left;
        const y = event.clientY - box.top;
        const { geometry } = this.#roll;
        return {
            x,
            y,
            time: geometry.frameAt(x),
            frame: Math.floor(geometry.frameAt(x)),
            key: geometry.keyAt(y),
            touch: event.pointerType === "touch",
            extend: event.shiftKey,
            zone: x < geometry.left ? "keys" : y < geometry.top ? "ruler" : "grid",
        };
    }

    #down(event) {
        if (event.button !== 0) return;
        this.#roll.canvas.focus({ preventScroll: true });
        this.#roll.canvas.setPointerCapture(event.pointerId);
        this.#workspace.cursor.shown = false;
        const point = this.#point(event);
        this.#pointers.set(event.pointerId, point);
        if (this.#pointers.size === 2) {
            this.abort();
            this.#pinch = [...this.#pointers.values()];
            return;
        }
        if (this.#pointers.size > 2) return;
        this.#gesture = this.#begin(point);
        this.#gesture.start = point;
        this.#gesture.dragged = false;
    }

    #begin(point) {
        if (point.zone === "keys") return this.#playKeys(point);
        if (point.zone === "ruler") return this.#selectTime(point);
        const note = noteAt(this.#workspace.piece.roll, point.frame, point.key);
        if (this.#workspace.tool === "erase") return this.#erase(point);
        if (this.#workspace.tool === "lock") return this.#lock(point);
        if (note)
            return this.#nearEnd(point, note) ? this.#lengthen(point, note) : this.#moveNotes(point, note);
        return this.#workspace.tool === "draw" ? this.#draw(point) : this.#selectRegion(point);
    }

    /** Whether a point is on the handle at a note's end: a part of the note, at most a few pixels. */
    #nearEnd(point, note) {
        const { geometry } = this.#roll;
        const width = (note.end - note.begin) * geometry.scaleX;
        return geometry.x(note.end) - point.x < Math.min(point.touch ? 16 : 8, width / 3);
    }

    #move(event) {
        const point = this.#point(event);
        if (this.#pointers.has(event.pointerId)) this.#pointers.set(event.pointerId, point);
        if (this.#pinch) return this.#moveView();
        if (!this.#gesture) return this.#hover(point);
        const { start } = this.#gesture;
        if (Math.hypot(point.x - start.x, point.y - start.y) > DRAG_PIXELS) this.#gesture.dragged = true;
        if (this.#gesture.dragged) {
            this.#scrollAtEdge(point);
            this.#gesture.move?.(point);
            this.#roll.redraw();
        }
    }

    #up(event) {
        const point = this.#point(event);
        this.#pointers.delete(event.pointerId);
        if (this.#pinch) {
            if (this.#pointers.size === 0) this.#pinch = null;
            return;
        }
        const gesture = this.#gesture;
        this.#gesture = null;
        if (!gesture) return;
        if (gesture.dragged) gesture.end?.(point);
        else gesture.click?.(point);
        this.#roll.band = null;
        this.#roll.redraw();
    }

    #cancel(event) {
        this.#pointers.delete(event.pointerId);
        if (this.#pointers.size === 0) this.#pinch = null;
        this.abort();
    }

    #hover(point) {
        const { canvas } = this.#roll;
        if (point.zone !== "grid") {
            canvas.style.cursor = point.zone === "keys" ? "pointer" : "col-resize";
            return;
        }
        const note = noteAt(this.#workspace.piece.roll, point.frame, point.key);
        const { tool } = this.#workspace;
        if (tool === "erase" || tool === "lock") canvas.style.cursor = note ? "pointer" : "default";
        else if (note) canvas.style.cursor = this.#nearEnd(point, note) ? "ew-resize" : "grab";
        else canvas.style.cursor = tool === "draw" ? "crosshair" : "default";
    }

    #scrollAtEdge(point) {
        const { geometry } = this.#roll;
        if (point.zone === "keys" && this.#gesture.start.zone === "keys") return;
        const right = point.x - geometry.width;
        const left = point.x - geometry.left;
        if (right > 0) geometry.scrollBy(Math.min(right, 24), 0);
        else if (left < 0) geometry.scrollBy(Math.max(left, -24), 0);
        if (this.#gesture.start.zone === "ruler") return;
        if (point.y > geometry.height) geometry.scrollBy(0, 6);
        else if (point.y < geometry.top) geometry.scrollBy(0, -6);
    }

    #moveView() {
        if (this.#pointers.size < 2) return;
        const [a, b] = this.#pinch;
        const [c, d] = this.#pointers.values();
        const { geometry } = this.#roll;
        const before = Math.max(20, Math.abs(a.x - b.x));
        const now = Math.max(20, Math.abs(c.x - d.x));
        geometry.zoom(now / before, (c.x + d.x) / 2);
        geometry.scrollBy((a.x + b.x - c.x - d.x) / 2, (a.y + b.y - c.y - d.y) / 2);
        this.#pinch = [c, d];
        this.#roll.redraw();
    }

    #wheel(event) {
        const { geometry } = this.#roll;
        const { scrollX, scrollY, scaleX } = geometry;
        const lines = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1;
        const dx = event.deltaX * lines;
        const dy = event.deltaY * lines;
        if (event.ctrlKey || event.metaKey)
            geometry.zoom(Math.exp(-dy * WHEEL_ZOOM * 2), this.#point(event).x);
        else if (event.shiftKey) geometry.scrollBy(dx || dy, 0);
        else if (geometry.keys * geometry.scaleY <= geometry.height - geometry.top + 1)
            geometry.scrollBy(dx || dy, 0);
        else geometry.scrollBy(dx, dy);
        const moved =
            geometry.scrollX !== scrollX || geometry.scrollY !== scrollY || geometry.scaleX !== scaleX;
        if (!moved && !event.ctrlKey && !event.metaKey) return; // at the edge: the page scrolls, if it can
        event.preventDefault();
        this.#roll.redraw();
    }

    // The gestures.

    #playKeys(point) {
        const press = ({ key }) => {
            if (this.#roll.pressed.has(key) || key < 0 || key > 127) return;
            this.#roll.pressed.clear();
            this.#roll.pressed.add(key);
            this.#hear(key);
            this.#roll.redrawOverlay();
        };
        const release = () => this.#roll.pressed.clear();
        press(point);
        return { move: press, end: release, click: release, cancel: release };
    }

    #hear(key) {
        this.#sound.touch(key).catch((error) => this.onError?.(error));
    }

    /** The nearest line of the ruler that is far enough from the next to be aimed at. */
    #snap(time) {
        const { bar, beat } = timeUnits(this.#workspace.preset);
        const unit = beat * this.#roll.geometry.scaleX >= 24 ? beat : bar;
        return Math.max(0, Math.min(this.#workspace.piece.roll.frames, Math.round(time / unit) * unit));
    }

    #clampFrame(frame) {
        return Math.max(0, Math.min(this.#workspace.piece.roll.frames - 1, frame));
    }

    #clampKey(key) {
        return Math.max(this.#roll.geometry.low, Math.min(this.#roll.geometry.high, key));
    }

    #selectTime(point) {
        const anchor = this.#snap(point.time);
        const { low, high } = this.#roll.geometry;
        const region = ({ time }) => {
            const other = this.#snap(time);
            return other === anchor
                ? null
                : { from: Math.min(anchor, other), to: Math.max(anchor, other), low, high };
        };
        return {
            move: (now) => (this.#roll.band = region(now)),
            end: (now) => {
                const selected = region(now);
                this.#workspace.select(selected);
                if (selected) this.#player.setStart(selected.from);
            },
            click: (now) => this.#player.setStart(this.#clampFrame(this.#snap(now.time))),
        };
    }

    #selectRegion(point) {
        const { selection } = this.#workspace;
        const corner = (at) => ({ frame: this.#clampFrame(at.frame), key: this.#clampKey(at.key) });
        const region = (at) => {
            const a = corner(point);
            const b = corner(at);
            const box = {
                from: Math.min(a.frame, b.frame),
                to: Math.max(a.frame, b.frame) + 1,
                low: Math.min(a.key, b.key),
                high: Math.max(a.key, b.key),
            };
            return point.extend && selection ? union(selection, box) : box;
        };
        return {
            move: (now) => (this.#roll.band = region(now)),
            end: (now) => {
                this.#workspace.select(region(now));
                this.#player.setStart(this.#workspace.selection.from);
            },
            click: (now) => {
                if (this.#isDouble(now)) return this.#writeNote(now);
                this.#workspace.select(null);
                this.#player.setStart(this.#clampFrame(this.#snap(now.time)));
            },
        };
    }

    #isDouble({ frame, key }) {
        const last = this.#lastTap;
        const now = performance.now();
        const double = now - last.time < DOUBLE_MS && last.key === key && Math.abs(last.frame - frame) <= 1;
        this.#lastTap = { time: double ? 0 : now, frame, key };
        return double;
    }

    #noteFrom(frame, key) {
        const { piece, noteFrames } = this.#workspace;
        const begin = this.#clampFrame(frame);
        return { key, begin, end: Math.min(piece.roll.frames, begin + noteFrames), locked: false };
    }

    #writeNote({ frame, key }) {
        this.#workspace.edit("draw note", (piece) => withNotes(piece, [this.#noteFrom(frame, key)]));
        this.#hear(key);
    }

    #draw(point) {
        if (point.frame >= this.#workspace.piece.roll.frames) return {};
        this.#workspace.accept();
        this.#workspace.select(null);
        const before = this.#workspace.piece;
        let note = this.#noteFrom(point.frame, this.#clampKey(point.key));
        const show = () => this.#workspace.preview(withNotes(before, [note]));
        const finish = () => this.#workspace.commit("draw note");
        this.#hear(note.key);
        show();
        return {
            move: (now) => {
                const end = Math.max(note.begin + 1, Math.min(before.roll.frames, Math.ceil(now.time)));
                note = { ...note, end };
                show();
            },
            end: () => {
                this.#workspace.noteFrames = note.end - note.begin;
                finish();
            },
            click: finish,
            cancel: () => this.#workspace.cancelPreview(),
        };
    }

    /** Presses on a note outside the selection choose that note alone (or, with Shift, too). */
    #choose(point, note) {
        const { selection } = this.#workspace;
        const inside = this.#workspace.chosenNotes().includes(note) && selection;
        if (inside && !point.extend) return;
        const own = regionOf([note]);
        this.#workspace.select(point.extend && selection ? union(selection, own) : own);
    }

    #moveNotes(point, note) {
        const double = this.#isDouble(point);
        this.#workspace.accept();
        this.#choose(point, note);
        const before = this.#workspace.piece;
        const { selection } = this.#workspace;
        const notes = this.#workspace.chosenNotes();
        let step = { frames: 0, keys: 0 };
        this.#hear(note.key);
        return {
            move: (now) => {
                const { low, high } = this.#roll.geometry;
                const wanted = possibleMove(
                    before,
                    notes,
                    Math.round(now.time - point.time),
                    now.key - point.key,
                    low,
                    high,
                );
                if (wanted.frames === step.frames && wanted.keys === step.keys) return;
                if (wanted.keys !== step.keys) this.#hear(note.key + wanted.keys);
                step = wanted;
                this.#workspace.preview(withMoved(before, notes, step.frames, step.keys));
                const moved = notes.map((moving) => shiftedNote(moving, step));
                this.#workspace.select(regionOf(moved), moved);
            },
            end: () => this.#workspace.commit(`move ${count(notes.length, "note")}`),
            click: () => {
                if (!double) return this.#player.setStart(note.begin);
                this.#workspace.edit("delete note", (piece) => withoutNotes(piece, [note]));
                this.#workspace.select(null);
            },
            cancel: () => {
                this.#workspace.cancelPreview();
                this.#workspace.select(selection);
            },
        };
    }

    #lengthen(point, note) {
        this.#workspace.accept();
        this.#choose(point, note);
        const before = this.#workspace.piece;
        const notes = this.#workspace.chosenNotes();
        const { selection } = this.#workspace;
        let frames = 0;
        return {
            move: (now) => {
                frames = Math.round(now.time - point.time);
                const after = withLengthened(before, notes, frames);
                this.#workspace.preview(after);
                if (notes.length === 1)
                    this.#workspace.select(
                        regionOf([noteAt(after.roll, note.begin, note.key)].filter(Boolean)) ?? selection,
                    );
            },
            end: () => {
                if (notes.length === 1)
                    this.#workspace.noteFrames = Math.max(1, note.end - note.begin + frames);
                this.#workspace.commit(frames < 0 ? "shorten notes" : "lengthen notes");
            },
            cancel: () => {
                this.#workspace.cancelPreview();
                this.#workspace.select(selection);
            },
        };
    }

    #erase(point) {
        this.#workspace.accept();
        let changed = false;
        const erase = ({ frame, key }) => {
            const { piece } = this.#workspace;
            const note = noteAt(piece.roll, frame, key);
            if (!note) return;
            this.#workspace.preview(withoutNotes(piece, [note]));
            changed = true;
        };
        const finish = () => changed && this.#workspace.commit("erase notes");
        erase(point);
        return { move: erase, end: finish, click: finish, cancel: () => this.#workspace.cancelPreview() };
    }

    #lock(point) {
        this.#workspace.accept();
        let on = null;
        const lock = ({ frame, key }) => {
            const { piece } = this.#workspace;
            const note = noteAt(piece.roll, frame, key);
            if (!note) return;
            on ??= !isLocked(piece, note);
            if (isLocked(piece, note) !== on) this.#workspace.preview(withLocks(piece, [note], on));
        };
        const finish = () => on !== null && this.#workspace.commit(on ? "lock notes" : "unlock notes");
        lock(point);
        return { move: lock, end: finish, click: finish, cancel: () => this.#workspace.cancelPreview() };
    }
}

function union(a, b) {
    return {
        from: Math.min(a.from, b.from),
        to: Math.max(a.to, b.to),
        low: Math.min(a.low, b.low),
        high: Math.max(a.high, b.high),
    };
}

function shiftedNote({ key, begin, end }, step) {
    return { key: key + step.keys, begin: begin + step.frames, end: end + step.frames };
}
