// Not a test: takes the messages of answers as Python sends them (JSON on stdin), and
// writes what a page has of each then. tests/display/test_javascript.py compares.

import { readFileSync } from "node:fs";
import { load } from "./files.mjs";

const { short, cases } = JSON.parse(readFileSync(0, "utf8"));
globalThis.SHORT = short;
const { takeSnapshot, takeFrame, inNames } = load(["frames.js"], ["takeSnapshot", "takeFrame", "inNames"]);

function replay({ snapshot = {}, messages = [] }) {
  const answer = {};
  takeSnapshot(answer, snapshot);
  for (const message of messages) {
    const named = Array.isArray(message) ? inNames(answer, message) : message;
    if (!takeFrame(answer, named, () => {})) throw new Error(`a frame is missing before ${named.seq}`);
  }
  return Object.fromEntries(answer.sections);
}

process.stdout.write(JSON.stringify(cases.map(replay)));
