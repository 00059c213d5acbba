// The walk through one stream: where one can stop, and what is there at each place.
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
