// A stream to walk through: a slider over its steps, and three panes that show what is
// there. Python has sent all of it once (anatomy/message.py); nothing goes back.
//
// The notebook's output is a table, which is what is saved. Where there are widgets, a
// model without a view puts this in the table's place as long as the kernel lives.
//
// anatomy_stream.js is the stream and where one can be in it, anatomy_slider.js is what one
// walks with. All that is shown is put there as text, never as HTML.

const MODES = { event: "event", read: "network read", byte: "byte" };
const SPEEDS = { "as it came": 0, "2 a second": 2, "8 a second": 8, "30 a second": 30, "200 a second": 200 };
const ROW = 18; // px, as in anatomy.css
const GUTTER = 13; // columns
const TAIL = 2000; // characters shown of a long text
const LONG = 4000; // characters shown of an event's data
const CARDS = 12; // events shown of one read

function put(tag, className, text = "", more = {}) {
  return make(tag, `nbstream-${className}`, { textContent: text, ...more });
}

function pane(name, title) {
  const section = put("div", `pane nbstream-${name}`);
  const head = put("div", "pane-head", title);
  const body = put("div", "pane-body", "", { tabIndex: 0, role: "region", ariaLabel: title });
  section.append(head, body);
  return { section, head, body };
}

const number = (value) => value.toLocaleString("en");
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const secondsOf = (read) => (read?.time == null ? "" : `${read.time.toFixed(3)} s`);

// -- the bytes ---------------------------------------------------------------------------

function wirePane(walk) {
  const { section, head, body } = pane("wire", "On the wire");
  const sheet = put("div", "sheet");
  const probe = put("span", "probe", "0".repeat(50));
  let [starts, columns, drawn] = [[0], 0, ""];
  let now = { from: 0, to: 0, band: [0, 0], match: null };
  body.append(sheet, probe);

  function fit() {
    const wide = probe.getBoundingClientRect().width / 50;
    const fitting = wide ? Math.floor((body.clientWidth - 12) / wide) - GUTTER : 0;
    const wanted = Math.max(12, fitting);
    if (wanted === columns || !wide) return;
    columns = wanted;
    starts = layOut(walk.bytes, columns, walk.isCut);
    sheet.style.height = `${starts.length * ROW}px`;
    drawn = "";
    reveal();
  }

  // The name of the field that a row begins with, if it begins a line.
  function fieldEnd(from, to) {
    const isLine = !from || [LINE_FEED, RETURN].includes(walk.bytes[from - 1]);
    const colon = isLine ? walk.bytes.subarray(from, to).indexOf(58) : -1;
    return from + colon + 1;
  }

  function classOf(at, kind, field) {
    const names = at < field ? ["field"] : [];
    if (kind) names.push(kind);
    names.push(at >= now.to ? "later" : at >= now.from ? "now" : "");
    const { match } = now;
    if (match && at >= match.start && at < match.end) names.push("found");
    const begins = walk.cutAt.has(at);
    if (begins) names.push("cut");
    return [names.filter(Boolean).map((name) => `nbstream-${name}`).join(" "), begins];
  }

  function rowAt(index) {
    const [from, to] = [starts[index], starts[index + 1] ?? walk.bytes.length];
    const row = put("div", "row");
    row.style.top = `${index * ROW}px`;
    const [start, end] = now.band;
    if (from < end && to > start) row.classList.add("nbstream-current");
    const read = walk.readAt(to);
    const begins = read && read.start >= from && read.start < to;
    row.append(put("span", "offset", number(from)), put("span", "read", begins ? `r${read.number}` : ""));
    if (begins) row.title = `Read ${read.number} begins at byte ${number(read.start)} ${secondsOf(read)}`;
    const field = fieldEnd(from, to);
    const look = (at, kind) => classOf(at, kind, field);
    for (const [name, text] of runsOf(walk.bytes, from, to, walk.isCut, look))
      row.append(make("span", name, { textContent: text }));
    return row;
  }

  // Only what is in view is there.
  function draw() {
    const first = Math.max(0, Math.floor(body.scrollTop / ROW) - 4);
    const last = Math.min(starts.length, first + Math.ceil(body.clientHeight / ROW) + 8);
    const key = [first, last, columns, now.from, now.to, ...now.band, now.match?.start].join();
    if (key === drawn || !walk.bytes.length) return;
    drawn = key;
    sheet.replaceChildren(...Array.from({ length: last - first }, (_, at) => rowAt(first + at)));
  }

  function reveal() {
    const place = now.match?.start ?? Math.max(now.from, 0);
    const top = lastUpTo(starts, Math.min(place, walk.bytes.length - 1)) * ROW;
    const end = lastUpTo(starts, Math.min(now.to, walk.bytes.length) - 1) * ROW + ROW;
    const [from, to] = [body.scrollTop, body.scrollTop + body.clientHeight];
    if (top < from || end > to) body.scrollTop = Math.max(0, top - body.clientHeight * 0.3);
    draw();
  }

  body.addEventListener("scroll", draw, { passive: true });
  return {
    section,
    fit,
    show(state) {
      now = state;
      const read = walk.readAt(state.to);
      write(head, `On the wire · ${number(Math.min(state.to, walk.bytes.length))} of ${plural(walk.bytes.length, "byte")}${read ? ` · read ${read.number} of ${walk.reads.length}` : ""}`);
      reveal();
    },
  };
}

// -- the event ---------------------------------------------------------------------------

function facts(pairs) {
  const list = put("dl", "facts");
  for (const [name, value, tag = "dd"] of pairs) {
    const said = put(tag === "pre" ? "dd" : tag, "value");
    said.append(tag === "pre" ? put("pre", "data", value) : value);
    list.append(put("dt", "name", name), said);
  }
  return list;
}

const cut = (text, length) =>
  text.length > length ? `${text.slice(0, length)} … (${number(text.length - length)} characters more)` : text;

function cardOf(walk, step) {
  const card = put("article", "card", "", { ariaLabel: `Event ${step.number}` });
  const size = `bytes ${number(step.start)}-${number(step.end - 1)}`;
  const title = put("p", "card-head");
  title.append(put("strong", "card-number", `Event ${step.number}`), ` ${size}`);
  card.append(title);
  for (const [kind, said] of step.notes) {
    const note = put("p", `note nbstream-note-${kind}`);
    note.append(put("strong", "pill", kind === "cut" ? "cut" : "line splitting"), ` ${said}`);
    card.append(note);
  }
  const means = put("ul", "means");
  for (const [name, fields] of step.events) {
    const item = put("li", "event");
    item.append(put("strong", "event-name", name), facts(fields));
    means.append(item);
  }
  if (step.events.length) card.append(means);
  if (!step.head) {
    const why = step.ready === Infinity ? "No empty line ended it, so it is no event." : "A comment, or lines without data: no event.";
    card.append(put("p", "hint", why));
    return card;
  }
  const [name, id, retry] = step.head;
  const said = [["event", name]];
  if (id) said.push(["id", id]);
  if (retry !== null) said.push(["retry", `${number(retry)} ms`]);
  said.push(["data", cut(laidOut(dataOf(walk.bytes, step)), LONG), "pre"]);
  card.append(put("p", "sub", "As it was sent"), facts(said));
  return card;
}

function eventPane(walk) {
  const { section, head, body } = pane("event-pane", "The event");
  return {
    section,
    show({ from, to, ended }) {
      const [first, last] = [walk.wholeAt(from), walk.wholeAt(to)];
      const found = walk.steps.slice(first, Math.min(last, first + CARDS));
      const next = walk.steps[last];
      const waits = next ? Math.min(to, walk.bytes.length) - next.start : 0;
      const said = found.map((step) => cardOf(walk, step));
      if (last - first > CARDS) said.push(put("p", "hint", `And ${last - first - CARDS} more.`));
      if (!to) said.push(put("p", "hint", "Nothing has come yet. → is one step on, Space plays."));
      else if (ended) said.push(put("p", "hint", `The stream has ended: nothing more comes. The outcome is “${walk.outcome}”.`));
      if (ended && next) said.push(cardOf(walk, next));
      else if (waits > 0)
        said.push(put("p", "hint", `${plural(waits, "byte")} of event ${next.number} ${waits === 1 ? "waits" : "wait"} for the rest, up to its empty line.`));
      write(head, last - first > 1 ? `The events: ${last - first} at once` : "The event");
      body.replaceChildren(...said);
      body.scrollTop = 0;
    },
  };
}

// -- what has come of it -----------------------------------------------------------------

// Where the old and the new text differ: [from, to] in the new one.
function difference(old, text) {
  if (text.startsWith(old)) return [old.length, text.length];
  let [from, end] = [0, 0];
  const most = Math.min(old.length, text.length);
  while (from < most && old[from] === text[from]) from++;
  while (end < most - from && old.at(-1 - end) === text.at(-1 - end)) end++;
  return [from, text.length - end];
}

function accumulatedPane(walk, told) {
  const { section, body } = pane("grown", "Accumulated");
  const rows = told.sections.map(([title, kind]) => {
    const row = put("div", `grown-row nbstream-kind-${kind}`);
    const value = put("div", "grown-value");
    row.append(put("p", "grown-title", title), value);
    row.hidden = true;
    body.append(row);
    return { row, value, text: null, from: -1, fresh: false };
  });
  const empty = put("p", "hint", "Nothing yet.");
  body.append(empty);

  // What this step has added is marked; of a long text only the end is shown.
  function paint(each, kind, text, old) {
    const looks = kind === "parsed" ? laidOut : (same) => same;
    const now = looks(text);
    const [from, to] = text === old ? [now.length, now.length] : difference(looks(old), now);
    each.fresh = text !== old;
    if (each.text === text && each.from === from) return;
    Object.assign(each, { text, from });
    each.row.hidden = !text;
    const skip = Math.max(0, now.length - TAIL);
    const begin = Math.max(skip, from);
    const parts = [now.slice(skip, begin), now.slice(begin, to), now.slice(Math.max(begin, to))];
    each.value.replaceChildren();
    if (skip) each.value.append(put("span", "hint", `… ${number(skip)} characters before … `));
    each.value.append(parts[0]);
    if (parts[1]) each.value.append(put("mark", "fresh", parts[1]));
    each.value.append(parts[2]);
  }

  return {
    section,
    show({ from, to }) {
      const [old, texts] = [walk.textsAt(from), walk.textsAt(to)];
      rows.forEach((each, at) => paint(each, told.sections[at][1], texts[at], old[at]));
      empty.hidden = texts.some(Boolean);
      const changed = rows.findLast(({ fresh }, at) => fresh && told.sections[at][1] !== "fact");
      if (!changed) return;
      const { offsetTop, offsetHeight } = changed.row;
      const end = offsetTop + offsetHeight;
      if (end > body.scrollTop + body.clientHeight) body.scrollTop = end - body.clientHeight + 8;
      else if (offsetTop < body.scrollTop) body.scrollTop = Math.max(0, Math.min(offsetTop, end - body.clientHeight));
    },
  };
}

// -- the whole of it ---------------------------------------------------------------------

function makeAnatomy(model) {
  const told = model.get("told");
  const data = model.get("data");
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const walk = makeWalk(told, bytes);
  const root = put("div", "walk", "", { role: "group", ariaLabel: `Anatomy of a stream, ${told.api}`, tabIndex: -1 });
  const panes = [wirePane(walk), eventPane(walk), accumulatedPane(walk, told)];
  const [mode, index] = [{ now: "event" }, { now: told.opened ?? 0 }];
  let [match, matches, queued] = [null, [], false];
  const controls = makeControls(walk, told, { jump, step, play, look, setMode, pace: (speed) => player.pace(speed) });
  const strip = makeStrip(walk, told);
  const player = makePlayer(walk, told, { mode: () => mode.now, index: () => index.now, go, onChange: (on) => controls.playing(on) });
  const shown = put("div", "panes");
  shown.append(...panes.map(({ section }) => section));
  root.append(controls.head, strip.canvas, controls.slider, controls.bar, controls.said, shown, controls.keys);

  const place = () => walk.stop(mode.now, index.now);

  function paint() {
    queued = false;
    const to = place();
    const from = index.now ? walk.stop(mode.now, index.now - 1) : 0;
    const ended = to >= walk.finale;
    const first = walk.steps[walk.wholeAt(from)];
    const last = walk.steps[Math.max(walk.wholeAt(to) - 1, walk.wholeAt(from))] ?? first;
    const band = ended || !to || !first ? [0, 0] : [first.start, Math.max(first.end, last?.end ?? 0)];
    const state = { from, to, ended, band, match };
    for (const each of panes) each.show(state);
    strip.show(mode.now, index.now);
    controls.show({ mode: mode.now, index: index.now, count: walk.count(mode.now), place: to, match, matches });
  }

  // However many steps are asked for between two frames, one is drawn.
  function draw() {
    if (!queued) requestAnimationFrame(paint);
    queued = true;
  }

  function go(wanted, found = null) {
    const near = Math.max(0, Math.min(walk.count(mode.now) - 1, wanted));
    [index.now, match] = [near, found];
    draw();
  }

  // To the first stop at which so many bytes have come.
  function jump(wanted, found = null) {
    player.stop();
    const at = walk.indexOf(mode.now, wanted);
    go(walk.stop(mode.now, at) < wanted ? at + 1 : at, found);
  }

  function step(by) {
    player.stop();
    go(index.now + by);
  }

  function play() {
    if (index.now === walk.count(mode.now) - 1) go(0);
    player.toggle();
  }

  function setMode(wanted) {
    const before = place();
    player.stop();
    mode.now = wanted;
    jump(before);
  }

  // With a query: look for it anew. Without: to the next place, or the one before.
  function look(query, by = 0) {
    if (!by) matches = walk.search(query);
    const here = matches.indexOf(match);
    const next = matches.findIndex((each) => each.place >= place());
    const at = by ? (here >= 0 ? here : next - (by > 0 ? 1 : 0)) + by : next < 0 ? 0 : next;
    const found = matches.at(at % (matches.length || 1));
    if (found) jump(found.place, found);
    else go(index.now);
  }

  root.addEventListener("keydown", (event) => controls.key(event));
  const sizes = new ResizeObserver(() => {
    panes[0].fit();
    strip.fit();
    draw();
  });
  sizes.observe(root);
  return {
    root,
    dispose() {
      player.stop();
      sizes.disconnect();
      root.remove();
    },
  };
}

// -- in the place of the table ----------------------------------------------------------

function stayMounted(model) {
  const views = new Map();
  const tables = document.getElementsByClassName(model.get("place"));
  let waiting = 0;

  function look() {
    waiting = 0;
    for (const [table, view] of views)
      if (!table.isConnected && !view.root.isConnected) dismount(table);
    for (const table of tables) if (!table.querySelector(".nbstream-walk")) mount(table);
  }

  function mount(table) {
    dismount(table);
    const view = makeAnatomy(model);
    views.set(table, view);
    // Its own style says how it is shown, against which `hidden` does nothing.
    for (const { dataset, style } of table.children) {
      dataset.style = style.cssText;
      style.display = "none";
    }
    table.append(view.root);
  }

  function dismount(table) {
    views.get(table)?.dispose();
    views.delete(table);
    for (const { dataset, style } of table.children) style.cssText = dataset.style ?? style.cssText;
  }

  const watch = new MutationObserver(() => {
    waiting ||= setTimeout(look, 60);
  });
  watch.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    watch.disconnect();
    clearTimeout(waiting);
    [...views.keys()].forEach(dismount);
  };
}

const anatomyView = () => ({
  initialize: ({ model }) => (model.get("place") ? stayMounted(model) : undefined),
  render({ model, el }) {
    const view = makeAnatomy(model);
    el.append(view.root);
    return () => view.dispose();
  },
});
