// How blocks change on the page: as little as can be, and fences by groups of lines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { h, html } from "./dom.mjs";
import { load } from "./files.mjs";

const { morph, codeAdded, beginGroups, addLines, isPiece, holderOf, GROUP } = load(
  ["frames.js", "blocks.js", "copy_button.js"],
  ["morph", "codeAdded", "beginGroups", "addLines", "isPiece", "holderOf", "GROUP"],
);
const fence = (code) => `<pre><code class="highlight">${code}</code></pre>\n`;

// What it shows: [the block before, the block after, what code was added]
const ADDED = {
  "lines are added": [fence("a\n"), fence("a\nb\n"), "b\n"],
  "nothing is added": [fence("a\n"), fence("a\n"), ""],
  "a line that has changed is another block": [fence("a\n"), fence("b\n"), null],
  "code that is less is another block": [fence("a\nb\n"), fence("a\n"), null],
  "a paragraph that goes on is none": ["<p>a</p>\n", "<p>ab</p>\n", null],
  "a fence that a paragraph was is none": ["<p>a</p>\n", fence("a\n"), null],
  "other colours are another block": [fence("a\n"), '<pre><code class="x">a\nb\n</code></pre>\n', null],
};
for (const [name, [old, now, expected]] of Object.entries(ADDED))
  test(name, () => assert.equal(codeAdded(old, now), expected));

test("a group begins where a line does, once the last one is full", () => {
  assert.deepEqual(beginGroups(GROUP, ["a\n", "b\n"]), [true, false]);
  assert.deepEqual(beginGroups(GROUP - 1, ["a\n", "b\n", "c\n"]), [false, true, false]);
  assert.deepEqual(beginGroups(GROUP - 1, ["a", "b", "c\n", "d"]), [false, false, false, true]);
  assert.deepEqual(beginGroups(GROUP - 1, ["a\nb", "c\n", "d"]), [false, false, true]);
  assert.deepEqual(beginGroups(0, ["\n".repeat(GROUP + 5), "x"]), [false, true]);
});

test("code that grows line by line stands in groups of lines, and none is made anew", () => {
  const code = h("code");
  const seen = new Set();
  for (let line = 0; line < 3 * GROUP + 1; line++) {
    addLines(code, [h("span", { class: "k" }, `${line}`), ...h("p", {}, "\n").childNodes]);
    code.children.forEach((group) => seen.add(group));
  }
  const lines = code.children.map(({ textContent }) => textContent.split("\n").length - 1);

  assert.deepEqual(lines, [GROUP, GROUP, GROUP, 1]);
  assert.equal(seen.size, 4);
  assert.deepEqual(code.textContent.split("\n").slice(0, 3), ["0", "1", "2"]);
  assert.equal(code.children[0].getAttribute("class"), "nbstream-lines");
});

test("a list or a table goes on in the element of its first piece", () => {
  const list = h("ul");
  const table = Object.assign(h("table"), { tBodies: [h("tbody")] });
  const block = (text, ...nodes) => ({ html: text, nodes });
  const blocks = [block("<p>", h("p")), block("<ul>", h("ul"), list), block("<li>a"), block("<li>b", h("li"))];

  assert.deepEqual(["<li>a", "<tr>\n", "<ul>", "<p>"].map(isPiece), [true, true, false, false]);
  assert.equal(holderOf(blocks, 3), list);
  assert.equal(holderOf([block("<table>", table)], 0), table.tBodies[0]);
  assert.equal(holderOf([block("", h("p"))], -1), undefined);
});

// What it shows: [what stands there, what is to stand there]
const MORPHS = {
  "a word more": [h("p", {}, "one"), h("p", {}, "one two")],
  "a word less": [h("p", {}, "one two"), h("p", {}, "one")],
  "another attribute": [h("a", { href: "x", title: "t" }, "a"), h("a", { href: "y", rel: "r" }, "a")],
  "a child more": [h("ul", {}, h("li", {}, "a")), h("ul", {}, h("li", {}, "a"), h("li", {}, "b"))],
  "a child less": [h("ul", {}, h("li", {}, "a"), h("li", {}, "b")), h("ul", {}, h("li", {}, "a"))],
  "another child": [h("p", {}, "a", h("i", {}, "b")), h("p", {}, "a", h("b", {}, "b"), "c")],
  "nothing": [h("p", {}, "a"), h("p", {}, "a")],
};
for (const [name, [old, fresh]] of Object.entries(MORPHS))
  test(`an element stays where it stands: ${name}`, () => {
    const root = h("div", {}, h("hr"), old, h("hr"));
    const wanted = html(fresh);

    assert.deepEqual(morph(root, [old], [fresh], root.childNodes[2]), [old]);
    assert.equal(html(root), `<div><hr></hr>${wanted}<hr></hr></div>`);
  });

test("an element of another kind takes the place", () => {
  const [old, fresh] = [h("p", {}, "a"), h("h1", {}, "a")];
  const root = h("div", {}, old, h("hr"));

  assert.deepEqual(morph(root, [old], [fresh], root.childNodes[1]), [fresh]);
  assert.equal(html(root), "<div><h1>a</h1><hr></hr></div>");
});

test("new elements stand before what comes behind", () => {
  const root = h("div", {}, h("hr"));
  morph(root, [], [h("p", {}, "a"), h("p", {}, "b")], root.firstChild);

  assert.equal(html(root), "<div><p>a</p><p>b</p><hr></hr></div>");
});

test("of a text only what differs is touched, so that a selection rests", () => {
  const old = h("p", {}, "one two");
  const [text] = old.childNodes;
  morph(h("div", {}, old), [old], [h("p", {}, "one three")], null);
  morph(old.parentNode, [old], [h("p", {}, "one three")], null);

  assert.deepEqual(text.changes, [[5, 2, "hree"]]);
});
