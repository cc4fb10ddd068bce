// SPDX-License-Identifier: MIT
// Which part of a roll lies where on a canvas: zoom, scrolling, and the way from frames and keys to pixels
// and back. Lengths are CSS pixels.

const SCALE_X_MAX = 64; // pixels a frame
const SCALE_Y_MIN = 6; // pixels a key
const SCALE_Y_MAX = 26;
const COMFORTABLE_X = 4; // pixels a frame below which a new piece is not shown whole

export class RollGeometry {
    constructor() {
        this.width = 0;
        this.height = 0;
        this.left = 0; // of the frames: the key strip's width
        this.top = 0; // of the keys: the ruler's height
        this.low = 0;
        this.high = 127;
        this.frames = 1;
        this.scaleX = 8;
        this.scaleY = 12;
        this.scrollX = 0; // the frame at the left edge; may be a fraction
        this.scrollY = 0; // pixels of keys above the top edge
    }

    setSize(width, height, left, top) {
        Object.assign(this, { width, height, left, top });
        this.fitKeys();
    }

    setRange(low, high, frames) {
        const keysChanged = low !== this.low || high !== this.high;
        Object.assign(this, { low, high, frames });
        if (keysChanged) this.fitKeys();
        else this.clamp();
    }

    get keys() {
        return this.high - this.low + 1;
    }

    /** Makes the keys as high as the canvas allows, and shows the middle of them if not all fit. */
    fitKeys() {
        const room = this.height - this.top;
        this.scaleY = Math.max(
            SCALE_Y_MIN,
            Math.min(SCALE_Y_MAX * Math.max(1, this.left / 52), room / this.keys),
        );
        this.scrollY = (this.keys * this.scaleY - room) / 2;
        this.clamp();
    }

    /** Zooms so that all frames are seen; or, for a long piece, as many as can be read. */
    fitFrames(whole = false) {
        const room = this.width - this.left;
        const scale = room / Math.max(1, this.frames);
        this.scaleX = whole ? scale : Math.max(COMFORTABLE_X, Math.min(SCALE_X_MAX, scale));
        this.scrollX = 0;
        this.clamp();
    }

    /** Zooms in time by a factor; the frame at x stays where it is. */
    zoom(factor, x = this.left + (this.width - this.left) / 2) {
        const frame = this.frameAt(x);
        const least = Math.min(COMFORTABLE_X, (this.width - this.left) / Math.max(1, this.frames));
        this.scaleX = Math.max(least, Math.min(SCALE_X_MAX, this.scaleX * factor));
        this.scrollX = frame - (x - this.left) / this.scaleX;
        this.clamp();
    }

    scrollBy(dx, dy) {
        this.scrollX += dx / this.scaleX;
        this.scrollY += dy;
        this.clamp();
    }

    clamp() {
        const room = (this.width - this.left) / this.scaleX;
        const spare = this.keys * this.scaleY - (this.height - this.top);
        this.scrollX = Math.max(0, Math.min(this.frames - room, this.scrollX));
        this.scrollY = spare > 0 ? Math.max(0, Math.min(spare, this.scrollY)) : spare / 2; // few keys: centred
    }

    /** Scrolls so that a cell is seen, with a margin of frames and keys around it. */
    reveal(frame, key) {
        const margin = Math.min(8, this.visibleFrames / 4);
        if (frame < this.scrollX + margin) this.scrollX = frame - margin;
        if (frame > this.scrollX + this.visibleFrames - margin)
            this.scrollX = frame + margin - this.visibleFrames;
        if (key !== null) {
            const y = (this.high - key) * this.scaleY;
            const room = this.height - this.top;
            if (y < this.scrollY + this.scaleY) this.scrollY = y - this.scaleY;
            if (y + 2 * this.scaleY > this.scrollY + room) this.scrollY = y + 2 * this.scaleY - room;
        }
        this.clamp();
    }

    get visibleFrames() {
        return (this.width - this.left) / this.scaleX;
    }

    x(frame) {
        return this.left + (frame - this.scrollX) * this.scaleX;
    }

    /** The upper edge of a key. */
    y(key) {
        return this.top + (this.high - key) * this.scaleY - this.scrollY;
    }

    frameAt(x) {
        return this.scrollX + (x - this.left) / this.scaleX;
    }

    keyAt(y) {
        return this.high - Math.floor((y - this.top + this.scrollY) / this.scaleY);
    }
}
