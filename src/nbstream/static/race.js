// The live view of a race: a column for each answer, and above them, on one axis of time,
// when each had its first token and its end. One Stop for all.
//
// A column is the view of one answer (widget.js), which believes that it has a model of its
// own: `laneModel` gives it that lane's messages, and takes what it says to the kernel.

const AXES = [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600];

const raceView = () => {
  const lanes = []; // { name, facts, began, part, model }
  const views = new Set();
  const output = makeFinalOutput(views);
  let [stop, id, final] = [null, "", null];

  const isOver = () => lanes.every(({ facts }) => OVER.has(facts.phase));
  const paint = () => views.forEach((view) => view.paint());

  function lose(model) {
    if (isOver()) return;
    for (const { facts } of lanes) if (!OVER.has(facts.phase)) facts.phase = "lost";
    output.keep(model, id, lanes.map(({ name, part }) => [name, part.answer]));
    paint();
  }

  function takeWhole(whole) {
    ({ id, final } = whole);
    whole.lanes.forEach(({ name, elapsed_s = 0, seq, last, sections, ...facts }, at) => {
      const began = performance.now() - 1000 * elapsed_s;
      lanes[at] = Object.assign(lanes[at] ?? {}, { name, facts, began });
    });
  }

  function receive(model, message) {
    const { kind, lane, said, whole } = message;
    if (kind === "swap") output.hold();
    if (kind === "swapped") output.release(model);
    if (kind === "whole") {
      takeWhole(whole);
      lanes.forEach((each, at) => each.model.hear({ kind, whole: whole.lanes[at] }));
      if (final) output.insert(model, final);
    }
    if (said) {
      const { kind, seq, sections, ...facts } = said; // or a list, which says no fact
      if (kind) Object.assign(lanes[lane].facts, facts);
      lanes[lane].model.hear(said);
    }
    if (["ack", "end"].includes(kind)) lanes.forEach((each) => each.model.hear(message));
    paint();
  }

  return {
    initialize({ model }) {
      const whole = model.get("snapshot") ?? { lanes: [] };
      takeWhole(whole);
      stop = makeStop(model, isOver());
      stop.on(paint);
      const undo = lanes.map((lane, at) => {
        lane.model = laneModel(model, whole.lanes[at], stop);
        lane.part = liveView();
        return lane.part.initialize({ model: lane.model });
      });
      const hear = (message) => receive(model, message);
      model.on("msg:custom", hear);
      undo.push(whenKernelGoes(model, () => lose(model)));
      const unseen = () => (views.size || isOver() ? "" : id);
      undo.push(standIn(model, unseen, (el) => this.render({ model, el })));
      return () => {
        model.off("msg:custom", hear);
        [...undo, () => stop.dispose()].forEach((each) => each());
      };
    },

    render({ model, el }) {
      const view = makeRace(el, lanes, stop);
      views.add(view);
      view.paint();
      if (final) setTimeout(() => output.insert(model, final));
      return () => {
        views.delete(view);
        view.dispose();
        output.left(model);
      };
    },
  };
};

// What a column takes for its model. It has no block of its own: the race greets.
function laneModel(model, snapshot, stop) {
  const listeners = new Set();
  return {
    widget_manager: model.widget_manager,
    get: (name) => ({ snapshot, block: 0 })[name] ?? model.get(name),
    on: (name, callback) =>
      name === "msg:custom" ? listeners.add(callback) : name === "comm_live_update" && model.on(name, callback),
    off: (name, callback) => listeners.delete(callback),
    send: ({ kind }) => (kind === "stop" ? stop.stop() : model.send({ kind })),
    hear: (message) => listeners.forEach((callback) => callback(message)),
  };
}

// -- one view -------------------------------------------------------------------------

const seconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} s`;

function makeRace(el, lanes, stop) {
  const head = make("div", "nbstream-race-head");
  const button = make("button", "nbstream-stop", { type: "button", textContent: "Stop all" });
  const tracks = make("div", "nbstream-tracks", { role: "list" });
  const note = make("div", "nbstream-news", { role: "status" });
  const said = make("div", "nbstream-said", { role: "status" });
  const columns = make("div", "nbstream-lanes");
  const rows = lanes.map(({ name }) => makeTrack(name));
  const isOver = () => lanes.every(({ facts }) => OVER.has(facts.phase));
  const heard = new Set();
  let [waiting, spokeAt] = [[], 0];

  button.onclick = () => stop.stop();
  tracks.append(...rows.map(({ row }) => row));
  head.append(button, tracks);
  Object.assign(el, { tabIndex: -1, role: "group", ariaLabel: `A race of ${lanes.length} answers, as they are written` });
  el.classList.add("nbstream-race");
  columns.style.setProperty("--nbstream-columns", Math.min(lanes.length, 3));
  const undo = lanes.map(({ name, part, model }) => {
    const lane = make("section", "nbstream-lane", { ariaLabel: name });
    const own = make("div", "");
    lane.append(make("h4", "nbstream-lane-name", { textContent: name }), own);
    columns.append(lane);
    const dispose = part.render({ model, el: own });
    own.querySelector(".nbstream-said").ariaLive = "off"; // one voice, not one for each
    return dispose;
  });
  el.append(head, columns, note, said);

  function paint() {
    const now_s = lanes.map(({ facts, began }) => facts.end_s ?? (performance.now() - began) / 1000);
    const longest = Math.max(...now_s, 0.5);
    const axis = isOver() ? longest : (AXES.find((each) => each >= longest) ?? longest);
    lanes.forEach(({ name, facts }, at) => {
      const line = rows[at].paint(facts, now_s[at], axis);
      tell(`${name}: ${line}`, `${at} ${facts.first_s !== undefined} ${facts.outcome ?? ""}`, line);
    });
    const isStopping = !["ready", "ended"].includes(stop.state) && !isOver();
    button.hidden = isOver();
    button.disabled = isStopping;
    write(button, isStopping ? "Stopping" : "Stop all");
    if (button.title !== stop.title) button.title = stop.title;
    write(note, isOver() ? "" : stop.note);
    speak();
  }

  // A screen reader hears each first token and each end, at most every two seconds.
  function tell(words, what, line) {
    if (!line || heard.has(what)) return;
    heard.add(what);
    waiting.push(words);
  }

  function speak() {
    if (!waiting.length || performance.now() - spokeAt < 2000) return;
    said.textContent = waiting.join(". ");
    [waiting, spokeAt] = [[], performance.now()];
  }

  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || isOver()) return;
    event.preventDefault();
    event.stopPropagation(); // to the host it means: leave the output
    stop.stop();
  });
  const clock = setInterval(() => isOver() || paint(), 100);

  return {
    paint,
    hold() {
      clearInterval(clock);
      const area = el.closest(".jp-OutputArea-child")?.parentElement;
      if (!area) return () => {};
      area.style.minHeight = `${area.getBoundingClientRect().height}px`;
      return () => (area.style.minHeight = "");
    },
    dispose() {
      clearInterval(clock);
      undo.forEach((each) => each());
    },
  };
}

// One row of the axis: the wait, the mark of the first token, the writing, how it ended.
function makeTrack(name) {
  const row = make("div", "nbstream-track", { role: "listitem" });
  const bar = make("div", "nbstream-race-bar", { ariaHidden: "true" });
  const [wait, writing, first] = ["wait", "writing", "first"].map((each) => make("i", `nbstream-${each}`));
  const words = make("span", "nbstream-words");
  bar.append(wait, writing, first);
  row.append(make("span", "nbstream-track-name", { textContent: name, title: name }), bar, words);

  function said({ first_s, outcome, end_s, phase }) {
    const begun = first_s === undefined ? "" : `first token ${seconds(first_s)}`;
    const ended = outcome ? `${outcome} ${seconds(end_s)}` : phase === "lost" ? "no kernel" : "";
    return [begun, ended].filter(Boolean).join(" · ");
  }

  return {
    row,
    paint(facts, now_s, axis) {
      const { first_s, outcome = "", phase } = facts;
      const share = (value) => `${Math.min(100, (100 * value) / axis)}%`;
      wait.style.width = share(first_s ?? now_s);
      Object.assign(writing.style, { left: share(first_s ?? now_s), width: share(first_s === undefined ? 0 : now_s - first_s) });
      first.hidden = first_s === undefined;
      first.style.left = share(first_s ?? 0);
      row.dataset.outcome = outcome;
      const line = said(facts);
      write(words, line || (phase === "waiting" ? `waiting ${seconds(now_s)}` : phase));
      return line;
    },
  };
}
