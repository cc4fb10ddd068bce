// SPDX-License-Identifier: MIT
// The panels beside the roll (on small screens one at a time, chosen by tabs), the model's card and the first
// hint.
import { find, make } from "./dom.js";

const STORED_HINT = "spiral.hint";

export function startPanels() {
    const tabs = [...document.querySelectorAll("[data-panel]")];
    const choose = (id) => {
        document.body.dataset.panel = id;
        for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.panel === id));
    };
    for (const tab of tabs) tab.addEventListener("click", () => choose(tab.dataset.panel));
    choose("panel-new");
}

/** The model's card: [{ name, value }], all of it shown as text. */
export function showCard({ name, rows = [] }, version) {
    find("#model-name").textContent = String(name).slice(0, 60);
    const entries = [["Model", name], ...rows, ["Engine", `Spiral ${version}`]];
    find("#card").replaceChildren(
        ...entries.map(([label, text]) =>
            make("div", {}, make("dt", {}, String(label)), make("dd", {}, String(text))),
        ),
    );
}

/** Shows the first steps once, until they are understood or followed. */
export function startHint(workspace) {
    const hint = find("#hint");
    let stored = null;
    try {
        stored = localStorage.getItem(STORED_HINT);
    } catch {
        // Without storage the hint comes every time.
    }
    hint.hidden = stored === "done";
    const close = () => {
        if (hint.hidden) return;
        if (hint.contains(document.activeElement)) find("#roll").focus();
        hint.hidden = true;
        try {
            localStorage.setItem(STORED_HINT, "done");
        } catch {
            // As above.
        }
    };
    find("#hint-close").addEventListener("click", close);
    workspace.on("review", () => workspace.review || close());
}
