// Stop: the kernel is asked; one that does not hear is interrupted, and only then.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { forget, wait } from "./clock.mjs";
import { FakeModel, load } from "./files.mjs";

const { makeStop } = load(["stop_button.js"], ["makeStop"]);
const TITLE = "Stop (Esc)";
let [model, interrupted] = [null, 0];
beforeEach(() => {
  forget();
  interrupted = 0;
  model = modelWith({ interrupt: async () => void interrupted++ });
});

function modelWith(kernel) {
  return new FakeModel({ block: 0 }, { widget_manager: { kernel } });
}

test("a click asks, and the kernel's answer stops", () => {
  const stop = makeStop(model, false);
  const states = [];
  stop.on(() => states.push(stop.state));
  stop.stop();
  model.hear({ kind: "ack" });
  model.hear({ kind: "end" });

  assert.deepEqual(model.sent, [{ kind: "stop" }]);
  assert.deepEqual(states, ["asked", "stopping", "ended"]);
  wait(5000);
  assert.equal(interrupted, 0);
});

test("a cell that blocks is greeted; one that hears is never interrupted", () => {
  const stop = makeStop(model, false);
  model.set("block", 7);
  assert.deepEqual(model.sent, [{ kind: "hello", block: 7 }]);
  model.hear({ kind: "heard", block: 7 });
  stop.stop();
  wait(5000);

  assert.deepEqual([stop.state, stop.title, interrupted], ["asked", TITLE, 0]);
});

test("a cell that blocks and does not hear is interrupted 300 ms after the click", async () => {
  const stop = makeStop(model, false);
  model.set("block", 7);
  stop.stop();
  wait(299);
  assert.equal(interrupted, 0);
  wait(1);

  assert.deepEqual([stop.state, stop.note, interrupted], ["interrupting", "Interrupting the kernel, as ■ does.", 1]);
  stop.stop();
  wait(5000);
  assert.equal(interrupted, 1);
});

test("one that is known to be deaf is interrupted after 100 ms, and the button says so", () => {
  const stop = makeStop(model, false);
  model.set("block", 7);
  assert.equal(stop.title, TITLE);
  wait(300);
  assert.equal(stop.title, "Stop (Esc): interrupts the kernel, queued cells do not run");
  stop.stop();
  wait(99);
  assert.equal(interrupted, 0);
  wait(1);
  assert.equal(interrupted, 1);
});

test("another cell that blocks meanwhile has its own time to hear", () => {
  const stop = makeStop(model, false);
  model.set("block", 7);
  stop.stop();
  wait(250);
  model.set("block", 8);
  wait(250);
  assert.equal(interrupted, 0);
  wait(100);
  assert.equal(interrupted, 1);
});

test("where no cell of ours blocks nothing is interrupted: what runs is another's", () => {
  const stop = makeStop(model, false);
  stop.stop();
  wait(5000);

  assert.deepEqual([stop.state, interrupted], ["asked", 0]);
  assert.equal(stop.note, "The kernel is busy; it is asked as soon as it is free.");
});

test("after the end nothing happens", () => {
  const stop = makeStop(model, true);
  model.set("block", 7);
  stop.stop();
  wait(5000);

  assert.deepEqual([stop.state, model.sent, interrupted], ["ended", [], 0]);
});

test("where the kernel cannot be interrupted from here, it is said how it can", () => {
  model = modelWith(null);
  const stop = makeStop(model, false);
  model.set("block", 7);
  stop.stop();
  wait(300);

  assert.deepEqual([stop.state, stop.note], ["asked", "The kernel cannot hear this; press ■ (Interrupt)."]);
});

test("an interrupt that fails is told", async () => {
  model = modelWith({ interrupt: async () => Promise.reject(new Error("no")) });
  const stop = makeStop(model, false);
  model.set("block", 7);
  stop.stop();
  wait(300);
  await new Promise(setImmediate);

  const failed = ["asked", "The kernel cannot be reached from here; press ■ (Interrupt)."];
  assert.deepEqual([stop.state, stop.note], failed);
  stop.stop(); // asks once more, but what is interrupted once is not interrupted again
  wait(5000);
  assert.deepEqual([stop.state, stop.note], failed);
  assert.equal(model.sent.filter(({ kind }) => kind === "stop").length, 2);
});

test("who lets go of it hears nothing more", () => {
  const stop = makeStop(model, false);
  stop.dispose();
  model.set("block", 7);

  assert.deepEqual([model.sent, model.listeners], [[], []]);
});
