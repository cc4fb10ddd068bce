// SPDX-License-Identifier: MIT
// The whole piece as a strip under the roll, with a frame around the part that is seen: a scroll bar with a
// picture.
import { find } from "./dom.js";
import { notesOf } from "./roll.js";
import { rollColours } from "./roll_paint.js";
import { onThemeChange } from "./theme.js";

export class Overview {
    #workspace;
    #roll;
    #canvas = find("#overview");
    #colours = rollColours();
    #picture = { roll: null, width: 0, canvas: document.createElement("canvas") };

    constructor(workspace, roll) {
        this.#workspace = workspace;
        this.#roll = roll;
        roll.onDraw = () => this.#draw();
        onThemeChange(() => {
            this.#colours = rollColours();
            this.#picture.roll = null;
        });
        this.#canvas.addEventListener("pointerdown", (event) => {
            this.#canvas.setPointerCapture(event.pointerId);
            this.#scrollTo(event);
        });
        this.#canvas.addEventListener("pointermove", (event) => event.buttons && this.#scrollTo(event));
    }

    #scrollTo(event) {
        const box = this.#canvas.getBoundingClientRect();
        const { geometry } = this.#roll;
        const frame = ((event.clientX - box.left) / box.width) * geometry.frames;
        geometry.scrollX = frame - geometry.visibleFrames / 2;
        geometry.clamp();
        this.#roll.redraw();
    }

    #draw() {
        const { clientWidth, clientHeight } = this.#canvas;
        const ratio = devicePixelRatio || 1;
        this.#canvas.width = Math.round(clientWidth * ratio);
        this.#canvas.height = Math.round(clientHeight * ratio);
        if (!this.#canvas.width || !this.#canvas.height) return;
        this.#drawPicture();
        const context = this.#canvas.getContext("2d");
        context.drawImage(this.#picture.canvas, 0, 0);
        context.scale(ratio, ratio);
        const { geometry } = this.#roll;
        const x = (geometry.scrollX / geometry.frames) * clientWidth;
        const width = Math.min(1, geometry.visibleFrames / geometry.frames) * clientWidth;
        if (width > clientWidth - 1) return;
        context.fillStyle = this.#colours.accent;
        context.globalAlpha = 0.1;
        context.fillRect(x, 0, width, clientHeight);
        context.globalAlpha = 0.9;
        context.strokeStyle = this.#colours.accent;
        context.lineWidth = 1.5;
        context.beginPath();
        context.roundRect(x + 1, 1, Math.max(4, width - 2), clientHeight - 2, 4);
        context.stroke();
        context.globalAlpha = 1;
    }

    /** The notes are drawn once per piece, not for every step of scrolling. */
    #drawPicture() {
        const { roll } = this.#workspace.piece;
        const picture = this.#picture;
        const { width, height } = this.#canvas;
        if (picture.roll === roll && picture.canvas.width === width && picture.canvas.height === height)
            return;
        picture.roll = roll;
        picture.canvas.width = width;
        picture.canvas.height = height;
        paintThumbnail(picture.canvas, roll, this.#colours, this.#roll.geometry);
    }
}

/** A roll as small as the canvas is; keys low .. high over its height. */
export function paintThumbnail(canvas, roll, colours, { low, high }) {
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    const scaleX = width / Math.max(1, roll.frames);
    const scaleY = (height - 4) / (high - low + 1);
    context.clearRect(0, 0, width, height);
    for (const { key, begin, end } of notesOf(roll)) {
        context.fillStyle = colours.keys[key % 12].fill;
        const noteWidth = Math.max(1, (end - begin) * scaleX - (scaleX > 2 ? 1 : 0.3));
        context.fillRect(begin * scaleX, 2 + (high - key) * scaleY, noteWidth, Math.max(1.2, scaleY));
    }
}
