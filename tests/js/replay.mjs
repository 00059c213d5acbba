// Not a test: takes the module that is sent to a page and the messages of answers (JSON on
// stdin), and writes what a page has of each then. tests/display/test_javascript.py compares.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const { script, cases } = JSON.parse(readFileSync(0, "utf8"));
vm.runInThisContext(script.replace(/\nexport default \w+;\n$/, ""), { filename: "sent.mjs" });
const { takeSnapshot, takeFrame, inNames } = vm.runInThisContext("({ takeSnapshot, takeFrame, inNames })");

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
