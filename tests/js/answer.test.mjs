// What is said beside and instead of an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./files.mjs";

const { factLines, waitingText } = load(["answer.js", "widget.js"], ["factLines", "waitingText"]);

// What it shows: [the facts, how it goes, seconds, characters a second; the lines]
const FACTS = {
  "while nothing has come, nothing": [{ phase: "waiting" }, "", 3.2, 0, []],
  "how it goes, and for how long": [{ phase: "writing" }, "writing", 3.9, 0, ["writing", "3 s"]],
  "when the first token came, how fast it is": [{ phase: "writing", first_s: 0.449 }, "writing", 3, 120, ["writing", "3 s", "first 0.4 s", "120 ch/s"]],
  "how it ended, on the kernel's clock": [{ phase: "ended", first_s: 1, outcome: "done", end_s: 4.99 }, "ended", 60, 7, ["done", "4 s", "first 1.0 s", "7 ch/s"]],
  "without its kernel": [{ phase: "lost", first_s: 1 }, "lost", 60, 7, ["no kernel"]],
  "that it is being stopped": [{ phase: "writing" }, "stopping", 1, 0, ["stopping", "1 s"]],
};
for (const [name, [facts, word, now_s, rate, expected]] of Object.entries(FACTS))
  test(name, () => assert.deepEqual(factLines(facts, word, now_s, rate), expected));

const retry = { at_s: 12.4, why: "The server is overloaded." };
// What it shows: [the facts, seconds, what is said]
const WAITING = {
  "the wait is counted": [{}, 3.9, "Waiting for the first token … 3 s"],
  "it is said when it is asked again, and why": [{ retry }, 3.9, "The server is overloaded. Trying again in 9 s …"],
  "at least one second": [{ retry }, 12.3, "The server is overloaded. Trying again in 1 s …"],
  "and that it was": [{ retry }, 12.4, "Tried again. Waiting for the first token … 12 s"],
};
for (const [name, [facts, now_s, expected]] of Object.entries(WAITING))
  test(name, () => assert.equal(waitingText(facts, now_s), expected));
