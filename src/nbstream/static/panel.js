// The chat panel: a history whose answers are live views, and a place to ask.
//
// Strategy: `chat` is what Python has sent, once per model; each view of it brings its
// own nodes up to date. Every turn has a line of its own to Python, which looks to its
// live view (widget.js) like a model, so an answer here is drawn as it is in a cell. What
// a person asked is put on the page as text.
//
// The page says {kind: "ask" | "edit" | "retry", id, ...}; Python answers {kind: "asked",
// id, why}, and `why` is "" if it goes ahead. {kind: "turns"} says which turns there are.

const LATE_MS = 500;
const LOST = "The kernel is gone. What was said stays here; run the cell again to go on.";
const BUSY = "The kernel is busy. This is sent as soon as it is free.";
const ONE = "One question at a time: stop the answer, or wait for its end.";

const chatPanel = () => {
  const chat = { turns: new Map(), running: "", name: "", id: "", saved: null, lost: false };
  // What the reader is about to say, the same in every view.
  const entry = { draft: "", before: "", editing: "", pending: null, note: "", late: 0 };
  const views = new Set();
  let asked = false; // for everything, which is on its way
  const show = () => views.forEach((view) => view.show());

  function addTurn(model, { key, question, files, whole }) {
    const line = turnModel(model, key, whole);
    const live = liveView();
    const dispose = live.initialize({ model: line });
    chat.turns.set(key, { key, question, files, line, live, dispose, isOld: isOver(whole) });
  }

  function dropTurn(key) {
    chat.turns.get(key).dispose();
    chat.turns.delete(key);
  }

  function takeWhole(model, { turns = [], running = "", name = "", model_id, saved }) {
    Object.assign(chat, { running, name, id: model_id, saved });
    [...chat.turns.keys()].forEach(dropTurn);
    for (const turn of turns) addTurn(model, turn);
    views.forEach((view) => view.clear());
  }

  function takeTurns(model, { order, fresh, running }) {
    for (const key of [...chat.turns.keys()]) if (!order.includes(key)) dropTurn(key);
    for (const turn of fresh) {
      if (chat.turns.has(turn.key)) dropTurn(turn.key);
      addTurn(model, turn);
    }
    if (order.some((key) => !chat.turns.has(key))) return askForAll(model);
    chat.turns = new Map(order.map((key) => [key, chat.turns.get(key)]));
    chat.running = running;
    if (running) settle("");
  }

  function askForAll(model) {
    if (asked) return;
    asked = true;
    model.send({ kind: "resync", turn: "" });
    setTimeout(() => (asked = false), 1000);
  }

  function receive(model, message) {
    const { kind, turn, of, whole, saved, id, why } = message;
    if (kind === "of") {
      const found = chat.turns.get(turn);
      return found ? found.line.emit("msg:custom", of) : askForAll(model);
    }
    if (kind === "whole") {
      asked = false;
      takeWhole(model, whole);
    }
    if (kind === "turns") takeTurns(model, message);
    if (kind === "saved") chat.saved = saved;
    if (kind === "asked" && id === entry.pending?.id) settle(why);
    show();
  }

  // What was sent has been heard: it is under way, or goes back to where it was typed.
  function settle(why) {
    clearTimeout(entry.late);
    const { pending } = entry;
    entry.pending = null;
    entry.note = why;
    if (why && pending?.text && !entry.draft) entry.draft = pending.text;
    if (why && pending?.kind === "edit") entry.editing = pending.turn;
    views.forEach((view) => view.showDraft());
  }

  function send(model, request) {
    if (chat.lost || chat.running || entry.pending) {
      entry.note = chat.lost ? LOST : ONE;
      return show();
    }
    const id = `${Date.now()}.${Math.random()}`.slice(0, 60);
    Object.assign(entry, { pending: { ...request, id }, editing: "", note: "" });
    entry.late = setTimeout(() => {
      entry.note = BUSY;
      show();
    }, LATE_MS);
    model.send({ ...request, id });
    show();
    views.forEach((view) => view.toEnd());
  }

  function loseKernel() {
    if (chat.lost) return;
    chat.lost = true;
    keepUnfinished(chat);
    settle(LOST);
    for (const { line } of chat.turns.values()) line.emit("comm_live_update");
    show();
  }

  return {
    initialize({ model }) {
      takeWhole(model, model.get("snapshot") ?? {});
      model.on("msg:custom", (message) => receive(model, message));
      const undo = whenKernelGoes(model, loseKernel);
      model.send({ kind: "here" }); // else Python says in our place what is missing
      if (saveAsOutput(model, chat.id, () => chat.saved)) model.send({ kind: "keeps" });
      restoreWidget(model, chat.id);
      return () => {
        undo();
        [...chat.turns.keys()].forEach(dropTurn);
      };
    },

    render({ model, el }) {
      const view = makePanel(el, chat, entry, (request) => send(model, request));
      views.add(view);
      view.show();
      return () => {
        views.delete(view);
        view.dispose();
      };
    },
  };
};

const isOver = ({ phase }) => phase === "ended";

// The kernel has gone while it answered: what had arrived is saved behind what was said.
function keepUnfinished({ turns, running, saved }) {
  if (!saved || !turns.has(running)) return;
  const { question, live } = turns.get(running);
  const asked = make("blockquote", "", { textContent: question });
  const { data } = interrupted([["", live.answer]]);
  saved.data = {
    "text/html": [saved.data["text/html"], asked.outerHTML, data["text/html"]].join("\n"),
    "text/plain": [saved.data["text/plain"], `You: ${question}`, data["text/plain"]].join("\n\n"),
  };
}

// One turn's line to Python; to its live view it is a model.
function turnModel(model, turn, whole) {
  const listeners = new Map();
  const of = (name) => listeners.get(name) ?? listeners.set(name, new Set()).get(name);
  return {
    get: (name) => (name === "snapshot" ? whole : undefined),
    on: (name, listener) => void of(name).add(listener),
    off: (name, listener) => void of(name).delete(listener),
    emit: (name, ...more) => [...of(name)].forEach((listener) => listener(...more)),
    send: (message) => message.kind !== "here" && model.send({ turn, of: message }),
    get widget_manager() {
      return model.widget_manager;
    },
  };
}

// -- one view -------------------------------------------------------------------------

function makePanel(el, chat, entry, send) {
  const log = make("div", "nbstream-log", { role: "log", ariaLabel: "Conversation", tabIndex: 0 });
  log.ariaLive = "off"; // the answers speak for themselves, in sentences and not in tokens
  const inner = make("div", "nbstream-turns");
  const empty = make("p", "nbstream-empty");
  const pendingTurn = turnNodes({ question: "", files: [] });
  const composer = makeComposer(chat, entry, send, stopAnswer, () => showTurns());
  const shown = new Map(); // key -> { turn, nodes, dispose }
  const end = makeLogFollower(log, inner);

  Object.assign(el, { role: "group" });
  el.classList.add("nbstream-panel");
  el.append(log, composer.node);
  log.append(inner);
  inner.append(empty);
  pendingTurn.root.classList.add("nbstream-pending");
  pendingTurn.answer.append(make("p", "nbstream-waiting", { textContent: "Sending …" }));

  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !(chat.running || entry.editing)) return;
    if (chat.running) stopAnswer();
    else composer.cancel();
    event.preventDefault();
    event.stopPropagation(); // to the host it means: leave the output
  });

  function stopAnswer() {
    shown.get(chat.running)?.stop.click();
  }

  function add(turn) {
    const nodes = turnNodes(turn);
    const { edit, retry, footer, answer } = nodes;
    const dispose = turn.live.render({ model: turn.line, el: answer });
    const margin = answer.querySelector(".nbstream-margin");
    footer.prepend(margin);
    // What was said before this page was there is not said aloud now.
    if (turn.isOld) answer.querySelector(".nbstream-said")?.remove();
    edit.onclick = () => composer.edit(turn);
    retry.onclick = () => send({ kind: "retry", turn: turn.key });
    inner.append(nodes.root);
    shown.set(turn.key, { turn, nodes, dispose, stop: margin.querySelector("button") });
  }

  function drop(key) {
    const { nodes, dispose } = shown.get(key);
    dispose();
    nodes.root.remove();
    shown.delete(key);
  }

  // An answer that has ended and stands on the page needs its view's clock no more.
  let later = 0;
  function rest() {
    clearTimeout(later);
    later = setTimeout(() => {
      const left = [...shown.values()].filter(({ isAtRest }) => !isAtRest);
      for (const each of left)
        if (OVER.has(each.nodes.answer.dataset.phase)) {
          each.dispose();
          each.isAtRest = true;
        }
      if (left.some(({ isAtRest }) => !isAtRest)) rest();
    }, 2000);
  }

  function showTurns() {
    const { pending } = entry;
    for (const [key, { turn }] of [...shown]) if (chat.turns.get(key) !== turn) drop(key);
    for (const turn of chat.turns.values()) if (!shown.has(turn.key)) add(turn);
    const last = [...shown.keys()].at(-1);
    const isFree = !chat.running && !pending && !chat.lost && !entry.editing;
    for (const [key, { nodes, turn }] of shown) {
      nodes.edit.hidden = nodes.retry.hidden = key !== last || !isFree || !turn.question;
      nodes.root.classList.toggle("nbstream-last", key === last);
      const isReplaced = key === (pending?.turn || entry.editing);
      nodes.root.classList.toggle("nbstream-replaced", isReplaced);
    }
    if (pending?.text) {
      write(pendingTurn.asked.lastChild, pending.text);
      pendingTurn.asked.hidden = false;
      inner.append(pendingTurn.root);
    } else pendingTurn.root.remove();
    empty.hidden = shown.size > 0 || Boolean(pending);
    write(empty, chat.name ? `Ask ${chat.name}` : "Ask");
  }

  return {
    show() {
      el.ariaLabel = `Chat with ${chat.name}`;
      showTurns();
      composer.show();
      rest();
    },
    showDraft: composer.showDraft,
    toEnd: end.go,
    clear() {
      [...shown.keys()].forEach(drop);
    },
    dispose() {
      clearTimeout(later);
      end.dispose();
      composer.dispose();
      [...shown.keys()].forEach(drop);
    },
  };
}

function turnNodes({ question, files }) {
  const root = make("div", "nbstream-turn");
  const asked = make("div", "nbstream-asked", { role: "group", ariaLabel: "You asked" });
  const answer = make("div", "nbstream-answer");
  const footer = make("div", "nbstream-footer");
  const [edit, retry] = ["Edit", "Retry"].map((word) =>
    make("button", "nbstream-quiet", { textContent: word }));
  edit.title = "Change the last question and ask again";
  retry.title = "Ask the last question again";
  if (files.length) asked.append(make("div", "nbstream-files", { textContent: files.join(", ") }));
  asked.append(make("div", "nbstream-question", { dir: "auto", textContent: question }));
  asked.hidden = !question && !files.length;
  footer.append(edit, retry);
  root.append(asked, answer, footer);
  return { root, asked, answer, footer, edit, retry };
}

// -- where one asks --------------------------------------------------------------------

const HINT = "Enter sends, Shift+Enter breaks the line";

function makeComposer(chat, entry, send, stopAnswer, changed) {
  const node = make("form", "nbstream-composer");
  const banner = make("div", "nbstream-banner");
  const cancel = make("button", "nbstream-quiet", { type: "button", textContent: "Cancel" });
  const box = make("div", "nbstream-box");
  const input = make("textarea", "nbstream-input", { rows: 1, dir: "auto", ariaLabel: "Your question" });
  const go = make("button", "nbstream-go", { type: "button" });
  const below = make("div", "nbstream-below");
  const note = make("div", "nbstream-hint", { role: "status" });
  const copy = make("button", "nbstream-quiet", { type: "button", textContent: "Copy as Markdown" });

  banner.append(make("span", "", { textContent: "Editing your last question" }), cancel);
  box.append(input, go);
  below.append(note, copy);
  node.append(banner, box, below);
  copy.title = "Copy the conversation, to paste it into a Markdown cell";
  input.placeholder = "Ask a question";

  const text = () => input.value.trim();
  function ask() {
    const { editing } = entry;
    if (!text()) return;
    const request = { kind: editing ? "edit" : "ask", text: input.value.trimEnd() };
    if (editing) request.turn = editing;
    const draft = entry.draft;
    entry.draft = "";
    send(request);
    if (entry.pending?.text !== request.text) entry.draft = draft; // it may not be sent now
    showDraft();
  }

  function showDraft() {
    if (input.value !== entry.draft) input.value = entry.draft;
    fit();
    show();
  }

  function fit() {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }

  function edit({ key, question }) {
    Object.assign(entry, { before: entry.draft, draft: question, editing: key, note: "" });
    redraw();
    input.focus();
    input.setSelectionRange(question.length, question.length);
  }

  function redraw() {
    changed(); // what is being edited is seen in the history, too
    showDraft();
  }

  function leave() {
    Object.assign(entry, { draft: entry.before, editing: "", before: "" });
    redraw();
    input.focus();
  }

  function show() {
    const isRunning = Boolean(chat.running);
    const isWaiting = Boolean(entry.pending);
    write(go, isRunning ? "Stop" : "Send");
    go.title = isRunning ? "Stop the answer (Esc)" : `Send (Enter)`;
    go.classList.toggle("nbstream-stops", isRunning);
    go.disabled = chat.lost || isWaiting || (!isRunning && !text());
    input.disabled = chat.lost;
    banner.hidden = !entry.editing;
    copy.disabled = !chat.turns.size;
    node.classList.toggle("nbstream-tells", Boolean(entry.note));
    write(note, entry.note || HINT);
  }

  node.onsubmit = (event) => event.preventDefault();
  go.onclick = () => (chat.running ? stopAnswer() : ask());
  cancel.onclick = leave;
  copy.onclick = async () => {
    await copyText(chat.saved?.data["text/markdown"] ?? "", copy);
    write(copy, "Copied");
    setTimeout(() => write(copy, "Copy as Markdown"), 1500);
  };
  input.oninput = () => {
    entry.draft = input.value;
    entry.note = "";
    fit();
    show();
  };
  // To the host, Enter with Shift, Ctrl or Alt runs the cell: it must not hear of it.
  function onKey(event) {
    // In a shadow tree (marimo) the window is told of the host: the path is exact.
    if (event.composedPath()[0] !== input || event.key !== "Enter") return;
    event.stopPropagation();
    if (event.isComposing) return;
    event.preventDefault();
    // By ourselves, so that nobody's shortcut takes it; this way it can be undone.
    if (event.shiftKey || event.altKey) document.execCommand("insertText", false, "\n");
    else ask();
  }
  input.onfocus = () => addEventListener("keydown", onKey, true);
  input.onblur = () => removeEventListener("keydown", onKey, true);
  return { node, show, showDraft, edit, cancel: leave, dispose: input.onblur };
}

async function copyText(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not a secure context, or not allowed: the old way, which needs a selection.
    const area = make("textarea", "nbstream-said", { value: text });
    beside.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    beside.focus();
  }
}

// -- following the end ------------------------------------------------------------------

// Whether a reader is at the end, after scrolling so far down; `left` is the way to it.
const isAtEndNow = (wasAtEnd, down, left) => left < 16 || (wasAtEnd && down >= -1);

// The end is followed by readers who are at it; who scrolls up, or selects, is left alone.
function makeLogFollower(log, inner) {
  let [isAtEnd, lastTop] = [true, 0];
  const go = () => {
    isAtEnd = true;
    log.scrollTop = lastTop = log.scrollHeight;
  };
  log.addEventListener("scroll", () => {
    const left = log.scrollHeight - log.clientHeight - log.scrollTop;
    isAtEnd = isAtEndNow(isAtEnd, log.scrollTop - lastTop, left);
    lastTop = log.scrollTop;
  });
  const watch = new ResizeObserver(() => {
    if (isAtEnd && !selectsIn(inner)) go();
  });
  watch.observe(inner);
  return { go, dispose: () => watch.disconnect() };
}
