// The three panes: the bytes on the wire, what the event says, what has come of it.
// All that is shown is put there as text, never as HTML.

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

function grownPane(walk, told) {
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

  // Where the old and the new text differ: [from, to] in the new one.
  function difference(old, text) {
    if (text.startsWith(old)) return [old.length, text.length];
    let [from, end] = [0, 0];
    const most = Math.min(old.length, text.length);
    while (from < most && old[from] === text[from]) from++;
    while (end < most - from && old.at(-1 - end) === text.at(-1 - end)) end++;
    return [from, text.length - end];
  }

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
