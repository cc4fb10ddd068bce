// SPDX-License-Identifier: MIT
// The link to a piece: all of it (seed, settings, sliders, notes, locks) is in the address's fragment,
// #piece=TEXT, which browsers do not send anywhere.
import { find } from "./dom.js";
import { pieceToText, textToPiece } from "./piece_text.js";
import { show, showError } from "./messages.js";

const PREFIX = "#piece=";
const LONG = 8000; // characters; mail programs and messengers begin to cut

/** The piece of the page's address, or null if it has none. A damaged one is reported. */
export function readLink() {
    if (!location.hash.startsWith(PREFIX)) return null;
    try {
        return textToPiece(location.hash.slice(PREFIX.length));
    } catch (error) {
        showError(`The link's piece was not opened: ${error.message}.`);
        return null;
    }
}

/** Calls `open` with the piece when another link is put into this page's address. */
export function listenForLinks(open) {
    addEventListener("hashchange", () => {
        const piece = readLink();
        if (piece) open(piece);
    });
}

/** Puts the piece into the address and the clipboard; shows the link if the clipboard cannot be used. */
export async function copyLink(piece) {
    const url = location.href.split("#")[0] + PREFIX + pieceToText(piece);
    history.replaceState(null, "", url);
    const long =
        url.length > LONG
            ? ` It has ${url.length} characters; some programs cut links of that length. A MIDI file is safer.`
            : "";
    try {
        await navigator.clipboard.writeText(url);
        show(`Link copied.${long}`);
    } catch {
        find("#link-note").textContent = `Copy this link.${long}`;
        find("#link-text").value = url;
        find("#link-dialog").showModal();
        find("#link-text").select();
    }
}

/** Removes the fragment: the piece has changed, so the address no longer says what is on the page. */
export function forgetLink() {
    if (location.hash.startsWith(PREFIX)) history.replaceState(null, "", location.href.split("#")[0]);
}
