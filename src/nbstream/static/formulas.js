// Formulas, which the host typesets: each once, however often it comes.

// Formulas are the spans without a class; the host typesets them as it will in the end.
const FORMULA = "span:not([class])";
// What a slice may take of the page's time, and how many characters are its first guess.
const SLICE_MS = 24;
const FIRST_CHARS = 300;
// The page is asked whether it has time, and not for longer than this.
const PATIENCE = { timeout: 60 };

// It lays the page out anew for each formula that it measures: so some are typeset
// together, in a box apart from the text, and then take their places; as many as the page
// can bear at once, and between two such slices it does all else that it has to do.
function makeFormulas(box, rendermime) {
  const latex = rendermime?.latexTypesetter;
  const waiting = new Set();
  const typeset = new Map(); // what was written -> what the host made of it
  let room = FIRST_CHARS;
  let busy = null;
  latex?.typeset(make("div", "")); // to have it loaded in time

  // Symbols come again and again: each is typeset once. A span says what it was made of.
  function again(span) {
    const written = span.textContent;
    const done = typeset.get(written);
    if (done) span.replaceChildren(...done.cloneNode(true).childNodes);
    if (done) span.written = written;
    return Boolean(done);
  }

  function next() {
    const spans = [];
    let chars = 0;
    for (const span of waiting) {
      const { length } = span.textContent;
      if (spans.length && chars + length > room) break;
      waiting.delete(span);
      if (isTypeset(span) || again(span)) continue;
      spans.push(span);
      chars += length;
    }
    return spans;
  }

  async function slice(spans) {
    const began = performance.now();
    const tray = make("div", "");
    const written = spans.map((span) => span.textContent);
    for (const span of spans)
      tray.appendChild(make("p", "")).append(span.cloneNode(true));
    box.append(tray);
    await latex.typeset(tray);
    spans.forEach((span, at) => {
      const done = tray.children[at].firstChild;
      if (!done.querySelector("mjx-container")) return;
      typeset.set(written[at], done);
      again(span);
    });
    tray.remove();
    const faster = SLICE_MS / Math.max(1, performance.now() - began);
    room = Math.min(4 * FIRST_CHARS, Math.max(1, room * Math.min(2, faster)));
  }

  async function all() {
    for (let spans = next(); spans.length; spans = next()) {
      await slice(spans);
      if (waiting.size) await new Promise((go) => (globalThis.requestIdleCallback ?? setTimeout)(go, PATIENCE));
    }
    busy = null;
  }

  return {
    take(node) {
      if (!latex || node.nodeType !== Node.ELEMENT_NODE) return;
      for (const span of node.querySelectorAll(FORMULA))
        if (!isTypeset(span) && !again(span)) waiting.add(span);
    },
    set: () => (busy ??= waiting.size ? all() : null),
  };
}

// It stands as the host has made it; a new text takes that away.
const isTypeset = (span) => span.written !== undefined;
