// The blocks of an answer on the page: from HTML to nodes, changing as little as can be
// of what stands there already.

function make(tag, className, more = {}) {
  return Object.assign(document.createElement(tag), { className, ...more });
}

function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

// What Python says in one character (markdown/html.py), in full again.
const inFull = (short) => short.replace(/\x80[^]|[\x81-\x9f]/g, (one) => SHORT[one] ?? one[1]);

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
    for (const name of was.getAttributeNames())
      if (!node.hasAttribute(name)) was.removeAttribute(name);
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

const CODE_END = "</code></pre>\n";
const insideCode = (block, code) => block.slice(0, -CODE_END.length) + code + CODE_END;
const codeOf = ({ nodes }) => nodes.findLast((node) => node.localName === "pre").firstChild;

// Whatever is added to a text, all its lines are laid out anew. So a block of code has its
// lines in groups, each laid out by itself, and only the last one grows.
const GROUP = 32;
const linesOf = ({ textContent }) => textContent.split("\n").length - 1;

function addLines(code, nodes) {
  let group = code.lastElementChild;
  let count = group ? linesOf(group) : GROUP;
  let isEnd = true; // of a line
  for (const node of nodes) {
    if (isEnd && count >= GROUP) {
      group = code.appendChild(make("span", "nbstream-lines"));
      count = 0;
    }
    group.append(node);
    isEnd = node.textContent.endsWith("\n");
    count += linesOf(node);
  }
}

// Where a line that is not complete is to stand.
function lastLines(block) {
  const code = codeOf(block);
  const group = code.lastElementChild;
  return group && linesOf(group) < GROUP ? group : code;
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

function grow(block, html) {
  const before = block.html.slice(0, -CODE_END.length);
  const isCode = block.html.endsWith(CODE_END) && html.endsWith(CODE_END);
  if (!isCode || !html.startsWith(before)) return false;
  addLines(codeOf(block), parsed(html.slice(before.length, -CODE_END.length)));
  return true;
}
