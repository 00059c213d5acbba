// Bytes as rows of signs, a row never longer than the pane is wide, so that each has the
// same height and only those in view need to be drawn.

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
