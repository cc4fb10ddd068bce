// SPDX-License-Identifier: MIT
// Plays the piece that is shown, from anywhere, in a loop or once. It reads the notes just ahead of the
// sound, so an edit is heard at once.
import { frameSeconds } from "./music.js";
import { keysAt, notesOf } from "./roll.js";
import { URGENT } from "./engine.js";

const TICK_MS = 25;
const AHEAD_SECONDS = 0.15;
const AHEAD_HIDDEN_SECONDS = 1.5; // browsers slow the timers of hidden pages down to one a second

export class Player {
    #workspace;
    #sound;
    #timer = 0;
    #run = 0; // counts starts, so that a start that waits for tones knows when it is out of date
    #frame = 0; // the next frame to hand over, and when it sounds
    #time = 0;
    #marks = []; // { frame, time } of frames handed over, for the playhead
    #begins = { roll: null, at: null };

    constructor(workspace, sound) {
        this.#workspace = workspace;
        this.#sound = sound;
        this.playing = false;
        this.loop = false;
        this.start = 0; // the frame where playing begins
        this.onError = null; // called when a tone cannot be made
    }

    /** The frames that are played: the selection's in a loop, else all. */
    get span() {
        const { selection, piece } = this.#workspace;
        const all = { from: 0, to: piece.roll.frames };
        return this.loop && selection ? { from: selection.from, to: Math.min(selection.to, all.to) } : all;
    }

    setStart(frame) {
        this.start = Math.max(0, Math.min(frame, Math.max(0, this.#workspace.piece.roll.frames - 1)));
        if (this.playing) this.#begin(this.start);
        this.#workspace.emit("play");
    }

    setLoop(loop) {
        this.loop = loop;
        this.#workspace.emit("play");
    }

    /** Starts to play at a frame. Call it inside a key press or click. Resolves when sound is under way. */
    async play(from = this.start) {
        const run = ++this.#run;
        const { roll } = this.#workspace.piece;
        if (!roll.frames) return;
        const resuming = this.#sound.resume();
        this.playing = this.#sound.playing = true;
        this.#workspace.emit("play");
        const soon = notesOf(roll).filter((note) => note.end > from && note.begin < from + this.#framesIn(2));
        try {
            await Promise.all([
                resuming,
                this.#sound.prepare(
                    soon.map(({ key }) => key),
                    URGENT,
                ),
            ]);
        } catch (error) {
            if (run === this.#run) this.stop();
            throw error;
        }
        if (run !== this.#run) return;
        this.prepareTones();
        this.#begin(from);
        this.#timer = setInterval(() => this.#tick(), TICK_MS);
    }

    /** Asks for the tones of the whole piece, in the order in which they will be needed. */
    prepareTones() {
        const keys = notesOf(this.#workspace.piece.roll).map((note) => note.key);
        this.#sound.prepare(keys).catch(() => {}); // a tone that fails here is asked for again, and reported, by play
    }

    stop() {
        this.#run++;
        clearInterval(this.#timer);
        this.playing = this.#sound.playing = false;
        this.#sound.silence();
        this.#workspace.emit("play");
    }

    #framesIn(seconds) {
        return Math.ceil(seconds / frameSeconds(this.#workspace.preset, this.#workspace.piece.tempo));
    }

    #begin(frame) {
        const { from, to } = this.span;
        this.#sound.silence();
        this.#sound.resume();
        this.#frame = frame >= from && frame < to ? frame : from;
        this.#time = this.#sound.time + 0.06;
        this.#marks = [];
        this.#playHeldNotes();
        this.#tick();
    }

    /** The notes that already sound in the first frame. */
    #playHeldNotes() {
        const seconds = this.#frameSeconds();
        for (const note of notesOf(this.#workspace.piece.roll))
            if (note.begin < this.#frame && note.end > this.#frame && this.#sound.hasTone(note.key))
                this.#sound.play(
                    note.key,
                    this.#time,
                    (Math.min(note.end, this.span.to) - this.#frame) * seconds,
                );
    }

    #frameSeconds() {
        return frameSeconds(this.#workspace.preset, this.#workspace.piece.tempo);
    }

    #tick() {
        const ahead = document.hidden ? AHEAD_HIDDEN_SECONDS : AHEAD_SECONDS;
        while (this.playing && this.#time < this.#sound.time + ahead) {
            const { from, to } = this.span;
            if (this.#frame >= to || this.#frame < from) {
                if (!this.loop) return this.#endWhenHeard();
                this.#frame = from;
            }
            const notes = this.#notesBeginningAt(this.#frame);
            if (!notes.every((note) => this.#sound.hasTone(note.key))) return this.#waitForTones(notes);
            const seconds = this.#frameSeconds();
            for (const note of notes)
                this.#sound.play(note.key, this.#time, (Math.min(note.end, to) - note.begin) * seconds);
            this.#marks.push({ frame: this.#frame, time: this.#time, seconds });
            this.#frame++;
            this.#time += seconds;
        }
    }

    /** Playing pauses until these tones are made; no note is left out. */
    #waitForTones(notes) {
        const run = this.#run;
        this.#sound
            .prepare(
                notes.map((note) => note.key),
                URGENT,
            )
            .catch((error) => {
                if (run !== this.#run) return;
                this.stop();
                this.onError?.(error);
            });
        this.#time = Math.max(this.#time, this.#sound.time + 0.05);
    }

    /** Stops when the last note has faded. */
    #endWhenHeard() {
        if (this.#sound.time > this.#time + 0.3) this.stop();
    }

    #notesBeginningAt(frame) {
        const { roll } = this.#workspace.piece;
        if (this.#begins.roll !== roll) {
            const at = new Map();
            for (const note of notesOf(roll)) {
                if (!at.has(note.begin)) at.set(note.begin, []);
                at.get(note.begin).push(note);
            }
            this.#begins = { roll, at };
        }
        return this.#begins.at.get(frame) ?? [];
    }

    /** The frame that is heard now, with its fraction; where playing will begin while nothing plays. */
    get position() {
        if (!this.playing || !this.#marks.length) return this.start;
        const now = this.#sound.time - this.#sound.latency;
        while (this.#marks.length > 1 && this.#marks[1].time <= now) this.#marks.shift();
        const mark = this.#marks[0];
        return mark.frame + Math.max(0, Math.min(1, (now - mark.time) / mark.seconds));
    }

    /** The keys heard now. */
    get keys() {
        return this.playing ? keysAt(this.#workspace.piece.roll, Math.floor(this.position)) : [];
    }
}
