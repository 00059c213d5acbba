// The stream of an anatomy: its bytes as rows, and the walk through it. Nothing here
// knows of a page.

// -- rows of signs ----------------------------------------------------------------------
//
// A row is never longer than the pane is wide, so that all have the same height and only
// those in view need to be drawn.

const LINE_FEED = 10;
const RETURN = 13;
// What cannot be seen, or turns the reading direction: it is shown by its number.
const ODD = /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]/u;
const isWide = (code) =>
  code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) || code >= 0x20000);
const hex = (value, digits) => value.toString(16).toUpperCase().padStart(digits, "0");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// How many bytes the character that begins here has; 0 if none does.
function lengthAt(bytes, at) {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (let more = 1; more < length; more++)
    if ((bytes[at + more] & 0xc0) !== 0x80) return 0;
  return length;
}

// The sign that stands at `at`: { length in bytes, text, width in columns, kind }.
// A character that a read has cut in two is shown as its bytes.
function signAt(bytes, at, isCut) {
  const first = bytes[at];
  if (first === LINE_FEED) return { length: 1, text: "\\n", width: 2, kind: "end" };
  if (first === RETURN) {
    const both = bytes[at + 1] === LINE_FEED;
    return { length: both ? 2 : 1, text: both ? "\\r\\n" : "\\r", width: both ? 4 : 2, kind: "end" };
  }
  if (first >= 0x20 && first < 0x7f)
    return { length: 1, text: String.fromCharCode(first), width: 1, kind: "" };
  const length = lengthAt(bytes, at);
  let whole = length > 0;
  for (let more = 1; more < length; more++) whole &&= !isCut(at + more);
  let text = "";
  try {
    if (whole) text = utf8.decode(bytes.subarray(at, at + length));
  } catch {
    whole = false;
  }
  if (!whole) return { length: 1, text: hex(first, 2), width: 3, kind: "byte" };
  const code = text.codePointAt(0);
  if (ODD.test(text)) return { length, text: `⟨${hex(code, 4)}⟩`, width: 6, kind: "odd" };
  return { length, text, width: isWide(code) ? 2 : 1, kind: "" };
}

// The offsets at which rows begin, and the end.
function layOut(bytes, columns, isCut) {
  const starts = [0];
  let column = 0;
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const isPlain = first >= 0x20 && first < 0x7f;
    const { length, width, kind } = isPlain ? PLAIN : signAt(bytes, at, isCut);
    if (column + width > columns && kind !== "end") {
      starts.push(at);
      column = 0;
    }
    column += width;
    at += length;
    if (kind === "end" && at < bytes.length) {
      starts.push(at);
      column = 0;
    }
  }
  return starts;
}
const PLAIN = { length: 1, width: 1, kind: "" };

// One row as runs of signs that look alike: [[className, text], ...].
function runsOf(bytes, from, to, isCut, classOf) {
  const runs = [];
  for (let at = from; at < to; ) {
    const { length, text, kind } = signAt(bytes, at, isCut);
    const [name, isNew] = classOf(at, kind);
    const last = runs.at(-1);
    if (last && last[0] === name && !isNew && kind !== "byte") last[1] += text;
    else runs.push([name, text]);
    at += length;
  }
  return runs;
}

// The greatest index whose value is at most `value`, or -1.
function lastUpTo(values, value, of = (each) => each) {
  let [low, high] = [-1, values.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (of(values[middle]) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
// -- the walk: where one can stop, and what is there at each place -----------------------
//
// A place is a number of bytes that have come; one more than there are is the end of the
// stream. What has been accumulated is replayed from the nearest checkpoint.

const EVERY = 128;

function makeWalk(told, bytes) {
  const steps = told.steps.map(([start, end, ready, head, events, changes, notes], at) => ({
    number: at + 1, start, end, ready: ready < 0 ? Infinity : ready, head, events, changes, notes,
  }));
  const reads = told.reads.map(([end, time], at) => ({
    number: at + 1, start: at ? told.reads[at - 1][0] : 0, end, time,
  }));
  const finale = bytes.length + 1;
  const cutAt = new Set(reads.slice(1).map(({ start }) => start));
  const kept = [told.sections.map(() => "")];
  const stops = {
    event: [0, ...steps.map(({ ready }) => ready).filter(Number.isFinite), finale],
    read: [0, ...reads.map(({ end }) => end), finale],
  };

  // Stops by index; a stream of bytes needs no list of them.
  const count = (mode) => (mode === "byte" ? finale + 1 : stops[mode].length);
  const stop = (mode, index) => {
    const near = Math.max(0, Math.min(count(mode) - 1, index));
    return mode === "byte" ? near : stops[mode][near];
  };
  const indexOf = (mode, place) => (mode === "byte" ? place : lastUpTo(stops[mode], place));

  const wholeAt = (place) => lastUpTo(steps, place, ({ ready }) => ready) + 1;

  function replay(texts, changes) {
    for (const [section, drop, added] of changes) {
      const old = texts[section];
      texts[section] = old.slice(0, old.length - drop) + added;
    }
  }

  // What has been accumulated at a place, in the order of the sections.
  function textsAt(place) {
    const whole = wholeAt(place);
    let at = Math.min(Math.floor(whole / EVERY), kept.length - 1);
    const texts = [...kept[at]];
    for (at *= EVERY; at < whole; at++) {
      replay(texts, steps[at].changes);
      if ((at + 1) % EVERY === 0 && kept.length === (at + 1) / EVERY) kept.push([...texts]);
    }
    if (place >= finale) replay(texts, told.last);
    return texts;
  }

  const readAt = (place) => {
    const at = lastUpTo(reads, Math.min(place, bytes.length) - 1, ({ start }) => start);
    return place > 0 ? reads[at] : undefined;
  };

  // -- looking for something -----------------------------------------------------------

  const lower = (text) => text.replace(/[A-Z]+/g, (found) => found.toLowerCase());
  let wire = null; // one sign for each byte

  function onTheWire(query) {
    wire ??= lower(new TextDecoder("latin1").decode(bytes));
    const wanted = lower(new TextDecoder("latin1").decode(new TextEncoder().encode(query)));
    const found = [];
    for (let at = wire.indexOf(wanted); at >= 0; at = wire.indexOf(wanted, at + 1))
      found.push({ start: at, end: at + wanted.length, place: at + wanted.length });
    return found;
  }

  // Where a text is whole that came in several events, and so is nowhere on the wire.
  function accumulated(query) {
    const wanted = lower(query);
    const found = [];
    const texts = told.sections.map(() => "");
    for (const { changes, ready } of steps)
      for (const [section, drop, added] of changes) {
        const old = texts[section];
        const same = old.length - drop;
        texts[section] = old.slice(0, same) + added;
        const from = Math.max(0, same - wanted.length + 1);
        const isNew = lower(texts[section].slice(from)).includes(wanted);
        if (isNew && lower(added) !== wanted) found.push({ start: -1, end: -1, place: ready });
      }
    return found.filter(({ place }) => Number.isFinite(place));
  }

  function search(query) {
    if (!query) return [];
    const direct = onTheWire(query);
    const places = new Set(direct.map(({ place }) => stop("event", indexOf("event", place - 1) + 1)));
    const others = accumulated(query).filter(({ place }) => !places.has(place));
    return [...direct, ...others].sort((one, other) => one.place - other.place);
  }

  return {
    bytes, steps, reads, finale, cutAt, count, stop, indexOf, wholeAt, textsAt, readAt, search,
    outcome: told.outcome,
    isCut: (at) => cutAt.has(at),
    readyOf: (number) => Math.min(steps[number - 1].ready, finale),
  };
}

// What a step is about, for its colour.
const RANK = ["arguments", "call", "text", "refusal", "reasoning"];
function kindOf({ changes }, sections) {
  const kinds = new Set(changes.map(([section]) => sections[section][1]));
  return RANK.find((kind) => kinds.has(kind)) ?? "fact";
}

// The lines of an event as the standard reads them: the value of its data.
function dataOf(bytes, { start, end }) {
  const lines = new TextDecoder().decode(bytes.subarray(start, end)).split(/\r\n|\r|\n/);
  const values = lines.filter((line) => /^data(:|$)/.test(line));
  return values.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

function laidOut(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
