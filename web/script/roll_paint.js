// SPDX-License-Identifier: MIT
// Draws a piano roll: keys, grid, ruler and notes, for the screen and for the picture that is downloaded.
// Only what lies inside the geometry's width and height is drawn.
import { isBlackKey, keyName, timeUnits } from "./music.js";
import { keyColours, themeColour } from "./theme.js";

const NAMES = [
    "roll",
    "roll-black",
    "roll-outside",
    "grid",
    "grid-beat",
    "grid-bar",
    "ink",
    "soft",
    "panel",
    "accent",
    "line",
    "key-white",
    "key-black",
];

/** The colours of the current theme; call this again when it changes. */
export function rollColours() {
    const colours = Object.fromEntries(NAMES.map((name) => [name, themeColour(name)]));
    colours.keys = Array.from({ length: 12 }, (_, key) => keyColours(key));
    return colours;
}

export function font(size, weight = 500) {
    return `${weight} ${size}px Inter, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif`;
}

/** Lanes of the keys and the lines of time. `range`: the model's low and high; keys outside are shaded. */
export function paintGrid(context, geometry, colours, preset) {
    const { left, top, width, height } = geometry;
    const right = Math.min(width, geometry.x(geometry.frames));
    context.fillStyle = colours.roll;
    context.fillRect(left, top, width - left, height - top);
    for (let key = geometry.low; key <= geometry.high; key++) {
        const y = geometry.y(key);
        if (y > height || y + geometry.scaleY < top) continue;
        const outside = key < preset.low || key > preset.high;
        if (outside || isBlackKey(key)) {
            context.fillStyle = outside ? colours["roll-outside"] : colours["roll-black"];
            context.fillRect(left, Math.max(top, y), right - left, geometry.scaleY);
        }
        if (key % 12 === 0 || key % 12 === 5) {
            context.fillStyle = key % 12 === 0 ? colours["grid-beat"] : colours.grid;
            context.fillRect(left, Math.round(y + geometry.scaleY) - 1, right - left, 1);
        }
    }
    paintTimeLines(context, geometry, colours, timeUnits(preset));
    if (right < width) {
        context.fillStyle = colours["roll-outside"];
        context.fillRect(right, top, width - right, height - top);
    }
}

function paintTimeLines(context, geometry, colours, units) {
    const { top, width, height, scaleX } = geometry;
    const step = scaleX >= 14 ? 1 : units.beat * scaleX >= 9 ? units.beat : units.bar;
    const bars = barStep(geometry, units);
    const last = Math.min(geometry.frames, Math.ceil(geometry.frameAt(width)));
    for (let frame = Math.floor(geometry.scrollX / step) * step; frame <= last; frame += step) {
        if (step === units.bar && frame % (bars * units.bar)) continue;
        const bar = frame % units.bar === 0;
        context.fillStyle = bar
            ? colours["grid-bar"]
            : frame % units.beat === 0
              ? colours["grid-beat"]
              : colours.grid;
        const x = Math.round(geometry.x(frame));
        if (x >= geometry.left) context.fillRect(x, top, 1, height - top);
    }
}

/** How many bars apart the numbers of the ruler are, so that they have room. */
function barStep(geometry, units) {
    let step = 1;
    while (step * units.bar * geometry.scaleX < 30) step *= 2;
    return step;
}

/** The ruler's numbers: bars from 1, or seconds from 0. */
export function paintRuler(context, geometry, colours, preset, scale = 1) {
    const { left, top, width } = geometry;
    const units = timeUnits(preset);
    const step = barStep(geometry, units);
    context.fillStyle = colours.panel;
    context.fillRect(0, 0, width, top);
    context.fillStyle = colours.line;
    context.fillRect(0, top - 1, width, 1);
    context.font = font(11 * scale);
    context.textBaseline = "middle";
    context.textAlign = "left";
    const last = Math.min(geometry.frames, geometry.frameAt(width));
    for (
        let bar = Math.floor(geometry.scrollX / units.bar / step) * step;
        bar * units.bar < last;
        bar += step
    ) {
        const x = Math.round(geometry.x(bar * units.bar));
        if (x < left - 8) continue;
        context.fillStyle = colours["grid-bar"];
        context.fillRect(x, top * 0.55, 1, top * 0.45);
        context.fillStyle = colours.soft;
        context.fillText(String(units.inBeats ? bar + 1 : bar), x + 5, top / 2);
    }
}

/** The strip of keys at the left. `lit` keys have the colour of their note. */
export function paintKeys(context, geometry, colours, lit, scale = 1) {
    const { left, top, height, scaleY } = geometry;
    context.save();
    context.beginPath();
    context.rect(0, top, left, height - top);
    context.clip();
    context.fillStyle = colours["key-white"];
    context.fillRect(0, top, left - 1, height - top);
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (let key = geometry.low; key <= geometry.high; key++) {
        const y = geometry.y(key);
        if (y > height || y + scaleY < top) continue;
        const black = isBlackKey(key);
        if (black || lit.has(key)) {
            context.fillStyle = lit.has(key) ? colours.keys[key % 12].fill : colours["key-black"];
            context.fillRect(0, y, black ? left * 0.58 : left - 1, scaleY);
        }
        if (key % 12 === 0 || key % 12 === 5) {
            context.fillStyle = colours["grid-beat"];
            context.fillRect(0, Math.round(y + scaleY) - 1, left - 1, 1);
        }
        if (key % 12 === 0) {
            context.fillStyle = colours.soft;
            context.font = font(Math.min(11 * scale, Math.max(9 * scale, scaleY)));
            context.fillText(keyName(key), left - 7 * scale, y + scaleY / 2);
        }
    }
    context.fillStyle = colours.line;
    context.fillRect(left - 1, top, 1, height - top);
    context.restore();
}

/** Notes { key, begin, end }. `look(note)` says how each is drawn: { alpha, locked, chosen }. */
export function paintNotes(context, geometry, colours, notes, look, scale = 1) {
    const { left, top, width, height } = geometry;
    context.save();
    context.beginPath();
    context.rect(left, top, width - left, height - top);
    context.clip();
    for (const note of notes) {
        const x = geometry.x(note.begin);
        const right = geometry.x(note.end);
        const y = geometry.y(note.key);
        if (right < left || x > width || y > height || y + geometry.scaleY < top) continue;
        paintNote(
            context,
            colours,
            note,
            { x, y, width: right - x, height: geometry.scaleY },
            look(note),
            scale,
        );
    }
    context.restore();
}

function paintNote(context, colours, note, box, look, scale) {
    const colour = colours.keys[note.key % 12];
    const gap = box.width > 5 ? 1 : 0;
    const width = Math.max(1, box.width - gap);
    const y = box.y + (box.height > 8 ? 0.75 : 0.25);
    const height = box.height - (box.height > 8 ? 1.5 : 0.5);
    const radius = Math.min(4 * scale, height / 2.5, width / 2);
    context.globalAlpha = look.alpha;
    context.fillStyle = colour.fill;
    context.beginPath();
    context.roundRect(box.x, y, width, height, radius);
    context.fill();
    if (width > 9) {
        context.fillStyle = colour.edge; // where the note begins, so that repeated notes can be distinguished
        context.beginPath();
        context.roundRect(box.x, y, 3 * scale, height, [radius, 0, 0, radius]);
        context.fill();
    }
    if (look.locked) paintLock(context, colours, { x: box.x, y, width, height }, radius, scale);
    else if (height >= 14 * scale && width >= 34 * scale) {
        context.fillStyle = colour.text;
        context.font = font(10 * scale, 600);
        context.textAlign = "left";
        context.textBaseline = "middle";
        context.fillText(keyName(note.key), box.x + 7 * scale, y + height / 2 + 0.5);
    }
    context.globalAlpha = 1;
    if (look.chosen) {
        context.strokeStyle = colours.accent;
        context.lineWidth = 2;
        context.beginPath();
        context.roundRect(box.x + 0.5, y, width - 1, height, radius);
        context.stroke();
    }
}

/** A dark outline and, where there is room, a padlock: locked is not shown by colour alone. */
function paintLock(context, colours, box, radius, scale) {
    context.strokeStyle = context.fillStyle = colours.ink;
    context.lineWidth = 1.6;
    context.beginPath();
    context.roundRect(box.x + 0.8, box.y + 0.8, Math.max(0.5, box.width - 1.6), box.height - 1.6, radius);
    context.stroke();
    if (box.width < 16 * scale || box.height < 10) return;
    const size = Math.min(7 * scale, box.height * 0.55);
    const x = box.x + 7 * scale;
    const y = box.y + box.height / 2;
    context.beginPath();
    context.roundRect(x, y - size * 0.1, size, size * 0.7, 1);
    context.fill();
    context.beginPath();
    context.arc(x + size / 2, y - size * 0.1, size * 0.3, Math.PI, 0);
    context.stroke();
}
