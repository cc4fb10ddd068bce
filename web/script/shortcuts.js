// SPDX-License-Identifier: MIT
// From the table of commands (commands.js) to buttons, keys and the list of shortcuts.
import { find, icon, make, takesText } from "./dom.js";

const STORED = "spiral.letters";
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform ?? "");

export class Shortcuts {
    #commands;
    #byId;
    #roll;
    #pointer;
    #scheduled = false;

    /** @param commands the table; @param roll for its canvas; @param pointer whose gesture Escape ends */
    constructor(commands, workspace, roll, pointer) {
        this.#commands = commands;
        this.#byId = new Map(commands.map((command) => [command.id, command]));
        this.#roll = roll;
        this.#pointer = pointer;
        for (const button of document.querySelectorAll("[data-command]")) this.#wire(button);
        workspace.on("piece selection tool review busy play cursor", () => this.refresh());
        document.addEventListener("keydown", (event) => this.#keydown(event));
        const letters = find("#letters");
        letters.checked = readLetters();
        letters.addEventListener("change", () => storeLetters(letters.checked));
        this.#listShortcuts();
        this.#showButtons();
    }

    run(id) {
        const command = this.#byId.get(id);
        if (command.enabled?.() ?? true) command.run();
        this.refresh();
    }

    refresh() {
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => {
            this.#scheduled = false;
            this.#showButtons();
        });
    }

    #wire(button) {
        const command = this.#byId.get(button.dataset.command);
        if (!command) throw new Error(`there is no command ${button.dataset.command}`);
        button.addEventListener(
            "click",
            () => button.getAttribute("aria-disabled") === "true" || this.run(command.id),
        );
    }

    /** Buttons that cannot be used keep the keyboard's focus, so they are aria-disabled, not disabled. */
    #showButtons() {
        for (const button of document.querySelectorAll("[data-command]")) {
            const command = this.#byId.get(button.dataset.command);
            const label = value(command.label);
            const enabled = command.enabled?.() ?? true;
            button.setAttribute("aria-disabled", String(!enabled));
            if (command.pressed) button.setAttribute("aria-pressed", String(command.pressed()));
            const state = `${label}|${value(command.icon)}|${value(command.short)}`;
            if (button.dataset.state === state) continue;
            button.dataset.state = state;
            this.#fillButton(button, command, label);
        }
    }

    #fillButton(button, command, label) {
        const keys = command.keys?.[0] ? ` (${keyText(command.keys[0])})` : "";
        button.title = label + keys;
        if (command.id === "about") return; // its text is the model's name
        const iconOnly = ["tool", "play", "icon-only"].some((name) => button.classList.contains(name));
        if (iconOnly) {
            button.setAttribute("aria-label", label);
            button.replaceChildren(icon(value(command.icon)));
            return;
        }
        const inMenu = button.closest(".menu");
        const text = inMenu ? label : (value(command.short) ?? label);
        button.replaceChildren(
            ...(button.classList.contains("action") ? [icon(value(command.icon))] : []),
            make("span", {}, text),
        );
        if (inMenu && keys) button.append(make("kbd", {}, keyText(command.keys[0])));
    }

    #keydown(event) {
        if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
        const name = keyOf(event);
        if (name === "Escape" && (this.#pointer.abort() || closeMenus())) return event.preventDefault();
        const modified = event.ctrlKey || event.metaKey;
        if (takesText(event.target) && !(modified && ["Mod+S", "Mod+O"].includes(name))) return;
        if (
            !modified &&
            !event.altKey &&
            event.key.length === 1 &&
            event.key !== " " &&
            !find("#letters").checked
        )
            return;
        if (usesKey(event.target, name)) return;
        if (["Mod+C", "Mod+X"].includes(name) && !getSelection().isCollapsed) return; // a message's text is copied
        const onRoll = document.activeElement === this.#roll.canvas;
        const command = this.#commands.find(
            ({ keys, where, enabled }) =>
                keys?.includes(name) && (where !== "roll" || onRoll) && (enabled?.() ?? true),
        );
        if (command) {
            event.preventDefault();
            command.run();
            this.refresh();
        } else if (
            this.#commands.some(
                ({ keys, where }) => keys?.includes(name) && (where !== "roll" || onRoll) && modified,
            )
        ) {
            event.preventDefault(); // Ctrl+Z with nothing to undo must not undo in a text field elsewhere
        }
    }

    #listShortcuts() {
        const groups = new Map();
        for (const command of this.#commands) {
            const listed = command.listed === undefined ? value(command.label) : command.listed;
            if (listed === null || !command.keys?.length) continue;
            if (!groups.has(command.group)) groups.set(command.group, []);
            groups.get(command.group).push({ listed, keys: command.listedKeys ?? command.keys });
        }
        for (const [group, rows] of groups) {
            const list = make("dl", {});
            for (const { listed, keys } of rows) {
                const names = keys.flatMap((key, i) => [
                    ...(i ? [" or "] : []),
                    make("kbd", {}, keyText(key)),
                ]);
                list.append(make("div", {}, make("dt", {}, ...names), make("dd", {}, listed)));
            }
            find("#shortcuts").append(make("section", {}, make("h3", {}, group), list));
        }
    }
}

function value(textOrFunction) {
    return typeof textOrFunction === "function" ? textOrFunction() : textOrFunction;
}

/** "Mod+Shift+Z", "Shift+Space", "?", "ArrowLeft". Shift is named for letters and for keys with a name. */
function keyOf(event) {
    const { key } = event;
    const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
    const letter = /^\p{L}$/u.test(key) || key === " " || key.length > 1;
    const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
    return `${mod}${event.altKey ? "Alt+" : ""}${event.shiftKey && letter ? "Shift+" : ""}${name}`;
}

/** What people read on their keyboard. */
function keyText(key) {
    const names = {
        Mod: APPLE ? "⌘" : "Ctrl",
        ArrowLeft: "←",
        ArrowRight: "→",
        ArrowUp: "↑",
        ArrowDown: "↓",
        Arrows: "arrows",
        Escape: "Esc",
        Delete: "Del",
    };
    return key
        .split(/\+(?=.)/)
        .map((part) => names[part] ?? part)
        .join(APPLE ? "" : "+");
}

/** Whether the focused control does something by itself with this key. */
function usesKey(target, name) {
    if (!(target instanceof HTMLElement)) return false;
    if (["Space", "Enter"].includes(name)) return target.matches("button, summary, a, input[type=checkbox]");
    return target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(name);
}

/** The buttons that open a menu under themselves. */
export function startMenus() {
    for (const opener of document.querySelectorAll("[data-menu]")) {
        const menu = find(`#${opener.dataset.menu}`);
        opener.addEventListener("click", () => {
            const open = menu.hidden;
            closeMenus();
            menu.hidden = !open;
            opener.setAttribute("aria-expanded", String(open));
            if (open) menu.querySelector("button").focus();
        });
        menu.addEventListener("click", () => closeMenus(true));
        menu.addEventListener("keydown", (event) => moveInMenu(event, menu));
    }
    document.addEventListener("pointerdown", (event) => {
        if (!event.target.closest(".menu-place")) closeMenus(false);
    });
}

function moveInMenu(event, menu) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...menu.querySelectorAll("button")];
    const now = buttons.indexOf(document.activeElement);
    buttons[(now + step + buttons.length) % buttons.length].focus();
}

/** True if one was open. Its button gets the focus back, unless the reader went elsewhere. */
function closeMenus(focus = true) {
    const opener = document.querySelector("[data-menu][aria-expanded=true]");
    if (!opener) return false;
    const menu = find(`#${opener.dataset.menu}`);
    if (focus && menu.contains(document.activeElement)) opener.focus();
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    return true;
}

function readLetters() {
    try {
        return localStorage.getItem(STORED) !== "off";
    } catch {
        return true;
    }
}

function storeLetters(on) {
    try {
        localStorage.setItem(STORED, on ? "on" : "off");
    } catch {
        // Without storage the choice lasts as long as the page.
    }
}
