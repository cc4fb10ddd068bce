// SPDX-License-Identifier: MIT
// Messages of the page: to screen readers only (say), or in a visible box (show, showError).
import { find, icon, make } from "./dom.js";

const INFO_MS = 6000;
const BOXES_MAX = 4;

let sayTimer = 0;

/** Tells screen readers; nothing is seen. */
export function say(text) {
    const live = find("#live");
    live.textContent = "";
    clearTimeout(sayTimer);
    sayTimer = setTimeout(() => (live.textContent = text), 60);
}

/** A box that disappears by itself. `action`: { label, run } makes a button of it; `lines` are listed below
 *  the text. */
export function show(text, { action = null, lines = [], stay = false } = {}) {
    return addBox(text, { action, lines, stay, error: false });
}

/** A box with what went wrong, which stays until it is closed. */
export function showError(text) {
    return addBox(text, { action: null, lines: [], stay: true, error: true });
}

function addBox(text, { action, lines, stay, error }) {
    const boxes = find("#toasts");
    const box = make(
        "div",
        { class: error ? "toast error" : "toast", role: error ? "alert" : null },
        make("p", {}, text),
    );
    if (lines.length) box.append(make("ul", {}, ...lines.map((line) => make("li", {}, line))));
    const remove = () => box.remove();
    if (action) {
        const button = make("button", { type: "button", class: "small" }, action.label);
        button.addEventListener("click", () => {
            remove();
            action.run();
        });
        box.append(button);
    }
    const close = make(
        "button",
        { type: "button", class: "tool", "aria-label": "Close this message" },
        icon("close"),
    );
    close.addEventListener("click", remove);
    box.append(close);
    boxes.append(box);
    while (boxes.children.length > BOXES_MAX) boxes.firstElementChild.remove();
    if (!stay && !lines.length) {
        let timer = setTimeout(remove, INFO_MS);
        box.addEventListener("pointerenter", () => clearTimeout(timer));
        box.addEventListener("focusin", () => clearTimeout(timer));
        box.addEventListener("pointerleave", () => (timer = setTimeout(remove, INFO_MS)));
    }
    return remove;
}
