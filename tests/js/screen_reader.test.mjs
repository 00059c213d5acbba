// What a screen reader is told of an answer: whole sentences, once, and not too often.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { h } from "./dom.mjs";
import { load } from "./files.mjs";

const { makeAnnouncer, sentencesOf } = load(["screen_reader.js"], ["makeAnnouncer", "sentencesOf"]);
let now_ms = 0;
mock.method(performance, "now", () => now_ms);
let [region, text, announce] = [null, null, null];
beforeEach(() => {
  now_ms = 10_000;
  [region, text] = [{ textContent: "" }, h("div")];
  announce = makeAnnouncer(region, text);
});

/** Let enough time go by, and say what is told then; "" if nothing new is. */
function told(word = "writing") {
  now_ms += 4000;
  region.textContent = "";
  announce(word);
  return region.textContent;
}

const LONG = "word ".repeat(100);
// What it shows: [what is written, what counts as heard, what is said]
const SENTENCES = {
  "no sentence is whole yet": ["One two", "", ""],
  "a sentence is whole once something follows its end": ["One. Two", "One.", "One."],
  "at the very end it may go on: 3.14": ["One. It is 3.", "One.", "One."],
  "several at once": ["One! Two? Three: four", "One! Two? Three:", "One! Two? Three:"],
  "of what is too long, the first sentences": [`One. ${LONG}. X`, `One. ${LONG}.`, "One."],
  "of a sentence that is too long, whole words": [`${LONG}. X`, `${LONG}.`, LONG.slice(0, 299)],
};
for (const [name, [written, heard, said]] of Object.entries(SENTENCES))
  test(name, () => assert.deepEqual(sentencesOf(written), [heard, said]));

test("what goes on is told first, and once", () => {
  assert.equal(told("waiting"), "waiting");
  assert.equal(told("waiting"), "");
  text.append(h("p", {}, "One. Two"));
  assert.equal(told("writing"), "writing One.");
});

test("each sentence is told once, however the text grows", () => {
  const p = h("p", {}, "One. Tw");
  text.append(p);
  assert.equal(told(), "writing One.");
  p.textContent = "One. Two. Thr";
  assert.equal(told(), "Two.");
  p.textContent = "One. Two. Three.";
  text.append(h("p", {}, "Four. Five"));
  assert.equal(told(), "Three. Four.");
  assert.equal(told(), "");
});

test("however many blocks have been told, the next one begins where they end", () => {
  const last = h("p", {}, "Dd. E");
  text.append(h("p", {}, "Aa."), h("p", {}, "Bb."), h("p", {}, "Cc."), last);
  assert.equal(told(), "writing Aa. Bb. Cc. Dd.");
  last.textContent = "Dd. Ee. F";
  assert.equal(told(), "Ee.");
});

test("nothing is told within four seconds", () => {
  text.append(h("p", {}, "One. Two. Three"));
  told();
  text.append(h("p", {}, "Four. Five"));
  now_ms += 3999;
  region.textContent = "";
  announce("ended");
  assert.equal(region.textContent, "");
  now_ms += 1;
  announce("ended");
  assert.equal(region.textContent.replace(/ +/, " "), "ended Three Four.");
});

test("the reasoning is not told", () => {
  text.append(h("details", {}, "Hm. Well. So"), h("p", {}, "One. Two"));

  assert.equal(told(), "writing One.");
});

test("where a block that was heard is another now, it is not told again", () => {
  text.append(h("p", {}, "One. Two"));
  told();
  text.replaceChildren(h("ul", {}, "One. Two"));
  assert.equal(told(), "");
  text.append(h("p", {}, "Three. Four"));
  assert.equal(told(), "Three.");
});
