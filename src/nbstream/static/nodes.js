// From HTML to nodes, changing as little as can be of what stands there already.

function make(tag, className, more = {}) {
  return Object.assign(document.createElement(tag), { className, ...more });
}

function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

// What Python says in one character (markdown/short.py), in full again.
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
