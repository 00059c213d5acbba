// Formulas: which spans are, and that the host is asked once for each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { h, html } from "./dom.mjs";
import { load } from "./files.mjs";

const { makeFormulas, morph } = load(["blocks.js", "copy_button.js", "formulas.js"], ["makeFormulas", "morph"]);
const set = (formulas) => Promise.resolve(formulas.set());

class Typesetter {
  asked = [];

  // As MathJax does: what is between dollars becomes an element, the rest stays.
  async typeset(tray) {
    for (const span of tray.querySelectorAll("span")) {
      this.asked.push(span.textContent);
      if (span.textContent.startsWith("$")) span.replaceChildren(h("mjx-container", {}, span.textContent.slice(1, -1)));
    }
  }
}

function setUp() {
  const latexTypesetter = new Typesetter();
  const box = h("div");
  return { box, latexTypesetter, formulas: makeFormulas(box, { latexTypesetter }) };
}

test("a span without a class is a formula; one with a class is not", async () => {
  const { formulas, latexTypesetter, box } = setUp();
  const block = h("p", {}, h("span", {}, "$x$"), h("b", {}, h("span", {}, "$y$")), h("span", { class: "k" }, "$z$"));
  formulas.take(block);
  await set(formulas);

  assert.deepEqual(latexTypesetter.asked, ["$x$", "$y$"]);
  const made = (name) => `<span><mjx-container>${name}</mjx-container></span>`;
  assert.equal(html(block), `<p>${made("x")}<b>${made("y")}</b><span class="k">$z$</span></p>`);
  assert.equal(html(box), "<div></div>"); // nothing is left of the tray
});

test("a formula that comes again is not typeset again", async () => {
  const { formulas, latexTypesetter } = setUp();
  for (const block of [h("p", {}, h("span", {}, "$x$")), h("p", {}, h("span", {}, "$x$"))]) {
    formulas.take(block);
    await set(formulas);
    assert.equal(block.querySelectorAll("mjx-container").length, 1);
  }

  assert.deepEqual(latexTypesetter.asked, ["$x$"]);
});

test("what the host leaves as it is stays as it is", async () => {
  const { formulas } = setUp();
  const block = h("p", {}, h("span", {}, "no formula"));
  formulas.take(block);
  await set(formulas);

  assert.equal(html(block), "<p><span>no formula</span></p>");
});

test("a formula that has gone on meanwhile is not replaced by what it was", async () => {
  const { formulas, latexTypesetter } = setUp();
  const span = h("span", {}, "$x$");
  formulas.take(h("p", {}, span));
  const done = set(formulas);
  span.textContent = "$x^2$";
  await done;

  assert.deepEqual(latexTypesetter.asked, ["$x$"]);
  assert.equal(html(span), "<span>$x^2$</span>");
});

test("where the host typesets nothing, nothing is done", async () => {
  const block = h("p", {}, h("span", {}, "$x$"));
  const formulas = makeFormulas(h("div"), undefined);
  formulas.take(block);
  await set(formulas);

  assert.equal(html(block), "<p><span>$x$</span></p>");
});

test("what is typeset stays so while its paragraph goes on", async () => {
  const { formulas, latexTypesetter } = setUp();
  const parent = h("div");
  const old = morph(parent, [], [h("p", {}, "a ", h("span", {}, "$x$"))], null);
  formulas.take(old[0]);
  await set(formulas);
  const now = morph(parent, old, [h("p", {}, "a ", h("span", {}, "$x$"), " and b")], null);
  formulas.take(now[0]);
  await set(formulas);

  assert.equal(html(parent), "<div><p>a <span><mjx-container>x</mjx-container></span> and b</p></div>");
  assert.deepEqual(latexTypesetter.asked, ["$x$"]);
});

test("many are typeset in slices, and each one at last", async () => {
  const { formulas, latexTypesetter } = setUp();
  const names = Array.from({ length: 300 }, (_, at) => `$x_{${at}}$`);
  const block = h("p", {}, ...names.map((name) => h("span", {}, name)));
  formulas.take(block);
  const done = formulas.set();
  assert.equal(formulas.set(), done); // one at a time
  const first = latexTypesetter.asked.length;
  await done;

  assert.ok(first < 100);
  assert.deepEqual(latexTypesetter.asked, names);
  assert.equal(block.querySelectorAll("mjx-container").length, 300);
});
