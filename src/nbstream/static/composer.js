// What a panel needs besides its answers: where one asks, copying, following the end.

const HINT = "Enter sends, Shift+Enter breaks the line";

function makeComposer(talk, desk, send, stopAnswer, changed) {
  const node = make("form", "nbstream-composer");
  const banner = make("div", "nbstream-banner");
  const cancel = make("button", "nbstream-quiet", { type: "button", textContent: "Cancel" });
  const box = make("div", "nbstream-box");
  const input = make("textarea", "nbstream-input", { rows: 1, ariaLabel: "Your question" });
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
    const { editing } = desk;
    if (!text()) return;
    const request = { kind: editing ? "edit" : "ask", text: input.value.trimEnd() };
    if (editing) request.turn = editing;
    const draft = desk.draft;
    desk.draft = "";
    send(request);
    if (desk.pending?.text !== request.text) desk.draft = draft; // it may not be sent now
    showDraft();
  }

  function showDraft() {
    if (input.value !== desk.draft) input.value = desk.draft;
    fit();
    show();
  }

  function fit() {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }

  function edit({ key, question }) {
    Object.assign(desk, { before: desk.draft, draft: question, editing: key, note: "" });
    redraw();
    input.focus();
    input.setSelectionRange(question.length, question.length);
  }

  function redraw() {
    changed(); // what is being edited is seen in the history, too
    showDraft();
  }

  function leave() {
    Object.assign(desk, { draft: desk.before, editing: "", before: "" });
    redraw();
    input.focus();
  }

  function show() {
    const isRunning = Boolean(talk.running);
    const isWaiting = Boolean(desk.pending);
    write(go, isRunning ? "Stop" : "Send");
    go.title = isRunning ? "Stop the answer (Esc)" : `Send (Enter)`;
    go.classList.toggle("nbstream-stops", isRunning);
    go.disabled = talk.lost || isWaiting || (!isRunning && !text());
    input.disabled = talk.lost;
    banner.hidden = !desk.editing;
    copy.disabled = !talk.turns.size;
    node.classList.toggle("nbstream-tells", Boolean(desk.note));
    write(note, desk.note || HINT);
  }

  node.onsubmit = (event) => event.preventDefault();
  go.onclick = () => (talk.running ? stopAnswer() : ask());
  cancel.onclick = leave;
  copy.onclick = async () => {
    await copyText(talk.saved?.data["text/markdown"] ?? "", copy);
    write(copy, "Copied");
    setTimeout(() => write(copy, "Copy as Markdown"), 1500);
  };
  input.oninput = () => {
    desk.draft = input.value;
    desk.note = "";
    fit();
    show();
  };
  // To the host, Enter with Shift, Ctrl or Alt runs the cell: it must not hear of it.
  function onKey(event) {
    if (event.target !== input || event.key !== "Enter") return;
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

// The end is followed by readers who are at it; who scrolls up, or selects, is left alone.
function keepAtEnd(log, inner) {
  let [isAtEnd, lastTop] = [true, 0];
  const left = () => log.scrollHeight - log.clientHeight - log.scrollTop;
  const go = () => {
    isAtEnd = true;
    log.scrollTop = lastTop = log.scrollHeight;
  };
  log.addEventListener("scroll", () => {
    if (left() < 16) isAtEnd = true;
    else if (log.scrollTop < lastTop - 1) isAtEnd = false;
    lastTop = log.scrollTop;
  });
  const watch = new ResizeObserver(() => {
    const selection = getSelection();
    const selects = !selection.isCollapsed && inner.contains(selection.anchorNode);
    if (isAtEnd && !selects) go();
  });
  watch.observe(inner);
  return { go, dispose: () => watch.disconnect() };
}
