// SPDX-License-Identifier: MIT
// The row under the roll: position, tempo, volume; and the title of the piece in the head of the page.
import { find } from "./dom.js";
import { clockText, frameSeconds, positionShort, timeUnits } from "./music.js";
import { TEMPO_MAX, TEMPO_MIN } from "./piece_text.js";

export class Transport {
    #workspace;
    #player;
    #sound;
    #scheduled = false;

    constructor(workspace, player, sound) {
        this.#workspace = workspace;
        this.#player = player;
        this.#sound = sound;
        workspace.on("piece play", () => this.#schedule());
        find("#tempo-field").hidden = !timeUnits(workspace.preset).inBeats;
        const tempo = find("#tempo");
        tempo.addEventListener("change", () => this.setTempo(Number(tempo.value) || workspace.piece.tempo));
        const volume = find("#volume");
        volume.addEventListener("input", () => this.#setVolume());
        this.#setVolume();
        const title = find("#title");
        title.addEventListener("change", () =>
            workspace.edit("rename", (piece) => ({ ...piece, title: title.value.trim() })),
        );
        title.addEventListener("keydown", (event) => event.key === "Enter" && title.blur());
    }

    setTempo(wanted) {
        const tempo = Math.max(TEMPO_MIN, Math.min(TEMPO_MAX, Math.round(wanted)));
        this.#workspace.edit("change tempo", (piece) => ({ ...piece, tempo }));
        this.#show();
    }

    #setVolume() {
        const { value } = find("#volume");
        this.#sound.volume = Number(value) ** 2; // equal steps sound about equal
        find("#volume").setAttribute("aria-valuetext", `${Math.round(100 * value)} percent`);
    }

    #schedule() {
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => {
            this.#scheduled = false;
            this.#show();
            if (this.#player.playing) this.#schedule();
        });
    }

    #show() {
        const { preset, piece } = this.#workspace;
        find("#position").textContent = positionShort(preset, Math.floor(this.#player.position));
        find("#duration").textContent = clockText(piece.roll.frames * frameSeconds(preset, piece.tempo));
        const tempo = find("#tempo");
        if (document.activeElement !== tempo) tempo.value = String(Math.round(piece.tempo));
        const title = find("#title");
        if (document.activeElement !== title) title.value = piece.title;
        document.title = piece.title ? `${piece.title} – Spiral` : "Spiral";
    }
}
