// The live view of one answer. Python sends safe HTML, block by block; here it is put
// on the page so that what stands there does not move, and is left alone once it is whole.
//
// Strategy: `answer` is what Python has sent, once per model; each view brings its own
// nodes up to date with it, at most once per painted frame. The text is flat HTML with
// the host's own classes, which is what the final output is made of, so that nothing
// moves when that output takes the view's place. All that is not the answer (Stop, the
// clock) stands in the margin, where a prompt would be.
//
// README.md says which files are one module with this one, and what each is for.

const OVER = new Set(["ended", "lost"]);

const liveView = () => {
  const answer = {};
  const views = new Set();
  const output = makeFinalOutput(views);
  const touch = (key, at) => views.forEach((view) => view.touch(key, at));
  let painting = 0;
  let rest = 0;
  let asked = false;
  let stop = null; // one for all views: what the kernel says to one is true for all

  function lose(model) {
    if (OVER.has(answer.facts.phase)) return;
    answer.facts.phase = "lost";
    output.keep(model, answer.id, [["", answer]]);
    paint();
  }

  // Painting takes a fifth of the page's time at most, however long the answer is. It is
  // not done in the frame that shows it, which has its own work: two short tasks block
  // the page less than a long one. A page that nobody sees waits.
  function paint() {
    painting ||= setTimeout(() => (document.hidden ? requestAnimationFrame(now) : now()), rest - performance.now());
  }

  function now() {
    const began = performance.now();
    views.forEach((view) => view.paint());
    const done = performance.now();
    rest = done + 4 * (done - began);
    painting = 0;
  }

  function receive(model, message) {
    const named = Array.isArray(message) ? inNames(answer, message) : message;
    const { kind, whole } = named;
    if (kind === "swap") {
      answer.facts.phase = "ended";
      return output.hold();
    }
    if (kind === "swapped") return output.release(model);
    if (kind === "whole") {
      asked = false;
      takeSnapshot(answer, whole);
      views.forEach((view) => view.clear());
      if (answer.final) output.insert(model, answer.final);
    }
    if (kind === "frame" && !takeFrame(answer, named, touch)) {
      // This page was loaded in mid-stream and missed a frame: ask for everything, once.
      if (!asked) model.send({ kind: "resync" });
      asked = true;
    }
    paint();
  }

  return {
    answer,

    initialize({ model }) {
      takeSnapshot(answer, model.get("snapshot") ?? {});
      stop = makeStop(model, OVER.has(answer.facts.phase));
      stop.on(paint);
      model.on("msg:custom", (message) => receive(model, message));
      stop.say({ kind: "here" }); // else Python updates an output in our place
      // marimo drops what was sent before the page had loaded this script.
      if (marimo) model.send({ kind: "resync" });
      const undo = whenKernelGoes(model, () => lose(model));
      const unseen = () => (views.size || OVER.has(answer.facts.phase) ? "" : answer.id);
      const leave = standIn(model, unseen, (el) => this.render({ model, el }));
      return () => [leave, undo, stop.dispose].forEach((each) => each());
    },

    render({ model, el }) {
      const consent = (call, allow) => stop.say({ kind: "consent", call, allow });
      const view = makeAnswer(el, answer, stop, consent, model.widget_manager?.rendermime);
      views.add(view);
      view.paint();
      paint(); // again, when the host has put it in its place
      if (answer.final) setTimeout(() => output.insert(model, answer.final));
      return () => {
        views.delete(view);
        view.dispose();
        output.left(model);
      };
    },
  };
};
