// What a page makes of the frames of an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./files.mjs";

globalThis.SHORT = ["<p>", "</p>\n"];
const { expand, takeSnapshot, takeFrame, takeSection, inNames, ORDER } = load(
  ["frames.js"],
  ["expand", "takeSnapshot", "takeFrame", "takeSection", "inNames", "ORDER"],
);
const CODE = "<pre><code>";
const END = "</code></pre>\n";

function answerWith(blocks, more = {}) {
  const answer = {};
  takeSnapshot(answer, {});
  answer.sections.set("0.2.text", { blocks, closed: 0, line: "", ...more });
  answer.last = "0.2.text";
  return answer;
}

// What it shows: [blocks, of them closed; the frame; the blocks then, of them closed; the first touched]
const FRAMES = {
  "blocks are added behind what is closed": [["a", "b"], 2, { html: ["c", "d"] }, ["a", "b", "c", "d"], 2, 1],
  "what is open is replaced": [["a", "b"], 1, { html: ["B", "c"], closed: 2 }, ["a", "B", "c"], 2, 1],
  "the last block goes on from so many characters": [["a", "bcd"], 1, { at: 1, keep: 2, html: ["x", "y"] }, ["a", "bcx", "y"], 1, 1],
  "half of a pair of code units may be kept": [["😀"], 0, { keep: 1, html: ["\ude01"] }, ["😁"], 0, 0],
  "without HTML the blocks behind go": [["a", "b", "c"], 0, { at: 1 }, ["a"], 0, 1],
  "a block far up is replaced": [["a", "b", "c"], 3, { at: 3, replaced: [[0, "A"]] }, ["A", "b", "c"], 3, 0],
  "code comes before the end of the fence": [[`${CODE}1\n${END}`], 0, { at: 1, code: "2\n" }, [`${CODE}1\n2\n${END}`], 0, 0],
  "what is short is in full again": [["a"], 1, { html: ["\x81b\x82"] }, ["a", "<p>b</p>\n"], 1, 0],
  "a frame for nothing is the begin": [[], 0, { html: ["a"] }, ["a"], 0, 0],
};
for (const [name, [blocks, closed, frame, after, nowClosed, touched]] of Object.entries(FRAMES))
  test(name, () => {
    const answer = answerWith(blocks, { closed });

    assert.equal(takeSection(answer, "0.2.text", frame), touched);
    assert.deepEqual(answer.sections.get("0.2.text"), { blocks: after, closed: nowClosed, line: "" });
  });

test("the open line is that of the newest frame, and may keep of the one before", () => {
  const answer = answerWith([`${CODE}${END}`], { line: "prin" });
  const line = () => answer.sections.get("0.2.text").line;

  takeSection(answer, "0.2.text", { at: 1, line: "t(", lineKeep: 4 });
  assert.equal(line(), "prin" + "t(");
  takeSection(answer, "0.2.text", { at: 1, line: "x" });
  assert.equal(line(), "x");
  takeSection(answer, "0.2.text", { at: 1 });
  assert.equal(line(), "");
});

// What it shows: [the message in short, the same by its names]
const LISTS = {
  "the last block goes on": [[7, 3, "html"], { at: 1, keep: 3, html: ["html"] }],
  "a fence goes on": [[7, "code\n", 2, "li"], { at: 2, code: "code\n", line: "li", lineKeep: 2 }],
};
for (const [name, [message, frame]] of Object.entries(LISTS))
  test(`in a list: ${name}`, () => {
    const expected = { kind: "frame", seq: 7, sections: { "0.2.text": frame } };

    assert.deepEqual(inNames(answerWith(["a", "b"]), message), expected);
  });

test("a list is about the section that was sent last", () => {
  const answer = answerWith(["a"]);
  takeSection(answer, "0.3.call", { html: ["b"] });

  assert.deepEqual(Object.keys(inNames(answer, [1, 0, "c"]).sections), ["0.3.call"]);
});

test("frames are taken in their order: an old one is nothing, a missing one is told", () => {
  const answer = answerWith([]);
  const touched = [];
  const take = (seq, text) =>
    takeFrame(answer, { kind: "frame", seq, sections: { s: { html: [text] } }, phase: text }, (...each) => touched.push(each));
  answer.seq = 4;

  assert.equal(take(4, "old"), true);
  assert.equal(take(6, "too early"), false);
  assert.deepEqual([answer.seq, answer.facts, touched], [4, {}, []]);

  assert.equal(take(5, "next"), true);
  assert.deepEqual([answer.seq, answer.facts, touched], [5, { phase: "next" }, [["s", 0]]]);
  assert.deepEqual(answer.sections.get("s").blocks, ["next"]);
});

test("facts stay until a frame says something else", () => {
  const answer = answerWith([]);
  takeFrame(answer, { seq: 1, sections: {}, phase: "writing", first_s: 0.5 }, () => {});
  takeFrame(answer, { seq: 2, sections: {}, phase: "ended" }, () => {});

  assert.deepEqual(answer.facts, { phase: "ended", first_s: 0.5 });
});

test("a snapshot replaces everything", () => {
  const answer = answerWith(["old"]);
  const before = performance.now();
  takeSnapshot(answer, { seq: 9, last: "b", sections: { b: { html: ["B"] }, a: { html: ["\x81"] } }, elapsed_s: 2, phase: "writing" });

  assert.deepEqual([...answer.sections.keys()], ["b", "a"]);
  assert.deepEqual(answer.sections.get("a"), { blocks: ["<p>"], closed: 0, line: "" });
  assert.deepEqual([answer.seq, answer.last, answer.facts], [9, "b", { phase: "writing" }]);
  assert.ok(answer.began >= before - 2000 && answer.began <= performance.now() - 2000);
});

test("sections stand in the order of the numbers in their keys", () => {
  const keys = ["0.10.call", "r1.0.2.text", "0.2.text", "0.1.reasoning"];

  assert.deepEqual(keys.sort(ORDER), ["0.1.reasoning", "0.2.text", "0.10.call", "r1.0.2.text"]);
});

test("what stands for itself comes with a sign before it", () => {
  assert.equal(expand("\x81a\x80\x81\x80\x80\x82"), "<p>a\x81\x80</p>\n");
  assert.equal(expand("\x80\n"), "\n");
});
