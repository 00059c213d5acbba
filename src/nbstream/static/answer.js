// One view of an answer: its text, and in the margin what is not the answer.

// What is shown before the first token: since when, or when it is asked for again.
function waitingText({ retry }, now_s) {
  const second = Math.floor(now_s);
  if (now_s < retry?.at_s)
    return `${retry.why} Trying again in ${Math.max(1, Math.round(retry.at_s) - second)} s …`;
  return `${retry ? "Tried again. " : ""}Waiting for the first token … ${second} s`;
}

// What stands beneath Stop, line by line: how it goes (`word`, "" while nothing has come)
// or how it ended, and how fast it was.
function factLines({ phase, first_s, outcome, end_s }, word, now_s, rate) {
  const lines = [];
  if (outcome) lines.push(outcome, `${Math.floor(end_s)} s`);
  else if (!OVER.has(phase) && word) lines.push(word, `${Math.floor(now_s)} s`);
  if (lines.length && first_s !== undefined) lines.push(`first ${first_s.toFixed(1)} s`);
  if (lines.length && rate) lines.push(`${rate} ch/s`);
  if (phase === "lost") lines.push("no kernel");
  return lines;
}

// Beside an output of a notebook stands an empty prompt; elsewhere there is none. Then
// the tools stand beneath the text. Else they stand there, where the host would cut them.
function placeMargin(el) {
  const child = el.closest(".jp-OutputArea-child");
  const prompt = child?.querySelector(".jp-OutputArea-prompt");
  const isBeside = !el.isConnected || (prompt?.offsetWidth ?? 0) > 48;
  el.classList.toggle("nbstream-beneath", !isBeside);
  child?.classList.toggle("nbstream-child", isBeside);
  child?.parentElement.classList.toggle("nbstream-area", isBeside);
  el.parentElement?.classList.toggle("nbstream-output", isBeside);
  return child?.parentElement;
}

const marimo = globalThis.customElements?.get("marimo-tex");

function makeAnswer(el, answer, stop, consent, rendermime) {
  const frame = make("div", "nbstream-text jp-RenderedHTMLCommon jp-RenderedHTML");
  const look = marimo ? "markdown prose max-w-none dark:prose-invert" : "";
  const rule = frame.appendChild(Object.assign(parsed(PLACE)[0], { className: "nbstream-rule" }));
  const text = rule.appendChild(make("div", look)); // as in the final output
  const waiting = make("p", "nbstream-waiting");
  const box = make("div", "nbstream-formulas jp-RenderedHTMLCommon", { ariaHidden: "true" });
  const margin = make("div", "nbstream-margin");
  const button = make("button", "nbstream-stop", { textContent: "Stop" });
  const facts = make("div", "nbstream-facts");
  const note = make("div", "nbstream-news", { role: "status" });
  const spoken = make("div", "nbstream-said", { ariaLive: "polite" });
  const shown = new Map(); // key -> { parent, end, mark, blocks, line, from, closed }
  const formulas = makeFormulas(box, rendermime);
  const follow = makeFollower(el, frame);
  const announce = makeAnnouncer(spoken, text);
  const questions = makeConsent(cards, ({ key }, isAllowed) => {
    el.focus({ preventScroll: true }); // the button that has it goes
    consent(key, isAllowed);
  });
  let captionNow = "";
  let rate = 0; // characters a second
  let area = null; // the outputs that it is among
  let isHeld = false; // as it is, because the final output takes its place
  const isOver = () => OVER.has(answer.facts.phase);

  text.onpointerover = showCopy;
  button.onclick = () => stop.stop();
  margin.append(make("div", "nbstream-tools"));
  margin.firstChild.append(button, facts, copyButton("Copy the answer so far", answerOnly));
  Object.assign(el, { tabIndex: -1, role: "group", ariaLabel: "The answer, as it is written" });
  el.classList.add("nbstream");
  el.append(margin, frame, box, note, spoken);

  // Each section ends in a comment, which no style and no selector sees.
  function sectionAt(key) {
    if (shown.has(key)) return shown.get(key);
    const before = [...shown.keys()].sort(ORDER).findLast((other) => ORDER(other, key) < 0);
    const mark = document.createComment("");
    text.insertBefore(mark, before ? shown.get(before).mark.nextSibling : text.firstChild);
    const section = { parent: text, end: mark, mark, blocks: [], line: null, from: 0, closed: 0 };
    if (key.endsWith("reasoning")) {
      Object.assign(section, { parent: make("details", ""), end: null });
      section.parent.append(make("summary", ""));
      mark.before(section.parent);
    } else if (key.endsWith("text")) {
      // The answer begins: what led to it folds.
      for (const each of text.querySelectorAll(":scope > details")) each.open = false;
    }
    shown.set(key, section);
    return section;
  }

  function thoughts() {
    const keys = [...shown.keys()].filter((key) => key.endsWith("reasoning"));
    return keys.sort(ORDER).map((key) => shown.get(key).parent.firstChild);
  }

  // The answer for copying: without the reasoning, and formulas as they were written.
  function answerOnly() {
    const node = make("div", "nbstream-alone", { ariaHidden: "true" });
    const keys = [...answer.sections.keys()].sort(ORDER);
    for (const key of keys.filter((each) => !each.endsWith("reasoning")))
      node.append(...parsed(wholeOf(answer.sections.get(key))));
    el.append(node);
    setTimeout(() => node.remove(), 1000);
    return node;
  }

  // They went when the block that holds them was made anew.
  function forgetPieces({ blocks }, index) {
    for (let at = index + 1; isPiece(blocks[at]?.html ?? ""); at++)
      Object.assign(blocks[at], { html: "", nodes: [] });
  }

  function paintBlock(section, index, html) {
    const block = (section.blocks[index] ??= { html: "", nodes: [] });
    if (html === block.html) return;
    if (!grow(block, html)) {
      const holder = isPiece(html) && holderOf(section.blocks, index - 1);
      const parent = holder || section.parent;
      if (block.nodes[0]?.parentNode !== parent) block.nodes.splice(0).forEach(drop);
      const later = section.blocks.slice(index + 1).flatMap(({ nodes }) => nodes);
      const end = later.find(({ parentNode }) => parentNode === parent);
      block.nodes = morph(parent, block.nodes, readyNodes(html), end ?? (holder ? null : section.end));
      if (!holder) forgetPieces(section, index);
    }
    block.html = html;
    block.nodes.forEach(offerCopies);
    block.nodes.forEach(formulas.take);
  }

  // Only what frames have touched since the last time is looked at: from that block on.
  function paintSection(key, { blocks, closed, line }) {
    const section = sectionAt(key);
    const last = blocks.length - 1;
    if (section.line && (!line || section.blocks[last]?.html !== blocks[last])) {
      section.line.remove();
      section.line = null;
    }
    for (let at = section.from; at <= last; at++) paintBlock(section, at, blocks[at]);
    for (const { nodes } of section.blocks.splice(blocks.length)) nodes.forEach(drop);
    section.closed = closed;
    section.from = Infinity;
    if (!line) return;
    section.line ??= lastLines(section.blocks[last]).appendChild(new Text());
    rewrite(section.line, parsed(line)[0].data);
  }

  function paintText() {
    answer.sections.forEach((each, key) => {
      if (!shown.has(key) || shown.get(key).from < Infinity) paintSection(key, each);
    });
    formulas.set();
  }

  // The calls that wait for consent; Python asks for one at a time.
  function cards() {
    if (answer.facts.phase !== "asking") return [];
    const found = [...text.querySelectorAll("button.nbstream-consent[value^=Allow]:enabled")];
    return found.map(({ parentNode, value }) => cardOf(parentNode, value.split(" ")[1]));
  }

  // Beneath the answer, and no part of it.
  function paintCaption(html) {
    if (html === captionNow) return;
    captionNow = html;
    while (rule.lastChild !== text) rule.lastChild.remove();
    rule.append(...parsed(html));
  }

  function paintFacts() {
    const { phase, thought_s, thought_chars, caption = "" } = answer.facts;
    paintCaption(caption);
    const now_s = (performance.now() - answer.began) / 1000;
    const isStopping = !["ready", "ended"].includes(stop.state) && !isOver();
    const isWaiting = phase === "waiting" && !isStopping && !answer.sections.size;
    const word = isStopping ? "stopping" : phase;
    const lines = factLines(answer.facts, isWaiting ? "" : word, now_s, rate);
    while (facts.children.length > lines.length) facts.lastChild.remove();
    lines.forEach((line, at) => write(facts.children[at] ?? facts.appendChild(make("span", "")), line));
    button.hidden = isOver();
    button.disabled = isStopping;
    if (button.title !== stop.title) button.title = stop.title;
    write(note, isOver() ? "" : stop.note);
    el.dataset.phase = word;
    write(waiting, waitingText(answer.facts, now_s));
    if (answer.sections.size || isOver()) waiting.remove();
    else if (!waiting.isConnected) text.prepend(waiting);
    const length = `${(thought_chars ?? 0).toLocaleString("en")} characters`;
    const summaries = thoughts();
    const summary = summaries.pop(); // that of the round which is under way
    if (summary) write(summary, `Reasoning · ${thought_s ?? 0} s · ${length}`);
    for (const each of summaries) if (!each.textContent) write(each, "Reasoning");
    announce(word);
  }

  function paint() {
    const followed = follow();
    if (!isHeld) area = placeMargin(el);
    paintText();
    paintFacts();
    questions.look();
    followed();
  }

  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || isOver()) return;
    event.preventDefault();
    event.stopPropagation(); // to the host it means: leave the output
    stop.stop();
  });
  // How many characters stand there; each closed block is counted once.
  function length() {
    const sizeOf = ({ nodes }) => nodes.reduce((sum, { textContent }) => sum + textContent.length, 0);
    let sum = 0;
    for (const { blocks, closed } of shown.values())
      blocks.forEach((block, at) => {
        if (isPiece(block.html)) return;
        const isWhole = at + 1 < closed && !isPiece(blocks[at + 1].html);
        sum += isWhole ? (block.size ??= sizeOf(block)) : sizeOf(block);
      });
    return sum;
  }
  function tick() {
    const writing_s = (performance.now() - answer.began) / 1000 - (answer.facts.first_s ?? 0);
    rate = Math.round(length() / Math.max(writing_s, 1));
    if (!isHeld) area = placeMargin(el); // its window may be another now
    paintFacts();
  }
  // Just after each whole second, so that none is left out.
  function schedule() {
    const past_ms = (performance.now() - answer.began) % 1000;
    clock = setTimeout(() => (schedule(), tick()), 1010 - past_ms);
  }
  let clock = 0;
  schedule();
  return {
    paint,
    touch(key, index) {
      const section = shown.get(key);
      if (section) section.from = Math.min(section.from, index);
    },
    clear() {
      shown.clear();
      text.replaceChildren();
    },
    hold() {
      isHeld = true;
      paintText();
      waiting.remove(); // still there where an answer came all at once
      clearTimeout(clock);
      return holdPlace(el, text);
    },
    dispose() {
      clearTimeout(clock);
      const others = [...(area?.querySelectorAll(".nbstream") ?? [])].filter((each) => each !== el);
      if (!others.length) area?.classList.remove("nbstream-area");
      questions.dispose();
    },
  };
}
