// The chat panel: a history whose answers are live views, and a place to ask.
//
// Strategy: `talk` is what Python has said, once per model; each view of it brings its
// own nodes up to date. Every turn has a line of its own to Python, which looks to its
// live view (view.js) like a model, so an answer here is drawn as it is in a cell. What
// a person asked is put on the page as text.
//
// The page says {kind: "ask" | "edit" | "retry", id, ...}; Python answers {kind: "asked",
// id, why}, and `why` is "" if it goes ahead. {kind: "turns"} says which turns there are.

const LATE_MS = 500;
const LOST = "The kernel is gone. What was said stays here; run the cell again to go on.";
const BUSY = "The kernel is busy. This is sent as soon as it is free.";
const ONE = "One question at a time: stop the answer, or wait for its end.";

const chatPanel = () => {
  const talk = { turns: new Map(), running: "", name: "", id: "", saved: null, lost: false };
  // What the reader is about to say, the same in every view.
  const desk = { draft: "", before: "", editing: "", pending: null, note: "", late: 0 };
  const views = new Set();
  let asked = false; // for everything, which is on its way
  const show = () => views.forEach((view) => view.show());

  function addTurn(model, { key, question, files, whole }) {
    const line = lineOf(model, key, whole);
    const live = liveView();
    const dispose = live.initialize({ model: line });
    talk.turns.set(key, { key, question, files, line, live, dispose, isOld: isOver(whole) });
  }

  function dropTurn(key) {
    talk.turns.get(key).dispose();
    talk.turns.delete(key);
  }

  function takeWhole(model, { turns = [], running = "", name = "", model_id, saved }) {
    Object.assign(talk, { running, name, id: model_id, saved });
    [...talk.turns.keys()].forEach(dropTurn);
    for (const turn of turns) addTurn(model, turn);
    views.forEach((view) => view.clear());
  }

  function takeTurns(model, { order, fresh, running }) {
    for (const key of [...talk.turns.keys()]) if (!order.includes(key)) dropTurn(key);
    for (const turn of fresh) {
      if (talk.turns.has(turn.key)) dropTurn(turn.key);
      addTurn(model, turn);
    }
    if (order.some((key) => !talk.turns.has(key))) return askForAll(model);
    talk.turns = new Map(order.map((key) => [key, talk.turns.get(key)]));
    talk.running = running;
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
      const found = talk.turns.get(turn);
      return found ? found.line.emit("msg:custom", of) : askForAll(model);
    }
    if (kind === "whole") {
      asked = false;
      takeWhole(model, whole);
    }
    if (kind === "turns") takeTurns(model, message);
    if (kind === "saved") talk.saved = saved;
    if (kind === "asked" && id === desk.pending?.id) settle(why);
    show();
  }

  // What was sent has been heard: it is under way, or goes back to where it was typed.
  function settle(why) {
    clearTimeout(desk.late);
    const { pending } = desk;
    desk.pending = null;
    desk.note = why;
    if (why && pending?.text && !desk.draft) desk.draft = pending.text;
    if (why && pending?.kind === "edit") desk.editing = pending.turn;
    views.forEach((view) => view.showDraft());
  }

  function send(model, request) {
    if (talk.lost || talk.running || desk.pending) {
      desk.note = talk.lost ? LOST : ONE;
      return show();
    }
    const id = `${Date.now()}.${Math.random()}`.slice(0, 60);
    Object.assign(desk, { pending: { ...request, id }, editing: "", note: "" });
    desk.late = setTimeout(() => {
      desk.note = BUSY;
      show();
    }, LATE_MS);
    model.send({ ...request, id });
    show();
    views.forEach((view) => view.toEnd());
  }

  function lose() {
    talk.lost = true;
    settle(LOST);
    for (const { line } of talk.turns.values()) line.emit("comm_live_update");
    show();
  }

  return {
    initialize({ model }) {
      takeWhole(model, model.get("snapshot") ?? {});
      model.on("msg:custom", (message) => receive(model, message));
      model.on("comm_live_update", lose);
      if (keepStatic(model, talk.id, () => talk.saved)) model.send({ kind: "keeps" });
      putBack(model, talk.id);
      return () => [...talk.turns.keys()].forEach(dropTurn);
    },

    render({ model, el }) {
      const view = makePanel(el, talk, desk, (request) => send(model, request));
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

// One turn's line to Python; to its live view it is a model.
function lineOf(model, turn, whole) {
  const listeners = new Map();
  const of = (name) => listeners.get(name) ?? listeners.set(name, new Set()).get(name);
  return {
    get: (name) => (name === "snapshot" ? whole : undefined),
    on: (name, listener) => void of(name).add(listener),
    off: (name, listener) => void of(name).delete(listener),
    emit: (name, ...more) => [...of(name)].forEach((listener) => listener(...more)),
    send: (message) => model.send({ turn, of: message }),
    get widget_manager() {
      return model.widget_manager;
    },
  };
}

// -- one view -------------------------------------------------------------------------

function makePanel(el, talk, desk, send) {
  const log = make("div", "nbstream-log", { role: "log", ariaLabel: "Conversation", tabIndex: 0 });
  log.ariaLive = "off"; // the answers speak for themselves, in sentences and not in tokens
  const inner = make("div", "nbstream-turns");
  const empty = make("p", "nbstream-empty");
  const ghost = turnNodes({ question: "", files: [] });
  const composer = makeComposer(talk, desk, send, stopAnswer, () => showTurns());
  const shown = new Map(); // key -> { turn, nodes, dispose }
  const end = keepAtEnd(log, inner);

  Object.assign(el, { role: "group" });
  el.classList.add("nbstream-panel");
  el.append(log, composer.node);
  log.append(inner);
  inner.append(empty);
  ghost.root.classList.add("nbstream-pending");
  ghost.answer.append(make("p", "nbstream-waiting", { textContent: "Sending …" }));

  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !(talk.running || desk.editing)) return;
    if (talk.running) stopAnswer();
    else composer.cancel();
    event.preventDefault();
    event.stopPropagation(); // to the host it means: leave the output
  });

  function stopAnswer() {
    shown.get(talk.running)?.stop.click();
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
    const { pending } = desk;
    for (const [key, { turn }] of [...shown]) if (talk.turns.get(key) !== turn) drop(key);
    for (const turn of talk.turns.values()) if (!shown.has(turn.key)) add(turn);
    const last = [...shown.keys()].at(-1);
    const isFree = !talk.running && !pending && !talk.lost && !desk.editing;
    for (const [key, { nodes, turn }] of shown) {
      nodes.edit.hidden = nodes.retry.hidden = key !== last || !isFree || !turn.question;
      nodes.root.classList.toggle("nbstream-last", key === last);
      const isReplaced = key === (pending?.turn || desk.editing);
      nodes.root.classList.toggle("nbstream-replaced", isReplaced);
    }
    if (pending?.text) {
      write(ghost.asked.lastChild, pending.text);
      ghost.asked.hidden = false;
      inner.append(ghost.root);
    } else ghost.root.remove();
    empty.hidden = shown.size > 0 || Boolean(pending);
    write(empty, talk.name ? `Ask ${talk.name}` : "Ask");
  }

  return {
    show() {
      el.ariaLabel = `Chat with ${talk.name}`;
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
  asked.append(make("div", "nbstream-question", { textContent: question }));
  asked.hidden = !question && !files.length;
  footer.append(edit, retry);
  root.append(asked, answer, footer);
  return { root, asked, answer, footer, edit, retry };
}
