// What a view needs of the page around it: the reader's place, the clipboard, the voice.

// Known by themselves and not by a class, which an answer might have, too.
const buttons = new WeakSet();
const isButton = (node) => buttons.has(node);
const withoutButtons = (node) => [...node.childNodes].filter((each) => !isButton(each));

// Beside an output of a notebook stands an empty prompt; elsewhere there is none. Then
// the tools stand beneath the text. Else they stand there, where the host would cut them.
function takeMargin(el) {
  const child = el.closest(".jp-OutputArea-child");
  const prompt = child?.querySelector(".jp-OutputArea-prompt");
  const isBeside = !el.isConnected || (prompt?.offsetWidth ?? 0) > 48;
  el.classList.toggle("nbstream-beneath", !isBeside);
  child?.classList.toggle("nbstream-child", isBeside);
  child?.parentElement.classList.toggle("nbstream-area", isBeside);
  el.parentElement?.classList.toggle("nbstream-output", isBeside);
}

// -- copying ----------------------------------------------------------------------------

function copyButton(title, source) {
  const button = make("button", "nbstream-copy", { title, ariaLabel: title });
  buttons.add(button);
  button.onclick = async () => {
    await copy(source());
    button.classList.add("nbstream-done");
    setTimeout(() => button.classList.remove("nbstream-done"), 1500);
  };
  return button;
}

// A button before each block of code, taken out of the flow: it moves nothing.
function offerCopies(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const found = node.matches("pre") ? [node] : node.querySelectorAll("pre");
  for (const pre of found)
    if (!isButton(pre.previousSibling)) pre.before(copyButton("Copy this code", () => pre));
}

// The one that the pointer is at shows its button.
function showCopy({ target }) {
  const button = target.closest("pre")?.previousSibling;
  for (const each of document.querySelectorAll(".nbstream-near"))
    if (each !== button) each.classList.remove("nbstream-near");
  if (isButton(button)) button.classList.add("nbstream-near");
}

function drop(node) {
  if (isButton(node?.previousSibling)) node.previousSibling.remove();
  node?.remove();
}

// As it reads; code to the character.
const wordsOf = (node) => (node.matches("pre") ? node.textContent : node.innerText).trim();

async function copy(node) {
  const parts = node.matches("pre") ? [node] : [...node.children];
  const plain = parts.map(wordsOf).join("\n\n");
  const html = node.innerHTML;
  const blob = (type, data) => new Blob([data], { type });
  const rich = node.matches("pre") ? {} : { "text/html": blob("text/html", html) };
  try {
    const item = { "text/plain": blob("text/plain", plain), ...rich };
    await navigator.clipboard.write([new ClipboardItem(item)]);
  } catch {
    // Not a secure context, or not allowed: the old way, which needs a selection.
    getSelection().selectAllChildren(node);
    document.execCommand("copy");
  }
}

// -- following the end --------------------------------------------------------------------

function scrollerOf(el) {
  for (let node = el.parentElement; node; node = node.parentElement) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(node).overflowY);
    if (scrolls && node.scrollHeight > node.clientHeight + 1) return node;
  }
  return document.scrollingElement;
}

// Called before a change; what it returns is to be called after it. The end is followed
// by readers who have it in view. Who scrolls up, or selects, is left alone.
function follower(el, text) {
  const margin = 24;
  let [left, lastTop, scroller, foundAt] = [false, 0, null, -Infinity];
  return () => {
    if (!el.isConnected) return () => {};
    const now = performance.now();
    if (!scroller?.isConnected || now > foundAt + 500) [scroller, foundAt] = [scrollerOf(el), now];
    const port = scroller.getBoundingClientRect();
    const bottom = Math.min(port.bottom, innerHeight);
    const end = text.getBoundingClientRect().bottom;
    const inView = end > port.top && end <= bottom + 2;
    if (scroller.scrollTop < lastTop - 1) left = true;
    else if (scroller.scrollTop > lastTop + 1 && inView) left = false;
    lastTop = scroller.scrollTop;
    const selection = getSelection();
    const selects = !selection.isCollapsed && text.contains(selection.anchorNode);
    return () => {
      if (!inView || left || selects) return;
      const over = text.getBoundingClientRect().bottom + margin - bottom;
      if (over > 0 && end + margin <= bottom + margin + 2) scroller.scrollTop += over;
      lastTop = scroller.scrollTop;
    };
  };
}

// -- giving way to the final output ---------------------------------------------------------

// The output area keeps its height until the final output stands in it; a selection,
// the focus and opened reasoning are carried over. What it returns lets go.
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

// -- saying it ----------------------------------------------------------------------------

// A screen reader hears whole sentences, at most every few seconds, and what goes on.
function speaker(said, text) {
  let [saidWord, spokeAt] = ["", 0];
  let [from, heard, hasHeard] = [null, 0, false]; // how much of `from`; all before it
  return (word) => {
    const now = performance.now();
    if (now - spokeAt < 4000) return;
    if (from?.parentNode !== text) {
      // Nothing heard yet; or what was heard last has been replaced, and is not said again.
      from = hasHeard ? text.lastElementChild : text.firstElementChild;
      heard = hasHeard ? from?.textContent.length : 0;
    }
    const fresh = [];
    for (let each = from; each; each = each.nextElementSibling)
      if (each.localName !== "details") fresh.push([each, each.textContent]);
    const all = fresh.map(([, words]) => words).join(" ");
    const whole = all.slice(heard).match(/^[^]*[.!?:](?=\s)/)?.[0] ?? "";
    if (word === saidWord && !whole) return;
    // Who writes faster than can be said is not said in full, but in whole sentences.
    const short = whole.slice(0, 300);
    const sentences = short.match(/^[^]*[.!?:](?=\s|$)/) ?? short.match(/^[^]*(?=\s)/) ?? [""];
    said.textContent = [word === saidWord ? "" : word, sentences[0]].join(" ").trim();
    [saidWord, heard, hasHeard, spokeAt] = [word, heard + whole.length, hasHeard || whole, now];
    // The next search begins in the element that was heard last.
    for (const [each, { length }] of fresh) {
      from = each;
      if (heard <= length) break;
      heard -= length + 1;
    }
  };
}
