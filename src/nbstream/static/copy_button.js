// Copying: a button for the whole answer and one for each block of code.

// Known by themselves and not by a class, which an answer might have, too.
const buttons = new WeakSet();
const isButton = (node) => buttons.has(node);
const withoutButtons = (node) => [...node.childNodes].filter((each) => !isButton(each));

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
