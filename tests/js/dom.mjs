// A stand-in for as much of the DOM as the code that is tested here touches.

class FakeNode {
  constructor(nodeType, nodeName) {
    Object.assign(this, { nodeType, nodeName, parentNode: null, childNodes: [] });
  }

  get children() {
    return this.childNodes.filter(({ nodeType }) => nodeType === 1);
  }

  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  get firstElementChild() {
    return this.children[0] ?? null;
  }

  get lastElementChild() {
    return this.children.at(-1) ?? null;
  }

  get previousSibling() {
    const all = this.parentNode?.childNodes ?? [];
    return all[all.indexOf(this) - 1] ?? null;
  }

  get nextElementSibling() {
    const all = this.parentNode.children;
    return all[all.indexOf(this) + 1] ?? null;
  }

  get textContent() {
    return this.childNodes.map(({ textContent }) => textContent).join("");
  }

  set textContent(text) {
    this.replaceChildren(...(text ? [new FakeText(text)] : []));
  }

  insertBefore(node, before) {
    node.remove();
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    if (at < 0) throw new Error("the node before which to insert is not a child");
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }

  append(...nodes) {
    for (const node of nodes) this.insertBefore(node, null);
  }

  appendChild(node) {
    return this.insertBefore(node, null);
  }

  replaceChildren(...nodes) {
    for (const node of [...this.childNodes]) node.remove();
    this.append(...nodes);
  }

  remove() {
    const all = this.parentNode?.childNodes;
    all?.splice(all.indexOf(this), 1);
    this.parentNode = null;
  }
}

class FakeText extends FakeNode {
  constructor(data) {
    super(3, "#text");
    this.data = data;
    this.changes = []; // what was replaced, as [offset, count, data]
  }

  get length() {
    return this.data.length;
  }

  get textContent() {
    return this.data;
  }

  replaceData(offset, count, data) {
    this.changes.push([offset, count, data]);
    this.data = this.data.slice(0, offset) + data + this.data.slice(offset + count);
  }

  cloneNode() {
    return new FakeText(this.data);
  }
}

class FakeElement extends FakeNode {
  constructor(localName, given = {}) {
    super(1, localName.toUpperCase());
    this.localName = localName;
    this.given = { ...given };
  }

  set className(name) {
    if (name) this.given.class = name;
  }

  get attributes() {
    return Object.entries(this.given).map(([name, value]) => ({ name, value }));
  }

  getAttributeNames = () => Object.keys(this.given);
  getAttribute = (name) => this.given[name] ?? null;
  hasAttribute = (name) => name in this.given;
  setAttribute = (name, value) => void (this.given[name] = value);
  removeAttribute = (name) => void delete this.given[name];

  // The name of an element, and whether it may have a class: more is not asked for.
  querySelectorAll(selector) {
    const [, name, classless] = selector.match(/^([\w-]+)(:not\(\[class\]\))?$/);
    const isFound = (each) => each.localName === name && !(classless && "class" in each.given);
    return this.children.flatMap((each) => [...(isFound(each) ? [each] : []), ...each.querySelectorAll(selector)]);
  }

  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }

  cloneNode(deep) {
    const copy = new FakeElement(this.localName, this.given);
    if (deep) copy.append(...this.childNodes.map((each) => each.cloneNode(true)));
    return copy;
  }
}

/** Make an element: `h("p", { class: "x" }, "words", h("b", {}, "more"))`. */
export function h(name, given = {}, ...children) {
  const made = new FakeElement(name, given);
  made.append(...children.map((each) => (typeof each === "string" ? new FakeText(each) : each)));
  return made;
}

/** What stands in a node, as HTML without escapes. */
export function html(node) {
  if (node.nodeType === 3) return node.data;
  const given = node.attributes.map(({ name, value }) => ` ${name}="${value}"`).join("");
  return `<${node.localName}${given}>${node.childNodes.map(html).join("")}</${node.localName}>`;
}

globalThis.Node = { ELEMENT_NODE: 1, TEXT_NODE: 3 };
globalThis.document = { hidden: false, createElement: (name) => new FakeElement(name) };
