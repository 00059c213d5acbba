// The blocks of an answer on the page: from HTML to nodes, changing as little as can be
// of what stands there already.

function make(tag, className, more = {}) {
  return Object.assign(document.createElement(tag), className ? { className } : {}, more);
}

function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

// The HTML is from our own renderer: nothing else is ever given to this function.
function parsed(html) {
  const template = make("template", "");
  template.innerHTML = html;
  return [...template.content.childNodes];
}

// Make `old` what `fresh` is, changing as little as can be, so that the eye and a
// selection rest where they are. Returns the nodes that stand there now.
function morph(parent, old, fresh, end) {
  const now = fresh.map((node, at) => {
    const was = old[at];
    if (was?.nodeName !== node.nodeName) {
      parent.insertBefore(node, was ?? end);
      drop(was);
      return node;
    }
    if (was.nodeType === Node.TEXT_NODE) rewrite(was, node.data);
    if (was.nodeType !== Node.ELEMENT_NODE) return was;
    if (was.written === node.textContent) return was; // a formula, which is typeset
    delete was.written;
    // What a reader has unfolded stays so.
    for (const name of was.getAttributeNames())
      if (name !== "open" && !node.hasAttribute(name)) was.removeAttribute(name);
    for (const { name, value } of node.attributes)
      if (was.getAttribute(name) !== value) was.setAttribute(name, value);
    morph(was, withoutButtons(was), [...node.childNodes], null);
    return was;
  });
  old.slice(fresh.length).forEach(drop);
  return now;
}

function rewrite(node, data) {
  let same = 0;
  while (same < node.length && node.data[same] === data[same]) same++;
  if (same < node.length || same < data.length)
    node.replaceData(same, node.length - same, data.slice(same));
}

// A long list or table comes in pieces (markdown/pieces.py): its first one holds the
// others, which begin with an item or a row and have no element of their own.
const isPiece = (html) => html.startsWith("<li>") || html.startsWith("<tr>");

function holderOf(blocks, at) {
  while (at > 0 && (isPiece(blocks[at].html) || !blocks[at].nodes.length)) at--;
  const holder = blocks[at]?.nodes.findLast(({ localName }) => localName);
  return holder?.tBodies?.[0] ?? holder;
}

// -- a block of code that grows: what is new is added, and nothing is read again --------

const codeOf = ({ nodes }) => nodes.findLast((node) => node.localName === "pre").firstChild;

// Whatever is added to a text, all its lines are laid out anew. So a block of code has its
// lines in groups, each laid out by itself, and only the last one grows.
const GROUP = 32;
const linesOf = (text) => text.split("\n").length - 1;

// Which of these texts begin a group, where the last one has so many lines by now.
function beginGroups(lines, texts) {
  let isEnd = true; // of a line
  return texts.map((text) => {
    const begins = isEnd && lines >= GROUP;
    lines = (begins ? 0 : lines) + linesOf(text);
    isEnd = text.endsWith("\n");
    return begins;
  });
}

function addLines(code, nodes) {
  let group = code.lastElementChild;
  const lines = group ? linesOf(group.textContent) : GROUP;
  const begins = beginGroups(lines, nodes.map(({ textContent }) => textContent));
  nodes.forEach((node, at) => {
    if (begins[at]) group = code.appendChild(make("span", "nbstream-lines"));
    group.append(node);
  });
}

// Where a line that is not complete is to stand.
function lastLines(block) {
  const code = codeOf(block);
  const group = code.lastElementChild;
  return group && linesOf(group.textContent) < GROUP ? group : code;
}

// The nodes of a block as they are to stand on the page.
function readyNodes(html) {
  const nodes = parsed(html);
  if (html.endsWith(CODE_END)) {
    const code = codeOf({ nodes });
    const lines = [...code.childNodes];
    code.replaceChildren();
    addLines(code, lines);
  }
  return nodes;
}

// The code that makes the one block of the other; null if more than that has changed.
function codeAdded(old, html) {
  const before = old.slice(0, -CODE_END.length);
  const isCode = old.endsWith(CODE_END) && html.endsWith(CODE_END);
  return isCode && html.startsWith(before) ? html.slice(before.length, -CODE_END.length) : null;
}

function grow(block, html) {
  const added = codeAdded(block.html, html);
  if (added !== null) addLines(codeOf(block), parsed(added));
  return added !== null;
}
