// SPDX-License-Identifier: MIT
// The whole piece as a picture to download: rows of eight bars, drawn by the same code as the screen.
import { timeUnits } from "./music.js";
import { isLocked, notesIn } from "./piece.js";
import { notesOf } from "./roll.js";
import { font, paintGrid, paintKeys, paintNotes, paintRuler, rollColours } from "./roll_paint.js";
import { RollGeometry } from "./roll_geometry.js";

const WIDTH = 1600; // CSS pixels; two of the picture's pixels each
const RATIO = 2;
const MARGIN = 40;
const TITLE = 64;
const GAP = 28;
const KEY_HEIGHT = 9;
const BARS_A_ROW = 8;
const PIXELS_MAX = 16384; // of a side: what every browser's canvas can hold

/** A canvas with the picture. Throws an error with a sentence if the piece is too long for one picture. */
export function paintPicture(piece, preset) {
    const colours = rollColours();
    const { low, high } = usedKeys(piece, preset);
    const frames = Math.max(1, piece.roll.frames);
    const perRow = Math.min(frames, BARS_A_ROW * timeUnits(preset).bar);
    const rows = Math.ceil(frames / perRow);
    const rowHeight = 26 + (high - low + 1) * KEY_HEIGHT;
    const height = MARGIN + TITLE + rows * (rowHeight + GAP) - GAP + MARGIN;
    if (height * RATIO > PIXELS_MAX) {
        const most =
            Math.floor((PIXELS_MAX / RATIO - 2 * MARGIN - TITLE + GAP) / (rowHeight + GAP)) * BARS_A_ROW;
        throw new Error(
            `the piece is too long for one picture; the limit is about ${most} ${timeUnits(preset).barName}s`,
        );
    }
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH * RATIO;
    canvas.height = Math.ceil(height * RATIO);
    const context = canvas.getContext("2d");
    context.scale(RATIO, RATIO);
    context.fillStyle = colours.panel;
    context.fillRect(0, 0, WIDTH, height);
    context.fillStyle = colours.ink;
    context.font = font(22, 600);
    context.textBaseline = "middle";
    context.fillText(piece.title || "Untitled", MARGIN, MARGIN + TITLE / 3, WIDTH - 2 * MARGIN);
    for (let row = 0; row < rows; row++) {
        context.save();
        context.translate(MARGIN, MARGIN + TITLE + row * (rowHeight + GAP));
        paintRow(context, piece, preset, colours, {
            low,
            high,
            from: row * perRow,
            perRow,
            height: rowHeight,
        });
        context.restore();
    }
    return canvas;
}

function usedKeys(piece, preset) {
    let low = 127;
    let high = 0;
    for (const { key } of notesOf(piece.roll)) {
        low = Math.min(low, key);
        high = Math.max(high, key);
    }
    if (low > high) return { low: preset.low, high: preset.high };
    return { low: Math.max(0, low - 2), high: Math.min(127, high + 2) };
}

function paintRow(context, piece, preset, colours, { low, high, from, perRow, height }) {
    const width = WIDTH - 2 * MARGIN;
    const geometry = new RollGeometry();
    Object.assign(geometry, {
        width,
        height,
        left: 52,
        top: 26,
        low,
        high,
        frames: piece.roll.frames,
        scaleY: KEY_HEIGHT,
    });
    geometry.scaleX = (width - geometry.left) / perRow;
    geometry.scrollX = from;
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    paintGrid(context, geometry, colours, preset);
    const notes = notesIn(piece.roll, { from, to: from + perRow, low: 0, high: 127 });
    paintNotes(context, geometry, colours, notes, (note) => ({
        alpha: 1,
        locked: isLocked(piece, note),
        chosen: false,
    }));
    paintRuler(context, geometry, colours, preset);
    paintKeys(context, geometry, colours, new Set());
}
