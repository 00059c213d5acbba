// What one walks through a stream with: the slider and its strip, the buttons, the keys, the search.

const isTimed = ({ reads }) => reads.some(([, time]) => time !== null);

function makePlayer(walk, told, { mode, index, go, onChange }) {
  let [timer, speed, began, at] = [0, 0, 0, 0];

  function tick(now) {
    if (!timer) return;
    const last = walk.count(mode()) - 1;
    if (!began) [began, at] = [now, speed ? index() : timeOf(index())];
    const due = at + ((now - began) / 1000) * (speed || 1);
    let next = index();
    if (speed) next = Math.floor(due);
    else while (next < last && timeOf(next + 1) <= due) next++;
    if (next !== index()) go(Math.min(next, last));
    if (next >= last) stop();
    else timer = requestAnimationFrame(tick);
  }

  const timeOf = (wanted) => {
    const place = walk.stop(mode(), wanted);
    return walk.readAt(place)?.time ?? 0;
  };

  function stop() {
    if (timer) cancelAnimationFrame(timer);
    const was = timer;
    timer = began = 0;
    if (was) onChange(false);
  }

  function toggle() {
    if (timer) return stop();
    timer = requestAnimationFrame(tick);
    onChange(true);
  }

  const pace = (wanted) => ([speed, began] = [wanted, 0]);
  pace(isTimed(told) ? 0 : 8);
  return { toggle, stop, pace };
}

// -- the strip above the slider: what kind of event is where --------------------------------

const COLOURS = { reasoning: "#8f6fc4", text: "#2f87c9", refusal: "#d55e00", arguments: "#d98e04", call: "#d98e04", fact: "#8a9099" };
const HEIGHTS = { fact: 0.35 };
const EDGE = 8; // px: half of the slider's thumb

function makeStrip(walk, told) {
  const canvas = put("canvas", "strip", "", { ariaHidden: "true" });
  const kinds = walk.steps.map((step) => kindOf(step, told.sections));
  let [drawn, current] = ["", "event"];

  function columnsOf(mode, width) {
    const last = Math.max(walk.count(mode) - 1, 1);
    const columns = Array.from({ length: width }, () => ({ kind: "", cut: false, breaks: false }));
    walk.steps.forEach((step, at) => {
      if (step.ready === Infinity) return;
      const stop = walk.indexOf(mode, step.ready - 1) + 1;
      const [from, to] = [((stop - 1) / last) * width, (stop / last) * width].map(Math.round);
      for (let x = Math.min(from, width - 1); x < Math.max(to, from + 1) && x < width; x++) {
        const column = columns[x];
        if (!column.kind || column.kind === "fact") column.kind = kinds[at];
        column.cut ||= step.notes.some(([kind]) => kind === "cut");
        column.breaks ||= step.notes.some(([kind]) => kind === "breaks");
      }
    });
    return columns;
  }

  function fit() {
    const width = Math.floor(canvas.clientWidth - 2 * EDGE);
    const ratio = devicePixelRatio || 1;
    const key = [current, width, ratio].join();
    if (key === drawn || width < 1) return;
    drawn = key;
    const height = canvas.clientHeight;
    Object.assign(canvas, { width: canvas.clientWidth * ratio, height: height * ratio });
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const room = height - 6;
    columnsOf(current, width).forEach(({ kind, cut, breaks }, x) => {
      if (kind) {
        const tall = room * (HEIGHTS[kind] ?? 1);
        pen.fillStyle = COLOURS[kind];
        pen.fillRect(EDGE + x, room - tall, 1, tall);
      }
      pen.fillStyle = "#d1495b";
      if (breaks || cut) pen.fillRect(EDGE + x, room + (breaks ? 1 : 3), 1, breaks ? 5 : 2);
    });
  }

  return {
    canvas,
    fit,
    show(mode) {
      current = mode;
      fit();
    },
  };
}

// -- the buttons ---------------------------------------------------------------------------

function makeControls(walk, told, { jump, step, play, look, setMode, pace }) {
  const button = (text, title, onclick, more = {}) =>
    put("button", "button", text, { type: "button", title, onclick, ...more });
  const icon = (text, title, onclick) => button(text, title, onclick, { ariaLabel: title });
  const head = put("div", "walk-head");
  const slider = put("input", "slider", "", { type: "range", min: 0, step: 1, ariaLabel: "Step" });
  const bar = put("div", "bar");
  const said = put("p", "place", "", { role: "status" });
  const keys = put("p", "keys", "← → one step · with Shift ten · Space plays · E R B by event, read, byte · T first token · F finish · C next cut · L next broken line · / search, N next");
  const playButton = icon("▶ Play", "Play (Space)", play);
  const modes = put("select", "choice", "", { ariaLabel: "One step is", title: "One step is (E, R, B)" });
  const speeds = put("select", "choice", "", { ariaLabel: "Speed", title: "Speed" });
  const query = put("input", "query", "", { type: "search", placeholder: "Search (/)", ariaLabel: "Search the bytes and the text" });
  const hits = put("span", "hits");
  const marks = put("div", "marks", "", { role: "group", ariaLabel: "Go to" });
  const ends = { cut: "next cut", breaks: "next broken line" };
  let at = 0; // the place that is shown

  function fill() {
    const events = walk.steps.filter((each) => each.head).length;
    const size = [plural(walk.bytes.length, "byte"), plural(walk.reads.length, "read"), plural(events, "event"), told.outcome];
    head.append(put("strong", "api", told.api || "A stream"), put("span", "size", size.join(" · ")), legend());
    for (const [value, text] of Object.entries(MODES)) modes.append(new Option(`by ${text}`, value));
    for (const [text, value] of Object.entries(SPEEDS)) if (value || isTimed(told)) speeds.append(new Option(text, value));
    speeds.value = isTimed(told) ? 0 : 8;
    bar.append(group("Steps", icon("⇤", "To the beginning (Home)", () => step(-Infinity)), icon("←", "One step back (←)", () => step(-1)), playButton, icon("→", "One step on (→)", () => step(1)), icon("⇥", "To the end (End)", () => step(Infinity))));
    bar.append(modes, speeds, group("Search", query, icon("↑", "The place before (Shift+N)", () => look(query.value, -1)), icon("↓", "The next place (N)", () => look(query.value, 1)), hits), marks);
    for (const [name, number] of told.marks) marks.append(button(name, `Go to event ${number}`, () => jump(walk.readyOf(number))));
    for (const [kind, text] of Object.entries(ends))
      if (noted(kind).length) marks.append(button(`${text} (${noted(kind).length})`, `Go to the ${text} (${kind === "cut" ? "C" : "L"})`, () => next(kind), { className: "nbstream-button nbstream-warns" }));
  }

  const group = (ariaLabel, ...nodes) => {
    const found = put("div", "group", "", { role: "group", ariaLabel });
    found.append(...nodes);
    return found;
  };

  function legend() {
    const list = put("span", "legend");
    const kinds = new Set(walk.steps.map((each) => kindOf(each, told.sections)));
    const words = { reasoning: "reasoning", text: "text", refusal: "refusal", arguments: "tool call", fact: "other" };
    for (const [kind, word] of Object.entries(words)) {
      if (!kinds.has(kind)) continue;
      const swatch = put("i", "swatch");
      swatch.style.background = COLOURS[kind];
      list.append(swatch, word);
    }
    return list;
  }

  const found = {};
  const noted = (kind) => (found[kind] ??= walk.steps.filter(({ notes }) => notes.some(([each]) => each === kind)));
  function next(kind) {
    const all = noted(kind);
    const one = all.find(({ ready }) => Math.min(ready, walk.finale) > at) ?? all[0];
    if (one) jump(walk.readyOf(one.number));
  }

  const KEYS = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowUp: () => step(-1), ArrowDown: () => step(1),
    PageDown: () => step(10), PageUp: () => step(-10), Home: () => step(-Infinity), End: () => step(Infinity),
    " ": play, "/": () => query.focus(), n: () => look(query.value, 1), N: () => look(query.value, -1),
    e: () => setMode("event"), r: () => setMode("read"), b: () => setMode("byte"),
    c: () => next("cut"), l: () => next("breaks"), f: () => mark("finish"), t: () => mark("first token"),
  };
  function mark(name) {
    const one = told.marks.find(([each]) => each === name);
    if (one) jump(walk.readyOf(one[1]));
  }

  function key(event) {
    const { target } = event;
    const isHosts = event.ctrlKey || event.metaKey || event.altKey;
    if (isHosts || (event.shiftKey && event.key === "Enter" && target !== query)) return;
    event.stopPropagation(); // to the host a letter means something else (B: a new cell)
    if (target === query) return typed(event);
    if (target.localName === "select") return;
    if (target.localName === "button" && [" ", "Enter"].includes(event.key)) return;
    const isPane = target.classList.contains("nbstream-pane-body");
    if (isPane && /^(Arrow(Up|Down)|Page|Home|End)/.test(event.key)) return; // it scrolls
    const act = event.shiftKey && event.key.startsWith("Arrow") ? () => step(/Right|Down/.test(event.key) ? 10 : -10) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  function typed(event) {
    if (event.key === "Enter") look(query.value, event.shiftKey ? -1 : 1);
    if (event.key === "Escape") slider.focus();
    if (["Enter", "Escape"].includes(event.key)) event.preventDefault();
  }

  let typing = 0;
  query.oninput = () => {
    clearTimeout(typing);
    typing = setTimeout(() => look(query.value), 150);
  };
  slider.oninput = () => step(slider.valueAsNumber - Number(slider.dataset.now));
  modes.onchange = () => setMode(modes.value);
  speeds.onchange = () => pace(Number(speeds.value));
  fill();

  return {
    head, slider, bar, said, keys, key,
    playing(on) {
      playButton.textContent = on ? "❚❚ Pause" : "▶ Play";
      playButton.title = playButton.ariaLabel = on ? "Pause (Space)" : "Play (Space)";
      said.ariaLive = on ? "off" : "polite";
    },
    show({ mode, index, count, place, match, matches }) {
      at = place;
      Object.assign(slider, { max: count - 1, value: index });
      slider.dataset.now = index;
      slider.style.setProperty("--nbstream-share", index / Math.max(count - 1, 1));
      modes.value = mode;
      const read = walk.readAt(place);
      const where = place >= walk.finale ? "the end of the stream" : place ? `${MODES[mode]} ${number(index)} of ${number(count - 2)}` : "before the first byte";
      const whole = walk.steps[walk.wholeAt(place) - 1];
      const what = mode === "event" && place && place < walk.finale && whole ? whole.events.map(([name]) => name).join(", ") || "no event" : "";
      const text = [where, what, read && mode !== "read" && place < walk.finale ? `read ${read.number}` : "", secondsOf(read)].filter(Boolean).join(" · ");
      write(said, text[0].toUpperCase() + text.slice(1));
      slider.ariaValueText = text;
      write(hits, query.value ? (matches.length ? `${matches.indexOf(match) + 1} of ${matches.length}` : "none") : "");
    },
  };
}
