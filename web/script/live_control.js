// SPDX-License-Identifier: MIT
// A slider whose every motion asks the engine, and which becomes one step of undo when it comes to rest.

/**
 * begin() gives the context of a motion; update(context, isActive) shows the present value and returns a promise, and
 * must show nothing once isActive() is false; finish(context) is called when the control rests and all is shown;
 * fail(error) is called with what went wrong.
 */
export function liveControl({ begin, update, finish, fail }) {
    let motion = null;
    return {
        get active() {
            return motion !== null;
        },
        input() {
            motion ??= { context: begin(), latest: null };
            const mine = motion;
            mine.latest = update(mine.context, () => motion === mine).catch(fail);
        },
        async change() {
            const mine = motion;
            if (!mine) return;
            for (let latest = null; latest !== mine.latest;) await (latest = mine.latest);
            if (motion !== mine) return;
            motion = null;
            finish(mine.context);
        },
    };
}
