// SPDX-License-Identifier: MIT
// Starts the page: the engine first, then the parts, then the first piece. Read this file to see which part
// uses which.
import { Blending } from "./blending.js";
import { ContextBar } from "./context_bar.js";
import { Engine, decodeBase64 } from "./engine.js";
import { Measurements } from "./measurements.js";
import { Files } from "./files.js";
import { HelixCanvas } from "./helix_canvas.js";
import { KeptPieces } from "./kept.js";
import { LongWork } from "./long_work.js";
import { Overview } from "./overview.js";
import { Player } from "./player.js";
import { RollCanvas } from "./roll_canvas.js";
import { RollKeyboard } from "./roll_keyboard.js";
import { RollPointer } from "./roll_pointer.js";
import { Sliders } from "./sliders.js";
import { Shortcuts, startMenus } from "./shortcuts.js";
import { Sound } from "./sound.js";
import { Transport } from "./transport.js";
import { Workspace } from "./workspace.js";
import { Generator } from "./generate.js";
import { forgetLink, listenForLinks, readLink } from "./link.js";
import { createPiece } from "./piece.js";
import { createRoll } from "./roll.js";
import { debounced, find } from "./dom.js";
import { makeCommands } from "./commands.js";
import { say, show, showError } from "./messages.js";
import { showCard, startHint, startPanels } from "./panels.js";
import { startTheme } from "./theme.js";
import { timeUnits } from "./music.js";

const TEMPO = 88; // of a piece whose engine names none
const BARS = 8;

async function start() {
    startTheme();
    const engine = new Engine(find("#engine-worker").textContent, {
        wasm: decodeBase64(find("#engine-module").textContent.trim()),
        pack: decodeBase64(find("#model-pack").textContent.trim()),
    });
    const model = await engine.start();
    const { points } = await engine.call("helix");
    const { preset } = model;
    const workspace = new Workspace(
        preset,
        createPiece(createRoll(BARS * timeUnits(preset).bar), model.tempo ?? TEMPO, ""),
    );
    const sound = new Sound(engine);
    const player = new Player(workspace, sound);
    const roll = new RollCanvas(workspace, player);
    const work = new LongWork(workspace, engine);
    const generator = new Generator(workspace, engine, work);
    const sliders = new Sliders(workspace, engine, generator, work, model);
    const files = new Files(workspace, engine, work);
    const kept = new KeptPieces(workspace);
    const pointer = new RollPointer(workspace, roll, player, sound);
    const keyboard = new RollKeyboard(workspace, roll, player, sound);
    player.onError = pointer.onError = (error) => showError(`No sound: ${error.message}`);
    new Overview(workspace, roll);
    new HelixCanvas(workspace, player, points);
    new ContextBar(workspace);
    new Transport(workspace, player, sound);
    new Measurements(workspace, engine);
    new Blending(workspace, engine, kept);
    startPanels();
    startMenus();
    showCard(model.card, model.version);
    const commands = makeCommands({
        workspace,
        player,
        roll,
        generator,
        sliders,
        files,
        kept,
        keyboard,
        work,
    });
    new Shortcuts(commands, workspace, roll, pointer);
    find("#app").hidden = false;
    startHint(workspace);
    resumeSoundOnFirstGesture(sound);
    rememberEveryPiece(workspace, generator, player, roll, kept);
    await showFirstPiece(workspace, generator, kept);
}

/** What happens whenever another piece is on the page. */
function rememberEveryPiece(workspace, generator, player, roll, kept) {
    const remember = debounced(400, () => kept.rememberLast());
    const prepare = debounced(600, () => player.prepareTones());
    let shown = null;
    workspace.on("piece", () => {
        remember();
        prepare();
        if (workspace.origin === shown) return;
        shown = workspace.origin; // made, opened or taken from the kept pieces: shown from its beginning
        player.setStart(0);
        roll.fit();
        generator.showRecipe(workspace.piece.made);
    });
    workspace.on(
        "piece",
        debounced(0, () => workspace.settled !== linked && forgetLink()),
    );
    listenForLinks((piece) => openLinked(workspace, piece));
}

let linked = null; // the piece of the page's address

function openLinked(workspace, piece) {
    linked = piece;
    workspace.load("open link", piece);
}

/** The piece of the link; else the one that was here before the reload; else a new one. */
async function showFirstPiece(workspace, generator, kept) {
    const fromLink = readLink();
    if (fromLink) {
        openLinked(workspace, fromLink);
        return say("Opened the piece of the link.");
    }
    const last = kept.readLast();
    if (last?.roll.sounding.some((word) => word)) {
        workspace.load("last piece", last);
        return show("Your last piece is back.", {
            action: { label: "New piece", run: () => generator.makeNew() },
        });
    }
    return generator.makeNew();
}

/** Sound may begin only inside a gesture; the earliest one opens the device, so that the first note comes at
 *  once. */
function resumeSoundOnFirstGesture(sound) {
    const resume = () => {
        sound.resume().then(
            () => sound.suspendSoon(),
            () => {},
        ); // a failure is reported by play, when sound is asked for
        for (const type of types) removeEventListener(type, resume, true);
    };
    const types = ["pointerup", "keydown", "touchend"];
    for (const type of types) addEventListener(type, resume, true);
}

start().catch((error) => {
    find("#app").hidden = true;
    find("#failure").hidden = false;
    find("#failure-text").textContent = `The page could not start: ${error.message}`;
});
