// A clock that goes on when it is told to, for `setTimeout` and `setInterval`. (Node's own
// mock differs between its versions, and does not end an interval that ends itself.)

let now_ms = 0;
const timers = new Map();

function start(call, after, every) {
  const timer = {};
  timers.set(timer, { call, due: now_ms + Math.max(1, after || 0), every });
  return timer;
}

/** Let so many milliseconds go by. */
export function wait(ms) {
  for (const end = now_ms + ms; now_ms < end; ) {
    now_ms++;
    for (const [timer, each] of [...timers]) {
      if (each.due !== now_ms || !timers.has(timer)) continue;
      if (each.every) each.due += each.every;
      else timers.delete(timer);
      each.call();
    }
  }
}

/** Forget what is to come. */
export const forget = () => timers.clear();

globalThis.setTimeout = (call, after) => start(call, Math.ceil(after), 0);
globalThis.setInterval = (call, every) => start(call, every, every);
globalThis.clearTimeout = globalThis.clearInterval = (timer) => timers.delete(timer);
