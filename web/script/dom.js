// SPDX-License-Identifier: MIT
// Finding and making elements. Text always becomes a text node: no text of a model, a file or a link can
// become markup.

/** The one element that matches; an error if the template has none. */
export function find(selector, root = document) {
    const element = root.querySelector(selector);
    if (!element) throw new Error(`the page has no element ${selector}`);
    return element;
}

/** A new element. Attributes that are null or false are left out; children are elements or strings. */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
        if (value !== null && value !== false)
            element.setAttribute(name, value === true ? "" : String(value));
    element.append(...children);
    return element;
}

/** An icon of the template's sprite, hidden from screen readers. */
export function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(space, "use");
    use.setAttribute("href", `#icon-${name}`);
    svg.append(use);
    return svg;
}

/** Whether the keyboard writes text into this element, so that single letters are not shortcuts there. */
export function takesText(element) {
    if (!(element instanceof HTMLElement)) return false;
    if (element instanceof HTMLInputElement)
        return !["range", "checkbox", "radio", "button", "submit", "file"].includes(element.type);
    return (
        element instanceof HTMLTextAreaElement ||
        element instanceof HTMLSelectElement ||
        element.isContentEditable
    );
}

/** Runs a function once, `ms` milliseconds after the last call. */
export function debounced(ms, run) {
    let timer = 0;
    return (...values) => {
        clearTimeout(timer);
        timer = setTimeout(() => run(...values), ms);
    };
}
