// SPDX-License-Identifier: MIT
// Light and dark, and the colours that canvases draw with. Keys have the colour of their pitch class: the hue
// is the angle on the pitch helix, so the same note has the same colour in every octave.

const CHOICES = ["system", "light", "dark"];
const STORED = "spiral.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const listeners = [];

export function onThemeChange(listener) {
    listeners.push(listener);
}

function changed() {
    document.documentElement.toggleAttribute("data-dark", isDark());
    for (const listener of listeners) listener();
}

/** Applies the stored choice. */
export function startTheme() {
    setTheme(read(STORED) ?? "system");
    dark.addEventListener("change", changed);
}

export function themeChoice() {
    return document.documentElement.dataset.theme ?? "system";
}

export function setTheme(choice) {
    const known = CHOICES.includes(choice) ? choice : "system";
    document.documentElement.dataset.theme = known;
    try {
        localStorage.setItem(STORED, known);
    } catch {
        // Without storage the choice lasts as long as the page.
    }
    changed();
}

export function nextTheme() {
    return CHOICES[(CHOICES.indexOf(themeChoice()) + 1) % CHOICES.length];
}

function read(name) {
    try {
        return localStorage.getItem(name);
    } catch {
        return null;
    }
}

export function isDark() {
    const choice = themeChoice();
    return choice === "dark" || (choice === "system" && dark.matches);
}

/** The style sheet's colours by name: "ink" for --ink. */
export function themeColour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Pixels of one rem relative to the usual 16: canvas text grows with the page's. */
export function textScale() {
    return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}

/** Colours of a key: its note, the note's edge, and text on the note. */
export function keyColours(key, darkTheme = isDark()) {
    const hue = 20 + 30 * (key % 12);
    return darkTheme
        ? { fill: oklch(0.76, 0.115, hue), edge: oklch(0.9, 0.08, hue), text: oklch(0.2, 0.04, hue) }
        : { fill: oklch(0.68, 0.125, hue), edge: oklch(0.48, 0.12, hue), text: oklch(0.22, 0.05, hue) };
}

/** "#rrggbb" of a colour in OKLCH (Björn Ottosson's matrices), cut to what sRGB has. */
export function oklch(lightness, chroma, hue) {
    const a = chroma * Math.cos((hue * Math.PI) / 180);
    const b = chroma * Math.sin((hue * Math.PI) / 180);
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    const linear = [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ];
    const hex = linear.map((value) => {
        const cut = Math.max(0, Math.min(1, value));
        const encoded = cut <= 0.0031308 ? 12.92 * cut : 1.055 * cut ** (1 / 2.4) - 0.055;
        return Math.round(255 * encoded)
            .toString(16)
            .padStart(2, "0");
    });
    return `#${hex.join("")}`;
}
