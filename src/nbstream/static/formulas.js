// Formulas, which the host typesets.

// Formulas are the spans without a class; the host typesets them as it will in the end.
const FORMULA = "span:not([class])";

// It lays the page out anew for each formula that it measures: so those of a frame are
// typeset together, in a box apart from the text, and then take their places.
function formulas(box, rendermime) {
  const latex = rendermime?.latexTypesetter;
  const waiting = [];
  latex?.typeset(make("div", "")); // to have it loaded in time

  async function set() {
    const tray = make("div", "");
    const spans = waiting.splice(0);
    const written = spans.map((span) => span.textContent);
    for (const span of spans)
      tray.appendChild(make("p", "")).append(span.cloneNode(true));
    box.append(tray);
    await latex.typeset(tray);
    spans.forEach((span, at) => {
      const done = tray.children[at].firstChild;
      if (done.querySelector("mjx-container") && span.textContent === written[at])
        span.replaceChildren(...done.childNodes);
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
