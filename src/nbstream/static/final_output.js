// The final output takes the view's place, and its reader notices nothing.

// The final output is about to take the place of the views. Where an update of a display
// does not reach that place (an Output widget, or a notebook that was saved and loaded
// again in mid-stream) it is asked for, and put there. Python keeps the model until it
// hears that nobody needs it: a view that could not be replaced does, as long as it stands.
function makeFinalOutput(views) {
  let [places, isNeeded] = [[], false];
  const hold = () => {
    places.splice(0).forEach((release) => release());
    places = [...views].map((view) => view.hold());
  };
  const release = () => setTimeout(() => places.splice(0).forEach((each) => each()), 600);
  return {
    hold,

    // Said behind that output, which is long where the answer was long: only now has the
    // page had it, and a view that still stands a moment later was not replaced.
    release(model) {
      release();
      setTimeout(() => model.send({ kind: views.size ? "resync" : "seen" }), 1000);
    },

    insert(model, final) {
      hold();
      putOutput(model, final);
      release();
      if (!views.size) return model.send({ kind: "seen" });
      isNeeded = true;
      setTimeout(() => model.send({ kind: views.size ? "stands" : "seen" }), 1000);
    },

    // A view has gone, after the end.
    left(model) {
      if (isNeeded && !views.size) model.send({ kind: "seen" });
    },

    // The kernel has gone, and no output will come: what there is stays.
    keep(model, id, answers) {
      isNeeded = false;
      if (!id) return;
      hold();
      putOutput(model, { model_id: id, ...interrupted(answers) });
      release();
    },
  };
}

// Put an output where the widget of this id stands: in cells, and in Output widgets, which
// tell the kernel what they hold now.
function putOutput({ widget_manager: manager }, { model_id, data, metadata }) {
  const put = (outputs) => {
    const found = placesOf(outputs, model_id);
    for (const at of found) outputs.set(at, { output_type: "display_data", data, metadata });
    return found.length;
  };
  for (const { outputs } of manager?.context?.model?.cells ?? []) put(outputs);
  for (const each of Object.values(manager?._models ?? {}))
    each.then((one) => {
      if (typeof one.outputs?.set !== "function" || !put(one.outputs)) return;
      one.set("outputs", one.outputs.toJSON(), { newMessage: true });
      one.save_changes();
    }, () => {});
}

function placesOf(outputs, id) {
  const isOurs = ({ data }) => data?.["application/vnd.jupyter.widget-view+json"]?.model_id === id;
  const places = Array.from({ length: outputs?.length ?? 0 }, (_, at) => at);
  return places.filter((at) => isOurs(outputs.get(at)));
}

// In the other windows of a notebook that several people have open (jupyter-collaboration)
// a cell that ran is not trusted, and JupyterLab shows the text beside the widget, though
// the kernel has opened the model there too. So a view stands in the place of those words,
// as long as they do. `getUnseen` returns the model's id while it has no view; `render`
// puts a view into an element. What is returned ends that.
function standIn({ widget_manager: manager }, getUnseen, render) {
  let [end, timer] = [null, 0];
  function look() {
    const words = end ? null : insteadOfWidget(manager, getUnseen());
    if (end?.el.isConnected === false) end = end();
    if (words) {
      const el = make("div", "jp-OutputArea-output");
      words.after(el);
      words.classList.add("lm-mod-hidden");
      const dispose = render(el);
      const leave = () => {
        dispose();
        el.remove();
        words.classList.remove("lm-mod-hidden");
      };
      end = Object.assign(leave, { el });
    }
    timer = setTimeout(look, 300);
  }
  if (manager?.context?.model) look();
  return () => {
    clearTimeout(timer);
    end?.();
  };
}

// The one place in the page where the words stand that a cell which is not trusted has
// instead of a widget: null if there is none, or more than one.
function insteadOfWidget(manager, id) {
  for (const [cell, { outputs }] of [...manager.context.model.cells].entries())
    for (const at of id ? placesOf(outputs, id) : []) {
      const { data, trusted } = outputs.get(at);
      const child = `.jp-Cell-outputArea > .jp-OutputArea-child:nth-child(${at + 1})`;
      const text = '.jp-OutputArea-output[data-mime-type="text/plain"]';
      const all = document.querySelectorAll(`.jp-Cell[data-windowed-list-index="${cell}"] ${child} > ${text}`);
      const found = [...all].filter((each) => each.textContent === data["text/plain"]);
      if (!trusted && found.length === 1) return found[0];
    }
  return null;
}

// Call back when the kernel of a model has gone: restarted, ended, or another one now.
function whenKernelGoes(model, callback) {
  const session = model.widget_manager?.context?.sessionContext;
  const gone = ["restarting", "autorestarting", "terminating", "dead"];
  const onStatus = (_, status) => void (gone.includes(status) && callback());
  const onChange = (_, { oldValue }) => void (oldValue && callback());
  model.on("comm_live_update", callback);
  session?.statusChanged.connect(onStatus);
  session?.kernelChanged.connect(onChange);
  return () => {
    session?.statusChanged.disconnect(onStatus);
    session?.kernelChanged.disconnect(onChange);
  };
}

// What of answers had come when the kernel went, as an output that stays: [name, answer]
// of each. What only a live view has (buttons, notes) is left out, or said in words.
function interrupted(answers) {
  const [node, captions] = [answers.length > 1 ? make("div", "") : parsed(PLACE)[0], []];
  node.style.overflowWrap = "break-word";
  for (const [name, { sections, facts }] of answers) {
    if (name) node.appendChild(make("p", "")).append(make("strong", "", { textContent: name }));
    for (const key of [...sections.keys()].sort(ORDER)) {
      const nodes = parsed(wholeOf(sections.get(key)));
      const isReasoning = key.endsWith("reasoning");
      const place = isReasoning ? node.appendChild(make("details", "")) : node;
      if (isReasoning) place.append(make("summary", "", { textContent: "Reasoning" }));
      place.append(...nodes);
    }
    const caption = parsed(facts.caption ?? "");
    captions.push(...caption);
    node.append(...caption);
  }
  for (const live of node.querySelectorAll('[class^="nbstream-"]'))
    live.replaceWith(live.textContent.startsWith("arguments are") ? "(unfinished: do not run it)" : "");
  const hasCome = answers.some(([, { sections }]) => sections.size);
  const arrived = hasCome ? "This is what had arrived." : "Nothing came.";
  const line = `Interrupted: the kernel has gone. ${arrived}`;
  node.appendChild(make("p", "")).append(make("em", "", { textContent: line }));
  const isSaid = (each) => each.localName !== "details" && !captions.includes(each);
  const said = [...node.children].filter(isSaid);
  const plain = said.map((each) => each.textContent.trim());
  plain[plain.length - 1] = `[${line}]`;
  const data = { "text/html": node.outerHTML, "text/plain": plain.filter(Boolean).join("\n\n") };
  return { data, metadata: { nbstream: { outcome: "truncated" } } };
}

// The output area keeps its height until the final output stands in it; a selection,
// the focus and opened reasoning are carried over. What it returns ends that.
function holdPlace(el, text) {
  const child = el.closest(".jp-OutputArea-child");
  const area = child?.parentElement;
  if (!area) return () => {};
  const at = [...area.children].indexOf(child);
  const selection = getSelection();
  const places = [
    placeOf(text, selection.anchorNode, selection.anchorOffset),
    placeOf(text, selection.focusNode, selection.focusOffset),
  ];
  const details = [...text.querySelectorAll(":scope > details")].map(({ open }) => open);
  const hadFocus = el.contains(document.activeElement);
  area.classList.remove("nbstream-area");
  area.style.minHeight = `${area.getBoundingClientRect().height}px`;
  const expanded = keepExpanded(area);
  const watch = new MutationObserver(() => {
    const fresh = area.children[at]?.querySelector(".jp-RenderedHTML > div");
    if (!fresh || el.contains(fresh) || !fresh.firstChild) return;
    watch.disconnect();
    const opened = fresh.querySelectorAll(":scope > details");
    details.forEach((open, index) => opened[index] && (opened[index].open = open));
    carryFormulas(text, fresh);
    const [anchor, focus] = places.map((place) => place && nodeAt(fresh, place));
    if (anchor && focus) getSelection().setBaseAndExtent(...anchor, ...focus);
    if (hadFocus) area.closest("[tabindex]")?.focus({ preventScroll: true });
  });
  watch.observe(area, { childList: true, subtree: true });
  return () => {
    watch.disconnect();
    expanded();
    area.style.minHeight = "";
  };
}

// Notebook 7 folds an output of more than a hundred lines into a small box when another
// takes its place. Who has read it as it grew would lose the place: it stays as it was.
function keepExpanded(area) {
  const folded = "jp-mod-outputsScrolled";
  const cell = area.closest(".jp-CodeCell");
  if (!cell?.matches(`:not(.${folded})`)) return () => {};
  // Whatever is written to a list of classes is a change, also if nothing has changed.
  const isFolded = () => cell.classList.contains(folded);
  const watch = new MutationObserver(() => isFolded() && cell.classList.remove(folded));
  watch.observe(cell, { attributeFilter: ["class"] });
  return () => watch.disconnect();
}

// What is typeset already is not typeset again, which would move the words behind it.
function carryFormulas(from, to) {
  const [old, fresh] = [from, to].map((node) => node.querySelectorAll(FORMULA));
  if (old.length !== fresh.length) return;
  fresh.forEach((span, at) => {
    if (old[at].querySelector("mjx-container")) span.replaceChildren(...old[at].childNodes);
  });
}

// A place in the text as the way to it, counting only what both outputs have. In a block
// of code it is so many characters from its begin: its nodes are others in the end.
function childrenIn(root, node) {
  const isBlank = (each) => node === root && each.nodeType === Node.TEXT_NODE && !each.data.trim();
  // JupyterLab's table of contents puts numbers into headings, when it finds the time.
  const isNumber = (each) => each.classList?.contains("numbering-entry");
  const isOther = (each) => each.nodeType === Node.COMMENT_NODE || isBlank(each) || isNumber(each);
  return withoutButtons(node).filter((each) => !isOther(each));
}

function placeOf(root, node, offset) {
  if (!node || node === root || !root.contains(node)) return null;
  const pre = (node.closest ? node : node.parentNode).closest("pre");
  const path = [];
  for (let each = pre ?? node; each !== root; each = each.parentNode)
    path.unshift(childrenIn(root, each.parentNode).indexOf(each));
  if (!pre) return { path, offset };
  const before = document.createRange();
  before.setStart(pre, 0);
  before.setEnd(node, offset);
  return { path, offset: before.toString().length };
}

function nodeAt(root, { path, offset }) {
  let node = root;
  for (const at of path) {
    const next = childrenIn(root, node)[at];
    if (!next) return [node, 0]; // a formula, which is not typeset yet
    node = next;
  }
  if (node.localName === "pre") return characterAt(node, offset);
  const length = node.nodeType === Node.TEXT_NODE ? node.length : node.childNodes.length;
  return [node, Math.min(offset, length)];
}

function characterAt(pre, offset) {
  const texts = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
  let left = offset;
  let text = null;
  while (texts.nextNode()) {
    text = texts.currentNode;
    if (left <= text.length) break;
    left -= text.length;
  }
  return text ? [text, Math.min(left, text.length)] : [pre, 0];
}
