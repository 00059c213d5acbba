// Stop, seen from the view: ask the kernel; where it cannot hear, interrupt it.
//
// A click sends {kind: "stop"}. The kernel answers {kind: "ack"} and closes the stream.
// While a cell blocks, the model's `block` is that block's number (else 0). We greet it
// with {kind: "hello", block}; a kernel that hears us although it is busy answers
// {kind: "heard", block}. Only one that did not, and whose cell still blocks 300 ms after
// the click (100 ms if it was known to be deaf by then), is interrupted: that is as if ■ were pressed. After {kind: "end"}, or with
// `block` 0, nothing is interrupted, because what runs then is another cell.

/** Make the Stop of one view.
 *
 * `state`: "ready", "asked", "interrupting", "stopping", "ended". `title`: what the
 * button says of itself. `note`: what to tell the reader now, "" if nothing. `stop()`:
 * what a click does. `on(listener)`: call back at each change. `dispose()`: let go.
 * Options: `ended` (the stream is over already), `interrupt` (an async function that
 * interrupts the kernel; null: there is none), `baseUrl`, `kernelId`: where the server
 * and the kernel are, if that is known better than can be found out.
 */
function makeStop(model, options = {}) {
  const TICK_MS = 50;
  const TICKS = 6;
  const TICKS_IF_DEAF = 2;
  const interrupt =
    options.interrupt === undefined ? findInterrupt(model, options) : options.interrupt;
  const listeners = new Set();
  let state = options.ended ? "ended" : "ready";
  let note = "";
  let heard = 0; // the block in which the kernel has heard us
  let deaf = 0; // the block in which it has not, though it had the time
  let interrupted = 0; // the block that we have interrupted
  let timer = null;

  function become(newState, newNote = "") {
    if (state === "ended" || (state === newState && note === newNote)) return;
    state = newState;
    note = newNote;
    if (state === "stopping" || state === "ended") rest();
    tell();
  }

  function tell() {
    for (const listener of listeners) listener(stop_);
  }

  function block() {
    return model.get("block") || 0;
  }

  // Ticks and not one long timer: in a page that was stuck, the kernel's answer gets
  // its chance between two of them.
  function wait() {
    if (timer !== null || state === "ended") return;
    let ticks = 0;
    let of = block();
    timer = setInterval(() => {
      if (block() !== of) {
        of = block();
        ticks = 0;
      } else if (++ticks >= (of !== 0 && of === deaf ? TICKS_IF_DEAF : TICKS)) {
        rest();
        late(of);
      }
    }, TICK_MS);
  }

  function rest() {
    clearInterval(timer);
    timer = null;
  }

  function late(of) {
    if (of !== 0 && of !== heard && of !== deaf) {
      deaf = of;
      tell();
    }
    if (state !== "asked") return;
    if (of === 0) become("asked", "The kernel is busy; it is asked as soon as it is free.");
    else if (of !== heard) force(of);
  }

  async function force(of) {
    if (!interrupt) return become("asked", "The kernel cannot hear this; press ■ (Interrupt).");
    if (of === interrupted || of !== block()) return;
    interrupted = of;
    become("interrupting", "Interrupting the kernel, as ■ does.");
    try {
      await interrupt();
    } catch {
      become("asked", "The kernel cannot be reached from here; press ■ (Interrupt).");
    }
  }

  function onMessage(message) {
    if (message?.kind === "ack") become("stopping");
    else if (message?.kind === "heard") heard = message.block;
    else if (message?.kind === "end") become("ended");
  }

  function onBlock() {
    const now = block();
    if (now !== 0 && state !== "ended") {
      model.send({ kind: "hello", block: now });
      wait();
    }
    tell();
  }

  const stop_ = {
    get state() {
      return state;
    },
    get note() {
      return note;
    },
    get title() {
      if (block() === 0 || block() !== deaf) return "Stop (Esc)";
      if (interrupt) return "Stop (Esc): interrupts the kernel, queued cells do not run";
      return "The kernel cannot hear this now; press ■ (Interrupt)";
    },
    stop() {
      if (state !== "ready" && state !== "asked") return;
      become("asked", note);
      model.send({ kind: "stop" });
      rest();
      wait();
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      rest();
      state = "ended";
      listeners.clear();
      model.off("msg:custom", onMessage);
      model.off("change:block", onBlock);
    },
  };
  model.on("msg:custom", onMessage);
  model.on("change:block", onBlock);
  onBlock();
  return stop_;
}

/** How the kernel of a model is interrupted; null where no way is known. */
function findInterrupt(model, { baseUrl, kernelId }) {
  let kernel = null;
  try {
    kernel = model.widget_manager.kernel ?? null;
  } catch {
    // a widget manager without one
  }
  // The front end's own connection knows the token, the cookies and the address.
  if (typeof kernel?.interrupt === "function" && !baseUrl) return () => kernel.interrupt();
  const config = pageConfig();
  const base = baseUrl ?? config.baseUrl;
  const id = kernelId ?? kernel?.id;
  if (!base || !id) return null;
  return () => postInterrupt(new URL(base, document.baseURI), id, config.token);
}

function pageConfig() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent);
  } catch {
    return {};
  }
}

async function postInterrupt(base, id, token) {
  const headers = {};
  const xsrf = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/);
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf[1]);
  if (token) headers.Authorization = `token ${token}`;
  const url = new URL(`api/kernels/${encodeURIComponent(id)}/interrupt`, base);
  const answer = await fetch(url, { method: "POST", credentials: "same-origin", headers });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
}
