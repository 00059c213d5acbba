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

const ORDER = new Intl.Collator("en", { numeric: true }).compare;
const OVER = new Set(["ended", "lost"]);

const liveView = () => {
  const answer = { seq: -1, last: "", sections: new Map(), facts: {}, began: 0 };
  const views = new Set();
  const output = makeFinalOutput(views);
  let painting = 0;
  let rest = 0;
  let asked = false;
  let stop = null; // one for all views: what the kernel says to one is true for all

  function takeWhole({ seq = 0, last = "", sections = {}, elapsed_s = 0, final, ...facts }) {
    Object.assign(answer, { seq, final, facts, sections: new Map() });
    answer.began = performance.now() - 1000 * elapsed_s;
    take(sections);
    answer.last = last;
    views.forEach((view) => view.clear());
  }

  // A frame is one of Rendering: markdown/frame.py says what its fields mean.
  function take(changes) {
    for (const [key, frame] of Object.entries(changes)) {
      if (!answer.sections.has(key))
        answer.sections.set(key, { blocks: [], closed: 0, line: "" });
      const section = answer.sections.get(key);
      const { blocks, closed: before } = section;
      const { at = before, closed = before, keep = 0, code = "", replaced = [] } = frame;
      const first = Math.min(at, blocks.length - 1, ...replaced.map(([index]) => index));
      views.forEach((view) => view.touch(key, Math.max(0, first)));
      const html = (frame.html ?? []).map(inFull);
      const line = section.line.slice(0, frame.lineKeep ?? 0) + inFull(frame.line ?? "");
      if (code) blocks.push(insideCode(blocks.pop(), inFull(code)));
      for (const [index, block] of replaced) blocks[index] = inFull(block);
      const began = (blocks[at] ?? "").slice(0, keep);
      blocks.splice(at, Infinity, ...html.map((each, index) => (index ? each : began + each)));
      Object.assign(section, { closed, line });
      answer.last = key;
    }
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

  // Most frames say only how the last block goes on: see screens/live_message.py.
  function inWords([seq, first, ...more]) {
    const { blocks } = answer.sections.get(answer.last) ?? { blocks: [] };
    const [keep, line] = more;
    const frame = more.length === 1
      ? { at: blocks.length - 1, keep: first, html: more }
      : { at: blocks.length, code: first, line, lineKeep: keep };
    return { kind: "frame", seq, sections: { [answer.last]: frame } };
  }

  function receive(model, message) {
    const named = Array.isArray(message) ? inWords(message) : message;
    const { kind, seq, sections, whole, ...facts } = named;
    if (kind === "swap") {
      answer.facts.phase = "ended";
      return output.hold();
    }
    if (kind === "swapped") return output.release(model);
    if (kind === "whole") {
      asked = false;
      takeWhole(whole);
      if (answer.final) output.insert(model, answer.final);
    }
    if (kind === "frame") {
      if (seq <= answer.seq) return;
      if (seq > answer.seq + 1) {
        // This page was loaded in mid-stream and missed a frame: ask for everything.
        if (!asked) model.send({ kind: "resync" });
        asked = true;
        return;
      }
      answer.seq = seq;
      Object.assign(answer.facts, facts);
      take(sections);
    }
    paint();
  }

  return {
    initialize({ model }) {
      takeWhole(model.get("snapshot") ?? {});
      stop = makeStop(model, { ended: OVER.has(answer.facts.phase) });
      stop.on(paint);
      model.on("msg:custom", (message) => receive(model, message));
      model.on("comm_live_update", () => {
        if (!OVER.has(answer.facts.phase)) answer.facts.phase = "lost";
        paint();
      });
      return () => stop.dispose();
    },

    render({ model, el }) {
      const consent = (call, allow) => model.send({ kind: "consent", call, allow });
      const view = makeAnswer(el, answer, stop, consent, model.widget_manager?.rendermime);
      views.add(view);
      view.paint();
      paint(); // again, when the host has put it in its place
      if (answer.final) setTimeout(() => output.insert(model, answer.final));
      return () => {
        views.delete(view);
        view.dispose();
      };
    },
  };
};
