// SPDX-License-Identifier: MIT
// The piano roll on the screen: two canvases, one with the piece, one above it with what moves (selection,
// cursor, playhead). Each is drawn at most once a frame of the screen, and only after something changed.
import { isLocked, notesIn } from "./piece.js";
import { noteId, notesOf } from "./roll.js";
import { paintGrid, paintKeys, paintNotes, paintRuler, rollColours } from "./roll_paint.js";
import { onThemeChange, textScale } from "./theme.js";
import { RollGeometry } from "./roll_geometry.js";
import { find } from "./dom.js";

const KEY_STRIP = 52;
const RULER = 26;

export class RollCanvas {
    #workspace;
    #player;
    #base = find("#roll-base");
    #colours = rollColours();
    #dirty = { base: true, over: true };
    #scheduled = false;
    #changes = { review: null, index: -1, fresh: null, gone: [] };

    constructor(workspace, player) {
        this.#workspace = workspace;
        this.#player = player;
        this.canvas = find("#roll");
        this.geometry = new RollGeometry();
        this.band = null; // a rectangle being dragged: { from, to, low, high }
        this.pressed = new Set(); // keys pressed on the strip
        this.onDraw = null; // called after the base was drawn: the overview follows it
        new ResizeObserver(() => this.#resize()).observe(find("#stage"));
        onThemeChange(() => {
            this.#colours = rollColours();
            this.redraw();
        });
        workspace.on("piece review", () => this.#fitRange());
        workspace.on("selection cursor play", () => this.redraw());
    }

    /** Shows a new piece from its beginning. */
    fit(whole = false) {
        this.#fitRange();
        this.geometry.fitFrames(whole);
        this.redraw();
    }

    redraw() {
        this.#dirty.base = true;
        this.redrawOverlay();
    }

    redrawOverlay() {
        this.#dirty.over = true;
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => this.#draw());
    }

    /** The model's keys, and more if the piece has notes outside. */
    #fitRange() {
        const { preset, piece } = this.#workspace;
        let { low, high } = preset;
        for (const { key } of notesOf(piece.roll)) {
            low = Math.min(low, key);
            high = Math.max(high, key);
        }
        this.geometry.setRange(low, high, piece.roll.frames);
        this.redraw();
    }

    #resize() {
        const stage = find("#stage");
        const scale = textScale();
        const first = this.geometry.width === 0;
        this.geometry.setSize(stage.clientWidth, stage.clientHeight, KEY_STRIP * scale, RULER * scale);
        if (first) this.geometry.fitFrames();
        this.redraw();
        this.#draw(); // now: the browser has just cleared the stretched canvas
    }

    #prepare(canvas) {
        const ratio = devicePixelRatio || 1;
        const { width, height } = this.geometry;
        const wide = Math.round(width * ratio);
        const high = Math.round(height * ratio);
        if (canvas.width !== wide) canvas.width = wide;
        if (canvas.height !== high) canvas.height = high;
        const context = canvas.getContext("2d");
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        return context;
    }

    #draw() {
        this.#scheduled = false;
        if (this.geometry.width === 0) return;
        if (this.#dirty.base) this.#drawBase();
        if (this.#dirty.over) this.#drawOverlay();
        this.#dirty = { base: false, over: false };
        if (this.#player.playing) this.#follow();
    }

    #drawBase() {
        const context = this.#prepare(this.#base);
        const { geometry } = this;
        const { preset, piece } = this.#workspace;
        const scale = textScale();
        paintGrid(context, geometry, this.#colours, preset);
        const region = { from: geometry.scrollX, to: geometry.frameAt(geometry.width), low: 0, high: 127 };
        this.#updateChanges();
        if (this.#changes.fresh) this.#drawGone(context);
        paintNotes(context, geometry, this.#colours, notesIn(piece.roll, region), this.#look(), scale);
        paintRuler(context, geometry, this.#colours, preset, scale);
        this.onDraw?.();
    }

    /** How notes look: under review, those that stay are pale; the chosen have an outline. */
    #look() {
        const { piece } = this.#workspace;
        const chosen = new Set(this.#workspace.chosenNotes());
        const { fresh } = this.#changes;
        return (note) => ({
            alpha: fresh && !fresh.has(noteId(note)) ? 0.35 : 1,
            locked: isLocked(piece, note),
            chosen: !fresh && chosen.has(note),
        });
    }

    #updateChanges() {
        const { review, settled } = this.#workspace;
        const index = review?.index ?? -1;
        if (this.#changes.review === review && this.#changes.index === index) return;
        this.#changes = { review, index, fresh: null, gone: [] };
        if (!review) return;
        const before = new Set(notesOf(settled.roll).map(noteId));
        const now = new Set(notesOf(review.pieces[index].roll).map(noteId));
        this.#changes.fresh = new Set([...now].filter((id) => !before.has(id)));
        this.#changes.gone = notesOf(settled.roll).filter((note) => !now.has(noteId(note)));
    }

    /** Outlines of the notes that the variation takes away. */
    #drawGone(context) {
        const { geometry } = this;
        context.strokeStyle = this.#colours["grid-bar"];
        context.lineWidth = 1;
        context.setLineDash([3, 3]);
        for (const note of this.#changes.gone) {
            const x = geometry.x(note.begin);
            const right = geometry.x(note.end);
            if (right < geometry.left || x > geometry.width) continue;
            const from = Math.max(x, geometry.left);
            context.strokeRect(from + 0.5, geometry.y(note.key) + 1.5, right - from - 2, geometry.scaleY - 3);
        }
        context.setLineDash([]);
    }

    #drawOverlay() {
        const context = this.#prepare(this.canvas);
        const { geometry } = this;
        const lit = new Set([...this.#player.keys, ...this.pressed]);
        context.save();
        context.beginPath();
        context.rect(geometry.left, 0, geometry.width - geometry.left, geometry.height);
        context.clip();
        const region = this.band ?? this.#workspace.review?.region ?? this.#workspace.selection;
        if (region) this.#drawRegion(context, region);
        this.#drawCursor(context);
        this.#drawPlayhead(context);
        context.restore();
        paintKeys(context, geometry, this.#colours, lit, textScale());
    }

    #drawRegion(context, region) {
        const { geometry } = this;
        const whole =
            region.from === 0 &&
            region.to >= geometry.frames &&
            region.high - region.low + 1 >= geometry.keys;
        if (whole && this.#workspace.review) return;
        const x = geometry.x(region.from);
        const y = Math.max(geometry.top, geometry.y(region.high));
        const width = geometry.x(region.to) - x;
        const height = Math.min(geometry.height, geometry.y(region.low) + geometry.scaleY) - y;
        context.fillStyle = this.#colours.accent;
        context.globalAlpha = 0.1;
        context.fillRect(x, y, width, height);
        context.fillRect(x, 0, width, geometry.top);
        context.globalAlpha = 0.8;
        context.strokeStyle = this.#colours.accent;
        context.lineWidth = 1.5;
        context.strokeRect(x + 0.75, y + 0.75, width - 1.5, height - 1.5);
        context.globalAlpha = 1;
    }

    #drawCursor(context) {
        const { cursor } = this.#workspace;
        if (!cursor.shown || document.activeElement !== this.canvas) return;
        const { geometry } = this;
        context.strokeStyle = this.#colours.ink;
        context.lineWidth = 2;
        context.strokeRect(
            geometry.x(cursor.frame),
            geometry.y(cursor.key),
            Math.max(4, geometry.scaleX),
            geometry.scaleY,
        );
    }

    #drawPlayhead(context) {
        const { geometry } = this;
        const x = geometry.x(this.#player.position);
        const scale = textScale();
        context.fillStyle = this.#colours.accent;
        context.globalAlpha = this.#player.playing ? 1 : 0.75;
        context.fillRect(x - 0.75, geometry.top - 2, 1.5, geometry.height - geometry.top + 2);
        context.beginPath();
        context.moveTo(x - 5.5 * scale, geometry.top - 10 * scale);
        context.lineTo(x + 5.5 * scale, geometry.top - 10 * scale);
        context.lineTo(x + 5.5 * scale, geometry.top - 6 * scale);
        context.lineTo(x, geometry.top);
        context.lineTo(x - 5.5 * scale, geometry.top - 6 * scale);
        context.fill();
        context.globalAlpha = 1;
    }

    /** While playing: scrolls by a page when the playhead leaves the view. */
    #follow() {
        const { geometry } = this;
        const frame = this.#player.position;
        const inside = frame >= geometry.scrollX && frame <= geometry.scrollX + geometry.visibleFrames * 0.96;
        if (!inside && !this.band) {
            geometry.scrollX = frame - geometry.visibleFrames * 0.05;
            geometry.clamp();
            this.#dirty.base = true;
        }
        this.redrawOverlay();
    }
}
