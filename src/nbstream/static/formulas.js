// Formulas, which the host typesets: each once, however often it comes.

// Formulas are the spans without a class; the host typesets them as it will in the end.
const FORMULA = "span:not([class])";

// It lays the page out anew for each formula that it measures: so those of a frame are
// typeset together, in a box apart from the text, and then take their places.
function makeFormulas(box, rendermime) {
  const latex = rendermime?.latexTypesetter;
  const waiting = [];
  const typeset = new Map(); // what was written -> what the host made of it
  latex?.typeset(make("div", "")); // to have it loaded in time

  // Symbols come again and again: each is typeset once.
  function again(span) {
    const done = typeset.get(span.textContent);
    if (done) span.replaceChildren(...done.cloneNode(true).childNodes);
    return Boolean(done);
  }

  async function set() {
    const tray = make("div", "");
    const spans = waiting.splice(0).filter((span) => !again(span));
    if (!spans.length) return;
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
  }

  return {
    take(node) {
      if (!latex || node.nodeType !== Node.ELEMENT_NODE) return;
      waiting.push(...node.querySelectorAll(FORMULA));
    },
    set: () => waiting.length && set(),
  };
}
