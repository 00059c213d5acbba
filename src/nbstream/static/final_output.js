// The final output takes the view's place, and its reader notices nothing.

// The final output is about to take the place of the views. In a notebook that was saved
// and loaded again in mid-stream it does not find that place: then it is asked for, and
// put there. Python keeps the model until it hears that nobody needs it.
function makeFinalOutput(views) {
  let places = [];
  return {
    hold() {
      places = [...views].map((view) => view.hold());
    },

    // Said behind that output, which is long where the answer was long: only now has the
    // page had it, and a view that still stands a moment later was not replaced.
    release(model) {
      setTimeout(() => places.forEach((release) => release()), 600);
      setTimeout(() => model.send({ kind: views.size ? "resync" : "seen" }), 1000);
    },

    insert(model, { model_id, data, metadata }) {
      const isOurs = ({ data }) =>
        data["application/vnd.jupyter.widget-view+json"]?.model_id === model_id;
      for (const { outputs } of model.widget_manager?.context?.model?.cells ?? [])
        for (let at = 0; at < (outputs?.length ?? 0); at++)
          if (isOurs(outputs.get(at)))
            outputs.set(at, { output_type: "display_data", data, metadata });
      if (!views.size) model.send({ kind: "seen" });
    },
  };
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
  const watch = new MutationObserver(() => {
    const fresh = area.children[at]?.querySelector(".jp-RenderedHTML");
    if (!fresh || fresh === text || !fresh.firstChild) return;
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
    area.style.minHeight = "";
  };
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
