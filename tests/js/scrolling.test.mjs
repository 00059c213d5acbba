// Who follows the end of an answer, and of a panel's history.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./files.mjs";

const { hasLeftNow, isAtEndNow } = load(["scrolling.js", "panel.js"], ["hasLeftNow", "isAtEndNow"]);

/** Scroll by steps of [so far down, whether the end is in view then]. */
const leaves = (steps) => steps.reduce((left, [down, inView]) => hasLeftNow(left, down, inView), false);

// What it shows: [the steps, whether the reader has left the end]
const STEPS = {
  "who does nothing follows": [[[0, true]], false],
  "who scrolls up leaves": [[[-30, true]], true],
  "and has left after that": [[[-30, true], [0, true], [0, false]], true],
  "half a pixel is no scrolling": [[[-0.5, true]], false],
  "who scrolls down to the end is back": [[[-30, false], [40, true]], false],
  "who scrolls down but not so far is not": [[[-30, false], [10, false]], true],
  "the end that comes into view by itself brings nobody back": [[[-30, false], [0, true]], true],
};
for (const [name, [steps, expected]] of Object.entries(STEPS)) test(name, () => assert.equal(leaves(steps), expected));

// What it shows: [was at the end, so far down, left to the end, is at the end]
const LOGS = {
  "who is at the end stays there": [true, 0, 0, true],
  "also when the history grows": [true, 0, 500, true],
  "who scrolls up leaves": [true, -40, 40, false],
  "who scrolls up a little is still there": [true, -10, 10, true],
  "who has left stays away": [false, 0, 500, false],
  "scrolling down is not enough": [false, 50, 100, false],
  "scrolling down to the end is": [false, 50, 15, true],
};
for (const [name, [was, down, left, expected]] of Object.entries(LOGS))
  test(`in a panel: ${name}`, () => assert.equal(isAtEndNow(was, down, left), expected));
