// A stream's bytes as rows, and the walk through it.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./dom.mjs";
import { load } from "./files.mjs";

const { signAt, layOut, runsOf, lastUpTo, makeWalk, kindOf, dataOf, laidOut, difference } = load(
  ["blocks.js", "anatomy_stream.js", "anatomy_slider.js", "anatomy.js"],
  ["signAt", "layOut", "runsOf", "lastUpTo", "makeWalk", "kindOf", "dataOf", "laidOut", "difference"],
);
const bytesOf = (text) => new TextEncoder().encode(text);
const nowhere = () => false;

// -- rows -------------------------------------------------------------------------------

// What it shows: [the bytes, where a read cuts, [bytes, text, columns, kind]]
const SIGNS = {
  "a letter": ["a", [], [1, "a", 1, ""]],
  "a line's end": ["\nx", [], [1, "\\n", 2, "end"]],
  "CR and LF are one end": ["\r\nx", [], [2, "\\r\\n", 4, "end"]],
  "CR alone is one, too": ["\rx", [], [1, "\\r", 2, "end"]],
  "a letter of two bytes": ["é", [], [2, "é", 1, ""]],
  "a wide letter": ["語", [], [3, "語", 2, ""]],
  "a picture": ["😀", [], [4, "😀", 2, ""]],
  "a letter that a read cuts is its bytes": ["é", [1], [1, "C3", 3, "byte"]],
  "a cut before it is none": ["é", [0], [2, "é", 1, ""]],
  "what cannot be seen is shown by its number": ["\u200b", [], [3, "⟨200B⟩", 6, "odd"]],
  "what turns the reading direction, too": ["\u202e", [], [3, "⟨202E⟩", 6, "odd"]],
  "a tab": ["\t", [], [1, "⟨0009⟩", 6, "odd"]],
  "a byte that begins no letter": [[0xa9, 0x41], [], [1, "A9", 3, "byte"]],
  "a letter that is not whole": [[0xe2, 0x82], [], [1, "E2", 3, "byte"]],
  "half of a pair, which UTF-8 does not have": [[0xed, 0xa0, 0x80], [], [1, "ED", 3, "byte"]],
};
for (const [name, [given, cuts, expected]] of Object.entries(SIGNS))
  test(`a sign: ${name}`, () => {
    const bytes = typeof given === "string" ? bytesOf(given) : new Uint8Array(given);
    const { length, text, width, kind } = signAt(bytes, 0, (at) => cuts.includes(at));

    assert.deepEqual([length, text, width, kind], expected);
  });

// What it shows: [the text, the columns, where rows begin]
const ROWS = {
  "a row for each line": ["ab\ncd\n", 80, [0, 3]],
  "a long line has several": ["abcdefgh", 3, [0, 3, 6]],
  "a wide letter does not fit into one column": ["ab語", 3, [0, 2]],
  "a line's end needs no row of its own": ["abc\nd", 3, [0, 4]],
  "nothing": ["", 3, [0]],
};
for (const [name, [text, columns, expected]] of Object.entries(ROWS))
  test(`rows: ${name}`, () => assert.deepEqual(layOut(bytesOf(text), columns, nowhere), expected));

test("a row is runs of signs that look alike; bytes stand apart", () => {
  const bytes = new Uint8Array([...bytesOf("ab"), 0xff, 0xfe, ...bytesOf("cd\n")]);
  const look = (at, kind) => [kind || (at === 5 ? "now" : ""), false];

  assert.deepEqual(runsOf(bytes, 0, bytes.length, nowhere, look), [["", "ab"], ["byte", "FF"], ["byte", "FE"], ["", "c"], ["now", "d"], ["end", "\\n"]]);
});

test("the last that is not greater", () => {
  const found = [-1, 0, 1, 4, 5, 9].map((value) => lastUpTo([0, 2, 4, 4, 8], value));

  assert.deepEqual(found, [-1, 0, 0, 3, 3, 4]);
  assert.equal(lastUpTo([], 3), -1);
});

// -- the walk ---------------------------------------------------------------------------

const WIRE = "data: Hel\n\n" + "data: LO\n\n" + "data: x";
const MESSAGE = {
  // start, end, ready, head, events, changes, notes
  steps: [
    [0, 11, 11, null, [], [[0, 0, "Hel"], [1, 0, "b"]], []],
    [11, 21, 21, null, [], [[0, 0, "pLO"], [1, 1, "a"]], []],
    [21, 28, -1, null, [], [], []],
  ],
  reads: [[15, 0.1], [28, 0.2]],
  sections: [["The text", "text"], ["Thoughts", "reasoning"]],
  last: [[1, 0, "!"]],
  outcome: "cut",
};
const walk = makeWalk(MESSAGE, bytesOf(WIRE));

test("one can stop at each event, read and byte, and at the end of the stream", () => {
  assert.deepEqual(["event", "read", "byte"].map(walk.count), [4, 4, 30]);
  assert.deepEqual([0, 1, 2, 3].map((at) => walk.stop("event", at)), [0, 11, 21, 29]);
  assert.deepEqual([0, 1, 2, 3].map((at) => walk.stop("read", at)), [0, 15, 28, 29]);
  assert.deepEqual([-5, 7, 99].map((at) => walk.stop("byte", at)), [0, 7, 29]);
  assert.deepEqual([0, 12, 29].map((place) => walk.indexOf("event", place)), [0, 1, 3]);
});

test("at each place the reads, the whole events and the texts are known", () => {
  assert.deepEqual([0, 1, 15, 16, 29].map((place) => walk.readAt(place)?.number), [undefined, 1, 1, 2, 2]);
  assert.deepEqual([0, 10, 11, 21, 29].map(walk.wholeAt), [0, 0, 1, 2, 2]);
  assert.deepEqual([0, 11, 21, 28, 29].map(walk.textsAt), [["", ""], ["Hel", "b"], ["HelpLO", "a"], ["HelpLO", "a"], ["HelpLO", "a!"]]);
  assert.deepEqual([14, 15, 16].map(walk.isCut), [false, true, false]);
  assert.deepEqual([1, 3].map(walk.readyOf), [11, 29]); // what no empty line ends is ready at the end
});

test("texts at any place are the same, in whatever order one walks", () => {
  const steps = Array.from({ length: 1000 }, (_, at) => [at, at + 1, at + 1, null, [], [[0, at % 3 ? 0 : 1, `${at},`]], []]);
  const long = () => makeWalk({ ...MESSAGE, steps, last: [] }, new Uint8Array(1000));
  const forward = long();
  const texts = steps.map((_, at) => forward.textsAt(at)[0]);
  const backward = long();

  for (const at of [999, 128, 127, 129, 256, 3, 0, 700]) assert.equal(backward.textsAt(at)[0], texts[at]);
  assert.deepEqual(texts.slice(0, 5), ["", "0,", "0,1,", "0,1,2,", "0,1,23,"]);
});

// What it shows: [the query, the places found, as [start, end, place]]
const QUERIES = {
  "nothing": ["", []],
  "bytes on the wire, in any case": ["HEL", [[6, 9, 9]]],
  "all of them": ["data", [[0, 4, 4], [11, 15, 15], [21, 25, 25]]],
  "what came in several events": ["help", [[-1, -1, 21]]],
  "what is nowhere": ["zebra", []],
};
for (const [name, [query, expected]] of Object.entries(QUERIES))
  test(`a search finds: ${name}`, () => {
    const found = walk.search(query).map(({ start, end, place }) => [start, end, place]);

    assert.deepEqual(found, expected);
  });

test("letters beyond ASCII are found by their bytes", () => {
  const { search } = makeWalk({ ...MESSAGE, steps: [] }, bytesOf("a café"));

  assert.deepEqual(search("É"), []);
  assert.deepEqual(search("é").map(({ start, end }) => [start, end]), [[5, 7]]);
});

test("a step has the colour of what matters most in it", () => {
  const sections = [["", "text"], ["", "reasoning"], ["", "arguments"], ["", "fact"]];
  const kinds = [[0, 1], [1, 2, 0], [3], []].map((changed) => kindOf({ changes: changed.map((at) => [at, 0, ""]) }, sections));

  assert.deepEqual(kinds, ["text", "arguments", "fact", "fact"]);
});

test("the data of an event are the values of its lines", () => {
  const bytes = bytesOf("event: e\ndata: a\r\ndata:b\rdatabase: no\ndata\n\ndata: z\n\n");

  assert.equal(dataOf(bytes, { start: 0, end: 45 }), "a\nb\n");
});

test("JSON is laid out; what is none stays as it is", () => {
  assert.equal(laidOut('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(laidOut('{"a":'), '{"a":');
});

// What it shows: [the old text, the new one, from where to where it is another]
const DIFFERENCES = {
  "it goes on": ["ab", "abcd", [2, 4]],
  "nothing has changed": ["ab", "ab", [2, 2]],
  "something in the middle": ["[1]", "[1, 2]", [2, 5]],
  "all of it": ["ab", "xyz", [0, 3]],
  "less": ["abc", "ac", [1, 1]],
  "less, of equals": ["abab", "ab", [2, 2]],
  "of equals, the last": ["aa", "aaa", [2, 3]],
};
for (const [name, [old, text, expected]] of Object.entries(DIFFERENCES))
  test(`what a step has added: ${name}`, () => assert.deepEqual(difference(old, text), expected));
