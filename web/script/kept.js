// SPDX-License-Identifier: MIT
// The kept pieces: a list in the browser's storage that survives a reload, and its panel.
//
// localStorage "spiral.kept" is a JSON list of { id, grid, text }: text as in piece_text.js, grid says which
// models' pages show it ("4/16": steps per quarter and frames per bar). Pages of other grids leave such
// pieces alone.
import { find, icon, make } from "./dom.js";
import { count, lengthText } from "./music.js";
import { pieceToText, textToPiece } from "./piece_text.js";
import { rollColours } from "./roll_paint.js";
import { onThemeChange } from "./theme.js";
import { paintThumbnail } from "./overview.js";
import { notesOf } from "./roll.js";
import { say, show, showError } from "./messages.js";

const STORED = "spiral.kept";
const STORED_LAST = "spiral.last";

export class KeptPieces {
    #workspace;
    #grid;
    #pieces = new Map(); // id -> piece, read from the texts once
    #listeners = [];

    constructor(workspace) {
        this.#workspace = workspace;
        const { stepsPerQuarter, framesPerBar } = workspace.preset;
        this.#grid = `${stepsPerQuarter}/${framesPerBar}`;
        addEventListener("storage", (event) => event.key === STORED && this.#changed());
        onThemeChange(() => this.#showList());
        this.#showList();
    }

    onChange(listener) {
        this.#listeners.push(listener);
    }

    /** The kept pieces of this grid, newest first: { id, piece }. */
    get pieces() {
        const shown = [];
        for (const { id, text } of this.#read().filter((entry) => entry.grid === this.#grid)) {
            if (!this.#pieces.has(id)) {
                try {
                    this.#pieces.set(id, textToPiece(text));
                } catch {
                    continue; // counted by #showList: it cannot be shown, and is left in the storage
                }
            }
            shown.push({ id, piece: this.#pieces.get(id) });
        }
        return shown;
    }

    #read() {
        try {
            const entries = JSON.parse(localStorage.getItem(STORED) ?? "[]");
            return Array.isArray(entries)
                ? entries.filter((entry) => typeof entry?.id === "string" && typeof entry.text === "string")
                : [];
        } catch {
            return [];
        }
    }

    #write(entries) {
        try {
            localStorage.setItem(STORED, JSON.stringify(entries));
        } catch (error) {
            const why =
                error.name === "QuotaExceededError"
                    ? "the browser's storage is full; remove some kept pieces"
                    : error.message;
            throw new Error(`${why}.`);
        }
    }

    keep() {
        const { piece } = this.#workspace;
        const text = pieceToText(piece);
        const entries = this.#read();
        if (entries.some((entry) => entry.text === text))
            return show("This piece is already among the kept pieces.");
        try {
            this.#write([
                { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, grid: this.#grid, text },
                ...entries,
            ]);
        } catch (error) {
            return showError(`The piece was not kept: ${error.message} Download it as MIDI instead.`);
        }
        this.#changed();
        show(`Kept "${piece.title}".`);
    }

    remove(id) {
        const before = this.#read();
        this.#replace(before.filter((entry) => entry.id !== id));
        show("Removed from the kept pieces.", {
            action: { label: "Put back", run: () => this.#replace(before) },
        });
    }

    #replace(entries) {
        try {
            this.#write(entries);
        } catch (error) {
            showError(`The kept pieces were not changed: ${error.message}`);
        }
        this.#changed();
    }

    open(id) {
        const found = this.pieces.find((entry) => entry.id === id);
        if (!found) return;
        this.#workspace.load("open kept piece", found.piece);
        say(`Opened ${found.piece.title}.`);
    }

    /** Stores the piece that is on the page, so that a reload brings it back. */
    rememberLast() {
        try {
            localStorage.setItem(
                STORED_LAST,
                JSON.stringify({ grid: this.#grid, text: pieceToText(this.#workspace.piece) }),
            );
        } catch {
            // Storage is off or full: the command Keep reports that.
        }
    }

    /** The piece that was on the page last, or null. */
    readLast() {
        try {
            const { grid, text } = JSON.parse(localStorage.getItem(STORED_LAST));
            return grid === this.#grid ? textToPiece(text) : null;
        } catch {
            return null;
        }
    }

    #changed() {
        this.#showList();
        for (const listener of this.#listeners) listener();
    }

    #showList() {
        const shown = this.pieces;
        const hidden = this.#read().length - shown.length;
        const colours = rollColours();
        find("#kept").replaceChildren(...shown.map(({ id, piece }) => this.#item(id, piece, colours)));
        const others = hidden
            ? ` ${count(hidden, "piece")} of other models' pages ${hidden === 1 ? "is" : "are"} not shown.`
            : "";
        find("#kept-note").textContent = shown.length
            ? others.trim()
            : `Keep a piece to find it here again.${others}`;
        find("#kept-note").hidden = shown.length > 0 && !hidden;
    }

    #item(id, piece, colours) {
        const picture = make("canvas", { width: 144, height: 72, "aria-hidden": true });
        paintThumbnail(picture, piece.roll, colours, this.#workspace.preset);
        const { length } = notesOf(piece.roll);
        const details = `${lengthText(this.#workspace.preset, piece.roll.frames)}, ${count(length, "note")}`;
        const open = make(
            "button",
            { type: "button", class: "kept-open", title: `Open ${piece.title}` },
            picture,
            make("span", { class: "kept-title" }, piece.title || "Untitled"),
            make("span", { class: "kept-details" }, details),
        );
        open.addEventListener("click", () => this.open(id));
        const remove = make(
            "button",
            { type: "button", class: "tool", "aria-label": `Remove ${piece.title}`, title: "Remove" },
            icon("delete"),
        );
        remove.addEventListener("click", () => this.remove(id));
        return make("li", {}, open, remove);
    }
}
