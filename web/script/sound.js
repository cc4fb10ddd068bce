// SPDX-License-Identifier: MIT
// Sound: one tone per key, made by the engine when it is first needed, played at exact times by Web Audio.
import { BACKGROUND, URGENT } from "./engine.js";

const RATE = 44100; // of the tones; the browser converts to the device's rate
const TONE_SECONDS = 4;
const NOTE_LEVEL = 0.24; // of one note; the compressor limits the level of many
const RELEASE_SECONDS = 0.07; // time constant with which a note fades after its end

export class Sound {
    #engine;
    #tones = new Map(); // key -> Promise of an AudioBuffer, then the AudioBuffer
    #context = null;
    #master = null;
    #voices = new Set();
    #volume = 0.8;
    #timer = 0;
    playing = false; // set by the player: the audio device must not be suspended

    constructor(engine) {
        this.#engine = engine;
    }

    /** Opens or resumes the audio device. Call it in a key press, click or touch: browsers allow sound only
     *  there. */
    resume() {
        clearTimeout(this.#timer);
        if (!this.#context) {
            this.#context = new AudioContext({ latencyHint: "interactive" });
            const compressor = new DynamicsCompressorNode(this.#context, {
                threshold: -14,
                ratio: 6,
                release: 0.2,
            });
            this.#master = new GainNode(this.#context, { gain: this.#volume });
            this.#master.connect(compressor).connect(this.#context.destination);
            const silence = new AudioBufferSourceNode(this.#context, {
                buffer: new AudioBuffer({ length: 1, sampleRate: RATE }),
            });
            silence.connect(this.#master);
            silence.start(); // iOS opens the output only for a source started inside the touch
        }
        return this.#context.state === "running" ? Promise.resolve() : this.#context.resume();
    }

    get time() {
        return this.#context ? this.#context.currentTime : 0;
    }

    /** Seconds between handing a sample over and hearing it. */
    get latency() {
        return this.#context?.outputLatency || this.#context?.baseLatency || 0;
    }

    get volume() {
        return this.#volume;
    }

    set volume(volume) {
        this.#volume = volume;
        if (!this.#context) return;
        const { gain } = this.#master;
        gain.cancelScheduledValues(0);
        // A ramp only while something sounds: Chromium does not advance the ramp of a gain without input.
        if (this.#voices.size) gain.setTargetAtTime(volume, this.#context.currentTime, 0.02);
        else gain.value = volume;
    }

    hasTone(key) {
        return this.#tones.get(key) instanceof AudioBuffer;
    }

    /** Asks for the tones of these keys; resolves when all are there. */
    prepare(keys, urgency = BACKGROUND) {
        return Promise.all([...new Set(keys)].map((key) => this.#tone(key, urgency)));
    }

    #tone(key, urgency) {
        const slot = `tone ${key}`;
        if (!this.#tones.has(key)) {
            const promise = this.#engine
                .call("tone", { key, seconds: TONE_SECONDS, rate: RATE }, { urgency, slot })
                .then(({ pcm }) => {
                    const tone = new AudioBuffer({ length: pcm.length, sampleRate: RATE });
                    tone.copyToChannel(pcm, 0);
                    this.#tones.set(key, tone);
                    return tone;
                })
                .catch((error) => {
                    this.#tones.delete(key);
                    throw error;
                });
            this.#tones.set(key, promise);
        }
        this.#engine.hurry(slot, urgency);
        return this.#tones.get(key);
    }

    /** Plays a key whose tone is there, at a time of the audio clock, for some seconds. */
    play(key, when, seconds) {
        const context = this.#context;
        const source = new AudioBufferSourceNode(context, { buffer: this.#tones.get(key) });
        const gain = new GainNode(context, { gain: NOTE_LEVEL });
        const end = when + seconds;
        gain.gain.setTargetAtTime(0, end, RELEASE_SECONDS);
        source.connect(gain).connect(this.#master);
        source.start(when);
        source.stop(end + 6 * RELEASE_SECONDS);
        const voice = { source, gain };
        this.#voices.add(voice);
        source.onended = () => {
            this.#voices.delete(voice);
            gain.disconnect();
        };
    }

    /** A short note now, as when a note is drawn. Makes its tone first if need be. */
    async touch(key, seconds = 0.35) {
        await Promise.all([this.resume(), this.#tone(key, URGENT)]);
        if (this.hasTone(key)) this.play(key, this.#context.currentTime + 0.01, seconds);
        if (!this.playing) this.#suspendAfter(seconds + 3);
    }

    /** Ends every note that sounds or is to sound, within 60 ms, then suspends the audio device. */
    silence() {
        if (!this.#context) return;
        const now = this.#context.currentTime;
        for (const { source, gain } of this.#voices) {
            gain.gain.cancelScheduledValues(now);
            gain.gain.setTargetAtTime(0, now, 0.01);
            source.stop(now + 0.06);
        }
        this.#suspendAfter(0.4);
    }

    /** Suspends the audio device unless something is played soon. */
    suspendSoon() {
        this.#suspendAfter(1);
    }

    #suspendAfter(seconds) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => !this.playing && this.#context.suspend(), 1000 * seconds);
    }
}
