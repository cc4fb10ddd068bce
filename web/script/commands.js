// SPDX-License-Identifier: MIT
// Every command of the page, once: its name, its keys, whether it can be used now, and what it does. The
// buttons, the shortcuts and the list of shortcuts are all made from this table.
//
// { id, group, label, keys, icon, run, enabled?, pressed?, short?, listed?, listedKeys?, where? }: label,
// short and icon may be functions; `listed` and `listedKeys` are what the list of shortcuts shows instead
// (null: nothing); where "roll" needs the keyboard's focus on the roll. Mod is Ctrl, or Command on Apple's
// systems.
import { say } from "./messages.js";
import { cropped, hasLocks, melodyNotes, withFrames, withLocks } from "./piece.js";
import { count, timeUnits } from "./music.js";
import { FRAMES_MAX, notesOf } from "./roll.js";
import { nextTheme, setTheme, themeChoice } from "./theme.js";
import { copyLink } from "./link.js";
import { find } from "./dom.js";

/** The table, for these parts of the page. */
export function makeCommands(parts) {
    return [
        ...playing(parts),
        ...model(parts),
        ...reviewing(parts),
        ...notes(parts),
        ...cursor(parts),
        ...piece(parts),
        ...view(parts),
    ];
}

function playing({ workspace, player }) {
    const group = "Playing";
    const playable = () => notesOf(workspace.piece.roll).length > 0 || player.playing;
    const play = (from) => player.play(from).catch((error) => player.onError(error));
    return [
        {
            id: "play",
            group,
            label: () => (player.playing ? "Stop" : "Play"),
            listed: "Play, stop",
            icon: () => (player.playing ? "stop" : "play"),
            keys: ["Space"],
            enabled: playable,
            run: () => (player.playing ? player.stop() : play(player.start)),
        },
        {
            id: "to-start",
            group,
            label: "To the beginning",
            icon: "start",
            keys: ["Home", "0"],
            run: () => player.setStart(workspace.selection && player.loop ? workspace.selection.from : 0),
        },
        {
            id: "play-start",
            group,
            label: "Play from the beginning",
            keys: ["Shift+Space"],
            enabled: playable,
            run: () => (player.stop(), play(0)),
        },
        {
            id: "loop",
            group,
            label: "Repeat the selection or the piece",
            icon: "loop",
            keys: ["R"],
            pressed: () => player.loop,
            run: () => {
                player.setLoop(!player.loop);
                say(player.loop ? "Repeat is on." : "Repeat is off.");
            },
        },
    ];
}

function model({ workspace, generator, sliders, work }) {
    const group = "The model writes";
    const free = () => !workspace.busy;
    const sounding = () => free() && notesOf(workspace.piece.roll).length > 0;
    return [
        {
            id: "new",
            group,
            label: "New piece",
            short: "New piece",
            keys: ["N"],
            enabled: free,
            run: () => generator.makeNew(),
        },
        {
            id: "fill",
            group,
            label: "Fill: rewrite the selection, or all",
            short: "Fill",
            icon: "fill",
            keys: ["F"],
            enabled: () => free() && workspace.piece.roll.frames > 0,
            run: () => generator.fill(),
        },
        {
            id: "continue",
            group,
            label: "Continue from the end",
            short: "Continue",
            icon: "continue",
            keys: ["C"],
            enabled: free,
            run: () => generator.continuePiece(),
        },
        {
            id: "harmonize",
            group,
            label: "Harmonize the melody",
            short: "Harmonize",
            icon: "harmonize",
            keys: ["H"],
            enabled: sounding,
            run: () => generator.harmonize(),
        },
        {
            id: "vary",
            group,
            label: "Vary: pieces near this one",
            short: "Vary",
            keys: ["V"],
            enabled: sounding,
            run: () => sliders.vary(),
        },
        {
            id: "reconstruct",
            group,
            label: "Reconstruct: encode the piece and decode it again",
            short: "Reconstruct",
            keys: ["Shift+V"],
            enabled: sounding,
            run: () => sliders.reconstruct(),
        },
        {
            id: "reset-sliders",
            group,
            label: "Sliders back to 0",
            short: "Reset",
            keys: ["Shift+S"],
            enabled: () => sliders.areMoved,
            run: () => sliders.reset(),
        },
        {
            id: "halt",
            group,
            label: "Stop the model",
            short: "Stop",
            keys: ["Escape"],
            enabled: () => workspace.busy !== null,
            run: () => work.halt(),
        },
    ];
}

function reviewing({ workspace }) {
    const group = "Variations";
    const open = () => workspace.review !== null;
    const step = (by) => () => {
        const { index, pieces } = workspace.review;
        workspace.showVariation((index + by + pieces.length) % pieces.length);
        say(`Variation ${workspace.review.index + 1} of ${pieces.length}.`);
    };
    const choose = (key) => () => {
        workspace.showVariation(Number(key) - 1);
        say(`Variation ${workspace.review.index + 1} of ${workspace.review.pieces.length}.`);
    };
    return [
        ...["1", "2", "3", "4", "5", "6", "7", "8"].map((key) => ({
            id: `variation-${key}`,
            group,
            label: `Variation ${key}`,
            listed: key === "1" ? "Show a variation" : null,
            listedKeys: ["1 … 8"],
            keys: [key],
            enabled: () => open() && workspace.review.pieces.length >= Number(key),
            run: choose(key),
        })),
        { id: "next-variation", group, label: "Next variation", keys: ["."], enabled: open, run: step(1) },
        {
            id: "previous-variation",
            group,
            label: "Previous variation",
            keys: [","],
            enabled: open,
            run: step(-1),
        },
        {
            id: "accept",
            group,
            label: "Accept the variation",
            short: "Accept",
            keys: ["Enter"],
            enabled: open,
            run: () => (workspace.accept(), say("Accepted.")),
        },
        {
            id: "discard",
            group,
            label: "Discard the variations",
            short: "Discard",
            keys: ["Escape"],
            enabled: open,
            run: () => (workspace.discard(), say("Discarded.")),
        },
    ];
}

function notes({ workspace, keyboard, roll }) {
    const group = "Notes";
    const chosen = () => workspace.chosenNotes().length > 0;
    const tool = (name, label, keys) => ({
        id: `tool-${name}`,
        group,
        label,
        icon: name,
        keys,
        pressed: () => workspace.tool === name,
        run: () => workspace.setTool(name),
    });
    const lockMelody = () => {
        const melody = melodyNotes(workspace.piece);
        workspace.edit("lock melody", (before) => withLocks(before, melody, true));
        say(`Locked the ${count(melody.length, "highest note")}.`);
    };
    return [
        tool("select", "Select and move notes", ["S"]),
        tool("draw", "Draw notes", ["D"]),
        tool("erase", "Erase notes", ["E"]),
        tool("lock", "Lock notes", ["K"]),
        {
            id: "lock",
            group,
            label: "Lock or unlock the chosen notes",
            short: () => (keyboard.allLocked ? "Unlock" : "Lock"),
            keys: ["L"],
            enabled: chosen,
            run: () => keyboard.toggleLocks(),
        },
        {
            id: "lock-melody",
            group,
            label: "Lock the highest voice",
            short: "Lock melody",
            keys: ["M"],
            enabled: () => notesOf(workspace.piece.roll).length > 0,
            run: lockMelody,
        },
        {
            id: "unlock-all",
            group,
            label: "Unlock all notes",
            short: "Unlock all",
            keys: ["Shift+L"],
            enabled: () => hasLocks(workspace.piece),
            run: () =>
                workspace.edit("unlock all", (before) => withLocks(before, notesOf(before.roll), false)),
        },
        {
            id: "delete",
            group,
            label: "Delete the chosen notes",
            short: "Delete",
            keys: ["Delete", "Backspace"],
            enabled: chosen,
            run: () => keyboard.deleteNotes(),
        },
        {
            id: "shorten",
            group,
            label: "Shorten the chosen notes",
            keys: ["["],
            enabled: chosen,
            run: () => keyboard.lengthenNotes(-1),
        },
        {
            id: "lengthen",
            group,
            label: "Lengthen the chosen notes",
            keys: ["]"],
            enabled: chosen,
            run: () => keyboard.lengthenNotes(1),
        },
        {
            id: "copy",
            group,
            label: "Copy notes",
            keys: ["Mod+C"],
            enabled: chosen,
            run: () => keyboard.copy(),
        },
        { id: "cut", group, label: "Cut notes", keys: ["Mod+X"], enabled: chosen, run: () => keyboard.cut() },
        {
            id: "paste",
            group,
            label: "Paste notes at the playhead",
            keys: ["Mod+V"],
            enabled: () => keyboard.canPaste,
            run: () => keyboard.paste(),
        },
        {
            id: "select-all",
            group,
            label: "Select all",
            keys: ["Mod+A"],
            run: () =>
                workspace.select({
                    from: 0,
                    to: workspace.piece.roll.frames,
                    low: roll.geometry.low,
                    high: roll.geometry.high,
                }),
        },
        {
            id: "deselect",
            group,
            label: "Select nothing",
            icon: "close",
            keys: ["Escape"],
            enabled: () => workspace.selection !== null,
            run: () => workspace.select(null),
        },
    ];
}

function cursor({ workspace, keyboard }) {
    const group = "In the roll";
    const where = "roll";
    const { bar } = timeUnits(workspace.preset);
    const moves = [
        ["left", "ArrowLeft", -1, 0],
        ["right", "ArrowRight", 1, 0],
        ["up", "ArrowUp", 0, 1],
        ["down", "ArrowDown", 0, -1],
    ];
    const commands = [];
    const add = (id, label, key, run) =>
        commands.push({ id, group, label, listed: null, keys: [key], where, run });
    for (const [name, key, frames, keys] of moves) {
        add(`cursor-${name}`, "Move the cursor", key, () => keyboard.move(frames, keys));
        add(`extend-${name}`, "Select", `Shift+${key}`, () => keyboard.move(frames, keys, true));
        add(`move-${name}`, "Move the chosen notes", `Alt+${key}`, () => keyboard.moveNotes(frames, keys));
        add(`far-${name}`, "By a bar or an octave", `Mod+${key}`, () =>
            keyboard.move(frames * bar, keys * 12),
        );
        add(`far-extend-${name}`, "Select by a bar or an octave", `Mod+Shift+${key}`, () =>
            keyboard.move(frames * bar, keys * 12, true),
        );
        add(`far-move-${name}`, "Move notes by a bar or an octave", `Mod+Alt+${key}`, () =>
            keyboard.moveNotes(frames * bar, keys * 12),
        );
    }
    for (const command of commands.slice(0, 6)) {
        command.listed = command.label;
        command.listedKeys = [command.keys[0].replace("ArrowLeft", "Arrows")];
    }
    commands.push(
        {
            id: "toggle-note",
            group,
            label: "Write a note, or delete the one there",
            keys: ["Enter"],
            where,
            run: () => keyboard.toggleNote(),
        },
        {
            id: "playhead-here",
            group,
            label: "Put the playhead at the cursor",
            keys: ["Shift+Enter"],
            where,
            run: () => keyboard.placePlayhead(),
        },
        {
            id: "cursor-end",
            group,
            label: "To the end of the piece",
            keys: ["End"],
            where,
            run: () => keyboard.moveToEnd(true),
        },
        {
            id: "octave-up",
            group,
            label: "Cursor up an octave",
            keys: ["PageUp"],
            where,
            run: () => keyboard.move(0, 12),
        },
        {
            id: "octave-down",
            group,
            label: "Cursor down an octave",
            keys: ["PageDown"],
            where,
            run: () => keyboard.move(0, -12),
        },
        {
            id: "describe",
            group,
            label: "Say what the piece is, and what is at the cursor",
            keys: ["I"],
            run: () => keyboard.describe(),
        },
    );
    return commands;
}

function piece({ workspace, generator, files, kept }) {
    const group = "Piece";
    const { bar, inBeats } = timeUnits(workspace.preset);
    const announce = (verb, label) => label !== null && say(`${verb}: ${label}.`);
    return [
        {
            id: "undo",
            group,
            label: "Undo",
            icon: "undo",
            keys: ["Mod+Z", "Z"],
            enabled: () => workspace.canUndo,
            run: () => announce("Undone", workspace.undo()),
        },
        {
            id: "redo",
            group,
            label: "Redo",
            icon: "redo",
            keys: ["Mod+Shift+Z", "Mod+Y", "Shift+Z"],
            enabled: () => workspace.canRedo,
            run: () => announce("Redone", workspace.redo()),
        },
        {
            id: "open",
            group,
            label: "Open a MIDI file",
            icon: "open",
            keys: ["Mod+O", "O"],
            enabled: () => !workspace.busy,
            run: () => files.choose(),
        },
        { id: "keep", group, label: "Keep this piece", icon: "keep", keys: ["P"], run: () => kept.keep() },
        {
            id: "link",
            group,
            label: "Copy a link to this piece",
            keys: ["Shift+C"],
            run: () => copyLink(workspace.piece),
        },
        {
            id: "midi",
            group,
            label: "Download MIDI",
            keys: ["Mod+S", "W"],
            enabled: () => !workspace.busy,
            run: () => files.downloadMidi(),
        },
        {
            id: "wav",
            group,
            label: "Download sound (WAV)",
            keys: ["Shift+W"],
            enabled: () => !workspace.busy,
            run: () => files.downloadWav(),
        },
        {
            id: "picture",
            group,
            label: "Download picture (PNG)",
            keys: ["Shift+P"],
            enabled: () => !workspace.busy,
            run: () => files.downloadPicture(),
        },
        {
            id: "empty",
            group,
            label: "Empty piece to draw in",
            short: "Empty piece",
            keys: ["Shift+N"],
            run: () => generator.makeEmpty(),
        },
        {
            id: "add-bar",
            group,
            label: inBeats ? "Add an empty bar" : "Add an empty second",
            keys: ["B"],
            enabled: () => workspace.piece.roll.frames + bar <= FRAMES_MAX,
            run: () => workspace.edit("add a bar", (before) => withFrames(before, before.roll.frames + bar)),
        },
        {
            id: "crop",
            group,
            label: "Crop the piece to the selection",
            keys: ["X"],
            enabled: () => workspace.selection !== null,
            run: () => {
                const { from, to } = workspace.selection;
                workspace.select(null);
                workspace.edit("crop", (before) => cropped(before, from, to));
            },
        },
    ];
}

function view({ roll }) {
    const group = "Page";
    const zoom = (factor) => () => {
        roll.geometry.zoom(factor);
        roll.redraw();
    };
    return [
        { id: "zoom-in", group, label: "Zoom in", icon: "plus", keys: ["+", "="], run: zoom(1.4) },
        { id: "zoom-out", group, label: "Zoom out", icon: "minus", keys: ["-"], run: zoom(1 / 1.4) },
        {
            id: "zoom-fit",
            group,
            label: "Show the whole piece",
            icon: "fit",
            keys: ["G"],
            run: () => roll.fit(true),
        },
        {
            id: "theme",
            group,
            label: () =>
                `Colours: ${{ system: "as the system", light: "light", dark: "dark" }[themeChoice()]}`,
            listed: "Colours light, dark, as the system",
            icon: "theme",
            keys: ["T"],
            run: () => {
                setTheme(nextTheme());
                say(`Colours: ${themeChoice()}.`);
            },
        },
        {
            id: "about",
            group,
            label: "About the model",
            short: null,
            keys: ["A"],
            run: () => find("#about-dialog").showModal(),
        },
        {
            id: "help",
            group,
            label: "List of shortcuts",
            icon: "help",
            keys: ["?", "F1"],
            run: () => find("#help-dialog").showModal(),
        },
    ];
}
