// The files of src/nbstream/static as the tests have them: each evaluated as it is, in the
// order in which they become one module, with no browser around them.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const FOLDER = process.env.NBSTREAM_STATIC ?? fileURLToPath(new URL("../../src/nbstream/static", import.meta.url));

/** Evaluate these files, once in a process; return what is asked for by its names. */
export function load(files, names) {
  for (const file of files) {
    const filename = `${FOLDER}/${file}`;
    vm.runInThisContext(readFileSync(filename, "utf8"), { filename });
  }
  return vm.runInThisContext(`({ ${names.join(", ")} })`);
}

/** A widget's model: what it is told is said with `hear`, what it sends is in `sent`. */
export class FakeModel {
  constructor(state = {}, more = {}) {
    Object.assign(this, more);
    this.state = state;
    this.sent = [];
    this.listeners = [];
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }

  on(name, listener) {
    this.listeners.push([name, listener]);
  }

  off(name, listener) {
    this.listeners = this.listeners.filter((each) => each[0] !== name || each[1] !== listener);
  }

  send(message) {
    this.sent.push(message);
  }

  emit(wanted, ...more) {
    for (const [name, listener] of [...this.listeners]) if (name === wanted) listener(...more);
  }

  hear(message) {
    this.emit("msg:custom", message);
  }
}
