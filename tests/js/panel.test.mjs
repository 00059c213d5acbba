// The chat panel's model, and what of a panel a notebook saves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "./clock.mjs";
import "./dom.mjs";
import { FakeModel, load } from "./files.mjs";

globalThis.SHORT = [];
const { chatPanel, saveAsOutput, restoreWidget, turnModel } = load(
  ["frames.js", "final_output.js", "stop_button.js", "answer.js", "widget.js", "saved_panel.js", "panel.js"],
  ["chatPanel", "saveAsOutput", "restoreWidget", "turnModel"],
);
const VIEW = "application/vnd.jupyter.widget-view+json";
const turn = (key) => ({ key, question: key, files: [], whole: { seq: 0, phase: "writing" } });
const frame = (of, seq) => ({ kind: "of", turn: of, of: { kind: "frame", seq, sections: {} } });

function started(...keys) {
  const model = new FakeModel({ snapshot: { turns: keys.map(turn), model_id: "m" } });
  chatPanel().initialize({ model });
  assert.deepEqual(model.sent.splice(0), [{ kind: "here" }]); // once, and not of a turn
  return model;
}

// -- messages ---------------------------------------------------------------------------

test("a turn's frames reach its own view, whose requests say of which turn they are", () => {
  const model = started("1", "2");
  model.hear(frame("1", 1));
  model.hear(frame("2", 2));

  assert.deepEqual(model.sent, [{ turn: "2", of: { kind: "resync" } }]);
});

test("a turn that this page does not know is asked for with all others, once a second", () => {
  const model = started("1");
  [frame("2", 1), frame("2", 2)].forEach((each) => model.hear(each));
  assert.deepEqual(model.sent, [{ kind: "resync", turn: "" }]);
  wait(1000);
  model.hear(frame("2", 3));

  assert.equal(model.sent.length, 2);
});

test("after everything has come the turns are those that it says", () => {
  const model = started("1");
  model.hear({ kind: "whole", whole: { turns: [turn("2")] } });
  model.hear(frame("2", 1));
  assert.deepEqual(model.sent, []);
  model.hear(frame("1", 1));
  assert.deepEqual(model.sent, [{ kind: "resync", turn: "" }]);
});

test("new turns come with their order; one that is missing is asked for", () => {
  const model = started("1");
  model.hear({ kind: "turns", order: ["1", "2"], fresh: [turn("2")], running: "2" });
  model.hear(frame("2", 1));
  assert.deepEqual(model.sent, []);
  model.hear({ kind: "turns", order: ["1", "2", "3"], fresh: [], running: "" });
  assert.deepEqual(model.sent, [{ kind: "resync", turn: "" }]);
});

test("to its live view a turn is a model", () => {
  const model = new FakeModel({}, { widget_manager: "manager" });
  const line = turnModel(model, "1", { seq: 4 });
  const heard = [];
  const listen = (...each) => heard.push(each);
  line.on("msg:custom", listen);
  line.emit("msg:custom", "a");
  line.off("msg:custom", listen);
  line.emit("msg:custom", "b");
  line.send({ kind: "stop" });

  assert.deepEqual([line.get("snapshot"), line.get("block"), line.widget_manager], [{ seq: 4 }, undefined, "manager"]);
  assert.deepEqual(heard, [["a"]]);
  assert.deepEqual(model.sent, [{ turn: "1", of: { kind: "stop" } }]);
});

// -- what is saved ------------------------------------------------------------------------

const viewOf = (id) => ({ output_type: "display_data", data: { [VIEW]: { model_id: id } }, metadata: {} });
const other = { output_type: "stream", text: "x" };
const saved = { data: { "text/html": "<p>" }, metadata: { nbstream: { panel: "m" } } };

function notebookWith(...outputs) {
  const list = outputs;
  const cells = [{ outputs: { length: list.length, get: (at) => list[at], set: (at, value) => (list[at] = value) } }];
  const toJSON = () => ({ cells: [{ source: "code", outputs: list }, { source: "text" }], nbformat: 4 });
  const notebook = { cells, dirty: false, toJSON };
  return { notebook, list, model: { widget_manager: { context: { model: notebook } } } };
}

test("the notebook saves the conversation and not its widget", () => {
  const { notebook, model } = notebookWith(other, viewOf("m"), viewOf("n"));
  assert.equal(saveAsOutput(model, "m", () => saved), true);
  const { cells, nbformat } = notebook.toJSON();

  const conversation = { output_type: "display_data", ...saved };
  assert.deepEqual(cells[0].outputs, [other, conversation, viewOf("n")]);
  assert.deepEqual([cells[1], nbformat], [{ source: "text" }, 4]);
});

test("several panels of a notebook are saved, each as its own", () => {
  const { notebook, model } = notebookWith(viewOf("m"), viewOf("n"), viewOf("o"));
  saveAsOutput(model, "m", () => saved);
  saveAsOutput(model, "n", () => ({ data: { "text/html": "n" }, metadata: {} }));
  saveAsOutput(model, "o", () => null); // nothing to save yet

  const found = notebook.toJSON().cells[0].outputs.map(({ data }) => data["text/html"]);
  assert.deepEqual(found, ["<p>", "n", undefined]);
});

test("a front end that has no such notebook is told from one that has", () => {
  assert.equal(saveAsOutput({}, "m", () => saved), false);
  assert.equal(saveAsOutput({ widget_manager: { context: { model: {} } } }, "m", () => saved), false);
  const withoutCells = { toJSON: () => ({}) };
  assert.equal(saveAsOutput({ widget_manager: { context: { model: withoutCells } } }, "m", () => saved), false);
  assert.equal(saveAsOutput(notebookWith().model, "", () => saved), false);
});

test("the widget comes back where the file had its conversation, and nothing is to be saved", () => {
  const { notebook, list, model } = notebookWith({ ...saved }, { data: {}, metadata: { nbstream: { panel: "n" } } });
  const set = list[0];
  Object.defineProperty(notebook.cells[0].outputs, "set", { value: (at, value) => ((list[at] = value), (notebook.dirty = true)) });
  restoreWidget(model, "m");

  const view = { version_major: 2, version_minor: 0, model_id: "m" };
  assert.deepEqual(list[0], { output_type: "display_data", data: { ...set.data, [VIEW]: view }, metadata: set.metadata });
  assert.deepEqual(list[1].data, {});
  assert.equal(notebook.dirty, false);
});

test("a widget that stands there already is left alone", () => {
  const { list, model } = notebookWith({ ...saved, data: { ...saved.data, [VIEW]: { model_id: "m" } } });
  const [before] = list;
  restoreWidget(model, "m");

  assert.equal(list[0], before);
});

test("a notebook that had something to save still has", () => {
  const { notebook, model } = notebookWith({ ...saved });
  notebook.dirty = true;
  restoreWidget(model, "m");

  assert.equal(notebook.dirty, true);
});
