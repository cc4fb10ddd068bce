// SPDX-License-Identifier: MIT
// Names of keys, times and regions in a musician's words. Key 60 is C4.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const SPOKEN = NAMES.map((name) => name.replace("♯", " sharp"));
const TONICS = ["C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** "C♯4". */
export function keyName(key) {
    return NAMES[key % 12] + (Math.floor(key / 12) - 1);
}

/** "C sharp 4", for screen readers. */
export function spokenKey(key) {
    return `${SPOKEN[key % 12]} ${Math.floor(key / 12) - 1}`;
}

export function pitchClassName(key) {
    return NAMES[key % 12];
}

export function isBlackKey(key) {
    return [1, 3, 6, 8, 10].includes(key % 12);
}

/** The 24 keys a piece can be asked for: the value for the engine ("C sharp" is written Db), and the name
 *  shown. */
export function tonalities() {
    const all = [];
    for (const mode of ["major", "minor"])
        for (const tonic of TONICS)
            all.push({
                value: `${tonic.replace("♭", "b").replace("♯", "#")} ${mode}`,
                name: `${tonic} ${mode}`,
            });
    return all;
}

/** How frames divide into the units of the ruler: bars and beats, or seconds and tenths for a grid in
 *  seconds. */
export function timeUnits(preset) {
    if (preset.stepsPerQuarter > 0)
        return { inBeats: true, bar: preset.framesPerBar, beat: preset.stepsPerQuarter, barName: "bar" };
    const second = Math.max(1, Math.round(1 / preset.secondsPerFrame));
    return { inBeats: false, bar: second, beat: Math.max(1, Math.round(second / 10)), barName: "second" };
}

/** Seconds that a frame lasts at a tempo in quarter notes per minute (a grid in seconds has its own). */
export function frameSeconds(preset, tempo) {
    return preset.stepsPerQuarter > 0 ? 60 / (tempo * preset.stepsPerQuarter) : preset.secondsPerFrame;
}

/** "bar 3, beat 2", "bar 3, beat 2 and 1/4"; "1.25 seconds". */
export function positionText(preset, frame) {
    const units = timeUnits(preset);
    if (!units.inBeats) return `${(frame * preset.secondsPerFrame).toFixed(2)} seconds`;
    const inBar = frame % units.bar;
    const part = inBar % units.beat;
    const rest = part ? ` and ${part}/${units.beat}` : "";
    return `bar ${Math.floor(frame / units.bar) + 1}, beat ${Math.floor(inBar / units.beat) + 1}${rest}`;
}

/** "3.2" (bar.beat) or "1.2 s", short enough for the transport. */
export function positionShort(preset, frame) {
    const units = timeUnits(preset);
    if (!units.inBeats) return `${(frame * preset.secondsPerFrame).toFixed(1)} s`;
    return `${Math.floor(frame / units.bar) + 1}.${Math.floor((frame % units.bar) / units.beat) + 1}`;
}

/** "8 bars", "1 bar", "2½ bars"; "3.6 seconds". */
export function lengthText(preset, frames) {
    const units = timeUnits(preset);
    if (!units.inBeats) return `${(frames * preset.secondsPerFrame).toFixed(1)} seconds`;
    const bars = Math.round((frames / units.bar) * 100) / 100;
    return `${bars} ${bars === 1 ? "bar" : "bars"}`;
}

/** "1 note", "2 notes". */
export function count(number, word) {
    return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/** "bars 2–3, C4–G5": the frames from .. to - 1, the keys low .. high. */
export function regionText(preset, region) {
    const units = timeUnits(preset);
    const keys =
        region.low === region.high ? keyName(region.low) : `${keyName(region.low)}–${keyName(region.high)}`;
    const whole = region.low <= preset.low && region.high >= preset.high;
    return `${spanText(preset, units, region.from, region.to)}, ${whole ? "all keys" : keys}`;
}

/** "bars 2–3", without the keys. */
export function regionTimeText(preset, region) {
    return spanText(preset, timeUnits(preset), region.from, region.to);
}

function spanText(preset, units, from, to) {
    if (!units.inBeats)
        return `${(from * preset.secondsPerFrame).toFixed(2)}–${(to * preset.secondsPerFrame).toFixed(2)} s`;
    if (from % units.bar === 0 && to % units.bar === 0) {
        const first = from / units.bar + 1;
        const last = to / units.bar;
        return first === last ? `bar ${first}` : `bars ${first}–${last}`;
    }
    return `${positionShort(preset, from)} to ${positionShort(preset, to)}`;
}

/** With a capital first letter, to begin a line. */
export function capitalized(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "1:07". */
export function clockText(seconds) {
    const whole = Math.floor(seconds);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
