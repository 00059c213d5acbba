// An answer as Python has sent it: sections of blocks, each the HTML of one element, and
// how a message changes them. Nothing here knows of a page.

// What Python says in one character (markdown/html.py), in full again.
const expand = (short) =>
  short.replace(/\x80[^]|[\x81-\x9f]/g, (one) => one[1] ?? SHORT[one.charCodeAt() - 0x81]);

const ORDER = new Intl.Collator("en", { numeric: true }).compare; // of the sections' keys
const CODE_END = "</code></pre>\n";
const insideCode = (block, code) => block.slice(0, -CODE_END.length) + code + CODE_END;
const wholeOf = ({ blocks, line }) =>
  [...blocks.slice(0, -1), line ? insideCode(blocks.at(-1), line) : (blocks.at(-1) ?? "")].join("");

// All of it: a model's snapshot, or what Python says when it is asked for everything.
// `seq` is the number of the last frame, `last` the section that it ended with; `began` is
// on the page's clock; `id` is the model's; `final` says what output takes the view's place,
// once there is one.
function takeSnapshot(answer, { seq = 0, last = "", sections = {}, elapsed_s = 0, id, final, ...facts }) {
  const began = performance.now() - 1000 * elapsed_s;
  Object.assign(answer, { seq, id, final, facts, began, sections: new Map() });
  for (const [key, frame] of Object.entries(sections)) takeSection(answer, key, frame);
  answer.last = last;
}

// One section's part of a frame, which is one of Rendering: markdown/frame.py says what its
// fields mean. Returns the first block that it has touched.
function takeSection(answer, key, frame) {
  if (!answer.sections.has(key)) answer.sections.set(key, { blocks: [], closed: 0, line: "" });
  const section = answer.sections.get(key);
  const { blocks, closed: before } = section;
  const { at = before, closed = before, keep = 0, code = "", replaced = [] } = frame;
  const first = Math.min(at, blocks.length - 1, ...replaced.map(([index]) => index));
  const html = (frame.html ?? []).map(expand);
  const line = section.line.slice(0, frame.lineKeep ?? 0) + expand(frame.line ?? "");
  if (code) blocks.push(insideCode(blocks.pop(), expand(code)));
  for (const [index, block] of replaced) blocks[index] = expand(block);
  const kept = (blocks[at] ?? "").slice(0, keep);
  blocks.splice(at, Infinity, ...html.map((each, index) => (index ? each : kept + each)));
  Object.assign(section, { closed, line });
  answer.last = key;
  return Math.max(0, first);
}

// Most frames say only how the last block goes on, as a list: see screens/live_message.py.
// Here they say it by its names.
function inNames(answer, [seq, first, ...more]) {
  const at = answer.sections.get(answer.last)?.blocks.length ?? 0;
  const [lineKeep, line] = more;
  const frame = more.length === 1
    ? { at: at - 1, keep: first, html: more }
    : { at, code: first, line, lineKeep };
  return { kind: "frame", seq, sections: { [answer.last]: frame } };
}

// Take a frame if it is the next one; one that is there already changes nothing. False if
// one before it never came: then only the whole answer helps. `touch(key, index)` hears
// from which block on a section is another.
function takeFrame(answer, { kind, seq, sections, ...facts }, touch) {
  if (seq !== answer.seq + 1) return seq <= answer.seq;
  answer.seq = seq;
  Object.assign(answer.facts, facts);
  for (const [key, frame] of Object.entries(sections)) touch(key, takeSection(answer, key, frame));
  return true;
}
