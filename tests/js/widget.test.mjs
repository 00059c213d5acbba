// The live view's model: messages in their order, and what is asked for when one is missing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "./clock.mjs";
import "./dom.mjs";
import { FakeModel, load } from "./files.mjs";

globalThis.SHORT = [];
const { liveView } = load(
  ["frames.js", "final_output.js", "stop_button.js", "answer.js", "widget.js"],
  ["liveView"],
);
const asked = ({ sent: [{ kind: first }, ...rest] }) => {
  assert.equal(first, "here"); // each page says so at once
  return rest.map(({ kind }) => kind);
};
const frame = (seq) => ({ kind: "frame", seq, sections: {} });

function started(snapshot = { seq: 3, phase: "writing" }, more = {}) {
  const model = new FakeModel({ snapshot }, more);
  return [model, liveView().initialize({ model })];
}

test("frames that come in their order need no answer", () => {
  const [model] = started();
  [frame(4), [5, 0, "<p>"], frame(6), frame(6), frame(2)].forEach((each) => model.hear(each));

  assert.deepEqual(asked(model), []);
});

test("where a frame is missing everything is asked for, once", () => {
  const [model] = started();
  [frame(5), frame(6), [7, 0, "<p>"]].forEach((each) => model.hear(each));

  assert.deepEqual(asked(model), ["resync"]);
});

test("after the whole answer frames go on from there, and a gap is asked for again", () => {
  const [model] = started();
  model.hear(frame(9));
  model.hear({ kind: "whole", whole: { seq: 9, phase: "writing" } });
  [frame(10), frame(11)].forEach((each) => model.hear(each));
  assert.deepEqual(asked(model), ["resync"]);

  model.hear(frame(13));
  assert.deepEqual(asked(model), ["resync", "resync"]);
});

test("an answer that has ended is put where its widget stands in the notebook", () => {
  const view = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } } };
  const list = [{ data: { "text/plain": "x" } }, view];
  const outputs = { length: 2, get: (at) => list[at], set: (at, value) => (list[at] = value) };
  const widget_manager = { context: { model: { cells: [{}, { outputs }] } } };
  const [model] = started(undefined, { widget_manager });
  const final = { model_id: "m", data: { "text/html": "<p>" }, metadata: { nbstream: {} } };
  model.hear({ kind: "whole", whole: { seq: 9, phase: "ended", final } });

  assert.deepEqual(list[1], { output_type: "display_data", data: final.data, metadata: final.metadata });
  assert.deepEqual(list[0], { data: { "text/plain": "x" } });
  assert.deepEqual(asked(model), ["seen"]);
});

test("it is put into the Output widget that holds it, which tells the kernel", async () => {
  const view = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } } };
  const list = [view, { name: "stdout", text: "x" }];
  const outputs = { length: 2, get: (at) => list[at], set: (at, value) => (list[at] = value), toJSON: () => [...list] };
  const told = [];
  const holder = { outputs, set: (...what) => told.push(what), save_changes: () => told.push("saved") };
  const _models = { holder: Promise.resolve(holder), button: Promise.resolve({}), broken: Promise.reject(new Error()) };
  const [model] = started(undefined, { widget_manager: { _models } });
  const final = { model_id: "m", data: { "text/html": "<p>" }, metadata: {} };
  model.hear({ kind: "whole", whole: { seq: 9, phase: "ended", final } });
  await new Promise((done) => setImmediate(done));

  const output = { output_type: "display_data", data: final.data, metadata: {} };
  assert.deepEqual(told, [["outputs", [output, list[1]], { newMessage: true }], "saved"]);
});

test("a page without a view says that it has seen the end, a moment later", () => {
  const [model] = started();
  [{ kind: "swap" }, { kind: "swapped" }].forEach((each) => model.hear(each));
  wait(999);
  assert.deepEqual(asked(model), []);
  wait(1);

  assert.deepEqual(asked(model), ["seen"]);
});

test("a model that goes takes its Stop with it", () => {
  const [model, dispose] = started();
  dispose();
  model.set("block", 3);

  assert.deepEqual(asked(model), []);
});
