// SPDX-License-Identifier: MIT
// The pitch helix: every key a dot on the coil, sounding keys lit and joined. Dragging turns it.
import { find } from "./dom.js";
import { keyName, pitchClassName } from "./music.js";
import { keysAt, notesOf } from "./roll.js";
import { font, rollColours } from "./roll_paint.js";
import { onThemeChange, textScale } from "./theme.js";

const TILT = 0.42; // radians the coil leans towards the reader
const STEPS = 6; // straight pieces of the coil between two keys
const MARGIN = 18; // pixels around the coil

export class HelixCanvas {
    #workspace;
    #player;
    #points;
    #canvas = find("#helix");
    #colours = rollColours();
    #turn = 0.5;
    #scheduled = false;
    #shares = { roll: null, of: new Float32Array(128) };
    #said = "";

    /** @param points 128 points [x, y, z], z upward; y and x around the axis */
    constructor(workspace, player, points) {
        this.#workspace = workspace;
        this.#player = player;
        this.#points = points;
        new ResizeObserver(() => this.redraw()).observe(this.#canvas);
        onThemeChange(() => {
            this.#colours = rollColours();
            this.redraw();
        });
        workspace.on("piece selection cursor play", () => this.redraw());
        this.#canvas.addEventListener("pointerdown", (event) =>
            this.#canvas.setPointerCapture(event.pointerId),
        );
        this.#canvas.addEventListener(
            "pointermove",
            (event) => event.buttons && this.#turnBy(event.movementX * 0.01),
        );
        this.#canvas.addEventListener("keydown", (event) => {
            const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
            if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
            event.preventDefault();
            this.#turnBy((step * Math.PI) / 24);
        });
        this.#turnBy(0);
    }

    #turnBy(radians) {
        this.#turn += radians;
        const degrees = Math.round((this.#turn * 180) / Math.PI);
        this.#canvas.setAttribute("aria-valuenow", String(((degrees % 360) + 360) % 360));
        this.redraw();
    }

    redraw() {
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => {
            this.#scheduled = false;
            this.#draw();
        });
    }

    /** The keys that are lit: those heard; else those chosen; else those where playing will begin. */
    #litKeys() {
        if (this.#player.playing) return this.#player.keys;
        const { selection, piece } = this.#workspace;
        const chosen = selection ? this.#workspace.chosenNotes() : [];
        if (chosen.length && chosen.length <= 12)
            return [...new Set(chosen.map((note) => note.key))].sort((a, b) => a - b);
        return keysAt(piece.roll, this.#player.start);
    }

    /** For each key, its sounding time as a share of the most sounding key's. */
    #keyShares() {
        const { roll } = this.#workspace.piece;
        if (this.#shares.roll !== roll) {
            const of = new Float32Array(128);
            for (const { key, begin, end } of notesOf(roll)) of[key] += end - begin;
            const most = Math.max(1, ...of);
            this.#shares = { roll, of: of.map((frames) => frames / most) };
        }
        return this.#shares.of;
    }

    #range() {
        const { preset } = this.#workspace;
        return { low: preset.low, high: preset.high };
    }

    /** From a point of the coil to the canvas: { x, y, depth }, depth 0 (far) .. 1 (near). */
    #projection(width, height) {
        const { low, high } = this.#range();
        const radius = Math.max(...this.#points.map(([x, y]) => Math.hypot(x, y)));
        const bottom = this.#points[low][2];
        const rise = Math.max(1e-9, this.#points[high][2] - bottom);
        const across = Math.min(width * 0.38, height * 0.38);
        const flat = across * Math.sin(TILT); // half the height of one turn on the canvas
        const top = flat + MARGIN;
        const tall = height - 2 * top;
        const cos = Math.cos(this.#turn);
        const sin = Math.sin(this.#turn);
        return ([x, y, z]) => {
            const side = (x * cos - y * sin) / radius;
            const away = (x * sin + y * cos) / radius; // 1 = nearest
            return {
                x: width / 2 + side * across * (1 + 0.1 * away),
                y: top + (1 - (z - bottom) / rise) * tall + away * flat,
                depth: (away + 1) / 2,
            };
        };
    }

    #draw() {
        const { clientWidth: width, clientHeight: height } = this.#canvas;
        if (!width || !height) return;
        const ratio = devicePixelRatio || 1;
        this.#canvas.width = Math.round(width * ratio);
        this.#canvas.height = Math.round(height * ratio);
        const context = this.#canvas.getContext("2d");
        context.scale(ratio, ratio);
        const project = this.#projection(width, height);
        this.#drawWire(context, project);
        const lit = this.#litKeys();
        this.#drawKeys(context, project, new Set(lit));
        this.#drawChord(context, project, lit);
        this.#describe(lit);
        if (this.#player.playing) this.redraw();
    }

    #drawWire(context, project) {
        const { low, high } = this.#range();
        const scale = textScale();
        context.strokeStyle = this.#colours.ink;
        context.lineCap = "round";
        for (let key = low; key < high; key++) {
            let from = project(this.#points[key]);
            for (let step = 1; step <= STEPS; step++) {
                const to = project(arc(this.#points[key], this.#points[key + 1], step / STEPS));
                context.globalAlpha = 0.14 + 0.36 * to.depth;
                context.lineWidth = (0.8 + 1.2 * to.depth) * scale;
                context.beginPath();
                context.moveTo(from.x, from.y);
                context.lineTo(to.x, to.y);
                context.stroke();
                from = to;
            }
        }
        context.globalAlpha = 1;
    }

    #drawKeys(context, project, lit) {
        const { low, high } = this.#range();
        const shares = this.#keyShares();
        const scale = textScale();
        const keys = [];
        for (let key = low; key <= high; key++) keys.push({ key, at: project(this.#points[key]) });
        keys.sort((a, b) => a.at.depth - b.at.depth);
        for (const { key, at } of keys) {
            if (lit.has(key)) continue;
            const share = shares[key];
            context.globalAlpha = share
                ? (0.45 + 0.55 * share) * (0.5 + 0.5 * at.depth)
                : 0.2 + 0.2 * at.depth;
            context.fillStyle = share ? this.#colours.keys[key % 12].fill : this.#colours.ink;
            disc(
                context,
                at,
                (share ? 2.4 + 3.2 * Math.sqrt(share) : 1.5) * (0.75 + 0.35 * at.depth) * scale,
            );
        }
        context.globalAlpha = 1;
    }

    /** Lit keys: bright, named, joined by a line from the lowest to the highest. */
    #drawChord(context, project, lit) {
        const { low, high } = this.#range();
        const scale = textScale();
        const shown = lit.filter((key) => key >= low && key <= high);
        const places = shown.map((key) => project(this.#points[key]));
        context.strokeStyle = this.#colours.ink;
        context.globalAlpha = 0.55;
        context.lineWidth = 1.25 * scale;
        context.beginPath();
        places.forEach((at, i) => (i ? context.lineTo(at.x, at.y) : context.moveTo(at.x, at.y)));
        context.stroke();
        shown.forEach((key, i) => {
            const { fill, text } = this.#colours.keys[key % 12];
            context.globalAlpha = 0.22;
            context.fillStyle = fill;
            disc(context, places[i], (14 + 3 * places[i].depth) * scale);
            context.globalAlpha = 1;
            disc(context, places[i], 10 * scale);
            context.fillStyle = text;
            context.font = font(9.5 * scale, 650);
            context.textAlign = "center";
            context.textBaseline = "middle";
            context.fillText(pitchClassName(key), places[i].x, places[i].y + 0.5);
        });
    }

    #describe(lit) {
        const text = lit.length ? lit.map(keyName).join("  ") : "silence";
        if (text === this.#said) return;
        this.#said = text;
        find("#helix-keys").textContent = text;
        if (!this.#player.playing)
            this.#canvas.setAttribute(
                "aria-valuetext",
                lit.length ? lit.map(keyName).join(", ") : "no key lit",
            );
    }
}

/** A point of the coil between two neighbouring keys: around the axis, not across. */
function arc([x0, y0, z0], [x1, y1, z1], share) {
    const a0 = Math.atan2(y0, x0);
    let turn = Math.atan2(y1, x1) - a0;
    turn -= 2 * Math.PI * Math.round(turn / (2 * Math.PI));
    const radius = Math.hypot(x0, y0) + share * (Math.hypot(x1, y1) - Math.hypot(x0, y0));
    const angle = a0 + turn * share;
    return [radius * Math.cos(angle), radius * Math.sin(angle), z0 + (z1 - z0) * share];
}

function disc(context, { x, y }, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
}
