// A block of code that grows: what is new is added, and nothing is read again.

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
